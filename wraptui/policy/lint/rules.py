"""Knows where each word of a rule stands in its file: findings point at it and edits mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.tables.access import Table
from wraptui.syntax.hosts import Fields, Logical, fields, is_blank, is_comment, logical_lines
from wraptui.syntax.tree import Edit, shown

Edits = tuple[Edit, ...]
NO_FIX: Edits = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a list, and its offset in the logical line."""

    text: str
    start: int

    @property
    def stop(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Option:
    r"""One option as it is read (`\:` is a colon), and its slice of the logical line, blanks included."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True)
class Written:
    """One logical line as it stands in the file `path`. `deny` tells the table."""

    path: str
    deny: bool
    logical: Logical
    raw: str

    @cached_property
    def _breaks(self) -> list[int]:
        """Offsets in the joined text before which a backslash and a newline stand in the file."""
        return [match.start() - 2 * number for number, match in enumerate(re.finditer(r"\\\n", self.raw))]

    @property
    def readable(self) -> bool:
        """Whether offsets in the joined text can be found in the file: a NUL makes libwrap lose bytes."""
        return "\0" not in self.raw

    def offset(self, at: int, *, end: bool = False) -> int:
        """Where the byte `at` of the joined text stands in `raw`; with `end`, where what is before ends."""
        if end:
            return self.offset(at - 1) + 1 if at else 0
        return at + 2 * sum(1 for each in self._breaks if each <= at)

    def place(self, at: int) -> tuple[int, int]:
        """The physical line and the column (both 1-based) of an offset in the joined text."""
        if not self.readable:
            return self.logical.first, 0
        raw = self.offset(at)
        return (
            self.logical.first + self.raw.count("\n", 0, raw),
            raw - (self.raw.rfind("\n", 0, raw) + 1) + 1,
        )

    def edit(self, new: str, summary: str) -> Edits:
        """The fix that spells this logical line as `new` ("" deletes it)."""
        if new == self.raw:
            return NO_FIX
        return (Edit(self.path, self.logical.first - 1, _lines(self.raw), _lines(new), summary),)

    def replaced(self, start: int, stop: int, new: str, summary: str) -> Edits:
        """The fix that puts `new` for a slice of the joined text; no other byte changes."""
        if not self.readable:
            return NO_FIX
        return self.edit(
            self.raw[: self.offset(start)] + new + self.raw[self.offset(stop, end=True) :], summary
        )

    def finding(
        self,
        severity: Severity,
        code: str,
        message: str,
        at: int | None = None,
        fix: Edits = NO_FIX,
    ) -> Finding:
        """A finding about this line, or about the word at offset `at`."""
        line, column = (self.logical.first, 0) if at is None else self.place(at)
        return Finding(severity, code, message, self.path, line, column, fix)


@dataclass(frozen=True)
class RuleLine(Written):
    """One rule as it stands in its file."""

    fields: Fields

    @cached_property
    def daemons(self) -> tuple[Word, ...]:
        return _words(self.logical.text, 0, len(self.fields.daemons))

    @cached_property
    def clients(self) -> tuple[Word, ...]:
        start = len(self.fields.daemons) + 1
        return _words(self.logical.text, start, start + len(self.fields.clients))

    @property
    def options_start(self) -> int:
        """The offset behind the second colon."""
        return len(self.fields.daemons) + len(self.fields.clients) + 2

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The options, empty ones too; () when there is no second colon."""
        if not self.fields.has_options:
            return ()
        text = self.logical.text
        found: list[Option] = []
        start = self.options_start
        for match in _OPTION.finditer(text, start):
            if match.start() < start:
                continue
            stop = match.end()
            if stop > match.start() or stop < len(text):
                found.append(Option(match[0].replace("\\:", ":"), start, stop))
            start = stop + 1
        return tuple(found)

    @property
    def plain(self) -> bool:
        """Whether the table alone decides: there are no options."""
        return not self.fields.has_options

    @property
    def rule(self) -> str:
        """The rule in one line for a message."""
        return quoted(self.logical.text.strip())

    @property
    def place_text(self) -> str:
        return f"line {self.logical.first}"


@dataclass(frozen=True, slots=True)
class Ordinary:
    """Consecutive lines `daemon: A.B.C.D` from the physical line `first` on: daemon and address of each."""

    first: int
    rules: list[tuple[str, str]]


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LAST = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]?)"
_ORDINARY = re.compile(
    rf"^([A-Za-z][A-Za-z0-9_-]{{0,62}}):[ \t]?({_OCTET}\.{_OCTET}\.{_OCTET}\.{_LAST})\n", re.MULTILINE
)
_IDLE = re.compile(r"(?:#[^\n\0]{0,2000}(?<!\\)\n|\n)+")
"""Remarks and empty lines that no check could object to."""
_SPECIAL = frozenset(("except", "known", "unknown", "local", "paranoid", "fail"))


def scanned(table: Table, *, deny: bool, common: bool = True) -> Iterator[Ordinary | Written]:
    """The lines of a table in order, up to and with a broken one: every logical line on its own; with
    `common` runs of ordinary rules as one, and ordinary remarks not at all.

    An ordinary line is one that no check but those between rules could object to.
    """
    text = table.text
    position, first = 0, 1
    while position < len(text):
        if common and (match := _ORDINARY.match(text, position)):
            stop = _run_end(text, position, match.end())
            found = _ORDINARY.findall(text, position, stop)
            if all(name.lower() not in _SPECIAL for name in {name for name, _ in found}):
                yield Ordinary(first, found)
                first += len(found)
                position = stop
                continue
        if common and (match := _IDLE.match(text, position)):
            first += text.count("\n", position, match.end())
            position = match.end()
            continue
        logical = next(logical_lines(text, position, first, first - 1), None)
        if logical is None:
            return
        yield _written(table.path, deny, logical, text[logical.start : logical.end])
        if logical.broken:
            return
        first += text.count("\n", position, logical.end)
        position = logical.end


def _run_end(text: str, start: int, stop: int) -> int:
    """Where the run of ordinary lines that begins at `start` ends."""
    for match in _ORDINARY.finditer(text, stop):
        if match.start() != stop:
            break
        stop = match.end()
    return stop


def _written(path: str, deny: bool, logical: Logical, raw: str) -> Written:
    if logical.broken or is_comment(logical.text) or is_blank(logical.text):
        return Written(path, deny, logical, raw)
    found = fields(logical.text)
    return Written(path, deny, logical, raw) if found is None else RuleLine(path, deny, logical, raw, found)


def _lines(text: str) -> tuple[str, ...]:
    """Physical lines, each with its newline."""
    pieces = text.split("\n")
    last = pieces.pop()
    return (*(piece + "\n" for piece in pieces), *([last] if last else []))


_OPTION = re.compile(r"(?:[^:\\]|\\:|\\)*")
_WORD = re.compile(r"[^, \t\r\n]+")


def _words(text: str, start: int, stop: int) -> tuple[Word, ...]:
    return tuple(Word(match[0], match.start()) for match in _WORD.finditer(text, start, stop))


def is_except(word: Word) -> bool:
    """Whether a word is the operator EXCEPT, in any case."""
    return len(word.text) == 6 and word.text.upper() == "EXCEPT"


def quoted(text: str, longest: int = 60) -> str:
    """Text of a file as a message shows it: one line, not too long."""
    line = " ".join(shown(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
