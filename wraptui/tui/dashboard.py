"""Knows the main screen: four panes at once where there is room, one at a time where there is not."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from wraptui.tui.bars import counted, span
from wraptui.tui.display import Piece, Words, spaced, width, words
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Choice, Choices, Lines
from wraptui.tui.pane import Asked, Pane
from wraptui.tui.panes import connections, limits, no_access, rules
from wraptui.tui.panes.view import View
from wraptui.tui.table import Table
from wraptui.tui.world import World

VIEWS: tuple[View[Any], ...] = (connections.VIEW, no_access.VIEW, limits.VIEW, rules.VIEW)
WIDE, TALL = 120, 36


class Dashboard(Screen[None]):
    """Header, panes, the line that says why, and the keys that work now."""

    AUTO_FOCUS = "#connections-table"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n), f"pane({n})", view.name, show=False, id=view.name, priority=True)
            for n, view in enumerate(VIEWS, 1)
        ),
        Binding("z", "zoom", "zoom", id="zoom", priority=True),
    ]

    def __init__(self, world: World, asked: Asked) -> None:
        super().__init__()
        self.world = world
        self.asked = asked
        self.zoomed = False
        self.stands = False
        self.panes = [self.make_pane(view, number) for number, view in enumerate(VIEWS, 1)]
        self.front = self.panes[0]
        self.header, self.tabs = Lines(id="header"), Choices(id="tabs", gap="   ")
        self.reasons = Lines(id="details")

    def make_pane(self, view: View[Any], number: int) -> Pane:
        """The pane for a view."""
        return Pane(view, number, self.world, self.asked)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.tabs
        yield Container(*self.panes, id="panes")
        yield self.reasons
        yield Keys(id="keys")

    def on_mount(self) -> None:
        self.stands = True
        self._arrange(self.app.size.width, self.app.size.height)
        self.show(self.world)

    # -- data -----------------------------------------------------------------------------------------

    def show(self, world: World) -> None:
        """Show another world."""
        self.world = world
        if not self.stands or not self.is_running:
            return
        for pane in self.panes:
            pane.show(world)
        self._say()
        self.refresh_bindings()

    def tick(self, world: World) -> None:
        """Only the clock moved."""
        self.world = world
        for pane in self.panes:
            if pane.display:
                pane.tick(world)
        self._say()

    def _say(self) -> None:
        lines = header_lines(self.world)
        self.header.say(*lines)
        self.header.set_class(len(lines) > 1, "noted")
        self.tabs.offer(self._tabs())
        self._explain()

    def _tabs(self) -> list[Choice]:
        """The tab strip; in a narrow terminal its counts lose their words, not their glyphs."""
        tabs = [self._tab(pane, pane.view.count(self.world)) for pane in self.panes]
        if sum(width(tab.label) + 3 for tab in tabs) > self.size.width:
            tabs = [self._tab(pane, _wordless(pane.view.count(self.world))) for pane in self.panes]
        return tabs

    def _tab(self, pane: Pane, count: Words) -> Choice:
        name = Piece(f" {pane.view.name}", "strong" if pane is self.front else "dim")
        label = spaced(words(Piece(str(pane.number), "accent"), name), count, gap=" ")
        return Choice(label, f"screen.pane({pane.number})")

    def _explain(self) -> None:
        self.reasons.say(*self.front.details())

    # -- which panes are seen -------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width, event.size.height)
        self._say()

    def _arrange(self, columns: int, height: int) -> None:
        single = self.zoomed or columns < WIDE or height < TALL
        self.set_class(single, "single")
        self.set_class(height < 16, "low")
        self.set_class(height < 9, "lowest")
        for pane in self.panes:
            pane.display = not single or pane is self.front

    def action_pane(self, number: int) -> None:
        """Bring a pane to the front and put the cursor there."""
        self.front = self.panes[number - 1]
        self._arrange(self.app.size.width, self.app.size.height)
        self.set_focus(self.front.table)
        self._say()

    def action_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self._arrange(self.app.size.width, self.app.size.height)
        self.set_focus(self.front.table)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.focused is not None and self.focused.has_class("typing"):
            return False
        if action == "zoom":
            return self.zoomed or not self.has_class("single")
        return super().check_action(action, parameters)

    @on(Table.Highlighted)
    def _highlighted(self, event: Table.Highlighted) -> None:
        if event.table is self.front.table:
            self._explain()
            self.refresh_bindings()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = next((p for p in self.panes if event.widget in p.walk_children(with_self=True)), None)
        if pane is not None and pane is not self.front:
            self.front = pane
            self._say()


def _wordless(count: Words) -> Words:
    return tuple(Piece(re.sub(r" [a-z]+", "", piece.text), piece.tone) for piece in count)


def _short(host: str, most: int = 24) -> str:
    """The end of a long name (a folder's, say): what is pending must stay in sight beside it."""
    return host if len(host) <= most else "…" + host[1 - most :]


def header_lines(world: World) -> tuple[Words, ...]:
    """The line on top, and below it the notes on what could not be seen."""
    glyphs, snapshot = world.glyphs, world.snapshot
    daemon = snapshot.daemon
    if not world.ready:
        running = words(Piece("looking …" if not glyphs.plain else "looking ...", "dim"))
    elif daemon.pid:
        up = f" up {span(world.now - daemon.started)}" if daemon.started else ""
        running = words(Piece(f"{glyphs.good} ", "good"), f"xinetd {daemon.pid}{up}")
    else:
        running = words(Piece(f"{glyphs.off} no xinetd runs here", "warn" if snapshot.live else "dim"))
    pending = world.pending.count
    line = spaced(
        words(Piece(" wraptui", "strong"), Piece(f"  {_short(world.host)}" if world.host else "", "accent")),
        running,
        words(Piece(f"{glyphs.pending} {counted(pending, 'edit')} not applied", "pending"))
        if pending
        else "",
        world.waiting,
        words(Piece(f"{glyphs.warn} read-only: {world.read_only}", "warn")) if world.read_only else "",
        f"load {snapshot.load:.2f}" if world.ready and snapshot.live else "",
        gap="   ",
    )
    notes = [note for note in (world.trouble, *snapshot.notes) if note]
    if not notes:
        return (line,)
    return line, words(Piece(f" {glyphs.note} ", "dim"), Piece(" ".join(notes), "dim"))
