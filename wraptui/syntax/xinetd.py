"""Knows how xinetd.conf is spelled: lossless tokens for edits, and entries as xinetd's scanner reads them.

The scanner follows xinetd 2.3.15.3 (verified against it), faults included: it works in a buffer of 8,192
bytes, so a line that is too long is cut, and an attribute name with nothing behind it runs into the next one,
whose end is lost. That is why a `Scanner` keeps bytes that it may overwrite, like the daemon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wraptui.syntax.tree import Line, Token

if TYPE_CHECKING:
    from pyparsing import ParserElement

KEYWORDS = ("service", "defaults", "include", "includedir")
OPERATORS = ("=", "+=", "-=")
SPACE = b" \t\n\v\f\r"

Complain = Callable[[str, str], None]
"""Takes a level (ERROR, WARNING) and the text of a message about the line read last."""


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Byte text with ASCII letters in lower case, as strcasecmp sees it."""
    return text.encode("latin-1").lower().decode("latin-1")


@dataclass(frozen=True, slots=True)
class Header:
    """The start of an entry: `keyword` in lower case, its word ("" for defaults), its line (1-based)."""

    keyword: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attribute line as xinetd reads it. `first`..`last` are physical lines (1-based)."""

    name: str
    operator: str
    values: tuple[str, ...]
    first: int
    last: int


class Broken(Exception):
    """The entry cannot be read any further; the complaint has been made."""


_ORDINARY = re.compile(rb"[ \t\v\f\r]*([^ \t\n\v\f\r=\0]+)[ \t\v\f\r]+([+-]?=)([^\0\n]*)\0")
_WORD = re.compile(rb"[^ \t\0]+")
_HEADER = re.compile(rb"[ \t]*(?:service|defaults|includedir|include)(?:[ \t\0]|\Z)", re.IGNORECASE)
_CLOSING = re.compile(rb"^[ \t\v\f\r]*\}[ \t\v\f\r]*$", re.MULTILINE)
_SERVICE_LINE = re.compile(
    rb"^[ \t]*service[ \t]+([^ \t\n\0=+-][^ \t\n\0]*)[^\n=]*$", re.IGNORECASE | re.MULTILINE
)
_BLANK = re.compile(rb"[ \t\n\v\f\r]*")
_AUXILIARY = _BUFFER = 8192


class Scanner:
    """Reads one file's entries as xinetd does. `count` is the line number that its messages carry;
    after a cut or a joined line it is not the physical number, which `line` and `last` tell."""

    def __init__(self, data: bytes, complain: Complain) -> None:
        self._data = data
        self._complain = complain
        self._memory = bytearray(_AUXILIARY + _BUFFER + 2)
        self._next = self._end = _AUXILIARY
        self._taken = 0  # bytes of the file that are, or were, in the buffer
        self._block = 0  # offset in the file of the buffer's first byte
        self._seen = 0  # offset up to which physical lines are counted
        self.count = 0
        self.line = 0
        self.last = 1
        self.strayed = 0  # the last physical line from which the daemon read memory that is not the file's

    # -- the buffer

    def _fill(self, at: int) -> int:
        """Read from the file to buffer position `at`; returns how many bytes."""
        piece = self._data[self._taken : self._taken + _AUXILIARY + _BUFFER - at]
        self._memory[at : at + len(piece)] = piece
        self._taken += len(piece)
        return len(piece)

    def _read_line(self) -> int:
        """Position of the next line, which a NUL byte ends; -1 at the end of the file."""
        memory = self._memory
        start = self._next
        newline = memory.find(b"\n", start, self._end)
        if newline >= 0:
            self._next = newline + 1
        else:
            left = self._end - start
            memory[_AUXILIARY - left : _AUXILIARY] = memory[start : self._end]
            start = _AUXILIARY - left
            self._block = self._taken
            got = self._fill(_AUXILIARY)
            self._next, self._end = _AUXILIARY, _AUXILIARY + got
            if got == 0:
                if left == 0:
                    return -1
                newline = self._next = self._end
            else:
                newline = memory.find(b"\n", self._next, self._end)
                if newline >= 0:
                    self._next = newline + 1
                else:
                    # A regular file fills the buffer or ends: there is never more to come.
                    self._next = self._end
                    newline = min(self._end, _AUXILIARY + _BUFFER - 1)
        memory[newline] = 0
        ahead = self._block - _AUXILIARY
        self.line = self.last + self._data.count(b"\n", self._seen, start + ahead)
        self.last = self.line + self._data.count(b"\n", start + ahead, newline + ahead)
        self._seen = newline + ahead
        return start

    def _significant(self) -> int:
        """Position of the next line that is neither blank nor a comment; -1 at the end of the file."""
        while (start := self._read_line()) >= 0:
            self.count += 1
            blank = _BLANK.match(self._memory, start)
            if blank and self._memory[blank.end()] not in (0, 0x23):
                return start
        return -1

    def _text(self, start: int) -> bytes:
        return bytes(self._memory[start : self._memory.index(0, start)])

    # -- entries

    def header(self) -> Header | None:
        """The next entry's start, after its brace; None at the end of the file. Raises `Broken`."""
        start = self._significant()
        if start < 0:
            return None
        line = self.line
        words = _WORD.findall(self._text(start))
        keyword = words[0].lower().decode("latin-1") if words else ""
        if keyword not in KEYWORDS:
            if words:
                self._complain("ERROR", "missing service keyword")
            else:
                self._complain("WARNING", "empty line")
            raise Broken
        name = ""
        if keyword != "defaults":
            if len(words) < 2:
                self._complain("ERROR", "service name missing")
                raise Broken
            name = words[1].decode("latin-1")
            if keyword != "service":
                return Header(keyword, name, line)
        start = self._significant()
        if start < 0 or self._text(start).strip(SPACE) != b"{":
            named = name if keyword == "service" else "(null)"
            self._complain("ERROR", f"Service {named}: missing '{{'")
            raise Broken
        return Header(keyword, name, line)

    def assignment(self) -> Assignment | None:
        """The next attribute line of the entry, or None at its closing brace. Raises `Broken`."""
        start = self._significant()
        if start < 0:
            self._complain("ERROR", "incomplete entry")
            raise Broken
        ordinary = _ORDINARY.match(self._memory, start)
        if ordinary:
            return self._assignment(ordinary)
        if self._text(start).strip(SPACE) == b"}":
            return None
        return self._odd_assignment(start)

    def skip(self) -> list[Assignment]:
        """Skip to the next line that holds only a closing brace, as the daemon does after an error.
        Returns the ordinary attribute lines of this entry that nobody reads, for people to see."""
        passed = []
        swallowing = False
        while (start := self._significant()) >= 0:
            ordinary = _ORDINARY.match(self._memory, start)
            if ordinary:
                if not swallowing:
                    passed.append(self._assignment(ordinary))
                continue
            text = self._text(start)
            if text.strip(SPACE) == b"}":
                return passed
            swallowing = swallowing or bool(_HEADER.match(text))
        self._complain("WARNING", "missing } in last service entry")
        return passed

    def words(self) -> tuple[str, ...] | None:
        """The words of the next line, as inetd.conf is read; None at the end of the file."""
        start = self._significant()
        if start < 0:
            return None
        return tuple(word.decode("latin-1") for word in _WORD.findall(self._text(start)))

    def _assignment(self, ordinary: re.Match[bytes]) -> Assignment:
        name, operator, rest = ordinary.groups()
        values = tuple(word.decode("latin-1") for word in _WORD.findall(rest))
        return Assignment(name.decode("latin-1"), operator.decode("latin-1"), values, self.line, self.last)

    def _odd_assignment(self, start: int) -> Assignment:
        """An attribute line read byte by byte, past its end if need be, writing what the daemon writes.

        Past the end of the file it reads whatever its memory holds: what it says then is a guess here.
        """
        memory = self._memory
        blank = _BLANK.match(memory, start)
        begin = position = blank.end() if blank else start
        while position < self._end and memory[position] not in SPACE and memory[position] != 0x3D:
            position += 1
        if position >= self._end:
            self.strayed = self.line
            self._complain("ERROR", f"Bad operator for attribute: {self._name(begin)}")
            raise Broken
        if memory[position] == 0x3D:
            memory[position] = 0
            self._complain("ERROR", f"Attribute {self._name(begin)} needs a space before operator")
            raise Broken
        memory[position] = 0
        blank = _BLANK.match(memory, position + 1)
        position = blank.end() if blank else position + 1
        operator = ""
        if position >= self._end:
            self.strayed = self.line
        elif memory[position] in b"+-":
            operator = chr(memory[position])
            position += 1
        if memory[position] == 0 and not operator:
            self._complain("ERROR", f"Nothing after attribute: {self._name(begin)}")
            raise Broken
        if memory[position] != 0x3D:
            self._complain("ERROR", f"Bad operator for attribute: {self._name(begin)}")
            raise Broken
        position += 1
        values = []
        end = memory.index(0, position)
        for word in _WORD.finditer(bytes(memory[position:end])):
            values.append(word.group().decode("latin-1"))
            if position + word.end() < end:
                memory[position + word.end()] = 0
        return Assignment(self._name(begin), operator + "=", tuple(values), self.line, self.last)

    def _name(self, begin: int) -> str:
        return self._text(begin).decode("latin-1")


def service_blocks(data: bytes) -> list[tuple[int, int, str]]:
    """Everything that looks like a service entry, whatever the daemon sees of it: first and last physical
    line (1-based) and the service's name."""
    starts = [(found.start(), found[1].decode("latin-1")) for found in _SERVICE_LINE.finditer(data)]
    ends = [*[start for start, _ in starts[1:]], len(data)]
    blocks = []
    line, counted = 1, 0
    for (start, name), end in zip(starts, ends, strict=False):
        line += data.count(b"\n", counted, start)
        counted = start
        closing = _CLOSING.search(data, start, end)
        last = closing.end() if closing else start + len(data[start:end].rstrip())
        blocks.append((line, line + data.count(b"\n", start, last), name))
    return blocks


# -- lossless tokens

_PLAIN = re.compile(
    r"(?P<indent>[ \t]*)(?P<name>[^\s=#{}+-][^\s=\0]*)(?P<gap>[ \t]+)(?P<operator>[+-]?=)"
    r"(?P<rest>[^\0\r\v\f\n]*)(?P<newline>\n?)\Z",
    re.ASCII,
)
_PIECES = re.compile(r"[ \t]+|[^ \t]+")


@lru_cache(maxsize=4096)
def parsed_line(text: str) -> Line:
    """The tokens of one physical line (with its newline), which spell it exactly.

    Kinds: `space`, `comment`, `brace`, `keyword`, `name` (of an attribute), `operator`, `word`, `newline`;
    `opaque` for a line that no rule of the grammar fits. `value` of names and keywords is in lower case.
    """
    plain = _PLAIN.match(text)
    if plain:
        tokens = [
            Token("space", plain["indent"], " "),
            Token("name", plain["name"], folded(plain["name"])),
            Token("space", plain["gap"], " "),
            Token("operator", plain["operator"], plain["operator"]),
            *(
                Token("space", piece, " ") if piece[0] in " \t" else Token("word", piece, piece)
                for piece in _PIECES.findall(plain["rest"])
            ),
            Token("newline", plain["newline"], "\n"),
        ]
    else:
        tokens = list(_odd_tokens(text))
    line = Line(tuple(token for token in tokens if token.text))
    return line if line.text == text else Line((Token("opaque", text, text),))


def _odd_tokens(text: str) -> tuple[Token, ...]:
    from pyparsing import ParseException

    try:
        return tuple(_grammar().parse_string(text))
    except ParseException:
        return ()


@lru_cache(maxsize=1)
def _grammar() -> ParserElement:
    """The line grammar; it keeps all blanks, so that a line is spelled by its tokens."""
    from pyparsing import Optional, Regex, StringEnd, ZeroOrMore

    def token(kind: str, pattern: str, fold: bool = False) -> ParserElement:
        element = Regex(pattern).leave_whitespace()
        return element.set_parse_action(
            lambda found: Token(kind, found[0], folded(found[0]) if fold else found[0])
        )

    space = Optional(token("space", r"[ \t\r\v\f]+"))
    end = Optional(token("newline", r"\n")) + StringEnd().leave_whitespace()
    words = ZeroOrMore(space + token("word", r"[^ \t\r\v\f\n]+")) + space
    comment = token("comment", r"#[^\n]*")
    brace = token("brace", r"[{}]") + space
    keyword = token("keyword", r"(?i:service|defaults|includedir|include)(?=[ \t\n]|$)", True) + words
    attribute = token("name", r"[^ \t\r\v\f\n=]+", True) + space + token("operator", r"[+-]?=") + words
    kinds = (comment + end) | (brace + end) | (attribute + end) | (keyword + end) | (words + end)
    return (space + kinds).leave_whitespace().parse_with_tabs()
