"""Knows how each configured service runs now: its state, its children, what they use, who was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wraptui.observe.guards import Guard
from wraptui.observe.snapshot import Daemon, ServiceState, Visit
from wraptui.policy.live.admission import is_sensor
from wraptui.policy.live.limits import plain, suggestions
from wraptui.policy.live.tally import Tally
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.system.processes import Process

FORKING = ("echo", "discard", "chargen", "tcpmux")
"""The built-in stream services that get a process of their own."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What goes on: xinetd's children, the live connections, what the log tells, and the time."""

    children: Sequence[Process]
    visits: Sequence[Visit]
    tally: Tally
    now: float


def states(
    configuration: Configuration, daemon: Daemon, guards: Sequence[Guard], activity: Activity
) -> tuple[ServiceState, ...]:
    """The state of every service, in the order of the files."""
    found: dict[str, list[Visit]] = {}
    served: set[int] = set()
    pids = {each.pid for each in activity.children}
    for visit in activity.visits:
        if visit.guard != "xinetd":
            continue
        if visit.process is None and visit.connection.inode:  # without root: a child, but not which one
            found.setdefault(visit.service, []).append(visit)
        elif visit.process and visit.process.pid in pids:
            found.setdefault(visit.service, []).append(visit)
            served.add(visit.process.pid)
    opened = {each.service for each in guards if each.kind == "xinetd" and each.open}
    sharing = Counter(each.name for each in configuration.services if each.active)
    told = _Told(activity.tally, sharing, activity.now)
    idle = [each for each in activity.children if each.pid not in served]
    return tuple(
        _state(each, daemon, each.id in opened, _Children.of(each, found.get(each.id, ()), idle), told)
        for each in configuration.services
    )


def forks(service: Service) -> bool:
    """Whether a connection of the service gets a process of its own, and so a START line."""
    kinds = service.attributes.get("type", ())
    internal = isinstance(kinds, tuple) and "INTERNAL" in kinds
    stream = service.attributes.get("socket_type", "stream") == "stream"
    return not is_sensor(service) and (not internal or (stream and service.name in FORKING))


@dataclass(frozen=True, slots=True)
class _Told:
    """What the log tells of all services."""

    tally: Tally
    sharing: Counter[str]
    now: float


@dataclass(frozen=True, slots=True)
class _Children:
    """The processes of one service, how many more cannot be seen, and the clients of those that have one.
    `waits`: one of them has the listening socket."""

    processes: tuple[Process, ...]
    unseen: int
    sources: tuple[tuple[str, int], ...]
    waits: bool

    @classmethod
    def of(cls, service: Service, visits: Sequence[Visit], idle: Sequence[Process]) -> _Children:
        # A child without a connection of its own (UDP, or wait = yes) is known by its program.
        waiting = service.attributes.get("wait") == "yes"
        alone = [each for each in idle if waiting and _runs(service, each)]
        processes = {each.process.pid: each.process for each in visits if each.process}
        clients = {each.process.pid: plain(each.connection.remote) for each in visits if each.process}
        unseen = [plain(each.connection.remote) for each in visits if not each.process]
        sources = Counter((*clients.values(), *unseen)).most_common()
        return cls((*processes.values(), *alone), len(unseen), tuple(sources), bool(alone))


def _state(service: Service, daemon: Daemon, listens: bool, children: _Children, told: _Told) -> ServiceState:
    if not service.active:
        return ServiceState(service, "off", service.why_not)
    if not daemon.pid:
        return ServiceState(service, "unknown", daemon.problem)
    state, why, returns = "active", "", None
    paused = told.tally.pause(service, told.now, sharing=told.sharing[service.name])
    if paused and not (listens and told.now >= paused.since + 1):
        by = f" by {paused.straw}" if paused.straw else ""
        state, why, returns = "paused", f"Paused{by}: {paused.reason}.", paused.returns
    elif children.waits:
        state, why = "suspended", "It waits until its server ends."
    elif not listens and service.attributes.get("socket_type", "stream") == "stream":
        state, why = "failed", "xinetd does not listen for it: it failed, or the files are newer."
    refused = told.tally.refusals(service.id)
    source, busiest = children.sources[0] if children.sources else ("", 0)
    return ServiceState(
        service,
        state,
        why,
        running=len(children.processes) + children.unseen,
        busiest=source,
        busiest_running=busiest,
        returns=returns,
        largest_memory=max((each.memory for each in children.processes), default=0),
        largest_cpu=max((each.cpu for each in children.processes), default=0.0),
        rate=told.tally.rate(service.id, told.now),
        cps_count=_cps_count(service, told),
        refusals=refused,
        suggestions=suggestions(refused),
    )


def cps_limit(service: Service) -> int:
    """The first number of cps; 0 without that limit."""
    cps = service.attributes.get("cps", ())
    return cps[0] if isinstance(cps, tuple) and cps and isinstance(cps[0], int) else 0


def _cps_count(service: Service, told: _Told) -> int:
    """Connections in the window of cps that is open now."""
    most = cps_limit(service)
    if not most:
        return 0
    state = told.tally.cps(service.id)
    return state.seen if int(told.now) - state.start < most else 0


def _runs(service: Service, process: Process) -> bool:
    server = str(service.attributes.get("server", "")).rpartition("/")[2]
    return bool(server) and server in (process.argv0, process.name)
