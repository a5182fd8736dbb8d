"""Knows what every pane is given: the machine's snapshot, the edits that wait, the clock, the glyphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wraptui.observe import ServiceState, Snapshot
from wraptui.policy.access import Tables
from wraptui.policy.findings import Finding
from wraptui.policy.services import Configuration
from wraptui.tui.bars import UNICODE, Glyphs
from wraptui.tui.display import Words


@dataclass(frozen=True, slots=True)
class Pending:
    """The edits that wait: how many, and the physical lines (1-based) of each file that they wrote."""

    count: int = 0
    lines: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def touches(self, file: str, first: int, last: int) -> bool:
        """Whether one of these lines is not yet on disk."""
        lines = self.lines.get(file, frozenset())
        return bool(lines) and any(line in lines for line in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class World:
    """One moment as the screen shows it. `tables`, `configuration` and `findings` are those of the files
    *with* the edits that wait; the snapshot's own are those on disk. `ready` is False before the first look.
    `read_only` says why nothing can be changed, "" when it can; `waiting` what waits for the operator."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    now: float = 0.0
    ready: bool = False
    host: str = ""
    read_only: str = ""
    tables: Tables | None = None
    configuration: Configuration = field(default_factory=lambda: Configuration(starts=True))
    findings: tuple[Finding, ...] = ()
    pending: Pending = Pending()
    waiting: Words = ()
    glyphs: Glyphs = UNICODE

    def state_of(self, service: str) -> ServiceState | None:
        """How the service runs, if it is known."""
        return next((each for each in self.snapshot.services if each.service.id == service), None)


def seen(snapshot: Snapshot, now: float, **more: object) -> World:
    """A world without edits."""
    return World(
        snapshot,
        now,
        ready=True,
        tables=snapshot.tables,
        configuration=snapshot.configuration,
        findings=snapshot.findings,
        **more,  # type: ignore[arg-type]
    )
