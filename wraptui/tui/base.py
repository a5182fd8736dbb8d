"""Knows what the console holds: the machine, the edits, and the world that the screens show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import App

from wraptui.tui.bars import ASCII, UNICODE
from wraptui.tui.dashboard import Dashboard
from wraptui.tui.world import World

if TYPE_CHECKING:
    from wraptui.observe import Snapshot
    from wraptui.policy.lint.findings import Finding
    from wraptui.system.machine import Machine
    from wraptui.workspace import Workspace


class Base(App[int]):
    """State and the two ways to change it: another snapshot, another workspace."""

    def __init__(
        self,
        machine: Machine,
        *,
        clock: Callable[[], float] = time.time,
        host: str = "",
        read_only: str = "",
        plain: bool = False,
    ) -> None:
        super().__init__()
        self.machine = machine
        self.clock = clock
        self._workspace: Workspace | None = None
        self.world = World(now=clock(), host=host, read_only=read_only, glyphs=ASCII if plain else UNICODE)
        self.dashboard = Dashboard(self.world, self.asked)
        self.farewell = ""

    @property
    def workspace(self) -> Workspace:
        """The edits that wait."""
        if self._workspace is None:
            from wraptui.workspace import Workspace

            self._workspace = Workspace()
        return self._workspace

    def saw(self, snapshot: Snapshot) -> None:
        """The machine was seen again."""
        self._evaluate(snapshot)

    def hold(self, workspace: Workspace, snapshot: Snapshot | None = None) -> None:
        """The edits that wait are these now; with `snapshot` the machine is believed to be so."""
        if workspace is not self.workspace:
            self._workspace = workspace
            self._evaluate(snapshot or self.world.snapshot)

    async def asked(self, name: str, row: object) -> None:
        """A key that does something was pressed on a row (None: on no row)."""

    def leave(self, *, forget: bool = False) -> None:
        """End."""

    def check_files(self) -> None:
        """Have the files with their edits checked, on a thread."""

    def checked(self, of: object, findings: tuple[Finding, ...]) -> None:
        """The files were checked: `of` are the tables that were."""
        if of is self.world.tables and findings != self.world.findings:
            self.show(replace(self.world, findings=findings))

    def _evaluate(self, snapshot: Snapshot) -> None:
        world = self.world
        made_from = (self.workspace, snapshot.tables, snapshot.configuration, snapshot.findings)
        new = replace(world, snapshot=snapshot, ready=world.ready or snapshot.number > 0, now=self.clock())
        if all(one is other for one, other in zip(made_from, self._made_from, strict=True)):
            self.show(new)
            return
        self._made_from = made_from
        from wraptui.tui import desk

        candidate = desk.candidate(self.machine, self.workspace, snapshot)
        self.show(
            replace(
                new,
                tables=candidate.tables,
                configuration=candidate.configuration,
                pending=candidate.pending,
                findings=world.findings if self.workspace.changed else snapshot.findings,
            )
        )
        self.check_files()

    _made_from: tuple[object, object, object, object] = (None, None, None, None)

    def show(self, world: World) -> None:
        """Another world on screen."""
        self.world = world
        self.dashboard.show(world)

    def say(self, text: str, *, bad: bool = False) -> None:
        """A sentence in the corner for some seconds."""
        self.notify(text, severity="warning" if bad else "information", markup=False, timeout=6)


class Half:
    """A part of the console that works on what the console holds."""

    def __init__(self, console: Base) -> None:
        self.console = console

    @property
    def world(self) -> World:
        """What is shown."""
        return self.console.world

    @property
    def machine(self) -> Machine:
        """The machine."""
        return self.console.machine

    @property
    def workspace(self) -> Workspace:
        """The edits that wait."""
        return self.console.workspace
