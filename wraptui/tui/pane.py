"""Knows how one list stands on the dashboard: its title, its table, its filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from wraptui.tui.display import Piece, Words, content, spaced, words
from wraptui.tui.panes.view import View
from wraptui.tui.table import Table
from wraptui.tui.world import World

if TYPE_CHECKING:
    from textual.widgets import Input

    from wraptui.tui.inputs import LineInput

Asked = Callable[[str, object], Awaitable[None]]
"""Told which key was pressed, by its name, and on which row."""


class Pane(Vertical):
    """A list with its border, title and filter line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="filter", priority=True),
        Binding("s", "sort", "sort", id="sort", priority=True),
        Binding("escape", "clear_filter", "end filter", id="clear-filter"),
    ]

    def __init__(self, view: View[Any], number: int, world: World, asked: Asked) -> None:
        super().__init__(id=view.name, classes="pane")
        self.view = view
        self._asked = asked
        self.number = number
        self.world = world
        for key in view.keys:
            first, *others = key.key.split(",")
            self._bindings.bind(first, f"row('{key.name}')", key.description, key.show, priority=True)
            for other in others:
                self._bindings.bind(other, f"row('{key.name}')", key.description, False, priority=True)
        self._source: tuple[Any, ...] | None = None
        self._title: Words = ()
        self._filter: LineInput | None = None
        self.table: Table[Any, World] = Table(
            view.columns,
            view.key,
            world,
            id=f"{view.name}-table",
            ellipsis=world.glyphs.ellipsis,
            searched=view.searched,
        )

    def compose(self) -> ComposeResult:
        yield self.table

    @property
    def filtering(self) -> bool:
        """Whether the filter is being typed."""
        return self._filter is not None and self._filter.has_focus

    def show(self, world: World) -> None:
        """Show this world's rows, if they are not the ones that stand here already."""
        self.world = world
        source = self.view.source(world)
        if self._source is None or not _same(source, self._source):
            self._source = source
            self.table.show(self.view.rows(world), world, empty=self.view.empty(world))
        else:
            self.table.say_empty(self.view.empty(world))
            self.table.tick(world)
        self._entitle()

    def tick(self, world: World) -> None:
        """Only the clock moved."""
        self.world = world
        self.table.tick(world)

    def _entitle(self) -> None:
        title = spaced(
            words(Piece(str(self.number), "accent"), f" {self.view.name}"), self.view.count(self.world)
        )
        needle = self.table.needle
        title = words(" ", title, Piece(f"  /{needle}" if needle else "", "warn"), " ")
        if title != self._title:
            self._title = title
            self.border_title = content(title)

    def details(self) -> tuple[Words, ...]:
        """The lines that explain the row under the cursor."""
        row = self.table.current
        if row is None:
            return (words(Piece(self.view.empty(self.world), "dim")),)
        return self.view.details(row, self.world)

    # -- filter and sort --------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "clear_filter":
            return bool(self.table.needle) or self.filtering
        if self.filtering:
            return False
        if action == "row":
            return self.view.may(str(parameters[0]), self.table.current, self.world)
        return True

    async def action_row(self, name: str) -> None:
        await self._asked(name, self.table.current)

    @on(Table.Chosen)
    async def _chosen(self, event: Table.Chosen) -> None:
        event.stop()
        if self.view.may("open", self.table.current, self.world):
            await self.action_row("open")

    async def action_filter(self) -> None:
        if self._filter is None:
            from wraptui.tui.inputs import LineInput

            self._filter = LineInput(placeholder="show only rows with these words")
            await self.mount(self._filter)
        self._filter.display = True
        self.screen.set_focus(self._filter)

    def action_clear_filter(self) -> None:
        if self._filter is not None:
            self._filter.value = ""
            self._filter.display = False
        self.table.filter("")
        self._entitle()
        self.screen.set_focus(self.table)

    def action_sort(self) -> None:
        self.table.sort_next()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.table.filter(event.value)
        self._entitle()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._filter is not None and not event.value:
            self._filter.display = False
        self.screen.set_focus(self.table)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether these are the very same objects, or small ones that are equal."""
    return len(one) == len(other) and all(
        a is b or (type(a) is str and a == b) for a, b in zip(one, other, strict=True)
    )
