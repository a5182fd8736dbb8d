"""Pictures of the console, compared with those drawn before: `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.pilot.scenarios import BUSY, EMPTY, hostile
from tests.pilot.stage import console, screen, tree, until
from tests.pilot.test_guards_screen import staged
from wraptui.observe import Snapshot
from wraptui.tui.app import Console

DRAWN_WITH = "8.2.8"
pytestmark = pytest.mark.skipif(
    version("textual") != DRAWN_WITH, reason=f"the pictures were drawn with Textual {DRAWN_WITH}"
)


GUARDS = [
    pytest.param((120, 36), ("C",), "1 without libwrap", id="coverage"),
    pytest.param((80, 24), ("C", "2"), "still reaches xinetd", id="firewall-80x24"),
    pytest.param((160, 50), ("C", "3", "a"), "hosts.allow exists", id="audit-160x50"),
    pytest.param((100, 30), ("C", "2", "e"), "elements = {", id="rules-as-a-file"),
    pytest.param((80, 24), ("R",), "Default deny", id="recipes-80x24"),
]


@pytest.mark.parametrize(("size", "keys", "shown"), GUARDS)
def test_picture_of_protections(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    keys: tuple[str, ...],
    shown: str,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = console(BUSY)
    staged(app)
    assert snap_compare(app, run_before=pressed(app, keys, shown), terminal_size=size)


def test_picture_of_a_recipe(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = console(machine=tree(str(tmp_path)))
    keys = pressed(app, ("R", "down", "down", "down", "enter"), "+service trap-")
    assert snap_compare(app, run_before=keys, terminal_size=(120, 36))


def pressed(app: Console, keys: tuple[str, ...], shown: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press these, and wait until that is on the screen; new keys in its last line are no reason to draw
    anew."""

    async def ready(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.world.ready)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)
        await until(pilot, lambda: shown in screen(app))
        app.screen.query_one("#keys").display = False
        await pilot.pause()

    return ready


@pytest.mark.parametrize(
    ("seen", "size", "keys"),
    [
        pytest.param(BUSY, (120, 36), (), id="dashboard"),
        pytest.param(BUSY, (80, 24), ("3",), id="limits-80x24"),
        pytest.param(BUSY, (160, 50), ("4", "z"), id="rules-zoomed"),
        pytest.param(EMPTY, (120, 36), (), id="empty"),
        pytest.param(hostile(), (120, 36), (), id="hostile"),
        pytest.param(BUSY, (100, 30), ("2", "p"), id="new-rule"),
    ],
)
def test_picture(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    seen: Snapshot,
    size: tuple[int, int],
    keys: tuple[str, ...],
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = console(seen)

    async def ready(pilot: Pilot[Any]) -> None:
        assert isinstance(app, Console)
        await until(pilot, lambda: app.world.ready)
        app.dashboard.query_one("#keys").display = False  # new keys are no reason to draw anew
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)
        await pilot.pause()

    assert snap_compare(app, run_before=ready, terminal_size=size)
