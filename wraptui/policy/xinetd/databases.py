"""Knows the names in the inspected root: services, protocols, users, groups, networks, hosts, RPC programs.

Read as glibc's `files` source does. DNS is never asked: a name not in /etc/hosts is unresolvable here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from wraptui.policy.files import Files
from wraptui.policy.tables.c_library import numeric_ipv6
from wraptui.syntax.tree import byte_text
from wraptui.syntax.xinetd import folded

_BLANKS = " \t\n\v\f\r"
_QUAD = re.compile(r"\.".join([r"(0|[1-9][0-9]{0,2})"] * 4) + r"\Z")


@dataclass(frozen=True)
class Databases:
    """Lookups by name. A missing file is an empty database, as it is for the daemon."""

    files: Files
    _texts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _programs_asked: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def service_port(self, name: str, protocol: str) -> int | None:
        """The port of a service over a protocol, or None."""
        return self._services.get((name, protocol))

    def protocol_number(self, name: str) -> int | None:
        return self._protocols.get(name)

    def user(self, name: str) -> tuple[int, int] | None:
        """The numeric user and group of a user name."""
        return self._users.get(name)

    def group(self, name: str) -> int | None:
        return self._groups.get(name)

    def program_number(self, name: str) -> int | None:
        """The RPC program of a name."""
        return self._programs.get(name)

    def network(self, name: str) -> int | None:
        """The network number of a name in /etc/networks."""
        return self._networks.get(folded(name))

    def addresses(self, name: str, version: int = 0) -> tuple[tuple[int, int], ...]:
        """The addresses, (version, number), of a host in /etc/hosts: of a version, or of both; in file order.

        Unless /etc/host.conf says `multi on`, only the first line counts that has one. Asked for IPv4, glibc
        takes ::1 for 127.0.0.1, and mapped addresses.
        """
        found = self._hosts.get(folded(name), ())
        if version == 4:
            found = tuple((4, low) for one in found if (low := _as_ipv4(one)) is not None)
        elif version == 6:
            found = tuple(one for one in found if one[0] == 6)
        return found if self._multi else found[:1]

    def executable(self, path: str) -> bool:
        """Whether a program may be run; asked of the files once."""
        if path not in self._programs_asked:
            self._programs_asked[path] = self.files.executable(path) and not self.misnamed(path)
        return self._programs_asked[path]

    def misnamed(self, path: str) -> bool:
        """Whether a path ends in a slash though it is no directory: the kernel does not find it."""
        if not path.endswith("/"):
            return False
        try:
            return self.files.status(path).kind != "directory"
        except OSError:
            return True

    def _rows(self, path: str) -> Iterator[list[str]]:
        for line in self._text(path).split("\n"):
            words = [word for word in _blanked(line.partition("#")[0]).split(" ") if word]
            if words:
                yield words

    def _text(self, path: str) -> str:
        if path not in self._texts:
            try:
                self._texts[path] = byte_text(self.files.read(path))
            except OSError:
                self._texts[path] = ""
        return self._texts[path]

    @cached_property
    def _services(self) -> dict[tuple[str, str], int]:
        table: dict[tuple[str, str], int] = {}
        for row in self._rows("/etc/services"):
            if len(row) < 2:
                continue
            number, slash, protocol = row[1].partition("/")
            if number.isdecimal() and slash:
                for name in (row[0], *row[2:]):
                    table.setdefault((name, protocol), int(number) & 0xFFFF)
        return table

    @cached_property
    def _protocols(self) -> dict[str, int]:
        return self._numbered("/etc/protocols")

    @cached_property
    def _programs(self) -> dict[str, int]:
        return self._numbered("/etc/rpc")

    def _numbered(self, path: str) -> dict[str, int]:
        table: dict[str, int] = {}
        for row in self._rows(path):
            if len(row) > 1 and row[1].isdecimal():
                for name in (row[0], *row[2:]):
                    table.setdefault(name, int(row[1]))
        return table

    @cached_property
    def _users(self) -> dict[str, tuple[int, int]]:
        table: dict[str, tuple[int, int]] = {}
        for fields in self._records("/etc/passwd", 4):
            if fields[2].isdecimal() and fields[3].isdecimal():
                table.setdefault(fields[0], (int(fields[2]), int(fields[3])))
        return table

    @cached_property
    def _groups(self) -> dict[str, int]:
        table: dict[str, int] = {}
        for fields in self._records("/etc/group", 3):
            if fields[2].isdecimal():
                table.setdefault(fields[0], int(fields[2]))
        return table

    def _records(self, path: str, least: int) -> Iterator[list[str]]:
        for line in self._text(path).split("\n"):
            line = line.lstrip(_BLANKS)
            fields = line.split(":")
            if line and line[0] not in "#+-" and len(fields) >= least:
                yield fields

    @cached_property
    def _networks(self) -> dict[str, int]:
        table: dict[str, int] = {}
        for row in self._rows("/etc/networks"):
            parts = row[1].split(".") if len(row) > 1 else []
            if parts and all(part.isdecimal() and int(part) < 256 for part in parts) and len(parts) <= 4:
                parts += ["0"] * (4 - len(parts))
                number = int.from_bytes(bytes(int(part) for part in parts), "big")
                for name in (row[0], *row[2:]):
                    table.setdefault(folded(name), number)
        return table

    @cached_property
    def _hosts(self) -> dict[str, tuple[tuple[int, int], ...]]:
        table: dict[str, tuple[tuple[int, int], ...]] = {}
        for address, *names in self._rows("/etc/hosts"):
            known = _pure_address(address)
            if known is None:
                continue
            for name in dict.fromkeys(folded(name) for name in names):
                table[name] = (*table.get(name, ()), known)
        return table

    @cached_property
    def _multi(self) -> bool:
        rows = list(self._rows("/etc/host.conf"))
        said = [row[1:2] for row in rows if folded(row[0]) == "multi"]
        return bool(said) and [folded(word) for word in said[-1]] == ["on"]


def _pure_address(text: str) -> tuple[int, int] | None:
    """(version, number) of an address as inet_pton reads it."""
    quad = _QUAD.match(text)
    if quad:
        parts = [int(part) for part in quad.groups()]
        return (4, int.from_bytes(bytes(parts), "big")) if max(parts) < 256 else None
    number = numeric_ipv6(text) if "%" not in text else None
    return None if number is None else (6, number)


def _as_ipv4(address: tuple[int, int]) -> int | None:
    version, number = address
    if version == 4:
        return number
    if number == 1:
        return 0x7F000001
    return number & 0xFFFFFFFF if number >> 32 == 0xFFFF else None


def _blanked(line: str) -> str:
    for blank in _BLANKS[1:]:
        line = line.replace(blank, " ")
    return line
