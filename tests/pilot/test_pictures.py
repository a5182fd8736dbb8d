"""Pictures of the console, compared with those drawn before: `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.pilot.scenarios import BUSY, EMPTY, hostile
from tests.pilot.stage import console, until
from wraptui.observe import Snapshot
from wraptui.tui.app import Console

DRAWN_WITH = "8.2.8"
pytestmark = pytest.mark.skipif(
    version("textual") != DRAWN_WITH, reason=f"the pictures were drawn with Textual {DRAWN_WITH}"
)


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
