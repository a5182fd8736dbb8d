"""Knows which services get their socket: what the kernel would refuse, as far as the files can tell.

Other programs' ports are not in the files: a port counts as free unless another service has it. An address
counts as present unless the caller knows this machine's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from wraptui.policy.files import Files
from wraptui.policy.xinetd.addresses import ALL32, ipv4_text, ipv6_text
from wraptui.policy.xinetd.draft import Complain, Draft, World
from wraptui.syntax.tree import byte_text

ATTEMPTS = 11
_LOCAL = re.compile(r"\|-- ([0-9.]+)\n[^|]*?/32 host ([A-Z]+)")
_ICMP, _TCP, _UDP, _ICMP6, _UDPLITE = 1, 6, 17, 58, 136
_KNOWN_PROTOCOLS = {"stream": (0, _TCP), "dgram": (0, _UDP, _UDPLITE)}


def local_addresses(files: Files) -> frozenset[str] | None:
    """The addresses of this machine's interfaces, where /proc is among the files; else None."""
    try:
        trie = byte_text(files.read("/proc/net/fib_trie"))
    except OSError:
        return None
    try:
        rows = byte_text(files.read("/proc/net/if_inet6"))
    except OSError:
        rows = ""
    found = {address for address, kind in _LOCAL.findall(trie) if kind == "LOCAL"}
    return frozenset(found | {ipv6_text(int(row.split()[0], 16)) for row in rows.splitlines() if row})


@dataclass(slots=True)
class Sockets:
    """The sockets opened so far, in the order of activation."""

    world: World
    local: Collection[str] | None = None
    portmapper: bool = False
    common_log: tuple[str | int, ...] = ()
    _listening: dict[int, list[tuple[int, int, bool]]] = field(default_factory=dict)  # by port
    _asked: bool = False
    _common_open: bool = False
    _common_failed: bool = False

    def activate(self, draft: Draft, say: Complain) -> str:
        """Why the service does not start; empty when it does. Says what the daemon says meanwhile."""
        if draft.types & {"TCPMUX", "TCPMUXPLUS"}:
            return "not started by itself: tcpmux hands its connections over"
        problem = self._socket(draft, say) or self._address(draft, say) or self._log(draft, say)
        if problem:
            say("ERROR", f"Service {draft.id} failed to start and is deactivated.")
        return problem

    def _socket(self, draft: Draft, say: Complain) -> str:
        reason = _socket_refusal(draft, 4 if "IPv4" in draft.flags else 6)
        if reason and draft.bind is None and "IPv4" not in draft.flags:
            say("NOTICE", f"IPv6 socket creation failed for service {draft.id}, trying IPv4")
            draft.flags = draft.flags - {"IPv6"} | {"IPv4"}
            reason = _socket_refusal(draft, 4)
        if not reason:
            if draft.socket_type == "raw" and "IPv4" not in draft.flags and "RPC" not in draft.types:
                say("ERROR", "Setting IPV6_V6ONLY option failed (Invalid argument (errno = 22))")
            return ""
        text = f"socket creation failed ({reason})"
        say("ERROR", f"{text}. service = {draft.id}")
        return text

    def _address(self, draft: Draft, say: Complain) -> str:
        version, number = _listening_address(draft)
        port = 0 if "RPC" in draft.types else draft.port
        reason = self._refusal(draft, version, number, port)
        rpc = "RPC" in draft.types
        if reason:
            text = f"bind failed ({reason})"
            for attempt in range(1, ATTEMPTS + 1):
                say("ERROR", f"{text}. service = {draft.id}")
                if rpc:
                    break
                if attempt < ATTEMPTS:
                    say("NOTICE", f"bind retry attempt {attempt}")
            return text
        if rpc:
            return self._register(draft, say)
        if draft.socket_type == "stream" and port:
            only6 = "v6only" in draft.specified
            self._listening.setdefault(port, []).append((version, number, only6))
        return ""

    def _refusal(self, draft: Draft, version: int, number: int, port: int) -> str:
        if version == 6 and number >> 118 == 0x3FA:
            return "Invalid argument (errno = 22)"  # it has no scope
        if number and not self._present(version, number):
            return "Cannot assign requested address (errno = 99)"
        only6 = "v6only" in draft.specified
        mine = _reach(version, number, only6)
        if draft.socket_type == "stream" and port:
            for other in self._listening.get(port, ()):
                if _overlap(mine, _reach(*other)):
                    return "Address already in use (errno = 98)"
        return ""

    def _present(self, version: int, number: int) -> bool:
        if version == 6 and number >> 32 == 0xFFFF:
            version, number = 4, number & ALL32
        always = number >> 24 == 127 or number >> 28 == 14 or number == ALL32 if version == 4 else number == 1
        if always:
            return True
        if self.local is None and not self._asked:
            self.local, self._asked = local_addresses(self.world.files), True
        text = ipv4_text(number) if version == 4 else ipv6_text(number)
        return self.local is None or text in self.local

    def _register(self, draft: Draft, say: Complain) -> str:
        if draft.protocol_number == _TCP:
            draft.flags = draft.flags | {"NOLIBWRAP"}
        if self.portmapper:
            return ""
        for version in range(draft.versions[0], draft.versions[1] + 1):
            say("ERROR", f"pmap_set failed. service={draft.id} program={draft.program} version={version}")
        return "no portmapper to register with"

    def _log(self, draft: Draft, say: Complain) -> str:
        if not draft.log or draft.log[0] == "SYSLOG":
            return ""
        if draft.log[0] == "FILE":
            if self._writable(str(draft.log[1])):
                return ""
            text = f"creation of {draft.id} log failed"
            say("ERROR", text)
            self._forget(draft)
            return text
        if not self._common_open and not self._common_failed:
            self._common_open = self._writable(str(self.common_log[1]))
            self._common_failed = not self._common_open
            if self._common_failed:
                say("ERROR", "creation of default log failed")
        if self._common_failed:
            self._forget(draft)
            return "creation of default log failed"
        return ""

    def _forget(self, draft: Draft) -> None:
        version, number = _listening_address(draft)
        only6 = "v6only" in draft.specified
        others = self._listening.get(draft.port, [])
        if draft.socket_type == "stream" and (version, number, only6) in others:
            others.remove((version, number, only6))

    def _writable(self, written: str) -> bool:
        files, path = self.world.files, self.world.path(written)
        try:
            return files.status(path).kind != "directory"
        except OSError:
            pass
        if path.endswith("/"):
            return False
        try:
            return files.status(path.rpartition("/")[0] or "/").kind == "directory"
        except OSError:
            return False


def _socket_refusal(draft: Draft, version: int) -> str:
    """The kernel's reason not to make a socket of this type and protocol."""
    number = draft.protocol_number
    if draft.socket_type == "raw":
        return "" if number else "Protocol not supported (errno = 93)"
    if draft.socket_type == "seqpacket":
        return "" if number == 132 else "Socket type not supported (errno = 94)"
    if number in _KNOWN_PROTOCOLS.get(draft.socket_type, ()):
        return ""
    if draft.socket_type == "dgram" and number == (_ICMP if version == 4 else _ICMP6):
        return "Permission denied (errno = 13)"  # as net.ipv4.ping_group_range is unless somebody opened it
    return "Protocol not supported (errno = 93)"


def _listening_address(draft: Draft) -> tuple[int, int]:
    """(version, number) that the socket is bound to; 0 is any, and so is an address of the other version."""
    version = 4 if "IPv4" in draft.flags else 6
    if draft.bind is not None and draft.bind[0] == version:
        return draft.bind
    return version, 0


def _reach(version: int, number: int, only6: bool) -> tuple[int | None, int | None]:
    """The IPv4 and the IPv6 address that a socket answers on: 0 is any, None is no address of that kind."""
    if version == 4:
        return number, None
    if number == 0:
        return None if only6 else 0, 0
    return (number & ALL32, None) if number >> 32 == 0xFFFF else (None, number)


def _overlap(one: tuple[int | None, int | None], other: tuple[int | None, int | None]) -> bool:
    return any(
        mine is not None and theirs is not None and (mine == theirs or not mine or not theirs)
        for mine, theirs in zip(one, other, strict=True)
    )
