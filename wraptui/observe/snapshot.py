"""Knows what a look at the machine gives: one frozen Snapshot and its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from wraptui.policy.lint.findings import Finding
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.limits import Refusals
from wraptui.policy.live.sensor import NoAccess
from wraptui.policy.tables.access import Decision, Tables
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.system.processes import Process
from wraptui.system.sockets import Connection
from wraptui.system.xinetd import Daemon


@dataclass(frozen=True, slots=True)
class Visit:
    """One live connection with its meaning: the service id or daemon name that it belongs to, how it is
    guarded (`xinetd`, `standalone`, `unknown`, or "" when nothing here guards it), and why it is let in.

    `process` serves it, None when that may not be seen. `decision` is what libwrap would say *now*, None
    where it is not asked or where that cannot be told yet; `why` is the sentence to it. `since` is when it
    began, in seconds since the epoch: the start of a process that serves it alone, else when it was seen
    first (0.0: it was there at the first look)."""

    connection: Connection
    service: str
    guard: str
    process: Process | None
    decision: Decision | None
    why: str
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as it runs now. `state` is active, paused (by cps, until `returns`), suspended, off, failed
    or unknown. `running` counts real children; `busiest` is the source with most of them ("" for none);
    `rate` is connections in each of the last 60 seconds; `cps_count` those in the present window of cps;
    memory in bytes and cpu in seconds are those of the largest child. `suggestions` are sentences on who
    keeps running into which limit."""

    service: Service
    state: str
    why: str
    running: int = 0
    busiest: str = ""
    busiest_running: int = 0
    returns: float | None = None
    largest_memory: int = 0
    largest_cpu: float = 0.0
    rate: tuple[int, ...] = ()
    cps_count: int = 0
    refusals: tuple[Refusals, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a screen shows. `notes` says in sentences what could not be seen, and why.

    `number` and `taken_at` stay out of comparison: a quiet machine gives equal snapshots and costs nothing.
    `coverage` has every listening socket and whether it asks hosts.allow and hosts.deny; `live` is False when
    only files are seen. `fingerprints` are those of every file that the picture was
    made from.
    """

    visits: tuple[Visit, ...] = ()
    no_access: NoAccess = field(default_factory=NoAccess)
    services: tuple[ServiceState, ...] = ()
    configuration: Configuration = field(default_factory=lambda: Configuration(starts=True))
    tables: Tables | None = None
    findings: tuple[Finding, ...] = ()
    daemon: Daemon = field(default_factory=Daemon)
    coverage: tuple[Coverage, ...] = ()
    load: float = 0.0
    live: bool = True
    notes: tuple[str, ...] = ()
    fingerprints: tuple[tuple[str, str], ...] = ()
    number: int = field(default=0, compare=False)
    taken_at: float = field(default=0.0, compare=False)


__all__ = ["Daemon", "Refusals", "ServiceState", "Snapshot", "Visit"]
