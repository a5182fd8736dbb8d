"""Knows the screen that says who guards what: three lists, one at a time, and the rules that are missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePath
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from wraptui.tui import themes
from wraptui.tui.dialogs.review import Line
from wraptui.tui.display import Piece, Words, from_bytes, spaced, words
from wraptui.tui.inputs import Choosing, Field, Toggle
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Choice, Choices, Lines
from wraptui.tui.pane import Pane
from wraptui.tui.panes.guards import Found, audit_view, coverage_view, firewall_view
from wraptui.tui.panes.view import View
from wraptui.tui.table import Column, Table
from wraptui.tui.world import World

ROOM = 100  # columns in which what is found has room beside each list's name

Asked = Callable[[str, object, Found], Awaitable[None]]
"""Told which key was pressed, on which row, and what was found."""

_STYLES: list[str | PurePath] = [themes.style_sheet("dialogs.tcss"), themes.style_sheet("recipes.tcss")]


class Guards(Screen[None]):
    """Coverage, packet filter and audit. `look` finds all of it out, on a thread."""

    CSS_PATH: ClassVar[list[str | PurePath]] = _STYLES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "tab(1)", "coverage", show=False, priority=True),
        Binding("2", "tab(2)", "packet filter", show=False, priority=True),
        Binding("3", "tab(3)", "audit", show=False, priority=True),
        Binding("tab", "turn(1)", "next list", key_display="Tab", priority=True),
        Binding("shift+tab", "turn(-1)", "list before", show=False, priority=True),
        Binding("r", "look", "look again", id="look-again", priority=True),
        Binding("C", "close", "back", show=False, priority=True),
        Binding("escape", "close", "back", id="pinned-close"),
    ]

    class Looked(Message):
        """It is known now who guards what."""

        def __init__(self, found: Found) -> None:
            super().__init__()
            self.found = found

    def __init__(self, world: World, look: Callable[[], Found], asked: Asked) -> None:
        super().__init__(classes="single")
        self.world, self.look, self.asked = world, look, asked
        self.found = Found(coverage=world.snapshot.coverage)
        self.everything = False
        views: list[View[Any]] = [
            coverage_view(lambda: self.found),
            firewall_view(lambda: self.found),
            audit_view(lambda: self.found, lambda: self.everything),
        ]
        self.panes = [Pane(view, n, world, self._asked) for n, view in enumerate(views, 1)]
        self.front = self.panes[0]
        self.tabs, self.details = Choices(id="tabs", gap="   "), Lines(id="details")

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield self.tabs
        yield Container(*self.panes, id="panes")
        yield self.details
        yield Keys(id="keys")

    def on_mount(self) -> None:
        self.query_one("#header", Lines).say(words(Piece(" who guards what", "strong")))
        self.action_tab(1)
        self._draw()
        self.action_look()

    # -- data -------------------------------------------------------------------------------------------

    def action_look(self) -> None:
        """Look, or look again."""
        self.run_worker(self._look, thread=True, exclusive=True, exit_on_error=False)

    def _look(self) -> None:
        try:
            self.post_message(self.Looked(self.look()))
        except Exception as error:  # a defect must not look like work that goes on
            told = f"{type(error).__name__}: {error}"
            self.post_message(self.Looked(Found(unread=told, unaudited=told, ready=True)))

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        self.found = event.found
        self._draw()

    def meet(self, world: World) -> None:
        """The edits that wait are others now."""
        self.world = world
        self.action_look()

    def on_resize(self) -> None:
        self._say()

    def _draw(self) -> None:
        for pane in self.panes:
            pane.show(self.world)
        self._say()
        self.refresh_bindings()

    def _say(self) -> None:
        self.tabs.offer([self._tab(pane) for pane in self.panes])
        self.details.say(*self.front.details())

    def _tab(self, pane: Pane) -> Choice:
        name = Piece(f" {pane.view.name}", "strong" if pane is self.front else "dim")
        label = words(Piece(str(pane.number), "accent"), name)
        if self.size.width >= ROOM:  # else the list's own border tells it
            label = spaced(label, pane.view.count(self.world), gap=" ")
        return Choice(label, f"screen.tab({pane.number})")

    @on(Table.Highlighted)
    def _highlighted(self, event: Table.Highlighted) -> None:
        if event.table is self.front.table:
            self.details.say(*self.front.details())
            self.refresh_bindings()

    # -- keys -------------------------------------------------------------------------------------------

    @property
    def _typing(self) -> bool:
        return self.focused is not None and self.focused.has_class("typing")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (self._typing and action in ("tab", "turn", "look", "close"))

    def action_tab(self, number: int) -> None:
        """Show one of the lists."""
        self.front = self.panes[number - 1]
        for pane in self.panes:
            pane.display = pane is self.front
        self.set_focus(self.front.table)
        self._say()
        self.refresh_bindings()

    def action_turn(self, by: int) -> None:
        self.action_tab((self.front.number - 1 + by) % len(self.panes) + 1)

    async def _asked(self, name: str, row: object) -> None:
        if name == "all":
            self.everything = not self.everything
            self._draw()
        else:
            await self.asked(name, row, self.found)

    def action_close(self) -> None:
        self.dismiss(None)


LOADS = {
    "nft": "`nft -f FILE` loads it, `nft delete table inet wraptui` ends it.",
    "iptables": "`iptables-restore --noflush FILE` loads it, `iptables -I INPUT -j WRAPTUI` begins it.",
    "ip6tables": "`ip6tables-restore --noflush FILE` loads it, `ip6tables -I INPUT -j WRAPTUI` begins it.",
}


class MissingRules(Screen[None]):
    """The packet filter's missing rules as a file; written only where the operator says."""

    CSS_PATH: ClassVar[list[str | PurePath]] = _STYLES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,tab", "field(1)", "next field", show=False, priority=True),
        Binding("up,shift+tab", "field(-1)", "field before", show=False, priority=True),
        Binding("pagedown", "page(1)", "read on", key_display="PgDn", priority=True),
        Binding("pageup", "page(-1)", "back", show=False, priority=True),
        Binding("f2,ctrl+s", "submit", "write the file", key_display="Enter", priority=True),
        Binding("escape", "close", "back", id="pinned-close"),
    ]
    AUTO_FOCUS = "Input"

    def __init__(self, world: World, texts: Mapping[str, str], write: Callable[[str, str], str]) -> None:
        super().__init__()
        self.world, self.texts, self.write = world, texts, write
        self.form = Toggle(tuple(texts), "nft", plain=world.glyphs.plain)
        self.path = Field("write to", hint="/root/wraptui.nft; a file that is not there yet")
        self.told = Lines(id="outcome")
        self.table: Table[Line, World] = Table(
            [Column("", lambda line, _: line[1], 20, grow=1)],
            lambda line: line[0],
            world,
            id="rules-missing",
            reading=True,
        )
        self.table.can_focus = False

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield self.table
        yield Choosing("for", self.form)
        yield self.path
        yield self.told
        yield Keys(id="keys")

    def on_mount(self) -> None:
        heading = "rules that refuse it in the packet filter, too: new connections only"
        self.query_one("#header", Lines).say(words(Piece(f" {heading}", "strong")))
        self._draw()

    @on(Toggle.Changed)
    def _draw(self) -> None:
        text = self.texts[self.form.value]
        lines = [words(from_bytes(line.expandtabs(4))) for line in text.rstrip("\n").split("\n")]
        self.table.show(list(enumerate(lines)), self.world)
        self._say(words(Piece(LOADS[self.form.value], "dim")))

    def _say(self, told: Words) -> None:
        self.told.say(told)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "submit" or not self.world.read_only

    @on(Input.Submitted)
    def action_submit(self) -> None:
        path = self.path.value.strip()
        if self.world.read_only:
            return
        if not path.startswith("/"):
            self._say(words(Piece("Name the file by its whole path, from / on.", "warn")))
            return
        problem = self.write(path, self.texts[self.form.value])
        glyphs = self.world.glyphs
        if problem:
            self._say(words(Piece(f"{glyphs.bad} Not written: {problem}", "bad")))
        else:
            how = LOADS[self.form.value].replace("FILE", path)
            self._say(words(Piece(f"{glyphs.good} Written. ", "good"), how))

    def action_field(self, by: int) -> None:
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_page(self, by: int) -> None:
        self.table.action_page(by)

    def action_close(self) -> None:
        self.dismiss(None)
