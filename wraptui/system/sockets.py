"""Knows the machine's sockets: by netlink sock_diag, or psutil where netlink is not to be had."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter


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
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_DUMP_INTR = 0x10
REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
HEADER = struct.Struct("=IHHII")
# What tells one socket, in one state, from all others; the queues and timers between are skipped, so that an
# unchanged socket gives an equal row. length, type, flags, family, state, ports+addresses, cookie, uid, inode
ROW = "=IHH8xBB2x36s4xQ12xII"
ROW_SIZE = struct.calcsize(ROW)  # 16 bytes of header, 72 of struct inet_diag_msg

_FIRST = itemgetter(0)

Row = tuple[int, int, int, int, int, bytes, int, int, int]


class NotAllowed(OSError):
    """The kernel does not answer sock_diag questions here."""


class _Decoded(dict[Row, Connection]):
    """Each row decoded once; a row seen before is one dictionary lookup in C."""

    def __init__(self, protocol: str) -> None:
        super().__init__()
        self.protocol = protocol

    def __missing__(self, row: Row) -> Connection:
        _, _, _, family, state, ends, cookie, uid, inode = row
        size = 4 if family == socket.AF_INET else 16
        connection = Connection(
            self.protocol,
            address_text(ends[4 : 4 + size]),
            int.from_bytes(ends[:2], "big"),
            address_text(ends[20 : 20 + size]),
            int.from_bytes(ends[2:4], "big"),
            STATES.get(state, str(state)),
            inode,
            uid,
            cookie,
        )
        self[row] = connection
        return connection


def address_text(address: bytes) -> str:
    """The numeric text of 4 or 16 address bytes; a mapped one is `::ffff:a.b.c.d`."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


class Sockets:
    """A kept question to the kernel: what has not changed since the last time is not decoded again, and is
    the very same `Connection` object. Belongs to the network namespace in which it was made."""

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        self._decoded = {name: _Decoded(name) for name in PROTOCOLS}
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
                found: list[Connection] = []
                for protocol in protocols:
                    found += self._dump(protocol, mask)
                return found
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

    def _dump(self, protocol: str, mask: int) -> list[Connection]:
        link = self._open()
        family, number = PROTOCOLS[protocol]
        question = struct.pack("=BBBBI48x", family, number, 0, 0, mask)
        length = HEADER.size + len(question)
        decoded = self._decoded[protocol]
        for _ in range(3):  # a table that changes while it is read is read again, as ss does
            link.send(HEADER.pack(length, SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 0, 0) + question)
            found: list[Connection] = []
            if self._rows(link, decoded, found):
                break
        if len(decoded) > 2 * len(found) + 1000:
            self._forget(decoded, found)
        return found

    def _rows(self, link: socket.socket, decoded: _Decoded, found: list[Connection]) -> bool:
        """Reads one answer into `found`; False when the kernel says that it was interrupted."""
        whole = True
        view = memoryview(self._buffer)
        while True:
            size = link.recv_into(self._buffer)
            start = 0
            while start < size:
                length, kind, flags, _, _ = HEADER.unpack_from(view, start)
                whole = whole and not flags & NLM_F_DUMP_INTR
                if kind == NLMSG_DONE:
                    return whole
                if kind == NLMSG_ERROR:
                    code = -struct.unpack_from("=i", view, start + HEADER.size)[0]
                    raise NotAllowed(code, os.strerror(code))
                start += self._run(view[start:size], (length + 3) & ~3, decoded, found)

    def _run(self, view: memoryview, step: int, decoded: _Decoded, found: list[Connection]) -> int:
        """Adds the sockets of the messages at the beginning of `view` that are as long as the first, which
        nearly always is all of them; returns how many bytes that were."""
        if step < ROW_SIZE:
            raise NotAllowed(
                errno.EBADMSG, f"The kernel's answer about sockets has a message of {step} bytes"
            )
        row = struct.Struct(f"{ROW}{step - ROW_SIZE}x")
        rows = list(row.iter_unpack(view[: len(view) // step * step]))
        lengths = list(map(_FIRST, rows))
        if lengths.count(lengths[0]) < len(rows):
            rows = rows[: next(i for i, length in enumerate(lengths) if length != lengths[0])]
        found += map(decoded.__getitem__, rows)
        return len(rows) * step

    @staticmethod
    def _forget(decoded: _Decoded, found: list[Connection]) -> None:
        alive = set(map(id, found))
        for row in [row for row, connection in decoded.items() if id(connection) not in alive]:
            del decoded[row]


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
