"""Knows who can reach a service: xinetd's own lists and libwrap's rules together, as sets of addresses.

Only what lasts is told here: limits, times and the no_access list come on top. The tests compare every set
with `admission.admit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wraptui.policy.live.admission import asks_libwrap, element, is_sensor, libwrap_name, socket_of, tcpd_name
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.tables.access import Tables
from wraptui.policy.tables.effective import Outcome, Policy
from wraptui.policy.tables.ranges import (
    LAST,
    UNKNOWN,
    V4_LAST,
    V6_FIRST,
    Range,
    Ranges,
    common,
    joined,
    minus,
)
from wraptui.policy.xinetd.addresses import ALL32, ALL128, Address
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import typed

IPV4: Ranges = ((0, V4_LAST),)
IPV6: Ranges = ((V6_FIRST, LAST),)
ANYBODY: Ranges = (*IPV4, *IPV6)
_MAPPED = 0xFFFF << 32

PolicyOf = Callable[[str], Policy]
"""The policy of a daemon name in byte text."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can reach `name` (a service id, a program, a daemon name; byte text) at `places`.

    `outcomes` are the addresses that it can be reached from at all; `conditions` are rules that decide by
    more than the address, `notes` what else decides. Both are sentences in byte text. With `known` False
    nothing is known of the addresses."""

    name: str
    places: tuple[str, ...]
    outcomes: Mapping[Outcome, Ranges] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    known: bool = True


_WORDS: dict[Outcome, str] = {
    "granted": "let in",
    "denied": "refused",
    "delegated": "answered by a command (twist)",
    "depends": "decided by a command (aclexec)",
}


def of_service(service: Service, tables: Tables, policy_of: PolicyOf) -> Reach:
    """Who can reach an active service of xinetd's."""
    attributes = service.attributes
    base = {"ipv4": IPV4, "ipv6": IPV6, "dual": ANYBODY}[socket_of(service)]
    own, conditions, notes = _own(service, tables, base)
    outcomes: dict[Outcome, Ranges] = {}
    if not own and not conditions:
        outcomes = {"denied": base}
    elif not asks_libwrap(service):
        outcomes = {"granted": own, "denied": minus(base, own)}
        notes.append("xinetd does not ask hosts.allow and hosts.deny for it")
    elif not (name := typed(libwrap_name(service))):
        outcomes = {"denied": base}
        notes.append("there is no server name to ask libwrap for, so it refuses")
    else:
        policy = policy_of(name)
        said = policy.outcomes
        if _nameless(service):
            # libwrap is asked about an unknown client, whoever it is.
            said = {outcome: base for outcome, ranges in said.items() if common(ranges, _NO_ADDRESS)}
            conditions += _conditions(policy, _NO_ADDRESS)
            notes.append(
                "with wait = yes xinetd does not know the client: libwrap is asked about an unknown one"
            )
        else:
            conditions += _conditions(policy, own)
        outcomes = {outcome: common(ranges, own) for outcome, ranges in said.items()}
        outcomes["denied"] = minus(
            base, joined(r for o, each in outcomes.items() if o != "denied" for r in each)
        )
        notes.append(f"libwrap is asked about {name}")
    if (wrapped := typed(tcpd_name(service))) and wrapped != typed(libwrap_name(service)):
        behind = policy_of(wrapped)
        through = outcomes.pop("granted", ())
        for outcome, ranges in behind.outcomes.items():
            outcomes[outcome] = joined((*outcomes.get(outcome, ()), *common(ranges, through)))
        conditions += _conditions(behind, through)
        notes.append(f"tcpd asks libwrap about {wrapped}")
    if isinstance(times := attributes.get("access_times"), tuple) and times:
        notes.append(f"open at {', '.join(map(str, times))} alone")
    return Reach(service.id, _places(service), outcomes, tuple(conditions), tuple(notes))


_NO_ADDRESS: Ranges = ((UNKNOWN, UNKNOWN),)


def of_program(found: Coverage, places: tuple[str, ...], policy_of: PolicyOf) -> Reach:
    """Who can reach a program that listens by itself; `places` are all its sockets."""
    name = next(filter(None, (*found.daemons, found.listener.argv0)), "not visible")
    if found.honours == "unknown":
        return Reach(name, places, notes=(found.why,), known=False)
    if found.honours == "no":
        return Reach(name, places, {"granted": ANYBODY}, notes=(found.why,))
    return of_daemon(name, places, policy_of, (found.why,))


def of_daemon(name: str, places: tuple[str, ...], policy_of: PolicyOf, notes: tuple[str, ...] = ()) -> Reach:
    """Who can reach a daemon that asks libwrap under this name."""
    policy = policy_of(name)
    outcomes = {outcome: common(ranges, ANYBODY) for outcome, ranges in policy.outcomes.items()}
    return Reach(name, places, outcomes, _conditions(policy, ANYBODY), notes)


def _conditions(policy: Policy, within: Ranges) -> tuple[str, ...]:
    return tuple(
        f"{_WORDS[each.outcome]} before that: whoever matches {' '.join(each.clients.split())} "
        f"({each.file} line {each.line})"
        for each in policy.conditions
        if common(each.ranges, within)
    )


def _own(service: Service, tables: Tables, base: Ranges) -> tuple[Ranges, list[str], list[str]]:
    """Whom xinetd itself lets through to libwrap, by address; who else by name; and why nobody, if so."""
    attributes = service.attributes
    if is_sensor(service):
        return (), [], ["a SENSOR refuses everyone, and puts who touches it on the no_access list"]
    for limit in ("instances", "per_source"):
        if attributes.get(limit) == 0 and (limit == "instances" or not _nameless(service)):
            return (), [], [f"{limit} = 0 refuses everyone"]
    if _nameless(service):
        if "only_from" in attributes:
            return (), [], ["with wait = yes xinetd knows no addresses, so only_from refuses everyone"]
        return base, [], []
    conditions: list[str] = []
    blocked, names = _listed(service, tables, "no_access")
    if names:
        conditions.append(f"refused before that, by host name: {' '.join(names)} (no_access)")
    if "only_from" not in attributes:
        return minus(base, blocked), conditions, []
    allowed, names = _listed(service, tables, "only_from")
    if names:
        conditions.append(f"let through to libwrap, too, by host name: {' '.join(names)} (only_from)")
    return minus(common(base, allowed), blocked), conditions if allowed or names else [], []


def _listed(service: Service, tables: Tables, attribute: str) -> tuple[Ranges, list[str]]:
    """What a list of xinetd's means: addresses, and host names in the file's bytes."""
    words = service.attributes.get(attribute, ())
    elements = [element(typed(str(word)), tables) for word in words] if isinstance(words, tuple) else []
    four_alone = socket_of(service) == "ipv4"
    ranges = joined(piece for each in elements for piece in _ranges(each, four_alone=four_alone))
    return ranges, [each.name for each in elements if each.kind == "host" and each.name]


def _ranges(address: Address, *, four_alone: bool) -> Ranges:
    """The clients that an element means, as `Address.matches` has it."""
    if address.kind == "host" or (four_alone and address.version == 6):
        return ()
    if address.version == 4:
        first = address.number & address.mask
        return ((first, first | ~address.mask & ALL32),)
    mask = ALL128 if address.kind == "numeric" else address.mask
    first = address.number & mask
    last = first | ~mask & ALL128
    pieces: list[Range] = [(V6_FIRST + first, V6_FIRST + last)]
    low, high = max(first, _MAPPED), min(last, _MAPPED | ALL32)
    if low <= high:  # a client by IPv4 reaches a dual-stack socket with a mapped address
        pieces.append((low - _MAPPED, high - _MAPPED))
    return joined(pieces)


def _nameless(service: Service) -> bool:
    """TCP with wait = yes: the server accepts the connection itself, so xinetd knows no address."""
    attributes = service.attributes
    return attributes.get("wait") == "yes" and attributes.get("socket_type", "stream") == "stream"


def _places(service: Service) -> tuple[str, ...]:
    attributes = service.attributes
    protocol = str(attributes.get("protocol", "")).upper()
    bind = attributes.get("bind")
    place = f"{protocol or 'RPC'} port {attributes['port']}" if "port" in attributes else protocol
    return (f"{place} on {bind}" if bind else place,)
