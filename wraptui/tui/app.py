"""Knows the console as a program: one worker brings snapshots, keys make edits, edits leave as proposals."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input
from textual.worker import get_current_worker

from wraptui.observe import Snapshot
from wraptui.system.machine import Machine
from wraptui.tui import desk, terminal, themes
from wraptui.tui.dialogs.dialog import Ask
from wraptui.tui.editing import Editing
from wraptui.tui.landing import Landing
from wraptui.tui.messages import Checked, SnapshotTaken, WatchFailed
from wraptui.tui.world import World
from wraptui.workspace import Workspace

Snapshots = Callable[[threading.Event], Iterable[Snapshot]]


def style_sheets() -> list[str]:
    """The style files: beside the package in a checkout, inside it when installed."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(here, "styles"), os.path.join(os.path.dirname(here), "styles")):
        if os.path.isfile(os.path.join(folder, "console.tcss")):
            return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".tcss"))
    raise FileNotFoundError("wraptui is installed without its styles (console.tcss)")


class Console(Editing, Landing):
    """The console. `snapshots` is asked once, on a thread, for all snapshots to come."""

    TITLE = "wraptui"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = [*style_sheets()]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "explain", "ask", id="explain", priority=True),
        Binding("u", "undo", "undo", id="undo", priority=True),
        Binding("ctrl+r", "redo", "redo", id="redo", priority=True),
        Binding("w", "review", "review edits", id="review", priority=True),
        Binding("y", "keep", "keep the change", id="keep-change", priority=True),
        Binding("F", "findings", "findings", id="findings", priority=True),
        Binding("h", "history", "history", id="history", priority=True),
        Binding("question_mark,f1", "help", "help", key_display="?", id="pinned-help", priority=True),
        Binding("q", "quit", "quit", id="pinned-quit", priority=True),
        Binding("ctrl+q,ctrl+c", "leave_now", "quit", show=False),
        Binding("ctrl+t", "theme", "light or dark", show=False, id="theme", priority=True),
    ]
    DASHBOARD_ONLY = frozenset({"explain", "undo", "redo", "review", "keep", "history", "help", "findings"})
    KEYS = DASHBOARD_ONLY | {"quit", "theme"}

    def __init__(
        self,
        machine: Machine,
        snapshots: Snapshots,
        *,
        clock: Callable[[], float] = time.time,
        host: str = "",
        read_only: str = "",
        plain: bool = False,
        few_colours: bool = False,
        ticking: bool = True,
    ) -> None:
        super().__init__(machine, clock=clock, host=host, read_only=read_only, plain=plain)
        self._snapshots = snapshots
        self._ticking = ticking
        self._stop = threading.Event()
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = themes.ANSI.name if few_colours else themes.DARK.name

    def on_mount(self) -> None:
        self.set_class(self.world.glyphs.plain, "plain")
        self.push_screen(self.dashboard)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if not self.is_headless:
            terminal.when_hung_up(self.leave)
        self._watch()
        if self._ticking:
            self.set_interval(1, self._tick)
        if not self.world.read_only:
            self._offer_kept()

    # -- the world comes in -----------------------------------------------------------------------------

    @work(thread=True, name="watch", exit_on_error=False)
    def _watch(self) -> None:
        worker = get_current_worker()
        try:
            for snapshot in self._snapshots(self._stop):
                if worker.is_cancelled or self._stop.is_set():
                    return
                self.post_message(SnapshotTaken(snapshot))
        except Exception as error:  # a defect must not leave a picture that looks alive
            self.post_message(WatchFailed(f"{type(error).__name__}: {error}"))

    @on(SnapshotTaken)
    def _taken(self, event: SnapshotTaken) -> None:
        new, old = event.snapshot, self.world.snapshot
        if self._stop.is_set():
            return
        if self.world.ready and (new.number < old.number or new == old):
            return
        if self.world.ready and new.fingerprints != old.fingerprints and self.workspace.base:
            self.meet_others()
        self.saw(new)

    @on(WatchFailed)
    def _watch_failed(self, event: WatchFailed) -> None:
        note = f"The picture stands still: looking at the machine failed ({event.problem})."
        snapshot = self.world.snapshot
        self.saw(replace(snapshot, notes=(note, *snapshot.notes), number=snapshot.number + 1))

    def check_files(self) -> None:
        if self.workspace.changed and self.world.tables is not None:
            self._check(self.world)

    @work(thread=True, exclusive=True, group="check", exit_on_error=False)
    def _check(self, world: World) -> None:
        from wraptui.tui.checks import candidate_findings

        tables = world.tables
        if tables is None or tables is not self.world.tables:
            return
        findings = candidate_findings(world)
        self.post_message(Checked(tables, findings))

    @on(Checked)
    def _files_checked(self, event: Checked) -> None:
        self.checked(event.tables, event.findings)

    def _tick(self) -> None:
        if not self.is_headless and terminal.gone():
            terminal.leave_soon()
            self.leave()
            return
        self.world = replace(self.world, now=self.clock())
        self.tell_waiting()
        if self.screen is self.dashboard:
            self.dashboard.tick(self.world)

    # -- keys -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        screen = self.screen
        if action in self.KEYS and (isinstance(screen, ModalScreen) or isinstance(screen.focused, Input)):
            return False
        if action in self.DASHBOARD_ONLY and screen is not self.dashboard:
            return False
        if action == "undo":
            return bool(self.workspace.undoable)
        if action == "redo":
            return bool(self.workspace.redoable)
        if action == "review":
            return bool(self.workspace.changed)
        if action == "findings":
            return bool(self.world.findings)
        if action == "keep":
            return self._pending is not None
        return True

    async def action_help(self) -> None:
        from wraptui.tui.dialogs.help import Help

        await self.push_screen(Help(self.world))

    def action_theme(self) -> None:
        self.theme = themes.after(self.theme)

    # -- the end ----------------------------------------------------------------------------------------

    async def action_leave_now(self) -> None:
        """Leave from anywhere; in a dialog too."""
        await self.action_quit()

    async def action_quit(self) -> None:
        if not self.workspace.changed or isinstance(self.screen, Ask):
            self.leave()
            return
        count = self.workspace.done
        told = "1 edit is not applied." if count == 1 else f"{count} edits are not applied."
        answers = [("k", "keep for the next start"), ("f", "forget")]
        await self.push_screen(Ask(self.world, "quit", [told], answers), self._quit_answered)

    def _quit_answered(self, answer: str | None) -> None:
        if answer == "k":
            self.leave()
        elif answer == "f":
            self.workspace = Workspace()
            self.leave()

    def leave(self) -> None:
        """End; edits that wait are kept for the next start."""
        self._stop.set()
        if not self.world.read_only:
            self.farewell = desk.keep(self.machine, self.workspace)
        self.exit(0)

    def _offer_kept(self) -> None:
        kept = desk.kept(self.machine)
        if not kept.changed:
            return
        told = [
            f"{kept.done} edits of an earlier session were not applied:",
            *(f"  {s.summary}" for s in kept.steps),
        ]
        answers = [("k", "take them up again"), ("f", "forget them")]
        self.push_screen(
            Ask(self.world, "unsaved edits", told[:12], answers), lambda a: self._take_up(a, kept)
        )

    def _take_up(self, answer: str | None, kept: Workspace) -> None:
        if answer == "k":
            self.hold(kept)
            self.meet_others()
        elif answer == "f":
            desk.keep(self.machine, Workspace())

    def on_unmount(self) -> None:
        self._stop.set()
