"""Knows what every pane is given: the machine's snapshot, the edits that wait, the clock, the glyphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from wraptui.tui.bars import UNICODE, Glyphs
from wraptui.tui.display import Words

if TYPE_CHECKING:
    from wraptui.observe import ServiceState, Snapshot
    from wraptui.policy.lint.findings import Finding
    from wraptui.policy.tables.access import Tables
    from wraptui.policy.xinetd.services import Configuration


class Unseen:
    """What is known before the first look: nothing. It stands for a snapshot and for a configuration, so that
    the first frame need not wait until all that makes them is imported."""

    visits = services = findings = notes = fingerprints = entries = messages = coverage = files = ()
    tables = None
    certain = True
    why = problem = ""
    load = started = 0.0
    pid = number = 0
    live = starts = True
    defaults: Mapping[str, object] = MappingProxyType({})

    @property
    def no_access(self) -> Unseen:
        return self

    @property
    def daemon(self) -> Unseen:
        return self

    @property
    def configuration(self) -> Unseen:
        return self


NO_SNAPSHOT = cast("Snapshot", Unseen())
NO_CONFIGURATION = cast("Configuration", Unseen())


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
    `read_only` says why nothing can be changed, "" when it can; `waiting` what waits for the operator,
    `trouble` why the picture stands still."""

    snapshot: Snapshot = NO_SNAPSHOT
    now: float = 0.0
    ready: bool = False
    host: str = ""
    read_only: str = ""
    tables: Tables | None = None
    configuration: Configuration = NO_CONFIGURATION
    findings: tuple[Finding, ...] = ()
    pending: Pending = field(default_factory=Pending)
    waiting: Words = ()
    trouble: str = ""
    glyphs: Glyphs = UNICODE

    def state_of(self, service: str) -> ServiceState | None:
        """How the service runs, if it is known."""
        return next((each for each in self.snapshot.services if each.service.id == service), None)
