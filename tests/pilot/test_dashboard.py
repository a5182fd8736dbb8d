"""The dashboard: what it shows at which size, and that nothing in the data can harm the screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pilot.scenarios import BUSY, EMPTY, hostile
from tests.pilot.stage import console, played, screen, until
from wraptui.observe import Snapshot
from wraptui.tui.messages import SnapshotTaken, WatchFailed

PANES = ("connections", "no_access", "limits", "rules")


def visible(text: str) -> set[str]:
    return {name for number, name in enumerate(PANES, 1) if f" {number} {name}  " in text}


async def test_all_four_panes_from_120x36() -> None:
    app = console(BUSY)
    async with played(app) as pilot:
        await pilot.pause()
        text = screen(app)
        assert visible(text) == set(PANES)
        assert "198.51.100.7:40112" in text
        assert "✓ granted allow:1" in text
        assert "████▋░ 23 min" in text
        assert "3/4 near" in text
        assert "2/2 full" in text
        assert "back in 28 s" in text
        assert "server.example" in text
        assert "xinetd 700 up 3 d 5 h" in text
        assert "hosts.allow line 3 lets it in" in text


async def test_one_pane_at_a_time_at_80x24() -> None:
    app = console(BUSY)
    async with played(app, 80, 24) as pilot:
        for key, name in zip("1234", PANES, strict=True):
            await pilot.press(key)
            assert visible(screen(app)) == {name}
            assert app.dashboard.front.view.name == name
            assert app.focused is app.dashboard.front.table


async def test_zoom_and_back() -> None:
    app = console(BUSY)
    async with played(app) as pilot:
        await pilot.press("3", "z")
        assert visible(screen(app)) == {"limits"}
        assert "busiest source" in screen(app)
        await pilot.press("z")
        assert visible(screen(app)) == set(PANES)


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (40, 10), (79, 23), (119, 35), (250, 80)])
@pytest.mark.parametrize("name", ["busy", "empty", "hostile"])
async def test_any_size_with_any_data(size: tuple[int, int], name: str) -> None:
    app = console({"busy": BUSY, "empty": EMPTY, "hostile": hostile()}[name])
    async with played(app, *size) as pilot:
        for key in ("1", "2", "3", "4", "down", "s", "z", "question_mark", "escape", "x", "escape"):
            await pilot.press(key)
            screen(app)


async def test_resized_while_open() -> None:
    app = console(BUSY)
    async with played(app) as pilot:
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        screen(app)
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: visible(screen(app)) == set(PANES))


async def test_hostile_text_is_shown_as_text() -> None:
    app = console(hostile())
    async with played(app, 200, 60) as pilot:
        for key in "1234":
            await pilot.press(key)
            for _ in range(6):
                await pilot.press("down")
                text = screen(app)
                assert all(line.isprintable() for line in text.splitlines())
        assert "[fe80::1]/10 end" in text
        assert "[bold]loud[/bold]" in text
        assert "\\x1b]0;evil\\x07" in text


async def test_empty_lists_say_why() -> None:
    app = console(EMPTY)
    async with played(app):
        text = screen(app)
        assert "Nobody is connected" in text
        assert "No xinetd runs here" in text
        assert "hosts.deny does not exist: nothing is denied." in text


async def test_without_utf8_everything_is_ascii() -> None:
    app = console(BUSY, plain=True)
    async with played(app) as pilot:
        for key in ("1", "3", "4", "question_mark"):
            await pilot.press(key)
        await pilot.press("escape")
        text = screen(app)
        assert "+ granted allow:1" in text
        odd = {character for character in text if not character.isascii()}
        assert odd <= {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}  # Textual's own scroll bars


async def test_an_older_or_equal_snapshot_changes_nothing() -> None:
    app = console(replace(BUSY, number=5))
    async with played(app) as pilot:
        shown: list[object] = []
        show = app.dashboard.show
        app.dashboard.show = lambda world: (shown.append(world), show(world))[1]  # type: ignore[method-assign,func-returns-value]
        app.post_message(SnapshotTaken(replace(BUSY, number=6, taken_at=9.0)))
        await pilot.pause()
        app.post_message(SnapshotTaken(Snapshot(number=4)))
        await pilot.pause()
        assert shown == []
        app.post_message(SnapshotTaken(replace(BUSY, load=3.0, number=7)))
        await pilot.pause()
        assert len(shown) == 1
        assert "load 3.00" in screen(app)


async def test_a_watch_that_fails_is_said() -> None:
    app = console(BUSY)
    async with played(app) as pilot:
        app.post_message(WatchFailed("OSError: gone"))
        await until(pilot, lambda: "The picture stands still" in screen(app))


async def test_filter_and_its_end() -> None:
    app = console(BUSY)
    async with played(app) as pilot:
        await pilot.press("slash", *"ssh")
        await pilot.press("enter")
        table = app.dashboard.front.table
        assert {row.service for row in (table.rows[i] for i in table.order)} == {"ssh"}
        assert "/ssh" in screen(app)
        await pilot.press("escape")
        assert len(table.order) == len(BUSY.visits)


async def test_the_bottom_line_has_only_keys_that_work() -> None:
    app = console(BUSY, read_only="not root")
    async with played(app) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "ask" in screen(app).splitlines()[-1])
        bottom = screen(app).splitlines()[-1]
        assert "add" not in bottom
        assert "undo" not in bottom
        assert "quit" in bottom
        assert "read-only: not root" in screen(app)


async def test_the_mouse_brings_a_pane_to_the_front() -> None:
    app = console(BUSY)
    async with played(app, 80, 24) as pilot:
        line = screen(app).splitlines()[1]
        await pilot.click(offset=(line.index("rules") + 1, 1))
        assert app.dashboard.front.view.name == "rules"


async def test_every_row_says_why() -> None:
    app = console(BUSY)
    async with played(app, 160, 50) as pilot:
        for key in "1234":
            await pilot.press(key)
            table = app.dashboard.front.table
            for _ in range(len(table.order)):
                first = "".join(piece.text for piece in app.dashboard.front.details()[0])
                assert len(first) > 10
                await pilot.press("down")
