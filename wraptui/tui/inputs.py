"""Knows the things one types into or turns: a line of text, a field with its name, a choice of few words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from wraptui.tui.display import Cell, Piece, content, masked, words


class LineInput(Input):
    """One line of any text: what is unprintable shows as one sign each, and stays what it is."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        suggester: Suggester | None = None,
        id: str | None = None,
        select: bool = False,
    ) -> None:
        super().__init__(
            value, placeholder=placeholder, suggester=suggester, id=id, compact=True, select_on_focus=select
        )
        self.cursor_blink = False
        self.add_class("typing")

    @property
    def _value(self) -> Text:
        return Text(masked(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(masked(self.value[:position]))


class Named(Horizontal):
    """Something to fill in behind its name, which stands out while the focus is here."""

    def on_descendant_focus(self) -> None:
        self.add_class("here")

    def on_descendant_blur(self) -> None:
        self.remove_class("here")


class Field(Named):
    """A named line of input."""

    def __init__(
        self,
        name: str,
        value: str = "",
        *,
        hint: str = "",
        completions: Iterable[str] = (),
        select: bool = False,
    ) -> None:
        super().__init__(classes="field")
        self.label = name
        words_known = tuple(completions)
        self.input = LineInput(
            value,
            placeholder=hint,
            suggester=LastWord(words_known) if words_known else None,
            id=f"input-{name.replace(' ', '-')}",
            select=select,
        )

    def compose(self) -> ComposeResult:
        yield Static(content(words(Piece(self.label, "dim"))), classes="label", markup=False)
        yield self.input

    @property
    def value(self) -> str:
        return self.input.value


class LastWord(Suggester):
    """Completes the last word of a list; → (or End) takes it."""

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = tuple(word for word in dict.fromkeys(known) if word.isprintable())

    async def get_suggestion(self, value: str) -> str | None:
        start = max(value.rfind(" "), value.rfind(",")) + 1
        word = value[start:]
        if not word:
            return None
        for each in self._known:
            if each.startswith(word) and each != word:
                return value[:start] + each
        return None


class Toggle(Static, can_focus=True):
    """One of a few words; ← and → (or space) change it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "next", show=False),
        Binding("left", "turn(-1)", "previous", show=False),
        Binding("enter", "submit", "done", show=False),
    ]

    class Changed(Message):
        """Another word was chosen."""

        def __init__(self, toggle: Toggle) -> None:
            super().__init__()
            self.toggle = toggle

    def __init__(
        self, options: Iterable[str], value: str, *, id: str | None = None, plain: bool = False
    ) -> None:
        super().__init__(id=id, classes="toggle", markup=False)
        self.options = tuple(options)
        self.value = value if value in self.options else self.options[0]
        self._marks = ("< ", " >") if plain else ("‹ ", " ›")

    def on_mount(self) -> None:
        self._draw()

    def _draw(self) -> None:
        left, right = self._marks
        pieces: list[Cell] = []
        for option in self.options:
            chosen = option == self.value
            pieces.append(
                Piece(f"{left}{option}{right}" if chosen else f"  {option}  ", "" if chosen else "dim")
            )
        self.update(content(words(*pieces)))

    def choose(self, value: str) -> None:
        """Choose this word."""
        if value in self.options and value != self.value:
            self.value = value
            self._draw()
            self.post_message(self.Changed(self))

    def action_turn(self, by: int) -> None:
        at = (self.options.index(self.value) + by) % len(self.options)
        self.choose(self.options[at])

    def on_click(self, event: events.Click) -> None:
        x = event.x
        for option in self.options:
            if x < len(option) + 4:
                self.choose(option)
                return
            x -= len(option) + 4

    async def action_submit(self) -> None:
        await self.screen.run_action("submit")


class Choosing(Named):
    """A toggle with its name."""

    def __init__(self, name: str, toggle: Toggle) -> None:
        super().__init__(classes="field")
        self.label = name
        self.toggle = toggle

    def compose(self) -> ComposeResult:
        yield Static(content(words(Piece(self.label, "dim"))), classes="label", markup=False)
        yield self.toggle
