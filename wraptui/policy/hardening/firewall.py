"""Knows hosts.deny and the no_access list as packet filter rules: what is missing there, and how to write it.

Only what surely agrees is written: a source is blocked on a port when libwrap surely refuses it for the
daemon behind that port, whatever its name or user. New connections only: nobody connected is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from wraptui.policy.change.stamps import stamped
from wraptui.policy.hardening.own_table import CHAIN, TABLE, Block, merged, networks
from wraptui.policy.hardening.packet_filter import Chain, PacketFilter
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.sensor import Entry
from wraptui.policy.tables.access import Tables
from wraptui.policy.tables.patterns import daemon_matches
from wraptui.policy.tables.ranges import (
    NOBODY,
    UNKNOWN,
    Lists,
    Ranges,
    joined,
    minus,
    pattern,
)
from wraptui.policy.tables.rules import Rule
from wraptui.syntax.hosts import groups, option, option_fields, split_at
from wraptui.syntax.tree import Document


@dataclass(frozen=True, slots=True)
class Redundancy:
    """One deny rule or no_access entry, and whether the packet filter refuses the same: `blocked` is yes,
    partly, no, `not possible` (why tells) or `no effect` (nothing listens under its daemon names); `too much`
    where our own table refuses whom no rule refuses any more."""

    place: str
    text: str
    blocked: str
    why: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Firewall:
    """What stands in the files beside what the packet filter does: `wanted` is what our own table is to
    refuse, since nothing else in the packet filter does."""

    rows: tuple[Redundancy, ...]
    wanted: tuple[Block, ...]

    @property
    def lacking(self) -> bool:
        """Whether our own table, written anew, would be another one."""
        return any(row.blocked in ("no", "partly", "too much") for row in self.rows)


def compare(
    tables: Tables,
    coverage: Sequence[Coverage],
    entries: Iterable[Entry],
    filters: Sequence[PacketFilter],
) -> Firewall:
    """Every deny rule and no_access entry beside the packet filters (nft, iptables: whichever there are)."""
    case = _Case(tables, [each for each in coverage if each.honours == "yes" and each.daemons], filters)
    case.unseen = sum(each.honours == "unknown" for each in coverage)
    rows: list[Redundancy] = []
    wanted: list[Block] = []
    ends = _ends(tables)
    for rule in tables.deny.rules:
        row, block = _of_rule(rule, case, ends.get(rule.first, 0))
        rows.append(row)
        wanted += block
    served = [each for each in coverage if each.listener.by_xinetd and "SENSOR" not in each.why]
    for entry in entries:
        row, block = _of_entry(entry, served, case)
        rows.append(row)
        wanted += block
    return Firewall((*rows, *_too_much(case)), merged(wanted))


class _Case:
    """What all rules are compared with; what was worked out once is kept."""

    def __init__(self, tables: Tables, asked: Sequence[Coverage], filters: Sequence[PacketFilter]) -> None:
        self.asked = asked
        self.unseen = 0
        self.lists = Lists(tables.files)
        self.broken = bool(tables.allow.problem or tables.allow.rules.broken)
        self._filters = filters
        self._others = [_without_ours(each) for each in filters]
        self._blocked: dict[tuple[bool, str, int], Ranges] = {}
        self.refused: dict[tuple[str, int], Ranges] = {}
        self._spared: dict[tuple[str, int], Ranges] = {}
        for each in asked:
            self._spared[each.daemons[0], each.listener.port] = NOBODY
        for rule in tables.allow.rules:
            self.spare(rule)

    def spare(self, rule: Rule) -> None:
        """This rule may decide otherwise for whom it matches, before any rule below it is asked."""
        possible = self.lists.clients(rule.clients).whole.possible
        for (daemon, port), spared in self._spared.items():
            if _possibly(rule, daemon, port):
                self._spared[daemon, port] = joined(spared + possible)

    def spared(self, daemon: str, port: int) -> Ranges:
        """Whom some rule so far may let in."""
        return self._spared[daemon, port]

    def blocked(self, protocol: str, port: int, *, by_others: bool = False) -> Ranges:
        """Whom the packet filters surely refuse on this port; `by_others`: without our own table."""
        key = (by_others, protocol, port)
        if key not in self._blocked:
            filters = self._others if by_others else self._filters
            self._blocked[key] = joined(piece for each in filters for piece in each.blocked(protocol, port))
        return self._blocked[key]

    def ours(self) -> Iterator[tuple[str, int, Ranges]]:
        """What our own table refuses by now, by port."""
        for each in self._filters:
            chains = {name: chain for name, chain in each.chains.items() if _is_ours(name)}
            own = PacketFilter(chains)
            rules = [rule for chain in chains.values() if chain.base for rule in chain.rules]
            ports = {
                (rule.protocol, port) for rule in rules for port, last in rule.ports or () if port == last
            }
            for protocol, port in sorted(ports):
                yield protocol, port, own.blocked(protocol, port)

    def refuse(self, protocol: str, port: int, ranges: Ranges) -> None:
        """Some rule or entry surely refuses these."""
        self.refused[protocol, port] = joined(self.refused.get((protocol, port), NOBODY) + ranges)


def _is_ours(chain: str) -> bool:
    return chain.startswith("/".join((*TABLE, "")))


def _without_ours(found: PacketFilter) -> PacketFilter:
    """The packet filter as if our own table, or our chain for iptables, were empty."""
    emptied = {
        name: Chain(name, (), chain.base, "accept", chain.family)
        for name, chain in found.chains.items()
        if _is_ours(name) or name.rpartition("/")[2] == CHAIN
    }
    return PacketFilter({**found.chains, **emptied})


def _too_much(case: _Case) -> Iterator[Redundancy]:
    """Where our own table refuses whom no rule and no entry surely refuses."""
    for protocol, port, ranges in case.ours():
        extra = minus(ranges, case.refused.get((protocol, port), NOBODY))
        if extra:
            why = "no rule refuses these any more (write the table anew)"
            text = f"{protocol} port {port}"
            yield Redundancy("table " + " ".join(TABLE), text, "too much", why, tuple(networks(extra)))


def _ends(tables: Tables) -> dict[int, int]:
    """The first lines of the rules of hosts.deny that have an end, and when that is."""
    try:
        document = Document.from_bytes(tables.files.read(tables.deny.path))
    except OSError:
        return {}
    return {each.first: ceil(each.until) for each in stamped(document)}


def _of_rule(rule: Rule, case: _Case, until: int) -> tuple[Redundancy, list[Block]]:
    place, text = f"{rule.file}:{rule.line}", f"{rule.daemons.strip()}: {rule.clients.strip()}"

    def row(blocked: str, why: str, missing: Ranges = NOBODY) -> Redundancy:
        return Redundancy(place, text, blocked, why, tuple(networks(missing)))

    if case.broken:
        return row("not possible", "hosts.allow cannot be read to its end: whom it lets in is not known"), []
    odd = _otherwise(rule)
    if odd:
        case.spare(rule)
        return row("not possible", f"its option {odd} decides otherwise"), []
    where = sorted({(each.daemons[0], *_socket(each)) for each in case.asked if _surely(rule, each)})
    if not where:
        if any(_possibly(rule, each.daemons[0], each.listener.port) for each in case.asked):
            return row("not possible", "it asks for the server's own address or name"), []
        if case.unseen:
            return row(
                "not possible", f"whether {case.unseen} of the listeners ask libwrap cannot be seen"
            ), []
        return row("no effect", "nothing that asks libwrap listens under its daemon names"), []
    meant = case.lists.clients(rule.clients).whole
    sure = minus(meant.sure, ((UNKNOWN, UNKNOWN),))
    found: dict[Ranges, list[tuple[str, int]]] = {}
    wanted_all = lacking_all = NOBODY
    for daemon, protocol, port in where:
        wanted = minus(sure, case.spared(daemon, port))
        lacking = minus(wanted, case.blocked(protocol, port))
        wanted_all, lacking_all = joined(wanted_all + wanted), joined(lacking_all + lacking)
        case.refuse(protocol, port, wanted)
        if ours := minus(wanted, case.blocked(protocol, port, by_others=True)):
            found.setdefault(ours, []).append((protocol, port))
    rest = "" if meant.exact else "; names and users in it cannot be told to a packet filter"
    if not wanted_all:
        why = "hosts.allow may let all of it in first" if sure else "it asks for names or users only"
        return row("not possible", why), []
    own = [Block(ranges, tuple(sorted(set(ports))), rule.file, until) for ranges, ports in found.items()]
    if not lacking_all:
        return row("yes", f"the packet filter refuses the same{rest}"), own
    blocked = "partly" if lacking_all != wanted_all else "no"
    return row(blocked, f"the packet filter lets it come to libwrap{rest}", lacking_all), own


def _of_entry(entry: Entry, served: Sequence[Coverage], case: _Case) -> tuple[Redundancy, list[Block]]:
    until = 0 if entry.release is None else ceil(entry.release)
    place, text = "no_access", f"{entry.address} by {entry.sensor}" if entry.sensor else entry.address
    ranges = pattern(_bracketed(entry.covers.removeprefix("::ffff:"))).sure
    sockets = sorted({_socket(each) for each in served if _family(each) in entry.blocks})
    if not ranges or not sockets or not entry.certain:
        why = "its address is not understood" if not ranges else "xinetd serves nothing else"
        if not entry.certain:
            why = "the log does not prove that it is still on the list"
        return Redundancy(place, text, "not possible", why), []
    lacking: list[tuple[int, int]] = []
    found: dict[Ranges, list[tuple[str, int]]] = {}
    for socket in sockets:
        lacking += minus(ranges, case.blocked(*socket))
        case.refuse(*socket, ranges)
        if ours := minus(ranges, case.blocked(*socket, by_others=True)):
            found.setdefault(ours, []).append(socket)
    own = [Block(each, tuple(ports), place, until) for each, ports in found.items()]
    if not lacking:
        return Redundancy(place, text, "yes", "the packet filter refuses it, too"), own
    missing = tuple(networks(joined(lacking)))
    return Redundancy(place, text, "no", "it still reaches xinetd, which refuses it", missing), own


def _bracketed(text: str) -> str:
    address, slash, length = text.partition("/")
    return f"[{address}]{slash}{length}" if ":" in address else text


def _family(coverage: Coverage) -> str:
    return "ipv6" if coverage.listener.protocol.endswith("6") else "ipv4"


def _socket(coverage: Coverage) -> tuple[str, int]:
    return coverage.listener.protocol.removesuffix("6"), coverage.listener.port


_HARMLESS = frozenset(
    {"spawn", "severity", "banners", "setenv", "umask", "nice", "linger", "keepalive", "rfc931"}
    | {"user", "group", "deny"}
)


def _otherwise(rule: Rule) -> str:
    """The option by which a rule of hosts.deny may do something else than deny, "" when there is none."""
    names = [option(each)[0].lower() for each in option_fields(rule.options)]
    return next((name or "(empty)" for name in names if name not in _HARMLESS), "")


def _surely(rule: Rule, coverage: Coverage) -> bool:
    return not _asks_server(rule) and _listed(rule, coverage.daemons[0], coverage.listener.port)


def _possibly(rule: Rule, daemon: str, port: int) -> bool:
    return _asks_server(rule) or _listed(rule, daemon, port)


def _listed(rule: Rule, daemon: str, port: int) -> bool:
    """Whether the daemon list takes this daemon on this port, EXCEPT included."""
    result = False
    for group in reversed(groups(rule.daemons)):
        result = any(daemon_matches(word, daemon, port) for word in group) and not result
    return result


def _asks_server(rule: Rule) -> bool:
    """Whether a word of the daemon list is daemon@host."""
    return any(split_at(word[1:], "@") for group in groups(rule.daemons) for word in group)
