"""Knows hosts.deny and the no_access list as packet filter rules: what is missing there, and how to write it.

Only what surely agrees is written: a source is blocked on a port when libwrap surely refuses it for the
daemon behind that port, whatever its name or user. New connections only: nobody connected is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wraptui.policy.hardening.packet_filter import PacketFilter
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.sensor import Entry
from wraptui.policy.tables.access import Tables
from wraptui.policy.tables.patterns import daemon_matches
from wraptui.policy.tables.ranges import (
    NOBODY,
    UNKNOWN,
    V4_LAST,
    V6_FIRST,
    Lists,
    Ranges,
    blocks,
    ipv6_text,
    joined,
    minus,
    pattern,
)
from wraptui.policy.tables.rules import Rule
from wraptui.policy.xinetd.addresses import ipv4_text
from wraptui.syntax.hosts import groups, option, option_fields, split_at

PORTS = tuple[tuple[str, int], ...]  # protocol (tcp, udp) and port


@dataclass(frozen=True, slots=True)
class Redundancy:
    """One deny rule or no_access entry, and whether the packet filter refuses the same: `blocked` is yes,
    partly, no, `not possible` (why tells) or `no effect` (nothing listens under its daemon names)."""

    place: str
    text: str
    blocked: str
    why: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Sources to refuse on these ports; `seconds` is how long, 0 for ever; `place` says whose wish it is."""

    ranges: Ranges
    ports: PORTS
    place: str
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Firewall:
    """What stands in the files beside what the packet filter does, and what is missing there."""

    rows: tuple[Redundancy, ...]
    missing: tuple[Block, ...]


def compare(
    tables: Tables,
    coverage: Sequence[Coverage],
    entries: Iterable[Entry],
    filters: Sequence[PacketFilter],
    now: float,
) -> Firewall:
    """Every deny rule and no_access entry beside the packet filters (nft, iptables: whichever there are)."""
    case = _Case(tables, [each for each in coverage if each.honours == "yes" and each.daemons], filters)
    case.unseen = sum(each.honours == "unknown" for each in coverage)
    rows: list[Redundancy] = []
    missing: list[Block] = []
    for rule in tables.deny.rules:
        row, block = _of_rule(rule, case)
        rows.append(row)
        missing += block
    served = tuple(
        sorted({_socket(each) for each in coverage if each.listener.by_xinetd and "SENSOR" not in each.why})
    )
    for entry in entries:
        row, block = _of_entry(entry, served, case, now)
        rows.append(row)
        missing += block
    return Firewall(tuple(rows), _merged(missing))


class _Case:
    """What all rules are compared with; what was worked out once is kept."""

    def __init__(self, tables: Tables, asked: Sequence[Coverage], filters: Sequence[PacketFilter]) -> None:
        self.asked = asked
        self.unseen = 0
        self.lists = Lists(tables.files)
        self.broken = bool(tables.allow.problem or tables.allow.rules.broken)
        self._filters = filters
        self._blocked: dict[tuple[str, int], Ranges] = {}
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

    def blocked(self, protocol: str, port: int) -> Ranges:
        """Whom the packet filters surely refuse on this port."""
        if (protocol, port) not in self._blocked:
            pieces = (piece for each in self._filters for piece in each.blocked(protocol, port))
            self._blocked[protocol, port] = joined(pieces)
        return self._blocked[protocol, port]


def _of_rule(rule: Rule, case: _Case) -> tuple[Redundancy, list[Block]]:
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
        if lacking:
            found.setdefault(lacking, []).append((protocol, port))
    rest = "" if meant.exact else "; names and users in it cannot be told to a packet filter"
    if not wanted_all:
        why = "hosts.allow may let all of it in first" if sure else "it asks for names or users only"
        return row("not possible", why), []
    if not lacking_all:
        return row("yes", f"the packet filter refuses the same{rest}"), []
    blocked = "partly" if lacking_all != wanted_all else "no"
    why = f"the packet filter lets it come to libwrap{rest}"
    return row(blocked, why, lacking_all), [
        Block(ranges, tuple(sorted(set(ports))), rule.file) for ranges, ports in found.items()
    ]


def _merged(missing: Iterable[Block]) -> tuple[Block, ...]:
    """One block for all sources of a file on the same ports."""
    together: dict[tuple[PORTS, str, int], list[tuple[int, int]]] = {}
    for block in missing:
        together.setdefault((block.ports, block.place, block.seconds), []).extend(block.ranges)
    return tuple(
        Block(joined(ranges), ports, place, seconds) for (ports, place, seconds), ranges in together.items()
    )


def _of_entry(entry: Entry, served: PORTS, case: _Case, now: float) -> tuple[Redundancy, list[Block]]:
    seconds = 0 if entry.release is None else max(int(entry.release - now), 1)
    place, text = "no_access", f"{entry.address} by {entry.sensor}"
    ranges = pattern(_bracketed(entry.covers.removeprefix("::ffff:"))).sure
    if not ranges or not served:
        why = "xinetd serves nothing else" if ranges else "its address is not understood"
        return Redundancy(place, text, "not possible", why), []
    lacking = joined(piece for socket in served for piece in minus(ranges, case.blocked(*socket)))
    if not lacking:
        return Redundancy(place, text, "yes", "the packet filter refuses it, too"), []
    missing = tuple(networks(lacking))
    why = "it still reaches xinetd, which refuses it"
    return Redundancy(place, text, "no", why, missing), [Block(lacking, served, "no_access", seconds)]


def _bracketed(text: str) -> str:
    address, slash, length = text.partition("/")
    return f"[{address}]{slash}{length}" if ":" in address else text


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


# -- as text --------------------------------------------------------------------------------------------


def networks(ranges: Ranges) -> Iterable[str]:
    """The networks that make up the ranges, as packet filters write them."""
    for start, end in ranges:
        if start <= V4_LAST:
            for number, rest in blocks(start, min(end, V4_LAST), 32):
                yield ipv4_text(number) + (f"/{32 - rest}" if rest else "")
        if end >= V6_FIRST:
            for number, rest in blocks(max(start, V6_FIRST) - V6_FIRST, end - V6_FIRST, 128):
                yield ipv6_text(number) + (f"/{128 - rest}" if rest else "")


_SYN = "tcp flags & (fin | syn | rst | ack) == syn"


def nft(missing: Sequence[Block]) -> str:
    """An own nft table, `inet wraptui`, that refuses what is missing; loading it again replaces it."""
    sets, rules = [], []
    for number, block in enumerate(missing, 1):
        for family, type, found in _families(block.ranges):
            if not found:
                continue
            name = f"deny{number}_{'4' if family == 'ip' else '6'}"
            timeout = f" timeout {block.seconds}s" if block.seconds else ""
            elements = ",\n\t\t\t".join(each + timeout for each in found)
            flags = "interval, timeout" if block.seconds else "interval"
            inner = f"\t\ttype {type}\n\t\tflags {flags}\n\t\telements = {{ {elements} }}\n"
            sets.append(f"\tset {name} {{\n{inner}\t}}\n")
            for protocol in ("tcp", "udp"):
                ports = ", ".join(str(port) for each, port in block.ports if each == protocol)
                if ports:
                    new = _SYN + " " if protocol == "tcp" else ""
                    source = f"{family} saddr @{name} drop comment {_comment(block.place)}"
                    rules.append(f"\t\t{new}{protocol} dport {{ {ports} }} {source}\n")
    return (
        "table inet wraptui\ndelete table inet wraptui\n\ntable inet wraptui {\n"
        + "\n".join(sets)
        + "\n\tchain input {\n\t\ttype filter hook input priority filter - 5; policy accept;\n"
        + "".join(rules)
        + "\t}\n}\n"
    )


def iptables(missing: Sequence[Block], *, ipv6: bool = False) -> str:
    """The same for iptables-restore --noflush (ip6tables-restore with `ipv6`): an own chain WRAPTUI."""
    lines = ["*filter", ":WRAPTUI - [0:0]"]
    for block in missing:
        found = {family: each for family, _, each in _families(block.ranges)}["ip6" if ipv6 else "ip"]
        for network in found:
            for protocol, port in block.ports:
                new = " --syn" if protocol == "tcp" else ""
                lines.append(
                    f"-A WRAPTUI -s {network} -p {protocol} -m {protocol} --dport {port}{new} "
                    f"-m comment --comment {_comment(block.place)} -j DROP"
                )
    return "\n".join([*lines, "COMMIT", ""])


def _families(ranges: Ranges) -> list[tuple[str, str, list[str]]]:
    found = list(networks(ranges))
    return [
        ("ip", "ipv4_addr", [each for each in found if ":" not in each]),
        ("ip6", "ipv6_addr", [each for each in found if ":" in each]),
    ]


def _comment(text: str) -> str:
    """A comment in quotes; only harmless characters, and no more than nft takes."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "/.:-_ ") else "_" for char in text)
    return f'"{kept[:100]}"'
