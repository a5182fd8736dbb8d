"""Knows which live connections are visits, whose they are, and which rule lets them in."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from wraptui.observe.doubts import Doubts, doubts
from wraptui.observe.guards import Guard
from wraptui.observe.snapshot import Visit
from wraptui.policy.live.admission import LIBWRAP, Admission, Live, admit
from wraptui.policy.live.sensor import NoAccess
from wraptui.policy.tables.access import Decision, Tables, Visitor, decide
from wraptui.policy.tables.rules import Rule
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import shown, typed
from wraptui.system.machine import Machine
from wraptui.system.processes import Process
from wraptui.system.sockets import Connection

DECIDING = 0.4
"""Seconds of one look that may go into new verdicts; the others wait for the next look, so that a crowd of
new clients and a long hosts.deny never freeze the picture."""


class NotYet(Exception):
    """A host name that a verdict needs is still being asked for; the argument is the address."""


@dataclass(frozen=True, slots=True)
class Rulings:
    """What verdicts are made from; equal ones give equal verdicts. `minute` is that of the clock where a
    service has access_times, else 0."""

    tables: Tables
    configuration: Configuration
    guards: tuple[Guard, ...]
    no_access: NoAccess
    minute: int


Verdict = tuple[Decision | None, str]


@dataclass
class Visits:
    """The visits of one machine, look after look: what has not changed is the same object again."""

    machine: Machine
    _rulings: Rulings | None = None
    _doubts: Doubts = field(default_factory=Doubts)
    _known: dict[int, tuple[Visit, int]] = field(default_factory=dict)  # by the connection's id, with its pid
    _pending: set[int] = field(default_factory=set)
    _verdicts: dict[tuple[Guard, str, str], Verdict] = field(default_factory=dict)
    _processes: dict[int, Process] = field(default_factory=dict)
    _by_port: dict[int, list[Guard]] = field(default_factory=dict)
    _services: dict[str, Service] = field(default_factory=dict)
    _since: dict[tuple[str, int, str, int], float] = field(default_factory=dict)
    _connections: Sequence[Connection] = ()
    _ports: Set[int] = frozenset()
    _inbound: Sequence[Connection] = ()
    _seen: Sequence[Connection] | None = None
    _owners: Mapping[int, int] = field(default_factory=dict)
    _visits: tuple[Visit, ...] = ()
    _looked: bool = False
    _decides_until: float = 0.0

    def take(self, rulings: Rulings) -> None:
        """Goes on with these; new ones mean that everything is decided again."""
        if self._rulings is not None and _same(rulings, self._rulings):
            return
        if self._rulings is None or self._rulings.tables is not rulings.tables:
            self._doubts = doubts(rulings.tables)
        self._rulings = rulings
        self._verdicts.clear()
        self._known.clear()
        self._services = {each.id: each for each in rulings.configuration.services if each.active}
        self._by_port = {}
        for guard in rulings.guards:
            self._by_port.setdefault(guard.port, []).append(guard)

    @property
    def waiting(self) -> bool:
        """Whether a verdict waits for a host name."""
        return bool(self._pending)

    def inbound(self, connections: Sequence[Connection], ports: Set[int]) -> Sequence[Connection]:
        """Those connections that came to one of these ports, or did when somebody still listened there; the
        same object as the time before if nothing has changed."""
        changed = connections != self._connections or ports != self._ports
        self._connections, self._ports = connections, ports  # the very same objects are compared fastest
        if changed:
            known = self._known
            self._inbound = [
                each
                for each in connections
                if each.state != "LISTEN" and (each.local_port in ports or id(each) in known)
            ]
        return self._inbound

    def of(
        self, inbound: Sequence[Connection], owners: Mapping[int, int], children: Iterable[Process] = ()
    ) -> tuple[Visit, ...]:
        """The visits that these connections are; `children` are processes that are known already."""
        changed = self._refresh(set(owners.values()), {each.pid: each for each in children})
        if (
            inbound is self._seen
            and owners == self._owners
            and not (changed or self._pending or not self._known)
        ):
            return self._visits
        self._seen, self._owners = inbound, owners
        self._decides_until = time.monotonic() + DECIDING
        now = self.machine.now()
        known, processes, pending = self._known, self._processes, self._pending
        visits = []
        self._known = kept = {}
        self._pending = set()
        for connection in inbound:
            key = id(connection)
            pid = owners.get(connection.inode, 0)
            found = known.get(key)
            if (
                found is None
                or found[1] != pid
                or found[0].process is not processes.get(pid)
                or key in pending
            ):
                found = (self._visit(connection, processes.get(pid), now), pid)
            kept[key] = found
            visits.append(found[0])
        if len(self._since) > 2 * len(kept) + 1000:
            ends = map(_ends, inbound)
            self._since = {each: self._since[each] for each in ends}
        self._looked = True
        self._visits = tuple(visits)
        return self._visits

    def _refresh(self, pids: Set[int], at_hand: Mapping[int, Process]) -> bool:
        """Looks at the processes again; returns whether any is not what it was."""
        fresh = {}
        for pid in pids:
            process = at_hand.get(pid) or self.machine.process(pid)
            if process is not None:
                before = self._processes.get(pid)
                fresh[pid] = before if before == process else process
        old, self._processes = self._processes, fresh
        return len(old) != len(fresh) or any(old.get(pid) is not each for pid, each in fresh.items())

    def _visit(self, connection: Connection, process: Process | None, now: float) -> Visit:
        guard = self._guard(connection)
        seen = self._since.setdefault(_ends(connection), now if self._looked else 0.0)
        # Whoever listens hands a connection to a process of its own, or serves many at once itself.
        alone = process is not None and guard is not None and guard.pid not in (0, process.pid)
        since = process.started if process and alone else seen
        if guard is None:
            why = f"Nothing listens on port {connection.local_port} any more; it came before."
            return Visit(connection, f"port {connection.local_port}", "unknown", process, None, why, since)
        if not guard.daemon and guard.kind != "xinetd":
            return Visit(connection, guard.service, guard.kind, process, None, guard.why, since)
        decision, why = self._decide(connection, guard)
        if decision is None and (guard, connection.remote, connection.local) not in self._verdicts:
            self._pending.add(id(connection))
        return Visit(connection, guard.service, guard.kind, process, decision, why, since)

    def _guard(self, connection: Connection) -> Guard | None:
        return max(
            (each for each in self._by_port.get(connection.local_port, ()) if each.fits(connection)),
            key=lambda each: each.fits(connection),
            default=None,
        )

    def _decide(self, connection: Connection, guard: Guard) -> Verdict:
        key = (guard, connection.remote, connection.local)
        verdict = self._verdicts.get(key)
        if verdict is None:
            if time.monotonic() > self._decides_until:
                return None, "Not decided yet: there are many new connections."
            try:
                verdict = self._ask(connection, guard)
            except NotYet as error:
                return None, f"A rule asks for a host name, and that of {error} is not known yet."
            self._verdicts[key] = verdict
        return verdict

    def _ask(self, connection: Connection, guard: Guard) -> Verdict:
        assert self._rulings is not None
        rulings, address, local = self._rulings, unmapped(connection.remote), unmapped(connection.local)
        service = self._services.get(guard.service) if guard.kind == "xinetd" else None
        admission = None
        if service is not None:
            admission = admit(
                service,
                address,
                rulings.tables,
                configuration=rulings.configuration,
                live=Live(self.machine.now(), no_access=rulings.no_access),
                server_address=local,
                server_name="",
                look_up=self._look_up,
            )
            if not guard.daemon or (admission.refusal and admission.refusal.name not in LIBWRAP):
                return _of_xinetd(admission, rulings.tables, guard)
        visitor = Visitor(
            typed(guard.daemon),
            address,
            name="",
            server_address=local,
            server_name="",
            server_port=connection.local_port,
        )
        decision = decide(rulings.tables, visitor, look_up=self._look_up)
        doubt = self._doubts.about(rulings.tables, visitor, decision, self._look_up)
        if doubt:
            return None, doubt
        if admission is not None and admission.decision is not None:
            return _of_xinetd(admission, rulings.tables, guard)
        return decision, reason(decision, rulings.tables, guard.daemon)

    def _look_up(self, address: str) -> tuple[str, tuple[str, ...]]:
        name = self.machine.host_name(address)
        if not name:
            raise NotYet(address)
        return name, ()


def _same(one: Rulings, other: Rulings) -> bool:
    """Whether verdicts stay as they are; hits on the list, and its next clearing run, do not matter."""
    return (
        one.tables is other.tables
        and one.configuration is other.configuration
        and one.minute == other.minute
        and (one.guards is other.guards or one.guards == other.guards)
        and (one.no_access is other.no_access or _held(one.no_access) == _held(other.no_access))
    )


def _held(listed: NoAccess) -> tuple[object, ...]:
    return listed.certain, [(each.address, each.release, each.certain) for each in listed.entries]


def _of_xinetd(admission: Admission, tables: Tables, guard: Guard) -> Verdict:
    """The verdict of all of xinetd's checks, in their order, and the reason in a sentence."""
    refusal, decision = admission.refusal, admission.decision
    if refusal is not None and refusal.name not in LIBWRAP:
        where = f" ({refusal.file} line {refusal.line})" if refusal.file else ""
        denied = Decision("denied", refusal.file or None, refusal.line or None, "rule")
        return denied, f"It would be refused if it came now: {refusal.why}{where}"
    doubts = [layer.why for layer in admission.layers if layer.verdict == "unknown"]
    doubt = f" Not certain: {' '.join(doubts)}" if doubts else ""
    if decision is None:
        return None, guard.why + doubt
    return decision, reason(decision, tables, guard.daemon) + doubt


def _ends(connection: Connection) -> tuple[str, int, str, int]:
    return connection.local, connection.local_port, connection.remote, connection.remote_port


def unmapped(address: str) -> str:
    """An address as libwrap sees it: IPv4 where it came mapped through an IPv6 socket."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def rule_at(tables: Tables, file: str, line: int) -> Rule | None:
    """The rule that ends on this physical line."""
    for table in (tables.allow, tables.deny):
        if table.path == file:
            rules = table.rules
            place = bisect_left(range(len(rules)), line, key=lambda index: rules.place(index)[1])
            if place < len(rules) and rules.place(place)[1] == line:
                return rules[place]
    return None


def reason(decision: Decision, tables: Tables, daemon: str) -> str:
    """The decision on a live connection in a sentence."""
    where = f"{decision.file} line {decision.line}" if decision.file else ""
    rule = rule_at(tables, decision.file, decision.line) if decision.file and decision.line else None
    text = shown(" ".join(f": {rule.daemons.strip()}: {rule.clients}".split())) if rule else ""
    if decision.reason == "default":
        return f"No rule names it: who stands in neither file may use {daemon}."
    if decision.verdict == "granted":
        return f"{where} lets it in{text}"
    if decision.verdict == "denied":
        because = f" ({'; '.join(decision.messages)})" if decision.messages else text
        return f"{where or 'An error'} would refuse it if it came now{because}"
    if decision.verdict == "delegated":
        return f"{where} hands it to a command of its own{text}"
    return f"{where} ends {daemon} for it{text}"
