"""Knows how to give a private network namespace its loopback, with documentation addresses on it."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct

# RFC 5737 and RFC 3849: addresses that belong to nobody.
WORLD = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
SERVER4, SERVER6 = "192.0.2.10", "2001:db8::10"

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_NEWADDR, _NEWROUTE = 20, 24
_REQUEST, _ACK, _CREATE = 1, 4, 0x400
_TABLE_LOCAL, _PROTOCOL_BOOT, _SCOPE_HOST, _TYPE_LOCAL = 255, 3, 254, 2
_RTA_DST, _RTA_OIF, _IFA_ADDRESS, _IFA_LOCAL = 1, 4, 1, 2


def bring_up() -> None:
    """Loopback up, the server's addresses on it, and every documentation address local. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", asked)[1] | _IFF_UP
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags))
    loopback = socket.if_nametoindex("lo")
    six = os.path.exists("/proc/net/if_inet6")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        for text in (SERVER4, SERVER6) if six else (SERVER4,):
            _ask(kernel, _NEWADDR, _address(ipaddress.ip_address(text), loopback))
        for text in WORLD if six else WORLD[:3]:
            _ask(kernel, _NEWROUTE, _local_route(ipaddress.ip_network(text), loopback))
    if six:  # IPv4 lets a socket bind to any address of a local network, IPv6 only when told so
        with open("/proc/sys/net/ipv6/ip_nonlocal_bind", "w") as switch:
            switch.write("1")


def _family(version: int) -> int:
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value


def _address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, interface: int) -> bytes:
    head = struct.pack("BBBBi", _family(address.version), address.max_prefixlen, 0, _SCOPE_HOST, interface)
    return head + _attribute(_IFA_LOCAL, address.packed) + _attribute(_IFA_ADDRESS, address.packed)


def _local_route(network: ipaddress.IPv4Network | ipaddress.IPv6Network, interface: int) -> bytes:
    place = (_family(network.version), network.prefixlen, 0, 0)
    kind = (_TABLE_LOCAL, _PROTOCOL_BOOT, _SCOPE_HOST, _TYPE_LOCAL)
    head = struct.pack("8BI", *place, *kind, 0)
    destination = _attribute(_RTA_DST, network.network_address.packed)
    return head + destination + _attribute(_RTA_OIF, struct.pack("I", interface))


def _ask(kernel: socket.socket, kind: int, body: bytes) -> None:
    kernel.send(struct.pack("IHHII", 16 + len(body), kind, _REQUEST | _ACK | _CREATE, 1, 0) + body)
    answer = kernel.recv(4096)
    (error,) = struct.unpack_from("i", answer, 16)
    if error:
        raise OSError(-error, f"giving loopback its addresses: {os.strerror(-error)}")
