"""Knows the list of everything that is wrong with the files, the worst first."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wraptui.policy.lint.findings import Finding, Severity
from wraptui.tui import themes
from wraptui.tui.bars import counted
from wraptui.tui.columns import Column
from wraptui.tui.display import Cell, Piece, words
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Lines
from wraptui.tui.panes.rules import severity
from wraptui.tui.peers import short
from wraptui.tui.table import Table
from wraptui.tui.world import World

WORDS = {
    Severity.ERROR: ("error", "bad"),
    Severity.WARNING: ("warning", "warn"),
    Severity.NOTE: ("note", "dim"),
}


def _severity(found: Finding, world: World) -> Cell:
    word, tone = WORDS[found.severity]
    return words(severity(found, world.glyphs), Piece(word, tone))


def _place(found: Finding, world: World) -> Cell:
    return words(
        short(found.file).removeprefix("hosts."), Piece(f":{found.line}" if found.line else "", "dim")
    )


COLUMNS: tuple[Column[Finding, World], ...] = (
    Column("how bad", _severity, 9, sort=lambda f, w: -f.severity),
    Column("where", _place, 10, grow=1, most=24, sort=lambda f, w: (f.file, f.line)),
    Column("what", lambda f, w: Piece(f.code, "dim"), 16, rank=1, sort=lambda f, w: f.code),
    Column("consequence", lambda f, w: f.message, 30, grow=4),
    Column("fix", lambda f, w: Piece("f mends it", "accent") if f.fix else "", 10, rank=2),
)


class Findings(Screen[tuple[str, Finding]]):
    """All findings. Returns ("mend" or "go", the finding)."""

    CSS_PATH = themes.style_sheet("dialogs.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer('go')", "go to the line", id="go", priority=True),
        Binding("f", "answer('mend')", "mend it", id="mend", priority=True),
        Binding("escape", "close", "back", id="pinned-close"),
    ]
    AUTO_FOCUS = "Table"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.table: Table[Finding, World] = Table(
            COLUMNS, lambda f: (f.file, f.line, f.column, f.code), world, id="findings"
        )

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield self.table
        yield Lines(id="details")
        yield Keys(id="keys")

    def on_mount(self) -> None:
        found = tuple(sorted(self.world.findings, key=lambda f: -f.severity))
        self.query_one("#header", Lines).say(words(Piece(f" {counted(len(found), 'finding')}", "strong")))
        self.table.show(found, self.world, empty="Nothing is wrong with hosts.allow and hosts.deny.")

    @on(Table.Highlighted)
    def _told(self) -> None:
        found = self.table.current
        place = f"{found.file}:{found.line}" if found and found.line else found.file if found else ""
        self.query_one("#details", Lines).say(found.message if found else "", words(Piece(place, "dim")))
        self.refresh_bindings()

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_answer("go")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        found = self.table.current
        if action == "answer":
            mends = parameters == ("mend",)
            return found is not None and (not mends or bool(found.fix and not self.world.read_only))
        return True

    def action_answer(self, answer: str) -> None:
        if self.table.current is not None:
            self.dismiss((answer, self.table.current))

    def action_close(self) -> None:
        self.dismiss(None)
