"""Knows the machine's sockets: by netlink sock_diag, or psutil where netlink is not to be had."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connection:
    """One socket end. Addresses are numeric text (mapped ones as `::ffff:a.b.c.d`); `state` is the kernel's
    name in capitals (ESTABLISHED, LISTEN, ...); `inode` 0 when no process holds it any more.

    `protocol` is `tcp`, `tcp6`, `udp` or `udp6`; an unbound address is `0.0.0.0` or `::`; link-local ones
    carry no zone. A UDP socket without a peer is in state CLOSE: it listens. `cookie` is the kernel's own
    number of the socket, never given twice while the machine runs (0 where psutil had to look)."""

    protocol: str
    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str
    inode: int = 0
    uid: int = -1
    cookie: int = 0


STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECV",  # the kernel's NEW_SYN_RECV: a handshake that is not finished
}

ALL = tuple(dict.fromkeys(STATES.values()))
OPEN = ("ESTABLISHED", "CLOSE_WAIT", "LISTEN")
PROTOCOLS = {
    "tcp": (socket.AF_INET, socket.IPPROTO_TCP),
    "tcp6": (socket.AF_INET6, socket.IPPROTO_TCP),
    "udp": (socket.AF_INET, socket.IPPROTO_UDP),
    "udp6": (socket.AF_INET6, socket.IPPROTO_UDP),
}

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
TCPDIAG_GETSOCK = 18  # the older question, which gets TCP of both families in one walk through the table
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_DUMP_INTR = 0x10
REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
HEADER = struct.Struct("=IHHII")
MESSAGE = struct.calcsize("=16x72x")  # a header and struct inet_diag_msg; attributes may follow
# What tells one socket, in one state, from all others: state, cookie, uid and inode. Queues and
# timers are skipped, so that an unchanged socket gives an equal key.
KEY = "=17xB2x40xQ12xQ"
ROW = struct.Struct("=16xBB2x36s4xQ12xII")  # family, state, ports and addresses, cookie, uid, inode

Key = tuple[int, int, int]


class NotAllowed(OSError):
    """The kernel does not answer sock_diag questions here."""


def address_text(address: bytes) -> str:
    """The numeric text of 4 or 16 address bytes; a mapped one is `::ffff:a.b.c.d`."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def _decode(kind: str, message: memoryview, at: int) -> Connection:
    family, state, ends, cookie, uid, inode = ROW.unpack_from(message, at)
    size = 4 if family == socket.AF_INET else 16
    return Connection(
        kind if family == socket.AF_INET else f"{kind}6",
        address_text(ends[4 : 4 + size]),
        int.from_bytes(ends[:2], "big"),
        address_text(ends[20 : 20 + size]),
        int.from_bytes(ends[2:4], "big"),
        STATES.get(state, str(state)),
        inode,
        uid,
        cookie,
    )


def _questions(protocols: Iterable[str], mask: int) -> Iterator[tuple[str, bytes]]:
    """What to ask the kernel for these protocols, each with the kind of socket that it answers with."""
    wanted = set(protocols)
    if {"tcp", "tcp6"} <= wanted:
        wanted -= {"tcp", "tcp6"}
        yield "tcp", _question(TCPDIAG_GETSOCK, struct.pack("=BBBB48xII", 0, 0, 0, 0, mask, 0))
    for protocol in sorted(wanted):
        family, number = PROTOCOLS[protocol]
        asked = struct.pack("=BBBBI48x", family, number, 0, 0, mask)
        yield protocol.removesuffix("6"), _question(SOCK_DIAG_BY_FAMILY, asked)


def _question(sort: int, asked: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(asked), sort, REQUEST_DUMP, 0, 0) + asked


class Sockets:
    """A kept question to the kernel: what has not changed since the last time is not decoded again, and is
    the very same `Connection` object. Belongs to the network namespace in which it was made."""

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        self._known: dict[str, dict[Key, Connection]] = {"tcp": {}, "udp": {}}
        self._buffer = bytearray(1 << 18)
        self._lock = threading.Lock()

    def read(
        self, protocols: Iterable[str] = ("tcp", "tcp6"), states: Iterable[str] = OPEN
    ) -> list[Connection]:
        """The sockets of these protocols in these states; psutil answers where netlink is refused, and an
        `OSError` says that nobody does."""
        wanted = set(states)
        mask = sum(1 << number for number, name in STATES.items() if name in wanted)
        with self._lock:
            try:
                return [
                    each for question in _questions(protocols, mask) for each in self._dump(*question, mask)
                ]
            except OSError:
                self.close()
        return read_by_psutil(protocols, wanted)

    def close(self) -> None:
        """Gives the kernel's socket back; the next `read` opens another."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def _open(self) -> socket.socket:
        if self._netlink is None:
            link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            link.settimeout(5)
            self._netlink = link
        return self._netlink

    def _dump(self, kind: str, question: bytes, mask: int) -> list[Connection]:
        link = self._open()
        for _ in range(3):  # a table that changes while it is read is read again, as ss does
            link.send(question)
            found: list[Connection] = []
            if self._rows(link, kind, found):
                break
        known = self._known[kind]
        if len(known) > 2 * len(found) + 1000:
            alive = set(map(id, found))
            asked = {name for number, name in STATES.items() if mask >> number & 1}
            self._known[kind] = {
                key: each for key, each in known.items() if id(each) in alive or each.state not in asked
            }
        return found

    def _rows(self, link: socket.socket, kind: str, found: list[Connection]) -> bool:
        """Reads one answer into `found`; False when the kernel says that it was interrupted."""
        whole = True
        view = memoryview(self._buffer)
        while True:
            size = link.recv_into(self._buffer)
            start = 0
            while start < size:
                length, sort, flags, _, _ = HEADER.unpack_from(view, start)
                whole = whole and not flags & NLM_F_DUMP_INTR
                if sort == NLMSG_DONE:
                    return whole
                if sort == NLMSG_ERROR:
                    code = -struct.unpack_from("=i", view, start + HEADER.size)[0]
                    raise NotAllowed(code, os.strerror(code))
                start += self._run(view[start:size], (length + 3) & ~3, kind, found)

    def _run(self, view: memoryview, step: int, kind: str, found: list[Connection]) -> int:
        """Adds the sockets of the messages at the beginning of `view` that are as long as the first, which
        nearly always is all of them; returns how many bytes that were."""
        if step < MESSAGE:
            raise NotAllowed(
                errno.EBADMSG, f"The kernel's answer about sockets has a message of {step} bytes"
            )
        known = self._known[kind]
        layout = struct.Struct(f"{KEY}{step - MESSAGE}x")
        count = len(view) // step
        lengths = view[: count * step].cast("I")[:: step // 4].tolist()
        if lengths.count(lengths[0]) < count:
            count = next(place for place, length in enumerate(lengths) if length != lengths[0])
        keys: Iterable[Key] = layout.iter_unpack(view[: count * step])
        rows = list(map(known.get, keys))
        if not all(rows):
            keys = layout.iter_unpack(view[: count * step])
            for place, key in enumerate(keys):
                if rows[place] is None:
                    rows[place] = known[key] = _decode(kind, view, place * step)
        found += rows  # type: ignore[arg-type]  # no None is left
        return count * step


def read_by_psutil(protocols: Iterable[str], states: set[str]) -> list[Connection]:
    """The same by reading /proc/net, slowly: no inode, no owner's uid."""
    import psutil

    names = {"NONE": "CLOSE", "FIN_WAIT1": "FIN_WAIT1", "FIN_WAIT2": "FIN_WAIT2"}
    found = []
    for protocol in protocols:
        kind = protocol if protocol.endswith("6") else f"{protocol}4"
        try:
            rows = psutil.net_connections(kind)
        except psutil.Error as error:
            raise NotAllowed(1, f"Neither netlink nor /proc/net tells of sockets: {error}") from error
        nowhere = "::" if protocol.endswith("6") else "0.0.0.0"  # noqa: S104 (shown, not bound)
        for row in rows:
            state = names.get(row.status, row.status)
            if state in states:
                local, remote = row.laddr or (nowhere, 0), row.raddr or (nowhere, 0)
                found.append(Connection(protocol, local[0], local[1], remote[0], remote[1], state))
    return found
