"""Knows how the console begins on a real terminal and how it ends, even when the terminal just goes away."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from wraptui.tui import terminal
from wraptui.tui.app import Console

if TYPE_CHECKING:
    from wraptui.observe import Snapshot
    from wraptui.system.machine import Machine


def start(root: str, *, interval: float = 1.0, plain: bool = False) -> int:
    """Open the console on the machine whose files are below `root`; returns the exit code."""
    from wraptui.system.machine import machine_at

    machine, watched = machine_at(root), machine_at(root)  # one for each thread: they remember things
    name = os.uname().nodename if machine.live else machine.root
    return show(machine, name, watched=watched, interval=interval, plain=plain)


def show(
    machine: Machine,
    name: str,
    *,
    watched: Machine | None = None,
    interval: float = 1.0,
    plain: bool = False,
) -> int:
    """Open the console on this machine, called `name` on screen; returns the exit code. `watched` is the same
    machine once more, for the thread that looks at it."""

    def snapshots(stop: threading.Event) -> Iterable[Snapshot]:
        from wraptui.observe import watch

        return watch(watched or machine, interval, stop)

    console = Console(
        machine,
        snapshots,
        host=name,
        read_only="" if machine.privileged else machine.note or "without root nothing can be written",
        plain=plain or not terminal.speaks_utf8(),
        few_colours=terminal.few_colours(),
    )
    code = console.run()
    if code is None and console.workspace.changed and not console.world.read_only:  # it ended by a defect
        from wraptui.tui import desk

        console.farewell = desk.keep(machine, console.workspace)
    if console.farewell:
        with suppress(OSError):
            print(console.farewell, file=sys.stderr)
    return code or console.return_code or 0
