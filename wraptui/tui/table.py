"""Knows how to show any list: a header, a cursor, sorting and filtering over rows that are only formatted
when they are on screen.

Rows may be any sequence, a million long. Only lines in view become cells; after a change only the columns
of those lines that really look different are painted again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wraptui.tui.columns import GAP, Column, Context, Row, widths
from wraptui.tui.display import TONES, Piece, clean, fitted, plain

__all__ = ["Column", "Table"]


class Table(ScrollView, Generic[Row, Context], can_focus=True):
    """A list with a cursor, or with `reading` a text to scroll. Give it rows with `show`."""

    # All keys of lists have priority: so they take effect in the order in which they were typed, and a fast
    # typist never hits the row before.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, priority=True),
        Binding("down,j", "move(1)", "Down", show=False, priority=True),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, priority=True),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, priority=True),
        Binding("home,g", "jump(0)", "First", show=False, priority=True),
        Binding("end,G", "jump(-1)", "Last", show=False, priority=True),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--sorted",
        "table--cursor",
        "table--cursor-blurred",
        "table--empty",
        *(f"table--{tone}" for tone in TONES),
    }

    class Highlighted(Message):
        """The cursor stands on another row, or that row changed."""

        def __init__(self, table: Table[Any, Any]) -> None:
            super().__init__()
            # Made while a pane handles its filter it would count as the pane's own and go no further.
            self.set_sender(table)
            self.table = table

        @property
        def control(self) -> Table[Any, Any]:
            return self.table

    class Chosen(Highlighted):
        """The row was clicked twice."""

    def __init__(
        self,
        columns: Sequence[Column[Row, Context]],
        key: Callable[[Row], Hashable],
        context: Context,
        *,
        id: str | None = None,
        ellipsis: str = "…",
        searched: Callable[[Row], str] | None = None,
        reading: bool = False,
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.key = key
        self.context = context
        self.ellipsis = ellipsis
        self._searched = searched
        self.reading = reading
        self.rows: Sequence[Row] = ()
        self.order: Sequence[int] = range(0)
        self.cursor = 0
        self.needle = ""
        self.sorting: tuple[int, bool] | None = None
        self.empty = ""
        self._painted: dict[int, tuple[Strip, ...]] = {}
        self._fit: list[tuple[int, int]] = []

    # -- data -----------------------------------------------------------------------------------------

    def show(self, rows: Sequence[Row], context: Context, *, empty: str = "") -> None:
        """Show these rows; the cursor stays on the row with the same key where that is still there."""
        held = self._held_key()
        new = rows is not self.rows
        self.rows, self.context = rows, context
        self.say_empty(empty)
        if new:
            self._arrange(held)
        self.repaint_changes()
        self.post_message(self.Highlighted(self))

    def say_empty(self, empty: str) -> None:
        """What to say while there are no rows."""
        if empty != self.empty:
            self.empty = empty
            if not self.order:
                self._forget()

    def tick(self, context: Context) -> None:
        """Only the clock moved: paint the cells that show it."""
        self.context = context
        if any(column.ticks for column in self.columns):
            self.repaint_changes(ticking=True)

    def filter(self, needle: str) -> None:
        """Show only rows that contain every word of `needle` in any case."""
        if needle == self.needle:
            return
        held, before, narrower = self._held_key(), self.order, needle.startswith(self.needle)
        self.needle = needle
        self._arrange(held, among=before if narrower and self.sorting is None else None)
        self.repaint_changes()
        self.post_message(self.Highlighted(self))

    def sort_by(self, sorting: tuple[int, bool] | None) -> None:
        """Sort by (column, descending), or show the rows as they come."""
        held = self._held_key()
        self.sorting = sorting
        self._arrange(held)
        self._forget()
        self.post_message(self.Highlighted(self))

    def sort_next(self) -> None:
        """The next way to sort: each sortable column up, then down, then the order of the data."""
        ways: list[tuple[int, bool] | None] = [None]
        for index, column in enumerate(self.columns):
            if column.sort is not None and any(index == kept for kept, _ in self._fit):
                ways += [(index, False), (index, True)]
        at = ways.index(self.sorting) if self.sorting in ways else 0
        self.sort_by(ways[(at + 1) % len(ways)])

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.order[self.cursor]] if self.order else None

    def select(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key."""
        found = self._find(key)
        if found is None:
            return False
        self._move_to(found)
        return True

    def select_row(self, index: int) -> bool:
        """Put the cursor on the row with this index, if a filter does not hide it."""
        place = self._place(index)
        if place is None:
            return False
        self._move_to(place)
        return True

    def _held_key(self) -> Hashable:
        row = self.current
        return None if row is None else self.key(row)

    def _arrange(self, held: Hashable, *, among: Sequence[int] | None = None) -> None:
        order: Sequence[int] = range(len(self.rows)) if among is None else among
        if self.needle:
            sought = self.needle.lower().split()
            order = [i for i in order if self._holds(i, sought)]
        if self.sorting is not None:
            index, descending = self.sorting
            by = self.columns[index].sort
            if by is not None:
                values = {i: by(self.rows[i], self.context) for i in order}
                order = sorted(order, key=values.__getitem__, reverse=descending)
        self.order = order
        offset = self.cursor - round(self.scroll_y)
        found = self._find(held) if held is not None else None
        self.cursor = min(self.cursor, max(0, len(order) - 1)) if found is None else found
        self._resize_to_rows()
        self._painted = {}
        if self.size:
            self.scroll_to(y=max(0, self.cursor - offset), animate=False)
            self._keep_in_view()
        self.refresh()

    def _holds(self, index: int, sought: list[str]) -> bool:
        text = self.text(self.rows[index]).lower()
        return all(word in text for word in sought)

    def text(self, row: Row) -> str:
        """What a filter looks through: all cells of a row, unless something cheaper was given."""
        if self._searched is not None:
            return self._searched(row)
        return " ".join(plain(column.cell(row, self.context)) for column in self.columns)

    def _find(self, key: Hashable) -> int | None:
        """Where in the order the row with this key is; rows that know how to `find` are asked."""
        find = getattr(self.rows, "find", None)
        if find is not None:
            index = find(key)
            return None if index is None else self._place(index)
        near = [at for at in (self.cursor, self.cursor + 1, self.cursor - 1) if 0 <= at < len(self.order)]
        for at in near:
            if self.key(self.rows[self.order[at]]) == key:
                return at
        return next((at for at, i in enumerate(self.order) if self.key(self.rows[i]) == key), None)

    def _place(self, index: int) -> int | None:
        """Where in the order the row with this index is."""
        order = self.order
        if isinstance(order, range):
            return index if index in order else None
        try:
            return order.index(index)
        except ValueError:
            return None

    # -- painting -------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._resize_to_rows()
        self._forget()
        self._keep_in_view()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painted = {}

    def _forget(self) -> None:
        self._painted = {}
        self.refresh()

    def _resize_to_rows(self) -> None:
        room = self.scrollable_content_region.width
        self._fit = widths(self.columns, room)
        self.virtual_size = Size(room, len(self.order) + 1)

    def repaint_changes(self, *, ticking: bool = False) -> None:
        """Paint again what looks different in view, column by column."""
        self._columns_shown()
        for y, old in list(self._painted.items()):
            index = y - 1 + round(self.scroll_y)
            if y == 0 or not 0 <= index < len(self.order):
                continue
            if ticking and not any(self.columns[i].ticks for i, _ in self._fit):
                continue
            new = self._line(index)
            if new == old:
                continue
            self._painted[y] = new
            x = 0
            for position, (_, width) in enumerate(self._fit):
                if position >= len(old) or new[position] != old[position]:
                    self.refresh(Region(x, y, width + GAP, 1))
                x += width + GAP

    def _columns_shown(self) -> None:
        if not self._fit:
            self._resize_to_rows()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        if y == 0:
            return self._header()
        at = y - 1 + round(self.scroll_y)
        if at >= len(self.order):
            return self._blank(y, base)
        line = self._painted.get(y)
        if line is None:
            line = self._painted[y] = self._line(at)
        return Strip.join(line).adjust_cell_length(self.size.width, self._row_style(at))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if round(old_value) != round(new_value):
            self._painted = {}
        super().watch_scroll_y(old_value, new_value)

    def _blank(self, y: int, base: Style) -> Strip:
        """An empty list says in a sentence why it is empty."""
        text = self.empty
        if self.rows and self.needle:
            text = f"Nothing here contains “{clean(self.needle)}”. Escape ends the filter."
        if not self.order and text:
            lines = _wrapped(text, max(1, self.size.width - 2))
            if 0 <= y - 1 < len(lines):
                style = self.get_component_rich_style("table--empty")
                return Strip([Segment(" " + lines[y - 1], style)]).adjust_cell_length(self.size.width, base)
        return Strip.blank(self.size.width, base)

    def _header(self) -> Strip:
        self._columns_shown()
        base = self.get_component_rich_style("table--header")
        segments: list[Segment] = []
        up_down = ("^", "v") if self.ellipsis != "…" else ("↑", "↓")
        for index, width in self._fit:
            column, style, title = self.columns[index], base, self.columns[index].title
            if self.sorting is not None and self.sorting[0] == index:
                style = self.get_component_rich_style("table--sorted")
                title = f"{title}{up_down[self.sorting[1]]}"
            for piece in fitted(title, width, right=column.right, ellipsis=self.ellipsis):
                segments.append(Segment(piece.text, style))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _row_style(self, at: int) -> Style:
        if at != self.cursor or self.reading:
            return self.rich_style
        return self.get_component_rich_style("table--cursor" if self.has_focus else "table--cursor-blurred")

    def _line(self, at: int) -> tuple[Strip, ...]:
        row, base = self.rows[self.order[at]], self._row_style(at)
        strips = []
        for index, width in self._fit:
            column = self.columns[index]
            cell = column.cell(row, self.context)
            segments = [
                Segment(piece.text, self._tone(piece, base, at))
                for piece in fitted(cell, width, right=column.right, ellipsis=self.ellipsis)
            ]
            segments.append(Segment(" " * GAP, base))
            strips.append(Strip(segments, width + GAP).simplify())
        return tuple(strips)

    def _tone(self, piece: Piece, base: Style, at: int) -> Style:
        if not piece.tone or (at == self.cursor and self.has_focus and not self.reading):
            return base
        return base + self.get_component_rich_style(f"table--{piece.tone}", partial=True)

    # -- cursor ---------------------------------------------------------------------------------------

    @property
    def _height(self) -> int:
        return max(1, self.size.height - 1)

    def _move_to(self, at: int) -> None:
        if self.reading:  # a text has no cursor: it scrolls
            at = max(0, min(at, len(self.order) - self._height))
            self.cursor = at
            self.scroll_to(y=at, animate=False)
            return
        at = max(0, min(at, len(self.order) - 1))
        if at == self.cursor or not self.order:
            return
        old, self.cursor = self.cursor, at
        for line in (old, at):
            y = line + 1 - round(self.scroll_y)
            self._painted.pop(y, None)
            self.refresh(Region(0, y, self.size.width, 1))
        self._keep_in_view()
        self.post_message(self.Highlighted(self))

    def _keep_in_view(self) -> None:
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self._height:
            self.scroll_to(y=self.cursor - self._height + 1, animate=False)

    def action_move(self, by: int) -> None:
        self._move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._move_to(self.cursor + by * max(1, self._height - 1))

    def action_jump(self, to: int) -> None:
        self._move_to(0 if to == 0 else len(self.order) - 1)

    def action_choose(self) -> None:
        if self.order:
            self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            self._sort_clicked(event.x)
            return
        at = event.y - 1 + round(self.scroll_y)
        if at < len(self.order):
            self._move_to(at)
            if event.chain == 2:
                self.action_choose()

    def _sort_clicked(self, x: int) -> None:
        for index, width in self._fit:
            if x < width + GAP:
                if self.columns[index].sort is not None:
                    self.sort_by((index, self.sorting == (index, False)))
                return
            x -= width + GAP

    def on_focus(self) -> None:
        self._repaint_cursor()

    def on_blur(self) -> None:
        self._repaint_cursor()

    def _repaint_cursor(self) -> None:
        y = self.cursor + 1 - round(self.scroll_y)
        self._painted.pop(y, None)
        self.refresh(Region(0, y, self.size.width, 1))


def _wrapped(text: str, columns: int) -> list[str]:
    import textwrap

    return textwrap.wrap(clean(text), columns)
