"""Knows which live connections are visits, whose they are, and which rule lets them in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from wraptui.observe.guards import Guard
from wraptui.observe.snapshot import Visit
from wraptui.policy.access import Decision, Rule, Tables, Visitor, decide
from wraptui.policy.patterns import may_match_name
from wraptui.syntax.tree import shown
from wraptui.system.machine import Machine
from wraptui.system.processes import Process
from wraptui.system.sockets import Connection


@dataclass
class Visits:
    """The visits of one machine, look after look: what has not changed is the same object again."""

    machine: Machine
    tables: Tables | None = None
    guards: tuple[Guard, ...] = ()
    _known: dict[int, tuple[Visit, int]] = field(default_factory=dict)  # by the connection's id, with its pid
    _pending: set[int] = field(default_factory=set)
    _decisions: dict[tuple[str, str, str, str, int], Decision] = field(default_factory=dict)
    _processes: dict[int, Process] = field(default_factory=dict)
    _by_port: dict[int, list[Guard]] = field(default_factory=dict)
    _since: dict[tuple[str, int, str, int], float] = field(default_factory=dict)
    _names_matter: bool = False
    _server_names_matter: bool = False
    _looked: bool = False

    def take(self, tables: Tables, guards: tuple[Guard, ...]) -> None:
        """Goes on with these tables and listeners; new ones mean that everything is decided again."""
        if tables is not self.tables:
            self._decisions.clear()
            self._names_matter, self._server_names_matter = names_matter(tables)
        if tables is not self.tables or guards != self.guards:
            self._known.clear()
        self.tables, self.guards = tables, guards
        self._by_port = {}
        for guard in guards:
            self._by_port.setdefault(guard.port, []).append(guard)

    @property
    def waiting(self) -> bool:
        """Whether a verdict waits for a host name."""
        return bool(self._pending)

    def inbound(self, connections: Sequence[Connection], listening: Set[int]) -> list[Connection]:
        """Those connections that came to a listener here, or did when it still listened."""
        ports, known = listening | self._by_port.keys(), self._known
        return [
            each
            for each in connections
            if each.state != "LISTEN" and (each.local_port in ports or id(each) in known)
        ]

    def of(self, inbound: Sequence[Connection], owners: Mapping[int, int]) -> tuple[Visit, ...]:
        """The visits that these connections are."""
        self._refresh(set(owners.values()))
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
        return tuple(visits)

    def _refresh(self, pids: Iterable[int]) -> None:
        fresh = {}
        for pid in pids:
            process = self.machine.process(pid)
            if process is not None:
                before = self._processes.get(pid)
                fresh[pid] = before if before == process else process
        self._processes = fresh

    def _visit(self, connection: Connection, process: Process | None, now: float) -> Visit:
        guard = self._guard(connection)
        seen = self._since.setdefault(_ends(connection), now if self._looked else 0.0)
        # Whoever listens hands a connection to a process of its own, or serves many at once itself.
        alone = process is not None and guard is not None and guard.pid not in (0, process.pid)
        since = process.started if process and alone else seen
        if guard is None:
            why = f"Nothing listens on port {connection.local_port} any more; it came before."
            return Visit(connection, f"port {connection.local_port}", "", process, None, why, since)
        if not guard.daemon:
            return Visit(connection, guard.service, guard.kind, process, None, guard.why, since)
        decision, why = self._decide(connection, guard)
        if decision is None:
            self._pending.add(id(connection))
        return Visit(connection, guard.service, guard.kind, process, decision, why, since)

    def _guard(self, connection: Connection) -> Guard | None:
        return max(
            (each for each in self._by_port.get(connection.local_port, ()) if each.fits(connection)),
            key=lambda each: each.fits(connection),
            default=None,
        )

    def _decide(self, connection: Connection, guard: Guard) -> tuple[Decision | None, str]:
        assert self.tables is not None
        address, local = unmapped(connection.remote), unmapped(connection.local)
        name = server_name = "unknown"
        if self._names_matter:
            name = self.machine.host_name(address)
        if self._server_names_matter:
            server_name = self.machine.host_name(local)
        if not name or not server_name:
            return None, f"The rules ask for host names, and that of {address} is not known yet."
        key = (guard.daemon, address, name, local, connection.local_port)
        decision = self._decisions.get(key)
        if decision is None:
            if len(self._decisions) > 100_000:
                self._decisions.clear()
            visitor = Visitor(
                guard.daemon,
                address,
                name,
                server_address=local,
                server_name=server_name,
                server_port=connection.local_port,
            )
            decision = self._decisions[key] = decide(self.tables, visitor)
        return decision, reason(decision, self.tables, guard.daemon)


def _ends(connection: Connection) -> tuple[str, int, str, int]:
    return connection.local, connection.local_port, connection.remote, connection.remote_port


def unmapped(address: str) -> str:
    """An address as libwrap sees it: IPv4 where it came mapped through an IPv6 socket."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def rule_at(tables: Tables, file: str, line: int) -> Rule | None:
    """The rule that ends on this physical line."""
    for table in (tables.allow, tables.deny):
        if table.path == file:
            place = bisect_left(table.rules, line, key=lambda rule: rule.line)
            if place < len(table.rules) and table.rules[place].line == line:
                return table.rules[place]
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


def names_matter(tables: Tables) -> tuple[bool, bool]:
    """Whether a rule may ask for the client's host name, and for the server's."""
    client = server = False
    for table in (tables.allow, tables.deny):
        for rule in table.rules:
            client = client or any(map(_may_ask_name, rule.clients.replace(",", " ").split()))
            server = server or any(
                _may_ask_name(word.partition("@")[2]) for word in rule.daemons.split() if "@" in word
            )
            if client and server:
                return client, server
    return client, server


def _may_ask_name(pattern: str) -> bool:
    return bool(pattern) and pattern.upper() not in ("ALL", "EXCEPT") and may_match_name(pattern)
