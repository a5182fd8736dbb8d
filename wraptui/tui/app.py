"""Knows the console as a program: one worker brings snapshots, keys make edits, edits leave as proposals.

What is not needed for the first frame is imported when it is asked for.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.worker import get_current_worker

from wraptui.tui import messages, terminal, themes
from wraptui.tui.base import Base

if TYPE_CHECKING:
    from wraptui.observe import Snapshot
    from wraptui.system.machine import Machine
    from wraptui.tui.editing import Editing
    from wraptui.tui.landing import Landing
    from wraptui.tui.protecting import Protecting
    from wraptui.tui.world import World

    Snapshots = Callable[[threading.Event], Iterable[Snapshot]]


class Console(Base):
    """The console. `snapshots` is asked once, on a thread, for all snapshots to come."""

    TITLE = "wraptui"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = [themes.style_sheet("console.tcss")]
    # Priority: keys take effect in the order in which they were typed (see `Table`).
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "explain", "ask", id="explain", priority=True),
        Binding("u", "undo", "undo", id="undo", priority=True),
        Binding("ctrl+r", "redo", "redo", id="redo", priority=True),
        Binding("w", "review", "review edits", id="review", priority=True),
        Binding("y", "keep", "keep the change", id="keep-change", priority=True),
        Binding("F", "findings", "findings", id="findings", priority=True),
        Binding("h", "history", "history", id="history", priority=True),
        Binding("R", "recipes", "recipes", id="recipes", priority=True),
        Binding("C", "guards", "who guards what", id="guards", priority=True),
        Binding("question_mark,f1", "help", "help", key_display="?", id="pinned-help", priority=True),
        Binding("q", "quit", "quit", id="pinned-quit", priority=True),
        Binding("ctrl+q,ctrl+c", "leave_now", "quit", show=False),
        Binding("ctrl+t", "theme", "light or dark", show=False, id="theme", priority=True),
    ]
    DASHBOARD_ONLY = frozenset(
        {"explain", "undo", "redo", "review", "keep", "history", "help", "findings", "recipes", "guards"}
    )
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
        self._editing: Editing | None = None
        self._landing: Landing | None = None
        self._protecting: Protecting | None = None
        for theme in themes.ALL:
            self.register_theme(theme)
        self.theme = themes.ANSI.name if few_colours else themes.DARK.name

    @property
    def editing(self) -> Editing:
        """The half that makes edits."""
        if self._editing is None:
            from wraptui.tui.editing import Editing

            self._editing = Editing(self)
        return self._editing

    @property
    def landing(self) -> Landing:
        """The half that lands changes."""
        if self._landing is None:
            from wraptui.tui.landing import Landing

            self._landing = Landing(self)
        return self._landing

    @property
    def protecting(self) -> Protecting:
        """The half that protects."""
        if self._protecting is None:
            from wraptui.tui.protecting import Protecting

            self._protecting = Protecting(self)
        return self._protecting

    def get_default_screen(self) -> Screen[object]:
        return cast("Screen[object]", self.dashboard)

    def on_mount(self) -> None:
        self.set_class(self.world.glyphs.plain, "plain")
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        gc.freeze()  # what was loaded so far lives as long as we do
        gc.enable()
        if not self.is_headless:
            terminal.when_hung_up(self.leave)
        self._watch()
        if self._ticking:
            self.set_interval(1, self._tick)

    # -- the world comes in -----------------------------------------------------------------------------

    @work(thread=True, name="watch", exit_on_error=False)
    def _watch(self) -> None:
        worker = get_current_worker()
        try:
            for snapshot in self._snapshots(self._stop):
                if worker.is_cancelled or self._stop.is_set():
                    return
                self.post_message(messages.SnapshotTaken(snapshot))
        except Exception as error:  # a defect must not leave a picture that looks alive
            self.post_message(messages.WatchFailed(f"{type(error).__name__}: {error}"))

    @on(messages.SnapshotTaken)
    async def _taken(self, event: messages.SnapshotTaken) -> None:
        new, old = event.snapshot, self.world.snapshot
        if self._stop.is_set():
            return
        if not self.world.ready:
            self.saw(new)
            if not self.world.read_only:
                await self.landing.begin()
            return
        if new.number < old.number:
            return
        if self._landing is not None:
            self._landing.notice(new)  # of an equal picture too: who comes in was connected before
        if new == old:
            return
        if new.fingerprints != old.fingerprints and self.workspace.base:
            self.landing.meet_others()
        self.saw(new)

    @on(messages.WatchFailed)
    def _watch_failed(self, event: messages.WatchFailed) -> None:
        told = f"The picture stands still: looking at the machine failed ({event.problem})."
        self.show(replace(self.world, trouble=told))

    def check_files(self) -> None:
        if self.workspace.changed and self.world.tables is not None:
            self._check(self.world)

    @work(thread=True, exclusive=True, group="check", exit_on_error=False)
    def _check(self, world: World) -> None:
        from wraptui.tui.checks import candidate_findings

        tables = world.tables
        if tables is not None and tables is self.world.tables:
            self.post_message(messages.Checked(tables, candidate_findings(world)))

    @on(messages.Checked)
    def _files_checked(self, event: messages.Checked) -> None:
        self.checked(event.tables, event.findings)

    def _tick(self) -> None:
        if not self.is_headless and terminal.gone():
            terminal.leave_soon()
            self.leave()
            return
        self.world = replace(self.world, now=self.clock())
        if self._landing is not None:
            self._landing.tell_waiting()
        if self.screen is self.dashboard:
            self.dashboard.tick(self.world)

    # -- changes go out ---------------------------------------------------------------------------------

    async def asked(self, name: str, row: object) -> None:
        if name == "clear":
            await self.protecting.clear()
        else:
            await self.editing.asked(name, row)

    @on(messages.Weighed)
    def _weighed(self, event: messages.Weighed) -> None:
        self.landing.weighed(event)

    @on(messages.Proposed)
    def _proposed(self, event: messages.Proposed) -> None:
        self.landing.proposed(event)

    @on(messages.ApplyAsked)
    def _apply_asked(self, event: messages.ApplyAsked) -> None:
        self.landing.asked_to_apply(event)

    @on(messages.Stepped)
    def _stepped(self, event: messages.Stepped) -> None:
        self.landing.stepped(event)

    @on(messages.Landed)
    def _landed(self, event: messages.Landed) -> None:
        self.landing.landed(event)

    @on(messages.Unproved)
    def _unproved(self, event: messages.Unproved) -> None:
        self.landing.unproved(event)

    @on(messages.KeepAnswered)
    def _keep_answered(self, event: messages.KeepAnswered) -> None:
        self.landing.answered(event)

    # -- keys -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        screen = self.screen
        if action in self.KEYS and (isinstance(screen, ModalScreen) or self.typing):
            return False
        if action in self.DASHBOARD_ONLY and screen is not self.dashboard:
            return False
        if action == "undo":
            return self._workspace is not None and bool(self.workspace.undoable)
        if action == "redo":
            return self._workspace is not None and bool(self.workspace.redoable)
        if action == "review":
            return self._workspace is not None and bool(self.workspace.changed)
        if action in ("recipes", "guards"):
            return self.world.ready
        if action == "findings":
            return bool(self.world.findings)
        if action == "keep":
            return self._landing is not None and self._landing.can_keep
        return True

    @property
    def typing(self) -> bool:
        """Whether keys are letters just now."""
        return self.focused is not None and self.focused.has_class("typing")

    async def action_explain(self) -> None:
        await self.editing.explain_current()

    def action_undo(self) -> None:
        what = self.workspace.undoable
        self.editing.undo()
        if self._protecting is not None:
            self._protecting.undone(what)

    def action_redo(self) -> None:
        what = self.workspace.redoable
        self.editing.redo()
        if self._protecting is not None:
            self._protecting.redone(what)

    async def action_findings(self) -> None:
        await self.editing.findings()

    async def action_review(self) -> None:
        await self.landing.review_edits()

    def action_keep(self) -> None:
        self.landing.keep()

    async def action_history(self) -> None:
        await self.landing.history()

    async def action_recipes(self) -> None:
        await self.protecting.recipes()

    async def action_guards(self) -> None:
        await self.protecting.guards()

    async def action_help(self) -> None:
        from wraptui.tui.dialogs.help import Help

        await self.push_screen(Help(self.world))

    def action_theme(self) -> None:
        self.theme = themes.after(self.theme)

    # -- the end ----------------------------------------------------------------------------------------

    async def action_leave_now(self) -> None:
        """Leave from anywhere; from a dialog too."""
        await self.action_quit()

    async def action_quit(self) -> None:
        if self._workspace is None or not self.workspace.changed:
            self.leave()
        else:
            await self.landing.ask_before_the_end()

    def leave(self, *, forget: bool = False) -> None:
        """End; edits that wait are kept for the next start, unless they are to be forgotten."""
        self._stop.set()
        if self._workspace is not None and not self.world.read_only:
            from wraptui.tui import desk
            from wraptui.workspace import Workspace

            self.farewell = desk.keep(self.machine, Workspace() if forget else self.workspace)
            if forget:
                self._workspace = None
        self.exit(0)

    def on_unmount(self) -> None:
        self._stop.set()
