"""Knows the console as a program: what it shows comes as snapshots from one worker, what it does goes out
as proposals; in between it only holds values."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import ClassVar

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from wraptui.observe import Snapshot
from wraptui.system.machine import Machine
from wraptui.tui import themes
from wraptui.tui.bars import ASCII, UNICODE
from wraptui.tui.dashboard import Dashboard
from wraptui.tui.messages import SnapshotTaken
from wraptui.tui.world import World

Snapshots = Callable[[threading.Event], Iterable[Snapshot]]


def style_sheets() -> list[str]:
    """The style files: beside the package in a checkout, inside it when installed."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(here, "styles"), os.path.join(os.path.dirname(here), "styles")):
        if os.path.isfile(os.path.join(folder, "console.tcss")):
            return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".tcss"))
    raise FileNotFoundError("wraptui is installed without its styles (console.tcss)")


class Console(App[int]):
    """The console. `snapshots` is asked once, on a thread, for all snapshots to come."""

    TITLE = "wraptui"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = [*style_sheets()]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "help", key_display="?", id="pinned-help"),
        Binding("q", "quit", "quit", id="pinned-quit"),
        Binding("ctrl+q", "quit", "quit", show=False),
        Binding("ctrl+t", "theme", "light or dark", show=False, id="theme"),
    ]

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        machine: Machine | None = None,
        clock: Callable[[], float] = time.time,
        host: str = "",
        read_only: str = "",
        plain: bool = False,
        ticking: bool = True,
    ) -> None:
        super().__init__()
        self.machine = machine
        self.farewell = ""
        self._snapshots = snapshots
        self._clock = clock
        self._ticking = ticking
        self._stop = threading.Event()
        self.world = World(now=clock(), host=host, read_only=read_only, glyphs=ASCII if plain else UNICODE)
        self.dashboard = Dashboard(self.world)
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = themes.DARK.name

    def on_mount(self) -> None:
        self.set_class(self.world.glyphs.plain, "plain")
        self.push_screen(self.dashboard)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._watch()
        if self._ticking:
            self.set_interval(1, self._tick)

    # -- the world comes in -----------------------------------------------------------------------------

    @work(thread=True, name="watch", exit_on_error=False)
    def _watch(self) -> None:
        worker = get_current_worker()
        for snapshot in self._snapshots(self._stop):
            if worker.is_cancelled or self._stop.is_set():
                return
            self.post_message(SnapshotTaken(snapshot))

    @on(SnapshotTaken)
    def _taken(self, event: SnapshotTaken) -> None:
        new, old = event.snapshot, self.world.snapshot
        if self.world.ready and (new.number < old.number or new == old):
            return
        self.show(
            replace(
                self.world,
                snapshot=new,
                ready=True,
                now=self._clock(),
                tables=new.tables,
                configuration=new.configuration,
                findings=new.findings,
            )
        )

    def show(self, world: World) -> None:
        """Another world on screen."""
        self.world = world
        self.dashboard.show(world)

    def _tick(self) -> None:
        self.world = replace(self.world, now=self._clock())
        if self.screen is self.dashboard:
            self.dashboard.tick(self.world)

    # -- keys -------------------------------------------------------------------------------------------

    def action_theme(self) -> None:
        self.theme = themes.LIGHT.name if self.theme == themes.DARK.name else themes.DARK.name

    async def action_quit(self) -> None:
        self._stop.set()
        self.exit(0)

    def on_unmount(self) -> None:
        self._stop.set()
