"""Recipes on screen: questions, what they would do here while one types, and edits that wait like others."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.pilot.scenarios import BUSY
from tests.pilot.stage import FILES, console, played, screen, tree, type_text, until
from wraptui.policy.recipes import RECIPES
from wraptui.system.machine import FileMachine
from wraptui.tui.app import Console
from wraptui.tui.dialogs.recipes import RecipeForm
from wraptui.tui.dialogs.review import Review

DENY = "/etc/hosts.deny"
LOG = "/var/log/hosts_access.warning"


@asynccontextmanager
async def form(
    folder: Path, name: str, *, read_only: str = "", width: int = 100, height: int = 40
) -> AsyncIterator[tuple[Console, Pilot[int], FileMachine]]:
    """The questions of a recipe, on a tree of files."""
    machine = tree(str(folder))
    os.makedirs(folder / "var/log")
    os.chmod(folder / "var/log", 0o755)
    app = console(machine=machine, read_only=read_only)
    async with played(app, width, height) as pilot:
        await open_form(app, pilot, name)
        yield app, pilot, machine


async def open_form(app: Console, pilot: Pilot[int], name: str) -> RecipeForm:
    down = [recipe.name for recipe in RECIPES].index(name)
    await pilot.press("R", *["down"] * down, "enter")
    await until(pilot, lambda: isinstance(app.screen, RecipeForm))
    found = app.screen
    assert isinstance(found, RecipeForm)
    await until(pilot, lambda: found.plan is not None or found._problem)
    return found


async def test_a_trap_waits_with_the_other_edits_and_can_be_undone(tmp_path: Path) -> None:
    async with form(tmp_path, "trap") as (app, pilot, machine):
        await type_text(pilot, "7777")
        await until(pilot, lambda: "trap-7777" in screen(app))
        shown = screen(app)
        assert "+++ /etc/xinetd.d/trap-7777" in shown and "+service trap-7777" in shown
        assert "The list is in the daemon's memory" in shown
        await pilot.press("enter")
        await until(pilot, lambda: "1 edit not applied" in screen(app))
        assert app.workspace.changed == ("/etc/xinetd.d/trap-7777",)
        assert "trap-7777" in {each.id for each in app.world.configuration.services}
        assert machine.names("/etc/xinetd.d") == ["echo"], "nothing is written before it is applied"
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Review) and "trap-7777" in screen(app))
        await pilot.press("escape", "u")
        await until(pilot, lambda: not app.workspace.changed)


async def test_what_must_be_there_first_is_made_and_said(tmp_path: Path) -> None:
    async with form(tmp_path, "warning") as (app, pilot, machine):
        assert "network is needed" in screen(app)
        await type_text(pilot, "203.0.113.0/24")
        await until(pilot, lambda: f"Made with Enter, empty: the log {LOG} (mode 0600)" in screen(app))
        assert not os.path.exists(f"{tmp_path}{LOG}")
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.changed)
        assert machine.status(LOG).mode & 0o7777 == 0o600
        assert f"the log {LOG}" in " ".join(each.message for each in app._notifications)
        assert "203.0.113.0/24" in app.workspace.diff and machine.read(DENY).decode() == FILES[DENY]
        await pilot.press("u")
        await until(pilot, lambda: not app.workspace.changed)
        assert not os.path.exists(f"{tmp_path}{LOG}"), "taken away again with the edit that needed it"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.workspace.changed)
        assert machine.status(LOG).size == 0


async def test_a_log_that_was_written_to_stays(tmp_path: Path) -> None:
    async with form(tmp_path, "warning") as (app, pilot, _):
        await type_text(pilot, "203.0.113.0/24")
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.changed)
        Path(f"{tmp_path}{LOG}").write_text("evidence\n")
        await pilot.press("u")
        await until(pilot, lambda: not app.workspace.changed)
        assert Path(f"{tmp_path}{LOG}").read_text() == "evidence\n"


async def test_escape_makes_nothing(tmp_path: Path) -> None:
    async with form(tmp_path, "warning") as (app, pilot, _):
        await type_text(pilot, "203.0.113.0/24")
        await until(pilot, lambda: "Made with Enter" in screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert not app.workspace.changed and not os.path.exists(f"{tmp_path}{LOG}")


async def test_enter_takes_what_was_typed_last_not_what_was_worked_out_last(tmp_path: Path) -> None:
    async with form(tmp_path, "trap") as (app, pilot, _):
        await pilot.press("7", "7", "7", "8", "enter")
        await until(pilot, lambda: app.workspace.changed)
        assert app.workspace.changed == ("/etc/xinetd.d/trap-7778",)


async def test_a_bad_answer_is_a_sentence_and_enter_does_nothing(tmp_path: Path) -> None:
    async with form(tmp_path, "trap") as (app, pilot, _):
        await type_text(pilot, "[/b]x")
        await until(pilot, lambda: "[/b]x" in screen(app).partition("port:")[2])
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert isinstance(app.screen, RecipeForm) and not app.workspace.changed


async def test_who_may_only_read_sees_but_does_not_change(tmp_path: Path) -> None:
    async with form(tmp_path, "trap", read_only="you are not root") as (app, pilot, _):
        await until(pilot, lambda: "+service trap-" in screen(app))
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert isinstance(app.screen, RecipeForm) and not app.workspace.changed
        assert "add to the edits" not in screen(app)


async def test_the_service_under_the_cursor_is_the_answer(tmp_path: Path) -> None:
    machine = tree(str(tmp_path))
    app = console(machine=machine)
    async with played(app, 100, 40) as pilot:
        await pilot.press("3")
        found = await open_form(app, pilot, "limits")
        assert found.answers()["service"] == "echo"


@pytest.mark.parametrize("recipe", [each.name for each in RECIPES])
@pytest.mark.parametrize("size", [(80, 24), (40, 10), (160, 50)])
async def test_every_recipe_fits_every_terminal(tmp_path: Path, recipe: str, size: tuple[int, int]) -> None:
    async with form(tmp_path, recipe, width=size[0], height=size[1]) as (app, _, __):
        lines = screen(app).splitlines()
        assert len(lines) == size[1] and all(len(line) <= size[0] for line in lines)
        assert "Esc" in lines[-1]


async def test_long_lists_of_words_are_typed_short_ones_turned(tmp_path: Path) -> None:
    async with form(tmp_path, "severity") as (app, pilot, _):
        await type_text(pilot, "in.telnetd")
        await pilot.press("down", "down", "down", "down", "right")
        found = app.screen
        assert isinstance(found, RecipeForm)
        await until(pilot, lambda: found.answers()["verdict"] == "allow")
        await until(pilot, lambda: "severity auth.alert : ALLOW" in screen(app) or "allow" in found._diff)


async def test_a_recipe_on_a_busy_machine_that_has_no_files() -> None:
    app = console(BUSY)
    async with played(app) as pilot:
        found = await open_form(app, pilot, "default-deny")
        assert found.plan is not None or found._problem
