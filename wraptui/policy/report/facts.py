"""Knows what a report is made from: values that were read elsewhere, at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from wraptui.policy.hardening.checks import Check
from wraptui.policy.lint.findings import Finding
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.limits import Gauge
from wraptui.policy.live.logbook import Event
from wraptui.policy.live.sensor import NoAccess
from wraptui.policy.tables.access import Tables
from wraptui.policy.xinetd.services import Configuration, Service


@dataclass(frozen=True, slots=True)
class Use:
    """A service as it runs: its state in a word, why, and its gauges."""

    service: Service
    state: str
    why: str
    gauges: tuple[Gauge, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page. `now` is in seconds since the epoch; `live` is False when only files are seen;
    `daemon` is a sentence about xinetd; `connections` counts those that are open. `refusals` are the events
    (kind `fail`) of the last `hours`, `gaps` sentences about what of them could not be read."""

    host: str
    now: float
    live: bool
    daemon: str
    tables: Tables
    configuration: Configuration
    notes: tuple[str, ...] = ()
    connections: int = 0
    uses: tuple[Use, ...] = ()
    no_access: NoAccess = field(default_factory=NoAccess)
    coverage: tuple[Coverage, ...] = ()
    refusals: tuple[Event, ...] = ()
    gaps: tuple[str, ...] = ()
    hours: int = 24
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
