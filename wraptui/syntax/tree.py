"""Knows that a file is lines that spell it exactly, and that an edit replaces lines and nothing else.

Text here is *byte text*: a `str` in which every character is one byte of the file (Latin-1). The daemons
read bytes, count bytes (libwrap's 2,046-byte line) and fold case in ASCII only; byte text keeps all of that
and any file round-trips by construction. `shown` and `typed` are the border to people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property


def byte_text(data: bytes) -> str:
    """The byte text of a file's bytes."""
    return data.decode("latin-1")


def to_bytes(text: str) -> bytes:
    """The bytes that a byte text spells."""
    return text.encode("latin-1")


def shown(text: str) -> str:
    """Byte text as people read it: UTF-8 where it is UTF-8; other bytes stay visible as lone surrogates,
    which `tui/display.py` and the command line make harmless."""
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def typed(text: str) -> str:
    """What a person typed, as byte text (UTF-8); the inverse of `shown`."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a line: `text` is what stands in the file, `value` what the daemon reads."""

    kind: str
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line as its tokens, which spell it exactly."""

    tokens: tuple[Token, ...]

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


@dataclass(frozen=True)
class Document:
    """A file's text. Lines are physical, keep their newline, and are split only when somebody asks."""

    text: str

    @classmethod
    def from_bytes(cls, data: bytes) -> Document:
        return cls(byte_text(data))

    @property
    def data(self) -> bytes:
        return to_bytes(self.text)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Physical lines, each with its newline; the last one may lack it."""
        pieces = self.text.split("\n")
        last = pieces.pop()
        lines = [piece + "\n" for piece in pieces]
        if last:
            lines.append(last)
        return tuple(lines)


class EditDoesNotFit(ValueError):
    """The lines that an edit would replace are not where, or what, the edit expects."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the physical lines `old`, which begin at index `first` (0-based), by `new`.

    `old` empty inserts before `first`; `new` empty deletes. Every element of both keeps its newline.
    """

    path: str
    first: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    summary: str = field(default="", compare=False)

    def apply(self, document: Document) -> Document:
        """The document with this edit made; raises `EditDoesNotFit` when `old` does not stand there."""
        lines = document.lines
        last = self.first + len(self.old)
        if self.first > len(lines) or lines[self.first : last] != self.old:
            raise EditDoesNotFit(f"{self.path}: line {self.first + 1} is not what the edit was made for")
        return _joined(lines[: self.first], self.new, lines[last:])

    @property
    def inverse(self) -> Edit:
        """The edit that undoes this one."""
        return Edit(self.path, self.first, self.new, self.old, f"undo: {self.summary}")


def _joined(before: Sequence[str], new: Sequence[str], after: Sequence[str]) -> Document:
    return Document("".join(before) + "".join(new) + "".join(after))
