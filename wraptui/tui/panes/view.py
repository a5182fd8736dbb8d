"""Knows what a pane is made of: rows out of a world, columns, and the words that explain a row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wraptui.tui.display import Words
from wraptui.tui.table import Column
from wraptui.tui.world import World

Row = TypeVar("Row")


@dataclass(frozen=True)
class View(Generic[Row]):
    """One list. `source` names the values that the rows are made of: as long as they are the same objects
    the rows are too. `count` is the number in the title, `empty` the sentence when there is nothing,
    `details` up to three lines about one row, the first of which says why, `searched` the text that a filter
    looks through (by default all cells)."""

    name: str
    columns: tuple[Column[Row, World], ...]
    source: Callable[[World], tuple[Any, ...]]
    rows: Callable[[World], Sequence[Row]]
    key: Callable[[Row], Hashable]
    count: Callable[[World], Words]
    empty: Callable[[World], str]
    details: Callable[[Row, World], tuple[Words, ...]]
    searched: Callable[[Row], str] | None = None
