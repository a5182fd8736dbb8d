"""Knows the parts of a page: text without any markup, which the writers spell in their language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """How full something is: `share` from 0 (empty) to 1 (full), and the same in words."""

    share: float
    text: str


Cell = str | tuple[str, ...] | Meter
"""A cell is text, several lines of text, or a meter."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences; `warns` marks what the reader must not miss."""

    text: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; the columns in `numbers` hold numbers. Every row is as long as the header."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers over time, as bars; `labels` name the bars, `description` says in words what is to be seen,
    `unit` what the bars count."""

    title: str
    description: str
    labels: tuple[str, ...]
    values: tuple[int, ...]
    unit: str = ""


Block = Paragraph | Items | Table | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A headline and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page; `lead` stands before the first section."""

    title: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
