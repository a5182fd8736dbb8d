"""Knows what the console holds: the machine, the edits, and the world that the screens show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from textual.app import App

from wraptui.observe import Snapshot
from wraptui.policy.findings import Finding
from wraptui.system.machine import Machine
from wraptui.tui import desk
from wraptui.tui.bars import ASCII, UNICODE
from wraptui.tui.dashboard import Dashboard
from wraptui.tui.world import World
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
        self.workspace = Workspace()
        self.findings: tuple[Finding, ...] | None = None
        self.world = World(now=clock(), host=host, read_only=read_only, glyphs=ASCII if plain else UNICODE)
        self.dashboard = Dashboard(self.world)
        self.farewell = ""

    def saw(self, snapshot: Snapshot) -> None:
        """The machine was seen again."""
        self._evaluate(snapshot)

    def hold(self, workspace: Workspace) -> None:
        """The edits that wait are these now."""
        if workspace is self.workspace:
            return
        self.workspace = workspace
        self.findings = None
        self._evaluate(self.world.snapshot)
        self.check_candidate()

    def check_candidate(self) -> None:
        """Have the candidate files checked, on a thread."""

    def found(self, findings: tuple[Finding, ...]) -> None:
        """The candidate files were checked."""
        self.findings = findings
        self.show(replace(self.world, findings=findings))

    def _evaluate(self, snapshot: Snapshot) -> None:
        world = self.world
        if world.ready and snapshot.tables is world.snapshot.tables and self._same_edits(snapshot):
            self.show(replace(world, snapshot=snapshot, now=self.clock()))
            return
        candidate = desk.candidate(self.machine, self.workspace, snapshot)
        changed = bool(self.workspace.changed)
        findings = snapshot.findings if not changed else self.findings
        self._evaluated = (self.workspace, snapshot.configuration, snapshot.findings)
        self.show(
            replace(
                world,
                snapshot=snapshot,
                ready=world.ready or snapshot.number > 0,
                now=self.clock(),
                tables=candidate.tables,
                configuration=candidate.configuration,
                pending=candidate.pending,
                findings=world.findings if findings is None else findings,
            )
        )

    _evaluated: tuple[object, object, object] = (None, None, None)

    def _same_edits(self, snapshot: Snapshot) -> bool:
        workspace, configuration, findings = self._evaluated
        return (
            workspace is self.workspace
            and configuration is snapshot.configuration
            and findings is snapshot.findings
        )

    def show(self, world: World) -> None:
        """Another world on screen."""
        self.world = world
        self.dashboard.show(world)

    def say(self, text: str, *, bad: bool = False) -> None:
        """A sentence in the corner for some seconds."""
        self.notify(text, severity="warning" if bad else "information", markup=False, timeout=6)
