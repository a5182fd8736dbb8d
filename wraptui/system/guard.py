"""Knows how to start the process that takes a change back: one that no lost session can take with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from wraptui.system.machine import Machine

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def start_apart(machine: Machine, module: str, arguments: Sequence[str], unit: str) -> str:
    """Runs `python -m module arguments` in a session of its own, and says how.

    Where systemd runs it becomes a transient unit, so that the end of the login session does not end it;
    else it is a child of init, without terminal, with only standard streams, which lead nowhere. Raises
    `OSError` when neither can be had. What it does after that it must tell by itself.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        machine.status("/run/systemd/system")
        systemd = machine.privileged
    except OSError:
        systemd = False
    if systemd:
        words = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--setenv=PYTHONPATH={_PACKAGES}"]
        try:
            if machine.run([*words, *command], 10).code == 0:
                return f"unit {unit}"
        except OSError:
            pass  # the other way remains
    spawn_apart(command, {**os.environ, "PYTHONPATH": _PACKAGES})
    return "process of its own"


def spawn_apart(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """Runs a program as a child of init, in a session of its own, in /, its streams leading nowhere.

    A shell forks it off (and this process never forks itself, which threads would make unsafe); its words are
    arguments to the shell, never text of it.
    """
    subprocess.run(
        ["/bin/sh", "-c", '"$@" & exit 0', "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
        check=True,
        timeout=10,
    )
