#!/usr/bin/env python3
"""Makes the screenshots of the README from the running demo server: `python screenshots/make.py`."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent.resolve()
INSIDE = "--inside"


async def shoot() -> None:
    """Plays the operator's story in the console and keeps its pictures."""
    from wraptui.observe import Snapshot, watch
    from wraptui.system.machine import LocalMachine
    from wraptui.tui.app import Console

    def snapshots(stop: threading.Event) -> Iterable[Snapshot]:
        return watch(LocalMachine(), 0.5, stop)

    async def keep(name: str, size: tuple[int, int], *keys: str, wait: float = 1.5) -> None:
        console = Console(LocalMachine(), snapshots, host="server")
        async with console.run_test(size=size) as pilot:
            await pilot.pause(2.0)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.15)
            await pilot.pause(wait)
            svg = console.export_screenshot(title="wraptui")
        (FOLDER / f"{name}.svg").write_text(svg)
        print(name)

    limits = ("3", "home", "down", "down", "down", "down", "enter", "down", "backspace", "2")
    rule = ("4", "home", *["down"] * 5, "a", *"ALL", "tab", *"203.0.113.0/24")
    ask = ("x", *"in.ftpd", "tab", *"203.0.113.150")
    await keep("dashboard", (160, 50))
    await keep("small", (80, 24))
    await keep("no-access", (100, 30), "2")
    await keep("limits", (120, 36), *limits)
    await keep("rule", (120, 36), *rule)
    await keep("explain", (120, 36), *ask)
    await keep("recipes", (120, 36), "R", wait=3.0)
    await keep("review", (120, 36), *limits, "enter", *rule, "enter", "w", wait=5.0)


if __name__ == "__main__":
    if INSIDE in sys.argv:
        asyncio.run(shoot())
    else:
        script = f"sleep 45; exec {sys.executable} {FOLDER / 'make.py'} {INSIDE}"
        command = [sys.executable, "-m", "wraptui", "demo", "--", "sh", "-c", script]
        os.execv(sys.executable, command)  # noqa: S606  (no shell is what we want)
