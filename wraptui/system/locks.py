"""Knows who of us may change files now: one lock per state folder, and a word on who holds it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wraptui.system.checkpoints import STATE, remove_if_there
from wraptui.system.machine import Machine


class Held(Exception):
    """Another of us is changing files; the sentence says who."""


@contextmanager
def held(machine: Machine, who: str, state: str = STATE, wait: float = 0.0) -> Iterator[None]:
    """Holds the lock; waits at most `wait` seconds for it, then raises `Held`. It ends with the process."""
    state = state.rstrip("/")
    _make(machine, state)
    until = time.monotonic() + wait
    while True:
        lock = machine.locked(f"{state}/lock")
        try:
            lock.__enter__()
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Held(
                    f"{_holder(machine, state)} is changing these files just now; try again then."
                ) from None
            time.sleep(0.05)
            continue
        break
    try:
        with suppress(OSError):  # only the word on who it is would be missing
            remove_if_there(machine, f"{state}/holder")
            machine.create(f"{state}/holder", who.encode("utf-8", "backslashreplace"))
        yield
    finally:
        remove_if_there(machine, f"{state}/holder")
        lock.__exit__(None, None, None)


def _holder(machine: Machine, state: str) -> str:
    try:
        return machine.read(f"{state}/holder").decode("utf-8", "replace") or "Another wraptui"
    except OSError:
        return "Another wraptui"


def _make(machine: Machine, state: str) -> None:
    parts = [part for part in state.split("/") if part]
    for depth in range(1, len(parts) + 1):
        try:
            machine.make_directory("/" + "/".join(parts[:depth]), 0o755 if depth < len(parts) else 0o700)
        except FileExistsError:
            continue
