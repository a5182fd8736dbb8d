"""Knows how to put a console on a stage: a scenario or a tree of files, a still clock, its screen."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from tests.pilot.scenarios import NOW
from wraptui.observe import Snapshot, observe
from wraptui.system.machine import FileMachine
from wraptui.tui.app import Console

FILES = {
    "/etc/hosts.allow": "# who gets in\nin.ftpd: 198.51.100.0/24\nsshd: 192.0.2.0/24 [2001:db8::]/32\n"
    "# sshd: 10.0.0.1\nin.echod: ALL EXCEPT 203.0.113.0/24\n",
    "/etc/hosts.deny": "ALL: 203.0.113.66\nin.slowd: .example.net\nsshd: ALL\n",
    "/etc/xinetd.conf": "defaults\n{\n\tinstances = 60\n}\nincludedir /etc/xinetd.d\n",
    "/etc/xinetd.d/echo": "service echo\n{\n\ttype = INTERNAL\n\tsocket_type = stream\n\twait = no\n"
    "\tuser = root\n\tinstances = 4\n\t# keep me\n}\n",
    "/etc/services": "echo 7/tcp\nssh 22/tcp\n",
    "/etc/protocols": "tcp 6 TCP\nudp 17 UDP\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
}


def tree(folder: str, files: dict[str, str] = FILES) -> FileMachine:
    """A tree of files as a machine."""
    for path, text in files.items():
        os.makedirs(folder + os.path.dirname(path), exist_ok=True)
        with open(folder + path, "w", newline="") as file:
            file.write(text)
    return FileMachine(folder)


def still(snapshot: Snapshot) -> Callable[[threading.Event], Iterable[Snapshot]]:
    """One snapshot, and no more."""
    return lambda stop: [snapshot]


def looking(machine: FileMachine) -> Callable[[threading.Event], Iterable[Snapshot]]:
    """Looks at a tree, often enough for a test."""

    def snapshots(stop: threading.Event) -> Iterator[Snapshot]:
        number = 0
        while not stop.is_set():
            number += 1
            seen = observe(machine)
            object.__setattr__(seen, "number", number)
            yield seen
            stop.wait(0.1)

    return snapshots


def console(
    snapshot: Snapshot | None = None,
    machine: FileMachine | None = None,
    *,
    plain: bool = False,
    read_only: str = "",
) -> Console:
    """A console on a scenario, or on a tree of files; its clock stands still."""
    shown = machine or FileMachine("/usr/share")
    return Console(
        shown,
        still(snapshot) if snapshot is not None else looking(shown),
        clock=(lambda: NOW) if snapshot is not None else shown.now,
        host="server.example",
        read_only=read_only,
        plain=plain,
        ticking=False,
    )


@asynccontextmanager
async def played(app: Console, width: int = 120, height: int = 36) -> AsyncIterator[Pilot[int]]:
    """The console at work, its first snapshot on screen."""
    async with app.run_test(size=(width, height), notifications=True) as pilot:
        await until(pilot, lambda: app.world.ready)
        yield pilot


async def until(pilot: Pilot[int], there: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.02)):
        await pilot.pause(0.02)
        if there():
            await pilot.pause()
            return
    raise AssertionError(f"not so within {seconds} s; the screen:\n{screen(pilot.app)}")


def screen(app: object) -> str:
    """What the top screen shows, as text."""
    assert isinstance(app, Console)
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def type_text(pilot: Pilot[int], text: str) -> None:
    """Type a text, key by key."""
    names = {
        " ": "space", ".": "full_stop", ":": "colon", "/": "slash", "-": "minus", "_": "underscore",
        "[": "left_square_bracket", "]": "right_square_bracket", ",": "comma", "@": "at", "=": "equals_sign",
    }  # fmt: skip
    for character in text:
        await pilot.press(names.get(character, character))
