"""Knows what the recipes are told of this machine, and what must be made before a plan is applied."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from wraptui.observe import Snapshot, read_tables
from wraptui.observe.clients import everybody, unmapped
from wraptui.observe.survey import packet_filters
from wraptui.policy.change.impact import Client
from wraptui.policy.live.coverage import names_asked
from wraptui.policy.live.logbook import Clock, Event, parse_all
from wraptui.policy.recipes import Circumstances, Made, Plan, Usage
from wraptui.policy.xinetd.services import read_configuration
from wraptui.system import logs
from wraptui.system.machine import Machine
from wraptui.system.sessions import this_session
from wraptui.workspace import Workspace

DAY = 86400.0
MOST = 300_000
"""Events of the logs that are looked at."""

_WORDS = (b"START: ", b"FAIL: ", b"EXIT: ", b"Started working", b"Reconfigured: ")


def circumstances(
    machine: Machine,
    snapshot: Snapshot,
    workspace: Workspace | None = None,
    days: float = 7.0,
    patience: float = 3.0,
    *,
    packet_filter: bool = False,
) -> Circumstances:
    """What the recipes may know: the files (with the edits of `workspace` made), who is here, who came in the
    last `days` days. Host names, which rules may ask for, are waited for up to `patience` seconds. With
    `packet_filter` that is read, too."""
    files = workspace.candidate(machine) if workspace else machine
    daemon = snapshot.daemon
    filters, notes = packet_filters(machine) if packet_filter and machine.live else ((), ())
    configuration = read_configuration(files, daemon.configuration, inetd_compat=daemon.inetd_compat)
    people = everybody(machine, snapshot, days)
    own = unmapped(this_session(machine).peer)
    log_types = [
        tuple(map(str, value))
        for each in snapshot.configuration.services
        if isinstance(value := each.attributes.get("log_type"), tuple)
    ]
    since = machine.now() - days * DAY
    return Circumstances(
        files=files,
        tables=read_tables(files),
        configuration=configuration,
        main_file=daemon.configuration,
        inetd_compat=daemon.inetd_compat,
        coverage=snapshot.coverage,
        asked=names_asked(snapshot.coverage, configuration),
        clients=_named(machine, (*people.live, *people.operators, *people.logged), patience),
        operators=people.operators,
        peers=(own,) if own else (),
        events=tuple(
            _events(machine, logs.places(machine, daemon.log, log_types, daemon.started).all, since)
        ),
        usage={
            each.service.id: Usage(each.largest_memory, each.largest_cpu)
            for each in snapshot.services
            if each.running
        },
        load=snapshot.load,
        entries=snapshot.no_access.entries,
        filters=filters,
        filter_notes=notes,
        now=machine.now(),
        live=snapshot.live,
    )


def _named(machine: Machine, clients: Sequence[Client], patience: float) -> tuple[Client, ...]:
    """The clients with the host names that are found in time, the busiest asked for first."""
    unnamed = sorted((each for each in clients if not each.name), key=lambda each: -each.times)
    wanted = list(dict.fromkeys(each.address for each in unnamed))[:1000]
    names = {address: machine.host_name(address) for address in wanted}
    ends = time.monotonic() + patience
    while machine.live and not all(names.values()) and time.monotonic() < ends:
        time.sleep(0.02)
        names = {address: name or machine.host_name(address) for address, name in names.items()}
    return tuple(each if each.name else replace(each, name=names.get(each.address, "")) for each in clients)


def _events(machine: Machine, places: Sequence[str], since: float) -> Iterator[Event]:
    """What the logs tell since then, in the order of time; of a very busy log the last events."""
    found: deque[Event] = deque(maxlen=MOST)
    for place in places:
        clock = Clock(machine.now())
        for lines in _lines(machine, place, since):
            found.extend(event for event in parse_all(lines, clock) if event.time >= since)
    yield from sorted(found, key=lambda event: event.time)


def _lines(machine: Machine, place: str, since: float) -> Iterator[Sequence[str]]:
    if place == logs.JOURNAL:
        yield logs.read_journal(machine, since).lines
        return
    with suppress(OSError):  # what cannot be read, the snapshot's notes tell
        paths = [each for each in logs.rotated(machine, place) if machine.status(each).modified >= since]
        for piece in logs.history(machine, paths, _WORDS):
            yield piece.lines


def changed(machine: Machine, plan: Plan, workspace: Workspace | None = None) -> Workspace:
    """A workspace with the plan's edits made, as one step that can be undone. Raises `OSError`."""
    workspace = workspace or Workspace()
    for path in plan.paths:
        if path not in workspace.base:
            try:
                data: bytes | None = machine.read(path)
            except FileNotFoundError:
                data = None
            workspace = workspace.with_file(path, data)
    return workspace.do(plan.title, *plan.edits)


def prepare(machine: Machine, plan: Plan) -> tuple[Made, ...]:
    """Makes the folders and logs that the plan needs and that are not there; returns those that it made.

    A log is made for its owner alone, and never through a link. Raises `OSError`."""
    done: list[Made] = []
    try:
        for each in plan.made:
            with suppress(FileExistsError):
                if each.kind == "folder":
                    machine.make_directory(each.path, each.mode)
                    machine.set_mode(each.path, each.mode)
                else:
                    machine.create(each.path, b"", each.mode)
                done.append(each)
    except OSError:
        withdraw(machine, tuple(done))
        raise
    return tuple(done)


def withdraw(machine: Machine, done: tuple[Made, ...]) -> None:
    """Takes away again what `prepare` made, where it is still empty: the change was not made."""
    for each in reversed(done):
        with suppress(OSError):
            if each.kind == "folder":
                machine.remove_directory(each.path)
            elif not machine.status(each.path).size:
                machine.remove(each.path)
