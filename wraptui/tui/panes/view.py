"""Knows what a pane is made of: rows out of a world, columns, and the words that explain a row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from wraptui.tui.columns import Column
from wraptui.tui.display import Words
from wraptui.tui.world import World

Row = TypeVar("Row")


class Key(NamedTuple):
    """A key that does something with the row under the cursor; `name` says what to whoever does it."""

    key: str
    name: str
    description: str
    show: bool = True


def anything(name: str, row: object, world: World) -> bool:
    """Every key works with every row."""
    return row is not None


@dataclass(frozen=True)
class View(Generic[Row]):
    """One list. `source` names the values that the rows are made of: as long as they are the same objects
    the rows are too. `count` is the number in the title, `empty` the sentence when there is nothing,
    `details` up to three lines about one row, the first of which says why, `searched` the text that a filter
    looks through (by default all cells), `may` which of its `keys` work for a row (None: there is none)."""

    name: str
    columns: tuple[Column[Row, World], ...]
    source: Callable[[World], tuple[Any, ...]]
    rows: Callable[[World], Sequence[Row]]
    key: Callable[[Row], Hashable]
    count: Callable[[World], Words]
    empty: Callable[[World], str]
    details: Callable[[Row, World], tuple[Words, ...]]
    searched: Callable[[Row], str] | None = None
    keys: tuple[Key, ...] = ()
    may: Callable[[str, Any, World], bool] = anything
