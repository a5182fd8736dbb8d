"""Knows what all dialogs share: a box in the middle, Escape closes, the keys that work below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget

from wraptui.tui import themes
from wraptui.tui.display import Cell, content, words
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Lines
from wraptui.tui.world import World

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A question. Escape answers nothing."""

    CSS_PATH = themes.style_sheet("dialogs.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "field(1)", "next field", show=False, priority=True),
        Binding("shift+tab", "field(-1)", "field before", show=False, priority=True),
        Binding("pagedown", "scroll(1)", "down", show=False),
        Binding("pageup", "scroll(-1)", "up", show=False),
        Binding("escape", "cancel", "close", id="pinned-close"),
    ]
    HEADING = ""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def compose(self) -> ComposeResult:
        box = Vertical(id="box")
        box.border_title = content(words(f" {self.heading()} "))
        with box:
            with VerticalScroll(id="body", can_focus=False):
                yield from self.body()
            yield from self.foot()
            yield Keys(id="keys")

    def heading(self) -> str:
        """What stands in the border."""
        return self.HEADING

    def body(self) -> Iterable[Widget]:
        """The widgets inside."""
        return ()

    def foot(self) -> Iterable[Widget]:
        """What stays in view below a long body."""
        return ()

    def action_field(self, by: int) -> None:
        """Go to the next field at once, so that what is typed next goes there."""
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_scroll(self, pages: float) -> None:
        """Show more of a long text."""
        body = self.query_one("#body")
        lines = round(pages * max(1, body.size.height - 1)) or (1 if pages > 0 else -1)
        body.scroll_relative(y=lines, animate=False)

    def action_cancel(self) -> None:
        self.dismiss(None)


class Ask(Dialog[str]):
    """A sentence and a few answers, each on a key; returns the key."""

    def __init__(
        self, world: World, heading: str, lines: Iterable[Cell], answers: Iterable[tuple[str, str]]
    ) -> None:
        super().__init__(world)
        self._heading, self._lines = heading, tuple(lines)
        for key, what in answers:
            self._bindings.bind(key, f"answer('{key}')", what)

    def heading(self) -> str:
        return self._heading

    def body(self) -> Iterable[Widget]:
        told = Lines(classes="told")
        told.say(*self._lines)
        yield told

    def action_answer(self, key: str) -> None:
        self.dismiss(key)
