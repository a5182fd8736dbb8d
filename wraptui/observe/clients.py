"""Knows who comes to this machine: the connections of now, the people at work, and whom the logs name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from wraptui.observe import Snapshot, Visit
from wraptui.observe.logins import Login, logins
from wraptui.observe.survey import use_of
from wraptui.policy.change.impact import Client
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.logbook import Clock, parse
from wraptui.system import logs
from wraptui.system.machine import Machine
from wraptui.system.sessions import ANCESTORS, Session, sessions, this_session

DAY = 86400.0
SSH = 22
AUTH_LOGS = ("/var/log/auth.log", "/var/log/secure")

Progress = Callable[[int, int], None]

_OF_XINETD = re.compile(r"(?:START|FAIL): (\S+) (?:.* )?from=([0-9a-fA-F:.]+)")
_OF_SSHD = re.compile(r"sshd(?:-session)?\[\d+\]: Accepted \S+ for .* from ([0-9a-fA-F:.]+) port \d+")


@dataclass(frozen=True, slots=True)
class Clients:
    """Who is there, who works here, who came: `operators` are the people logged in, each as the client that
    they would be again (the first is this session, if it came over the network); `notes` are sentences."""

    live: tuple[Client, ...] = ()
    operators: tuple[Client, ...] = ()
    logged: tuple[Client, ...] = ()
    notes: tuple[str, ...] = ()


def everybody(
    machine: Machine, snapshot: Snapshot, days: float = 7.0, progress: Progress = lambda done, total: None
) -> Clients:
    """All clients that a change could concern; those of the logs of the last `days` days."""
    live = tuple(client for visit in snapshot.visits if (client := of_visit(machine, visit)))
    operators, notes = _operators(machine, snapshot)
    logged = tuple(_logged(machine, snapshot, days, progress)) if days else ()
    return Clients(live, operators, logged, notes)


def of_visit(machine: Machine, visit: Visit) -> Client | None:
    """The client that a live connection is; None where neither xinetd nor libwrap guards it."""
    if visit.guard not in ("xinetd", "standalone"):
        return None
    address = unmapped(visit.connection.remote)
    return Client(
        visit.service,
        address,
        visit.service if visit.guard == "standalone" else "",
        unmapped(visit.connection.local),
        visit.connection.local_port,
        machine.host_name(address),
        live=True,
    )


def unmapped(address: str) -> str:
    """A mapped address as the IPv4 address that it is."""
    return address.removeprefix("::ffff:") if "." in address else address


def new_login(machine: Machine, snapshot: Snapshot, since: float) -> Login | None:
    """A login from where this session comes from, to the port that it came in by, that began after `since`:
    the proof that the door is still open. A connection alone proves nothing: libwrap keeps one that it
    refuses for five seconds. None when there is none yet, or when this session has no peer."""
    return next((each for each in like_ours(machine, snapshot) if each.began > since), None)


def like_ours(machine: Machine, snapshot: Snapshot) -> tuple[Login, ...]:
    """The SSH logins from where this session comes from, to the port that it came in by; all, where it came
    from somewhere once and nobody is there any more (tmux, screen); none for one that did not come by SSH."""
    own = this_session(machine)
    everyone = tuple(logins(machine, snapshot)) if own.peer else ()
    ours = (unmapped(own.peer), own.port)
    return tuple(each for each in everyone if (each.peer, each.connection.local_port) == ours) or everyone


def _operators(machine: Machine, snapshot: Snapshot) -> tuple[tuple[Client, ...], tuple[str, ...]]:
    found: list[Client] = []
    notes: list[str] = []
    own = this_session(machine)
    came_by = partial(_came_by, machine, snapshot)
    logged_in = {(each.peer, each.connection.local_port): each for each in logins(machine, snapshot)}
    by_ssh = [Session(each.user, each.terminal, *ends, each.pid) for ends, each in logged_in.items()]
    known: set[tuple[str, int]] = set()
    for session in map(came_by, (own, *by_ssh, *sessions(machine))):
        peer, port = unmapped(session.peer), session.port
        if not peer or (peer, port) in known or (not port and any(peer == each for each, _ in known)):
            continue
        known.add((peer, port))
        client = _as_client(machine, snapshot, session, peer)
        itself = _of_sshd_itself(machine, logged_in.get((peer, port)), session)
        if client:
            found.append(client)
        if itself and not (client and client.daemon):
            found.append(itself)
        if not client and not itself:
            notes.append(f"{session}: what lets them in on port {port or SSH} is not guarded by these files.")
    return tuple(found), tuple(notes)


def _came_by(machine: Machine, snapshot: Snapshot, session: Session) -> Session:
    """The session with its peer and port, where neither SSH nor the login records tell them: those of the
    connection that a process above it serves (telnet by xinetd, say)."""
    if session.port:
        return session
    serving = {
        visit.process.pid: visit.connection
        for visit in snapshot.visits
        if visit.process and visit.process.pid != snapshot.daemon.pid
    }
    pid = session.pid if serving else 0
    for _ in range(ANCESTORS):
        if pid <= 1:
            break
        if pid in serving:
            ends = serving[pid]
            return replace(session, peer=unmapped(ends.remote), port=ends.local_port)
        process = machine.process(pid)
        pid = process.parent if process else 0
    return session


def _of_sshd_itself(machine: Machine, login: Login | None, session: Session) -> Client | None:
    """What sshd itself asks libwrap, whoever listened for it: xinetd, systemd, or a container's proxy."""
    if login is None or use_of(machine, login.pid, machine.program(login.pid)) not in ("loaded", "named"):
        return None
    local, port = unmapped(login.connection.local), login.connection.local_port
    name = machine.host_name(login.peer)
    return Client("sshd", login.peer, "sshd", local, port, name, live=True, operator=str(session))


def _as_client(machine: Machine, snapshot: Snapshot, session: Session, peer: str) -> Client | None:
    """The session's person as they would come in again: by the listener that their connection came by."""
    port = session.port or SSH
    for visit in snapshot.visits:
        if unmapped(visit.connection.remote) == peer and visit.connection.local_port == port:
            client = of_visit(machine, visit)
            return replace(client, operator=str(session)) if client else None
    for each in snapshot.coverage:
        if each.listener.port == port and each.listener.protocol.startswith("tcp"):
            guarded = _guarded(each, snapshot)
            if guarded:
                service, daemon = guarded
                name = machine.host_name(peer)
                return Client(service, peer, daemon, server_port=port, name=name, operator=str(session))
    return None


def _guarded(coverage: Coverage, snapshot: Snapshot) -> tuple[str, str] | None:
    """The service (by xinetd) or the daemon name (by libwrap itself) behind a listener; None for neither."""
    if coverage.listener.by_xinetd:
        for service in snapshot.configuration.services:
            if service.active and service.attributes.get("port") == coverage.listener.port:
                return service.id, ""
        return None
    if coverage.honours == "yes" and coverage.daemons:
        return coverage.daemons[0], coverage.daemons[0]
    return None


def _logged(machine: Machine, snapshot: Snapshot, days: float, progress: Progress) -> Iterator[Client]:
    since = machine.now() - days * DAY
    words = [each.attributes.get("log_type", ()) for each in snapshot.configuration.services]
    types = [tuple(map(str, each)) for each in words if isinstance(each, tuple)]
    places = logs.places(machine, snapshot.daemon.log, types, snapshot.daemon.started)
    seen: Counter[tuple[str, str]] = Counter()
    for line in _lines(machine, places.all, (b"START: ", b"FAIL: "), since, progress):
        if found := _OF_XINETD.search(line):
            seen[found[1], found[2]] += 1
    ids = {each.id for each in snapshot.configuration.services}
    for (service, address), times in seen.items():
        if service in ids:
            yield Client(service, unmapped(address), times=times)
    sshd = next(
        (each for each in snapshot.coverage if "sshd" in each.daemons and each.honours == "yes"), None
    )
    if sshd is None:
        return
    people: Counter[str] = Counter()
    for line in _lines(machine, AUTH_LOGS, (b": Accepted ",), since, progress):
        if found := _OF_SSHD.search(line):
            people[found[1]] += 1
    for address, times in people.items():
        yield Client("sshd", unmapped(address), "sshd", server_port=sshd.listener.port, times=times)


def _lines(
    machine: Machine, places: Sequence[str], words: Sequence[bytes], since: float, progress: Progress
) -> Iterator[str]:
    for place in dict.fromkeys(places):
        if place == logs.JOURNAL:
            yield from logs.read_journal(machine, since).lines
            continue
        paths = [path for path in logs.rotated(machine, place) if _modified(machine, path) >= since]
        try:
            for piece in logs.history(machine, paths, words):
                progress(piece.done, piece.total)
                if piece.lines and _when(piece.lines[-1], machine.now()) >= since:
                    yield from piece.lines
        except OSError:
            continue  # what cannot be read is told by the snapshot's notes


def _modified(machine: Machine, path: str) -> float:
    try:
        return machine.status(path).modified
    except OSError:
        return 0.0


def _when(line: str, now: float) -> float:
    """When a line was written, as far as it can be told; else now, so that it counts."""
    event = parse(line, Clock(now))
    return event.time if event else now
