"""Changes leave the console: review, apply, confirm or take back, history, restore; on a tree of files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.pilot.stage import FILES, console, played, screen, tree, until
from wraptui.changes.landing import apply
from wraptui.changes.recovery import confirm, receipt, rollback
from wraptui.system.checkpoints import History
from wraptui.system.machine import FileMachine
from wraptui.tui.app import Console
from wraptui.tui.messages import Proposed, Weighed
from wraptui.tui.panes.rule_rows import RuleRow

DENY = "/etc/hosts.deny"


@asynccontextmanager
async def reviewed(folder: Path) -> AsyncIterator[tuple[Console, Pilot[int], FileMachine]]:
    """The first rule of hosts.deny disabled, under review."""
    machine = tree(str(folder))
    app = console(machine=machine)
    async with played(app, 140, 40) as pilot:
        await pilot.press("4")
        pane = app.dashboard.front
        row = next(row for row in pane.table.rows if row.file == DENY)
        pane.table.select(pane.view.key(row))
        await pilot.press("space", "w")
        await until(pilot, lambda: "+# ALL: 203.0.113.66" in screen(app))
        yield app, pilot, machine


async def test_nothing_is_written_before_it_is_applied(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        assert "1 file would be written" in screen(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.dashboard
        assert machine.read(DENY).decode() == FILES[DENY]


async def test_applied_for_good_then_brought_back_from_the_history(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("m", *"ticket7", "enter", "A")
        await until(pilot, lambda: "It is in the history" in screen(app))
        assert machine.read(DENY).decode() == "# " + FILES[DENY]
        await pilot.press("escape")
        await until(pilot, lambda: not app.workspace.changed)
        assert "not applied" not in screen(app)
        await pilot.press("h")
        await until(pilot, lambda: "ticket7" in screen(app))
        assert "+# ALL: 203.0.113.66" in screen(app)
        await pilot.press("b")
        await until(pilot, lambda: "-# ALL: 203.0.113.66" in screen(app))
        await pilot.press("A")
        await until(pilot, lambda: "It is in the history" in screen(app))
        assert machine.read(DENY).decode() == FILES[DENY]


async def test_applied_with_a_deadline_and_kept(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("a")
        await until(pilot, lambda: "left to keep it" in screen(app), 20)
        assert machine.read(DENY).decode() == "# " + FILES[DENY]
        assert "y keeps the change" in screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Done." in screen(app))
        assert machine.read(DENY).decode() == "# " + FILES[DENY]


async def test_applied_with_a_deadline_and_taken_back(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("a")
        await until(pilot, lambda: "left to keep it" in screen(app), 20)
        await pilot.press("b")
        await until(pilot, lambda: "Taken back" in screen(app))
        assert machine.read(DENY).decode() == FILES[DENY]


async def test_where_no_guard_lives_the_console_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = apply.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "arm", lambda machine, id, state: "nobody watches")
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("a")
        await until(pilot, lambda: "left to keep it" in screen(app), 20)
        history = History(machine)
        (pending,) = history.unfinished()
        passed = receipt(history.record(pending, deadline=machine.now() - 60))
        app.landing.waiting = passed
        app.landing.tell_waiting()
        await until(pilot, lambda: "Taken back" in screen(app))
        assert machine.read(DENY).decode() == FILES[DENY]


async def test_changed_meanwhile_is_refused_and_rebased(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        theirs = FILES[DENY] + "ALL: 192.0.2.99\n"
        (tmp_path / "etc/hosts.deny").write_text(theirs)
        await pilot.press("A")
        await until(pilot, lambda: "review again" in screen(app))
        assert machine.read(DENY).decode() == theirs
        await pilot.press("escape", "w")
        await until(pilot, lambda: "+# ALL: 203.0.113.66" in screen(app))
        await pilot.press("A")
        await until(pilot, lambda: "It is in the history" in screen(app))
        assert machine.read(DENY).decode() == "# " + theirs


async def test_a_review_that_is_closed_before_it_is_worked_out(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, _):
        review, number = app.landing._review, app.landing._number
        assert review is not None and review.proposal is not None
        proposal = review.proposal
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        review.proposal = None
        app.landing.weighed(Weighed(number, 0.5))
        app.landing.proposed(Proposed(number, proposal))
        app.landing.proposed(Proposed(number, None, "too late"))
        await pilot.pause()
        assert app.is_running and app.screen is app.dashboard


async def test_taken_back_by_hand_the_edits_wait_again(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("a")
        await until(pilot, lambda: "left to keep it" in screen(app), 20)
        assert not app.workspace.changed
        await pilot.press("b")
        await until(pilot, lambda: "Taken back: the files are as they were." in screen(app))
        assert "Your edits wait again" in screen(app)
        assert app.workspace.diff.endswith("+# ALL: 203.0.113.66\n in.slowd: .example.net\n sshd: ALL\n")
        await pilot.press("escape", "w")
        await until(pilot, lambda: "+# ALL: 203.0.113.66" in screen(app))
        await pilot.press("A")
        await until(pilot, lambda: "It is in the history" in screen(app))
        assert machine.read(DENY).decode() == "# " + FILES[DENY]


@pytest.mark.parametrize("keep", [True, False])
async def test_ended_from_another_login_the_dialog_says_so(tmp_path: Path, keep: bool) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("a")
        await until(pilot, lambda: "left to keep it" in screen(app), 20)
        (confirm if keep else rollback)(machine)
        app.landing.tell_waiting()
        await until(pilot, lambda: ("Done." if keep else "Taken back") in screen(app))
        assert "keep it" not in screen(app) and "y keeps the change" not in screen(app)
        assert app.workspace.changed == (() if keep else (DENY,))


async def test_edits_made_while_a_change_waits_outlive_its_confirmation(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, machine):
        await pilot.press("a")
        await until(pilot, lambda: "left to keep it" in screen(app), 20)
        await pilot.press("escape", "4", "end", "up")
        row = app.dashboard.front.table.current
        assert row is not None and row.file == DENY, row
        await pilot.press("space")
        assert app.workspace.changed == (DENY,)
        await pilot.press("y")
        await until(pilot, lambda: "The change is kept." in screen(app))
        assert app.workspace.changed == (DENY,)
        assert machine.read(DENY).decode() == "# " + FILES[DENY]


async def test_rows_stay_in_place_when_their_edit_is_written(tmp_path: Path) -> None:
    async with reviewed(tmp_path) as (app, pilot, _):
        table = app.dashboard.front.table

        def row() -> RuleRow:
            assert isinstance(table.current, RuleRow)
            return table.current

        before = row().text
        await pilot.press("A")
        await until(pilot, lambda: "It is in the history" in screen(app))
        assert row().text == before and not row().pending
        number = app.world.snapshot.number
        await until(pilot, lambda: app.world.snapshot.number > number + 1)
        assert row().text == before
