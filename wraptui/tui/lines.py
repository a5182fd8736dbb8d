"""Knows how to show a few lines of words, and a row of things to press, painting only when they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.widgets import Static

from wraptui.tui.display import Cell, Piece, Words, content, fitted, spaced, width, words


class Lines(Static):
    """Some lines of words. The same words again cost nothing."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._said: tuple[Cell, ...] = ()

    @property
    def said(self) -> tuple[Cell, ...]:
        """What is shown."""
        return self._said

    def say(self, *lines: Cell) -> None:
        """Show these lines."""
        if lines == self._said:
            return
        self._said = lines
        height = self.styles.height
        self.update(content(*lines), layout=height is None or height.is_auto)


class Choice(NamedTuple):
    """Something to press: its words, and the action that a click runs."""

    label: Words
    action: str


class Choices(Lines):
    """A row of choices; those that do not fit are left out, the ones at the end stay."""

    def __init__(self, *, id: str | None = None, gap: str = "  ") -> None:
        super().__init__(id=id)
        self.gap = gap
        self._choices: tuple[Choice, ...] = ()
        self._pinned = 0
        self._shown: tuple[Choice, ...] = ()

    def offer(self, choices: Sequence[Choice], pinned: int = 0) -> None:
        """Show these choices; the last `pinned` are kept however narrow the screen is."""
        self._choices, self._pinned = tuple(choices), pinned
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        room = self.size.width - 1
        kept = list(self._choices)
        gap = len(self.gap)
        while len(kept) > self._pinned and sum(width(c.label) + gap for c in kept) - gap > room > 0:
            kept.pop(len(kept) - 1 - self._pinned)
        self._shown = tuple(kept)
        line = spaced(*(choice.label for choice in kept), gap=self.gap)
        self.say(words(" ", tuple(fitted(line, room))) if room > 0 else "")

    async def on_click(self, event: events.Click) -> None:
        x = event.x - 1
        for choice in self._shown:
            wide = width(choice.label)
            if 0 <= x < wide and choice.action:
                event.stop()
                await self.run_action(choice.action)
                return
            x -= wide + len(self.gap)


def key(name: str, what: str) -> Words:
    """A key and what it does."""
    return words(Piece(name, "accent"), Piece(f" {what}", "dim"))
