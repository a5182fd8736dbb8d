"""Knows how each configured service runs now: its state, its children, what they use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wraptui.observe.guards import Guard
from wraptui.observe.snapshot import Daemon, ServiceState, Visit
from wraptui.policy.services import Configuration, Service
from wraptui.system.processes import Process


def is_sensor(service: Service) -> bool:
    """Whether the service is a trap that refuses everyone and fills the no_access list."""
    flags = service.attributes.get("flags", ())
    return isinstance(flags, tuple) and "SENSOR" in flags


def states(
    configuration: Configuration,
    daemon: Daemon,
    guards: Sequence[Guard],
    children: Sequence[Process],
    visits: Sequence[Visit],
) -> tuple[ServiceState, ...]:
    """The state of every service, in the order of the files."""
    found: dict[str, list[Visit]] = {}
    served: set[int] = set()
    pids = {each.pid for each in children}
    for visit in visits:
        if visit.guard == "xinetd" and visit.process and visit.process.pid in pids:
            found.setdefault(visit.service, []).append(visit)
            served.add(visit.process.pid)
    idle = [each for each in children if each.pid not in served]
    opened = {each.service for each in guards if each.kind == "xinetd" and each.open}
    return tuple(
        _state(each, daemon, each.id in opened, found.get(each.id, []), idle)
        for each in configuration.services
    )


def _state(
    service: Service, daemon: Daemon, listens: bool, visits: Sequence[Visit], idle: Sequence[Process]
) -> ServiceState:
    if not service.active:
        return ServiceState(service, "off", service.why_not)
    if not daemon.pid:
        return ServiceState(service, "unknown", daemon.problem)
    # A child without a connection of its own (UDP, or wait = yes) is known by its program.
    alone = [each for each in idle if service.attributes.get("wait") == "yes" and _runs(service, each)]
    processes = {each.process.pid: each.process for each in visits if each.process}
    processes |= {each.pid: each for each in alone}
    sources = Counter(
        {each.process.pid: each.connection.remote for each in visits if each.process}.values()
    ).most_common(1)
    state, why = "active", ""
    if alone:
        state, why = "suspended", "It waits until its server ends."
    elif not listens and service.attributes.get("socket_type", "stream") == "stream":
        state, why = "failed", "xinetd does not listen for it."
    return ServiceState(
        service,
        state,
        why,
        running=len(processes),
        busiest=sources[0][0] if sources else "",
        busiest_running=sources[0][1] if sources else 0,
        largest_memory=max((each.memory for each in processes.values()), default=0),
        largest_cpu=max((each.cpu for each in processes.values()), default=0.0),
    )


def _runs(service: Service, process: Process) -> bool:
    server = str(service.attributes.get("server", "")).rpartition("/")[2]
    return server in (process.argv0, process.name) and bool(server)
