"""Knows what a packet filter surely drops: the rules that `nft -j list ruleset` or `iptables-save` print.

Nothing is guessed: a rule with a match that is not understood counts as one that may accept and never as one
that drops. So "blocked" is proved, and "not blocked" means "not proved".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wraptui.policy.tables.c_library import numeric_ipv6
from wraptui.policy.tables.ranges import (
    LAST,
    NOBODY,
    V4_LAST,
    V6_FIRST,
    Ranges,
    common,
    joined,
    minus,
    quad_number,
)

V4: Ranges = ((0, V4_LAST),)
V6: Ranges = ((V6_FIRST, LAST),)
ALL: Ranges = V4 + V6
DEEPEST = 16  # chains that jump into each other, as the kernel allows


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule: the sources and ports (None: any) of the new connections it takes, and what it does to them:
    `drop`, `accept`, `return`, `none`, `unknown`, or a chain's name behind `jump `. `exact` is False when it
    takes fewer than it says, because it also asks for something that is not understood."""

    sources: Ranges
    protocol: str
    ports: tuple[tuple[int, int], ...] | None
    action: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain: `base` tells that the kernel begins here with what comes in; `policy` is accept or drop."""

    name: str
    rules: tuple[FilterRule, ...]
    base: bool = False
    policy: str = "accept"
    family: Ranges = ALL


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """All chains of one packet filter, by name (with their table's)."""

    chains: Mapping[str, Chain] = field(default_factory=dict)

    def blocked(self, protocol: str, port: int) -> Ranges:
        """The sources whose new connections to this port are surely refused. The kernel asks every base
        chain: one that drops is enough."""
        found: list[tuple[int, int]] = []
        for chain in self.chains.values():
            if chain.base:
                dropped, left = self._through(chain, chain.family, protocol, port, 0)
                found += dropped
                if chain.policy == "drop":
                    found += left.sure
        return joined(found)

    def _through(
        self, chain: Chain, entering: Ranges, protocol: str, port: int, depth: int
    ) -> tuple[Ranges, _Left]:
        """What the chain surely drops of `entering`, and what surely or possibly leaves it at its end."""
        sure, dropped, maybe, back = entering, NOBODY, NOBODY, NOBODY
        for rule in chain.rules:
            if rule.protocol not in ("", protocol) or not _takes(rule.ports, port):
                continue
            taken = common(rule.sources, sure)
            if rule.action == "drop":
                if rule.exact:
                    dropped, sure = joined(dropped + taken), minus(sure, taken)
            elif rule.action.startswith("jump "):
                target = self.chains.get(rule.action[5:])
                if target is None or depth >= DEEPEST or not rule.exact:
                    # Whatever it does to some of them, they are not sure to come back.
                    if target is None or depth >= DEEPEST or self._may_accept(target, depth):
                        maybe, sure = joined(maybe + taken), minus(sure, taken)
                    continue
                inner, left = self._through(target, taken, protocol, port, depth + 1)
                dropped = joined(dropped + inner)
                sure = joined(minus(sure, taken) + left.sure)
                maybe = joined(maybe + left.possible)
            elif rule.action in ("accept", "return", "unknown"):
                # Accepted, or possibly accepted: no longer sure to be dropped below.
                maybe, sure = joined(maybe + taken), minus(sure, taken)
                if rule.action == "return" and rule.exact and depth:
                    back = joined(back + taken)  # to the caller, where it goes on
        return dropped, _Left(joined(sure + back), maybe)

    def _may_accept(self, chain: Chain, depth: int) -> bool:
        for rule in chain.rules:
            if rule.action in ("accept", "unknown"):
                return True
            if rule.action.startswith("jump "):
                target = self.chains.get(rule.action[5:])
                if target is None or depth >= DEEPEST or self._may_accept(target, depth + 1):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class _Left:
    sure: Ranges
    possible: Ranges


def _takes(ports: tuple[tuple[int, int], ...] | None, port: int) -> bool:
    return ports is None or any(first <= port <= last for first, last in ports)


# -- nft ------------------------------------------------------------------------------------------------

_FAMILIES = {"ip": V4, "ip6": V6, "inet": ALL}


def from_nft(text: str) -> PacketFilter:
    """The filter that `nft -j list ruleset` printed; raises `ValueError` for what is no such text."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("nftables"), list):
        raise ValueError("this is not what nft -j prints")
    objects = [(kind, value) for each in found["nftables"] for kind, value in each.items()]
    sets = {
        (value["family"], value["table"], value["name"]): value
        for kind, value in objects
        if kind in ("set", "map")
    }
    rules: dict[tuple[str, str, str], list[FilterRule]] = {}
    for kind, value in objects:
        if kind == "rule" and value["family"] in _FAMILIES:
            place = (value["family"], value["table"], value["chain"])
            rules.setdefault(place, []).append(_nft_rule(value, sets))
    chains = {}
    for kind, value in objects:
        if kind == "chain" and value["family"] in _FAMILIES:
            place = (value["family"], value["table"], value["name"])
            chains["/".join(place)] = Chain(
                "/".join(place),
                tuple(rules.get(place, ())),
                base=value.get("hook") == "input" and value.get("type") == "filter",
                policy=value.get("policy", "accept"),
                family=_FAMILIES[value["family"]],
            )
    return PacketFilter(chains)


def _nft_rule(value: Mapping[str, Any], sets: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> FilterRule:
    sources: Ranges = _FAMILIES[value["family"]]
    protocol, ports, action, exact = "", None, "", True
    for part in value.get("expr", ()):
        kind, detail = next(iter(part.items()))
        if kind in ("counter", "log", "notrack"):
            continue
        if kind in ("drop", "reject"):
            action = "drop"
        elif kind in ("accept", "return"):
            action = kind
        elif kind in ("jump", "goto"):
            action = f"jump {value['family']}/{value['table']}/{detail['target']}"
            exact = exact and kind == "jump"
        elif kind == "match":
            left, right, same = detail["left"], detail["right"], detail.get("op") in ("==", "in")
            if isinstance(right, str) and right.startswith("@"):
                named = sets.get((value["family"], value["table"], right[1:]))
                right = {"set": list(named.get("elem", ()))} if named else None
            payload = left.get("payload", {}) if isinstance(left, dict) else {}
            what = (payload.get("protocol"), payload.get("field"))
            if not same and not _is_new(left):
                exact = False
            elif what in (("ip", "saddr"), ("ip6", "saddr")):
                addresses = _nft_addresses(right)
                if addresses is None:
                    exact = False
                else:
                    sources = common(sources, addresses)
            elif what in (("tcp", "dport"), ("udp", "dport"), ("th", "dport")):
                protocol = str(payload["protocol"]).removeprefix("th")
                ports = _nft_ports(right)
                exact = exact and ports is not None
            elif left in ({"meta": {"key": "l4proto"}}, {"payload": {"protocol": "ip", "field": "protocol"}}):
                if right in ("tcp", "udp"):
                    protocol = right
                else:
                    exact = False
            elif not (_is_new(left) and _asks_new(left, right)):
                exact = False
        elif kind == "limit":
            exact = False
        else:
            exact, action = False, action or "unknown"
    return FilterRule(sources, protocol, ports, action or "none", exact)


def _is_new(left: Any) -> bool:
    """Whether a match asks for what the first packet of a connection is: its flags or its state."""
    if left == {"ct": {"key": "state"}}:
        return True
    flags = left.get("&", (None, None))[0] if isinstance(left, dict) else None
    return flags == {"payload": {"protocol": "tcp", "field": "flags"}}


def _asks_new(left: Any, right: Any) -> bool:
    return right in ("syn", "new", ["new"], {"set": ["new"]}) or (isinstance(right, list) and "new" in right)


def _nft_addresses(right: Any) -> Ranges | None:
    pieces = []
    for each in _elements(right):
        piece = _nft_address(each)
        if piece is None:
            return None
        pieces.append(piece)
    return joined(pieces)


def _elements(right: Any) -> Sequence[Any]:
    if isinstance(right, dict) and "set" in right:
        inner = right["set"]
        return inner if isinstance(inner, list) else [inner]
    return right if isinstance(right, list) else [right]


def _nft_address(each: Any) -> tuple[int, int] | None:
    if isinstance(each, dict) and "elem" in each:
        each = each["elem"].get("val")
    if isinstance(each, str):
        number = number_of(each)
        return None if number is None else (number, number)
    if isinstance(each, dict) and "prefix" in each:
        return network_of(f"{each['prefix']['addr']}/{each['prefix']['len']}")
    if isinstance(each, dict) and "range" in each:
        first, last = (number_of(end) for end in each["range"])
        return None if first is None or last is None else (first, last)
    return None


def _nft_ports(right: Any) -> tuple[tuple[int, int], ...] | None:
    ports = []
    for each in _elements(right):
        if isinstance(each, int):
            ports.append((each, each))
        elif (
            isinstance(each, dict) and "range" in each and all(isinstance(end, int) for end in each["range"])
        ):
            ports.append((each["range"][0], each["range"][1]))
        else:
            return None
    return tuple(ports)


def number_of(text: str) -> int | None:
    """The place of a numeric address in the ranges, None for what is none."""
    if ":" in text:
        number = numeric_ipv6(text)
        return None if number is None else V6_FIRST + number
    return quad_number(text)


def network_of(text: str) -> tuple[int, int] | None:
    """The addresses of a network (`192.0.2.0/24`) or of one address, None for what is neither."""
    address, slash, length = text.partition("/")
    number = number_of(address)
    if number is None:
        return None
    bits = 128 if ":" in address else 32
    if slash and not length.isdigit():
        return None
    rest = bits - int(length) if slash else 0
    if not 0 <= rest <= bits:
        return None
    base = V6_FIRST if bits == 128 else 0
    start = (number - base) >> rest << rest
    return base + start, base + start + (1 << rest) - 1


# -- iptables -------------------------------------------------------------------------------------------


def from_iptables(text: str, *, ipv6: bool = False) -> PacketFilter:
    """The filter table that `iptables-save` (with `ipv6`, `ip6tables-save`) printed."""
    family = V6 if ipv6 else V4
    rules: dict[str, list[FilterRule]] = {}
    policies: dict[str, str] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table != "filter":
            continue
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            policies[name] = policy.lower()
            rules.setdefault(name, [])
        elif line.startswith("-A "):
            name, rule = _iptables_rule(line, family)
            rules.setdefault(name, []).append(rule)
    return PacketFilter(
        {
            name: Chain(name, tuple(each), name == "INPUT", policies.get(name, "-"), family)
            for name, each in rules.items()
        }
    )


def _iptables_rule(line: str, family: Ranges) -> tuple[str, FilterRule]:
    words = iter(shlex.split(line))
    next(words)
    name = next(words)
    sources, protocol, ports, action, exact = family, "", None, "none", True
    for word, value in _options(words):
        if word in ("-s", "--source"):
            network = network_of(value)
            sources = common(sources, (network,)) if network else sources
            exact = exact and network is not None
        elif word in ("-p", "--protocol"):
            protocol = value
        elif word in ("--dport", "--dports"):
            ports = _iptables_ports(value)
            exact = exact and ports is not None
        elif word in ("--ctstate", "--state"):
            exact = exact and "NEW" in value.split(",")
        elif word == "--tcp-flags":
            exact = exact and value == "FIN,SYN,RST,ACK SYN"
        elif word in ("-j", "--jump"):
            action = {"DROP": "drop", "REJECT": "drop", "ACCEPT": "accept", "RETURN": "return"}.get(
                value, "none" if value in ("LOG", "NFLOG", "MARK") else f"jump {value}"
            )
        elif word not in ("-m", "--match", "--syn", "--comment", "--reject-with"):
            exact = False
            if word in ("-g", "--goto"):
                action = "unknown"
    return name, FilterRule(sources, protocol, ports, action, exact)


def _options(words: Iterator[str]) -> Iterator[tuple[str, str]]:
    """The options of a rule with their values; `! -s x` comes as an option that is not understood."""
    pending = ""
    values: list[str] = []
    for word in words:
        if word == "!":
            if pending:
                yield pending, " ".join(values)
            pending, values = "!", []
        elif word.startswith("-") and not word.lstrip("-").isdigit():
            if pending == "!":
                pending, values = "! " + word, []
                continue
            if pending:
                yield pending, " ".join(values)
            pending, values = word, []
        else:
            values.append(word)
    if pending:
        yield pending, " ".join(values)


def _iptables_ports(value: str) -> tuple[tuple[int, int], ...] | None:
    ports = []
    for each in value.split(","):
        first, colon, last = each.partition(":")
        if not first.isdigit() or (colon and not last.isdigit()):
            return None
        ports.append((int(first), int(last) if colon else int(first)))
    return tuple(ports)
