"""Knows a request while libwrap decides it: its strings, what has been looked up, and % expansion of them.

libwrap replaces unsafe bytes in place, in the request's own strings, so an expansion changes what later
patterns and messages see. That is why this value, and no other, changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.patterns import name_known

LONGEST_STRING = 127
"""Bytes of a daemon, user, name or address that libwrap keeps."""

LONGEST_ARGUMENT = 8190
"""Bytes an option's argument may expand to; one more ends the process."""

LONGEST_BANNER_LINE = 16382

LookUp = Callable[[str], tuple[str, tuple[str, ...]]]
"""Gives the name of an address (or `unknown`, `paranoid`) and the warnings the search caused."""

_UNSAFE = re.compile(r"[^A-Za-z0-9!@%\-_=+:,./]")
_LETTERED = re.compile(r"%(.)", re.DOTALL)


class ProcessExit(Exception):
    """libwrap would end, or crash, the process that asked it."""


class End:
    """One end of the connection. An empty name has not been looked up yet."""

    def __init__(self, address: str, name: str, request: Request) -> None:
        self._request = request
        self.address = _kept(address) or "unknown"
        self.known_name = _kept(name)

    @property
    def name(self) -> str:
        if not self.known_name:
            self.known_name, warnings = self._request.look_up(self.address)
            for warning in warnings:
                self._request.warn(warning)
        return self.known_name

    @property
    def info(self) -> str:
        """The name when it is known without looking it up, the address otherwise."""
        return self.known_name if self.known_name and name_known(self.known_name) else self.address


class Request:
    """What libwrap's request_info holds, the place it is reading (for messages), and what it has logged."""

    def __init__(
        self,
        *,
        daemon: str,
        user: str,
        address: str,
        name: str,
        server_address: str,
        server_name: str,
        server_port: int,
        look_up: LookUp,
    ) -> None:
        self.look_up = look_up
        self.daemon = _kept(daemon)
        self.user = _kept(user) or "unknown"
        self.client = End(address, name, self)
        self.server = End(server_address, server_name, self)
        self.port = server_port & 0xFFFF
        self.file = ""
        self.line = 0
        self.messages: list[str] = []
        self.aclexec_failed = False

    def warn(self, text: str) -> None:
        self.messages.append(f"warning: {self._place}{text}")

    def fail(self, text: str) -> None:
        """Log an option's error."""
        self.messages.append(f"error: {self._place}{text}")

    @property
    def _place(self) -> str:
        return f"{self.file}, line {self.line}: " if self.file else ""


def _kept(text: str) -> str:
    return text.partition("\0")[0][:LONGEST_STRING]


def expanded(text: str, request: Request, longest: int = LONGEST_ARGUMENT) -> str:
    """The text with every %-letter replaced; raises `ProcessExit` when that is longer than `longest`."""
    if "%" not in text and len(text) <= longest:
        return text
    pieces: list[str] = []
    room = longest
    position = 0
    while position < len(text):
        match = _LETTERED.match(text, position)
        if match:
            piece, position = _letter(match[1], request), match.end()
        else:
            stop = text.find("%", position + 1)
            stop = len(text) if stop < 0 else stop
            piece, position = text[position:stop], stop
        if len(piece) > room:
            # Ordinary text overflows byte by byte, so what fits of it counts as copied before the end.
            so_far = "".join(pieces) + ("" if match else piece[:room])
            request.warn(f"percent_x: expansion too long: {so_far[:30]}...")
            raise ProcessExit
        room -= len(piece)
        pieces.append(piece)
    return "".join(pieces)


def _letter(letter: str, request: Request) -> str:
    """The expansion of one letter, made safe; what it came from is made safe with it."""
    client, server = request.client, request.server
    if letter in "cs":
        return _summary(letter, request)
    if letter in "aA":
        end = client if letter == "a" else server
        end.address = _UNSAFE.sub("_", end.address)
        return end.address
    if letter in "hH":
        return _safe_info(client if letter == "h" else server)
    if letter in "nN":
        end = client if letter == "n" else server
        end.known_name = _UNSAFE.sub("_", end.name)
        return end.known_name
    if letter == "d":
        request.daemon = _UNSAFE.sub("_", request.daemon)
        return request.daemon
    if letter == "u":
        request.user = _UNSAFE.sub("_", request.user)
        return request.user
    if letter == "p":
        return "PID"  # nobody knows the number beforehand
    if letter == "r":
        return "0"  # the client's port is not part of the question
    if letter == "R":
        return str(request.port)
    if letter == "%":
        return "%"
    request.warn(f"unrecognized %{letter}")
    return ""


def _summary(letter: str, request: Request) -> str:
    """%c and %s. A joined text is a copy, so only a part that stands alone is changed in the request."""
    if letter == "c":
        if folded(request.user) == "unknown":
            return _safe_info(request.client)
        return _UNSAFE.sub("_", f"{request.user}@{request.client.info}")
    if folded(request.server.info) == "unknown":
        return _letter("d", request)
    return _UNSAFE.sub("_", f"{request.daemon}@{request.server.info}")


def _safe_info(end: End) -> str:
    if end.known_name and name_known(end.known_name):
        end.known_name = _UNSAFE.sub("_", end.known_name)
        return end.known_name
    end.address = _UNSAFE.sub("_", end.address)
    return end.address
