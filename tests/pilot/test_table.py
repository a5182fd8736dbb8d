"""The one table: long lists at once, a cursor that stays on its row, and only changed cells painted."""

from __future__ import annotations

import time
from typing import Any

from textual.app import App, ComposeResult
from textual.geometry import Region

from wraptui.tui import themes
from wraptui.tui.columns import Column, widths
from wraptui.tui.display import clean
from wraptui.tui.table import Table

Item = tuple[str, int]
COLUMNS: tuple[Column[Item, int], ...] = (
    Column("name", lambda item, _: item[0], 8, grow=1, sort=lambda item, _: item[0]),
    Column("value", lambda item, _: str(item[1]), 6, right=True, sort=lambda item, _: item[1]),
    Column("clock", lambda item, now: str(now), 5, ticks=True, rank=1),
)


class Stage(App[None]):
    CSS_PATH = themes.style_sheet("console.tcss")

    def __init__(self, rows: Any) -> None:
        super().__init__()
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = themes.DARK.name
        self.table: Table[Item, int] = Table(COLUMNS, lambda item: item[0], 0)
        self.rows = rows

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.show(self.rows, 0, empty="Nothing is here.")
        self.table.focus()

    def lines(self) -> list[str]:
        return ["".join(s.text for s in strip) for strip in self.screen._compositor.render_strips()]


def items(*names: str) -> tuple[Item, ...]:
    return tuple((name, number) for number, name in enumerate(names))


async def test_the_cursor_stays_on_its_row_when_others_come_and_go() -> None:
    app = Stage(items("a", "b", "c"))
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.press("down", "down")
        assert app.table.current == ("c", 2)
        app.table.show((("x", 9), ("y", 9), *items("a", "c")), 0)
        assert app.table.current == ("c", 1)
        app.table.show(items("a", "b"), 0)
        assert app.table.current == ("b", 1)
        app.table.show((), 0)
        assert app.table.current is None


async def test_filter_and_sort_keep_the_row_too() -> None:
    app = Stage(items("pear", "apple", "plum", "peach"))
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.select("plum")
        app.table.sort_by((0, False))
        assert [app.table.rows[i][0] for i in app.table.order] == ["apple", "peach", "pear", "plum"]
        assert app.table.current == ("plum", 2)
        app.table.filter("P E")
        assert [app.table.rows[i][0] for i in app.table.order] == ["apple", "peach", "pear"]
        app.table.filter("")
        app.table.sort_by((1, True))
        await pilot.pause()
        assert "value↓" in app.lines()[0]
        assert [app.table.rows[i][1] for i in app.table.order] == [3, 2, 1, 0]


async def test_a_hundred_thousand_rows_are_shown_and_walked_at_once() -> None:
    rows = tuple((f"row{number}", number) for number in range(100_000))
    app = Stage(())
    async with app.run_test(size=(60, 20)) as pilot:
        began = time.process_time()
        app.table.show(rows, 0)
        await pilot.pause()
        await pilot.press("end", "up", "pageup", "home", "pagedown", "end")
        assert time.process_time() - began < 2
        assert app.table.current == ("row99999", 99999)
        assert "row99999" in "\n".join(app.lines())


async def test_only_cells_that_look_different_are_painted() -> None:
    app = Stage(items("a", "b", "c"))
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.pause()
        app.lines()
        painted: list[Region] = []
        refresh = app.table.refresh

        def watched(*regions: Region, **more: bool) -> Any:
            painted.extend(regions or [Region(0, 0, 40, 8)])
            return refresh(*regions, **more)

        app.table.refresh = watched  # type: ignore[method-assign]
        app.table.repaint_changes()
        assert painted == []
        app.table.tick(7)
        assert {(region.x, region.width) for region in painted} == {(app.table._fit[0][1] + 2 + 8, 7)}
        painted.clear()
        app.table.rows = (("a", 0), ("b", 5), ("c", 2))
        app.table.repaint_changes()
        assert [(region.y, region.height) for region in painted] == [(2, 1)]


async def test_an_empty_list_says_why_and_a_filter_without_hits_too() -> None:
    app = Stage(())
    async with app.run_test(size=(60, 8)) as pilot:
        await pilot.pause()
        assert "Nothing is here." in app.lines()[1]
        app.table.show(items("a"), 0, empty="Nothing is here.")
        app.table.filter("\x1b[31m")
        await pilot.pause()
        assert clean("\x1b[31m") in app.lines()[1]


async def test_a_click_on_a_row_and_on_a_heading() -> None:
    app = Stage(items("b", "a"))
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.click(offset=(2, 2))
        assert app.table.current == ("a", 1)
        await pilot.click(offset=(2, 0))
        assert app.table.sorting == (0, False)
        assert app.table.cursor == 0


def test_columns_fit_the_room_and_the_least_important_goes_first() -> None:
    assert [index for index, _ in widths(COLUMNS, 60)] == [0, 1, 2]
    assert sum(width for _, width in widths(COLUMNS, 60)) + 4 == 60
    assert [index for index, _ in widths(COLUMNS, 20)] == [0, 1]
    for room in range(70):
        fitting = widths(COLUMNS, room)
        assert sum(width for _, width in fitting) + 2 * max(0, len(fitting) - 1) <= room
