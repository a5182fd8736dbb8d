"""Knows the columns of a list, and which of them fit into a room and how wide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wraptui.tui.display import Cell

Row = TypeVar("Row")
Context = TypeVar("Context")

GAP = 2


@dataclass(frozen=True)
class Column(Generic[Row, Context]):
    """One column. `width` is the least it needs, `grow` its share of what is left, `most` where it stops
    growing (0: nowhere). In a narrow pane columns of the highest `rank` go first. `ticks` says that its cells
    change with the clock alone."""

    title: str
    cell: Callable[[Row, Context], Cell]
    width: int
    grow: int = 0
    most: int = 0
    right: bool = False
    rank: int = 0
    sort: Callable[[Row, Context], Any] | None = None
    ticks: bool = False


def widths(columns: Sequence[Column[Any, Any]], room: int) -> list[tuple[int, int]]:
    """The columns that fit into `room`, as (index, width)."""
    kept = list(range(len(columns)))
    while len(kept) > 1 and sum(columns[i].width + GAP for i in kept) - GAP > room:
        ranks = [columns[i].rank for i in kept]
        worst = max(ranks)
        if worst == 0 and kept:
            break
        kept.pop(len(ranks) - 1 - ranks[::-1].index(worst))
    sizes = {i: columns[i].width for i in kept}
    left = room - sum(sizes.values()) - GAP * (len(kept) - 1)
    while left > 0:
        growing = [i for i in kept if columns[i].grow and not 0 < columns[i].most <= sizes[i]]
        total = sum(columns[i].grow for i in growing)
        if not total:
            break
        before = left
        for i in growing:
            more = max(1, before * columns[i].grow // total)
            more = min(more, left, columns[i].most - sizes[i] if columns[i].most else left)
            sizes[i] += more
            left -= more
    fitting: list[tuple[int, int]] = []
    for i in kept:
        size = min(sizes[i], room)
        if size <= 0:
            break
        fitting.append((i, size))
        room -= size + GAP
    return fitting
