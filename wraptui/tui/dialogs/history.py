"""Knows the history of changes on screen: who, when, why, what; and brings an earlier state back."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wraptui.system.checkpoints import Checkpoint
from wraptui.tui import themes
from wraptui.tui.bars import age
from wraptui.tui.columns import Column
from wraptui.tui.dialogs.review import Line, diff_lines
from wraptui.tui.display import Cell, Piece, sentence_list, words
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Lines
from wraptui.tui.peers import short
from wraptui.tui.table import Table
from wraptui.tui.world import World


def _when(checkpoint: Checkpoint, world: World) -> Cell:
    from datetime import datetime

    return words(
        datetime.fromtimestamp(checkpoint.made).strftime("%Y-%m-%d %H:%M:%S"),
        Piece(f" {age(world.now - checkpoint.made)} ago", "dim"),
    )


def _state(checkpoint: Checkpoint, world: World) -> Cell:
    glyphs = world.glyphs
    glyph, tone = {
        "kept": (glyphs.good, "good"),
        "pending": (glyphs.warn, "warn"),
        "rolled-back": (glyphs.off, "dim"),
    }.get(checkpoint.state, (glyphs.note, "dim"))
    return Piece(f"{glyph} {checkpoint.state}", tone)


COLUMNS: tuple[Column[Checkpoint, World], ...] = (
    Column("when", _when, 19, grow=1, most=30, sort=lambda c, w: -c.made),
    Column("state", _state, 13, rank=1, sort=lambda c, w: c.state),
    Column("files", lambda c, w: sentence_list(short(f.path) for f in c.files), 14, grow=1, most=40),
    Column("who", lambda c, w: c.who, 12, grow=1, most=40, rank=3),
    Column("why", lambda c, w: c.message or Piece("-", "dim"), 10, grow=2, rank=2),
)


class HistoryScreen(Screen[str]):
    """The changes, the newest first, and what each changed. Returns the one to restore."""

    CSS_PATH = themes.style_sheet("dialogs.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "restore", "bring back what stood before it", id="restore", priority=True),
        Binding("tab", "app.focus_next", "list or difference", key_display="Tab", id="other"),
        Binding("escape", "close", "back", id="pinned-close"),
        Binding("h", "close", "back", show=False),
    ]
    AUTO_FOCUS = "#changes"

    def __init__(
        self, world: World, checkpoints: tuple[Checkpoint, ...], diff_of: Callable[[str], str]
    ) -> None:
        super().__init__()
        self.world, self.checkpoints, self.diff_of = world, checkpoints, diff_of
        self.changes: Table[Checkpoint, World] = Table(COLUMNS, lambda c: c.id, world, id="changes")
        self.diff: Table[Line, World] = Table(
            [Column("what it changed", lambda line, _: line[1], 20, grow=1)],
            lambda line: line[0],
            world,
            id="diff",
            reading=True,
        )

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield self.changes
        yield self.diff
        yield Keys(id="keys")

    def on_mount(self) -> None:
        self.query_one("#header", Lines).say(words(Piece(" history", "strong")))
        self.changes.show(
            self.checkpoints, self.world, empty="Nothing has been changed with wraptui here yet."
        )

    @on(Table.Highlighted, "#changes")
    def _shown(self) -> None:
        checkpoint = self.changes.current
        lines: list[Line] = []
        if checkpoint is not None:
            told = list(diff_lines(self.diff_of(checkpoint.id)))
            if checkpoint.problem:
                told.insert(0, words(Piece(checkpoint.problem, "warn")))
            lines = list(enumerate(told))
        self.diff.show(lines, self.world)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "restore":
            return bool(self.changes.current) and not self.world.read_only
        return True

    def action_restore(self) -> None:
        checkpoint = self.changes.current
        if checkpoint is not None:
            self.dismiss(checkpoint.id)

    def action_close(self) -> None:
        self.dismiss(None)
