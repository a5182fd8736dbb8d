"""Knows how one look at the machine is put together from what each module below makes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from wraptui.observe.findings import Findings
from wraptui.observe.guards import Guard, Listeners, port_of
from wraptui.observe.kept import Kept
from wraptui.observe.log import Log
from wraptui.observe.snapshot import Daemon, Snapshot, Visit
from wraptui.observe.states import Activity, states
from wraptui.observe.visits import Rulings, Visits
from wraptui.policy.files import Files
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.sensor import NoAccess
from wraptui.policy.tables.access import Table, Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service, read_configuration
from wraptui.syntax.tree import byte_text
from wraptui.system import xinetd
from wraptui.system.files import Remembered, is_directory, is_missing
from wraptui.system.machine import Machine
from wraptui.system.processes import Process

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
SEARCH = 3.0
"""Seconds between two searches for a daemon that does not run."""


class Memory:
    """What is kept between two looks at one machine, so that a quiet one costs next to nothing."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.daemon = Daemon()
        self.tables = Kept(read_tables)
        self.configuration = Kept(self._configuration)
        self.listeners = Listeners(machine)
        self.visits = Visits(machine)
        self.log = Log(machine)
        self.findings = Findings(machine)
        self.number = 0
        self._searched = 0.0

    def find_daemon(self, now: float) -> Daemon:
        """The xinetd that runs; where there is none, all processes are searched only now and then."""
        if self.daemon.pid or not 0 <= now - self._searched < SEARCH:
            self._searched = now
            self.daemon = xinetd.find(self.machine, self.daemon)
        return self.daemon

    def _configuration(self, files: Remembered) -> Configuration:
        daemon = self.daemon
        return read_configuration(files, daemon.configuration, inetd_compat=daemon.inetd_compat)


def read_tables(files: Files) -> Tables:
    """Both tables, as libwrap would find them now."""
    allow, deny = (_table(files, path) for path in (ALLOW, DENY))
    return Tables(allow, deny, files)


def _table(files: Files, path: str) -> Table:
    try:
        return read_table(path, byte_text(files.read(path)))
    except (FileNotFoundError, IsADirectoryError):
        return read_table(path, "")
    except OSError as error:
        return read_table(path, "", f"{path} cannot be read: {error.strerror or error}")


def observe(machine: Machine, memory: Memory | None = None) -> Snapshot:
    """One look at the machine. Give the same `memory` each time; without it everything is read anew.

    Never raises for what the machine holds: what cannot be seen is said in `notes`."""
    memory = memory or Memory(machine)
    memory.number += 1
    now = machine.now()
    notes = [machine.note] if machine.note else []
    daemon = memory.find_daemon(now)
    configuration = memory.configuration.get(machine, (daemon.configuration, daemon.inetd_compat))
    tables = memory.tables.get(machine)
    children = machine.children(daemon.pid) if daemon.pid else ()
    memory.log.follow(daemon, configuration, now)
    no_access = memory.log.no_access
    visits, guards, coverage = _visits(memory, configuration, tables, no_access, children, notes)
    findings = memory.findings.of(tables, configuration, coverage)
    if memory.findings.waiting:
        notes.append("The files are long: they are still being checked.")
    notes += _absences(machine, configuration, tables, daemon)
    return Snapshot(
        visits=visits,
        no_access=no_access,
        services=states(configuration, daemon, guards, Activity(children, visits, memory.log.tally, now)),
        configuration=configuration,
        tables=tables,
        findings=findings,
        daemon=daemon,
        coverage=coverage,
        load=machine.load() if machine.live else 0.0,
        live=machine.live,
        notes=tuple(notes),
        fingerprints=tuple(sorted({*memory.tables.fingerprints, *memory.configuration.fingerprints})),
        number=memory.number,
        taken_at=now,
    )


def look_once(machine: Machine, patience: float = 2.0) -> Snapshot:
    """One look that waits up to `patience` seconds for the host names that its verdicts need."""
    memory = Memory(machine)
    ends = time.monotonic() + patience
    while True:
        snapshot = observe(machine, memory)
        if not memory.visits.waiting or time.monotonic() > ends:
            return snapshot
        time.sleep(0.05)


def watch(machine: Machine, interval: float, stop: threading.Event) -> Iterator[Snapshot]:
    """A look every `interval` seconds until `stop` is set; each has its number. To be run in one thread."""
    memory = Memory(machine)
    while not stop.is_set():
        began = time.monotonic()
        yield observe(machine, memory)
        stop.wait(max(0.05, interval - (time.monotonic() - began)))


def _visits(
    memory: Memory,
    configuration: Configuration,
    tables: Tables,
    no_access: NoAccess,
    children: Sequence[Process],
    notes: list[str],
) -> tuple[tuple[Visit, ...], tuple[Guard, ...], tuple[Coverage, ...]]:
    machine = memory.machine
    if not machine.live:
        return (), (), ()
    try:
        connections = machine.sockets()
    except OSError as error:
        notes.append(f"The connections cannot be seen: {error.strerror or error}.")
        return (), (), ()
    listening = [each for each in connections if each.state == "LISTEN"]
    # A service that cps stopped does not listen; its visitors are still there.
    ports = {each.local_port for each in listening} | set(map(port_of, configuration.services))
    inbound = memory.visits.inbound(connections, ports)
    wanted = {each.inode for each in inbound} | {each.inode for each in listening}
    owners = machine.owners(wanted, [each.pid for each in children])
    unseen = len(wanted - owners.keys() - {0})
    if unseen:
        notes.append(
            f"The process of {unseen} socket{'s' * (unseen > 1)} cannot be seen"
            + ("." if machine.privileged else " without root.")
        )
    guards, coverage = memory.listeners.look(listening, owners, configuration, memory.daemon)
    minute = int(machine.now() // 60) if any(map(has_times, configuration.services)) else 0
    memory.visits.take(Rulings(tables, configuration, guards, no_access, minute))
    return memory.visits.of(inbound, owners, children), guards, coverage


def has_times(service: Service) -> bool:
    """Whether the service opens and closes by the clock."""
    return service.active and "access_times" in service.attributes


def _absences(
    machine: Machine, configuration: Configuration, tables: Tables, daemon: Daemon
) -> Iterator[str]:
    """What this host does not have."""
    for table in (tables.allow, tables.deny):
        if table.problem:
            yield f"{table.problem}. To libwrap that is an error."
        elif is_missing(machine, table.path):
            yield f"There is no {table.path}: libwrap takes that for an empty file."
    if daemon.problem and machine.live:
        yield daemon.problem
    if is_missing(machine, daemon.configuration):
        yield f"There is no {daemon.configuration}: xinetd has no services here."
    elif is_directory(machine, daemon.configuration):
        yield f"{daemon.configuration} is a directory: xinetd reads no services from it."
    elif not configuration.starts:
        said = [each.text for each in configuration.messages if each.level in ("ERROR", "CRITICAL")]
        yield f"xinetd would not start with these files: {said[0] if said else 'it finds no services'}"
    if machine.live and not machine.privileged and not machine.note:
        yield "Without root this is read-only, and other users' processes cannot be seen."
