"""Knows how close a service is to its limits, who brings it there, and what xinetd does then.

Pure arithmetic over log events and counts; verified against xinetd 2.3.15.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from wraptui.policy.live.logbook import Event
from wraptui.policy.xinetd.services import Service

Fullness = Literal["ok", "near", "full"]

REASONS = {
    "connections per second": "cps",
    "load": "max_load",
    "time": "access_times",
    "service_limit": "instances",
    "per_source_limit": "per_source",
    "process_limit": "-limit",
    "address": "no_access, only_from or the no_access list",
    "libwrap": "hosts.allow and hosts.deny",
    "fork": "a failed fork",
}
"""The words of a FAIL line, and what refuses with them."""

_IN_PARENT = frozenset(
    ("connections per second", "load", "time", "service_limit", "per_source_limit", "process_limit")
)
"""Refusals of the daemon itself, before there is a child and a START line."""

_ADDRESSLESS = frozenset(("", "<no address>", "<invalid address>"))


# --- connections per second --------------------------------------------------------------------------------


class CpsState(NamedTuple):
    """What xinetd keeps of a service's connections: how many in the window that began at `start` (whole
    seconds)."""

    seen: int = 0
    start: int = 0


def cps_step(state: CpsState, now: float, most: int) -> tuple[CpsState, bool]:
    """The state after one more connection at `now`, and whether that one is refused and pauses the service.

    `most` is the first number of `cps`: the limit, and the length of the window in seconds as well."""
    second = int(now)
    if most == 0:
        return state, False
    if state.seen == 0:
        return CpsState(1, second), False
    passed = second - state.start
    if passed >= most:
        return CpsState(1, second), False
    count = state.seen + 1
    return CpsState(count, state.start), passed >= 0 and count // max(passed, 1) > most


def cps_state(times: Iterable[float], most: int) -> CpsState:
    """The state after connections at these times, from the daemon's start or its last reload on."""
    state = CpsState()
    for time in times:
        state, _ = cps_step(state, time, most)
    return state


def cps_steps(state: CpsState, second: int, count: int, most: int) -> CpsState:
    """The state after `count` more connections within one second."""
    if count > 0:
        state, _ = cps_step(state, second, most)
    return CpsState(state.seen + count - 1, state.start) if most and count > 1 else state


def cps_room(state: CpsState, now: float, most: int) -> int:
    """How many more connections at this second go through before one is refused; -1 for any number."""
    if most == 0:
        return -1
    if state.seen == 0 or int(now) - state.start >= most:
        return most
    passed = max(int(now) - state.start, 1)
    return max(0, (most + 1) * passed - 1 - state.seen)


def cps_words(most: int, wait: int) -> str:
    """What `cps = most wait` means, in a sentence."""
    if most == 0:
        return "There is no limit of connections per second."
    return (
        f"Within {most} s of the first connection, more than {most} per second on average pause the service "
        f"for {wait} s; then a new window of {most} s begins."
    )


def connects(event: Event, alone: Container[str] = ()) -> bool:
    """Whether this line, and no other, tells of a new connection; `alone` are the ids of sensors and of the
    built-in services that the daemon serves itself: they log no START for a client that they refuse."""
    return event.kind == "start" or (
        event.kind == "fail" and (event.detail in _IN_PARENT or event.service in alone)
    )


def connection_times(events: Iterable[Event], service: str, *, forks: bool = True) -> list[float]:
    """When connections to a service (its id) came in, as its log lines tell, since the last reload.

    `forks` is False for sensors and built-in services, the `alone` of `connects`."""
    times: list[float] = []
    alone = () if forks else (service,)
    for event in events:
        if event.kind in ("started", "reloaded"):
            times.clear()  # a new configuration counts anew
        elif event.service == service and connects(event, alone):
            times.append(event.time)
    return times


@dataclass(frozen=True, slots=True)
class Pause:
    """A service's listening socket is closed: since when, until when, why (the daemon's words), whose
    connection was the last straw ("" when that was not logged), and who connected most before."""

    since: float
    returns: float
    reason: str
    straw: str = ""
    top: tuple[tuple[str, int], ...] = ()


def pause(events: Sequence[Event], service: Service, now: float, *, sharing: int = 1) -> Pause | None:
    """The pause that `service` is in at `now`, None when it is in none.

    The daemon logs the service's *name*: `sharing` is how many active services have it, and with more than
    one a pause counts only for the id whose refusal was logged with it. A reload does not end a pause."""
    found: Event | None = None
    for event in events:
        if event.time > now:
            break
        if event.kind == "started" or (event.kind == "resumed" and event.service == service.name):
            found = None
        elif (
            event.kind == "paused"
            and event.service == service.name
            and (sharing < 2 or _straw(events, event, service.id))
        ):
            found = event
    if found is None or found.time + max(found.number, 0) + 5 < now:
        return None  # the line of its return may have been lost
    straw = _straw(events, found, service.id)
    times = Counter(
        plain(event.address)
        for event in events
        if event.service == service.id
        and event.kind in ("start", "fail")
        and found.time - 60 <= event.time <= found.time
        and event.address not in _ADDRESSLESS
    )
    return Pause(
        found.time,
        found.time + max(found.number, 0),
        found.detail,
        plain(straw.address) if straw else "",
        tuple(times.most_common(3)),
    )


def _straw(events: Sequence[Event], paused: Event, service: str) -> Event | None:
    for event in events:
        if (
            event.kind == "fail"
            and event.detail == "connections per second"
            and event.service == service
            and abs(event.time - paused.time) <= 1
        ):
            return event
    return None


# --- refusals ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often one service (its id) refused for one reason (the FAIL line's words), and its top sources
    with their counts; sources that were not logged are not among them."""

    service: str
    reason: str
    count: int
    top: tuple[tuple[str, int], ...]


def refusals(events: Iterable[Event], now: float, seconds: float = 3600.0) -> tuple[Refusals, ...]:
    """The refusals of the last `seconds`, the most frequent first."""
    sources: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        if event.kind == "fail" and now - seconds < event.time <= now:
            sources.setdefault((event.service, event.detail), Counter())[plain(event.address)] += 1
    return refused_by(sources)


def refused_by(sources: Mapping[tuple[str, str], Counter[str]]) -> tuple[Refusals, ...]:
    """The refusals by service and reason, whose sources are counted; the most frequent first."""
    found = []
    for (service, reason), counts in sources.items():
        top = [(address, count) for address, count in counts.most_common(6) if address not in _ADDRESSLESS]
        found.append(Refusals(service, reason, counts.total(), tuple(top[:5])))
    return tuple(sorted(found, key=lambda each: (-each.count, each.service, each.reason)))


def suggestions(found: Iterable[Refusals], least: int = 3) -> tuple[str, ...]:
    """What the log of the last hour suggests, in sentences: who keeps running into which limit."""
    sentences = []
    for each in found:
        if each.count < least:
            continue
        limit = REASONS.get(each.reason, each.reason)
        many = [(address, count) for address, count in each.top if count >= least]
        if each.reason == "connections per second":
            who = f", the last straws from {_names(many)}" if many else ""
            sentences.append(f"{each.service} was paused {each.count} times by cps in an hour{who}.")
        elif many and many[0][1] * 2 >= each.count:
            address, count = many[0]
            sentences.append(f"{each.service}: {count} refusals by {limit} from {address} in an hour.")
        elif each.reason in ("service_limit", "per_source_limit"):
            sentences.append(
                f"{each.service}: {each.count} refusals by {limit} in an hour, from many: the limit may be "
                "too low."
            )
        else:
            sentences.append(f"{each.service}: {each.count} refusals by {limit} in an hour, from many.")
    return tuple(sentences)


def _names(top: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{address} ({count})" for address, count in top)


# --- gauges ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit of a service: how much of it is used, and by whom (`source`, "" when nobody in particular).
    `most` is -1 for UNLIMITED."""

    limit: str
    used: float
    most: float
    source: str = ""

    @property
    def fullness(self) -> Fullness:
        return fullness(self.used, self.most)


def fullness(used: float, most: float) -> Fullness:
    """How full something is: near from four fifths on, full when the next one is refused; -1 has no limit."""
    if most < 0:
        return "ok"
    if used >= most:
        return "full"
    return "near" if used >= 0.8 * most else "ok"


def sources(addresses: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How many of these connections each source has, the most first; mapped addresses count as IPv4."""
    return tuple(Counter(plain(address) for address in addresses).most_common())


def gauges(
    service: Service,
    addresses: Sequence[str],
    room: int = -1,
    load: float = 0.0,
    unseen: int = 0,
    memory: int = 0,
    cpu: float = 0.0,
) -> tuple[Gauge, ...]:
    """The gauges of a service whose running children serve `addresses` (and `unseen` more without one);
    `room` is what `cps_room` says, `load` the load average, `memory` (bytes) and `cpu` (seconds) those of
    the largest child."""
    attributes = service.attributes
    found = [Gauge("instances", len(addresses) + unseen, number(attributes.get("instances", "UNLIMITED")))]
    busiest = sources(addresses)[:1]
    source, count = busiest[0] if busiest else ("", 0)
    found.append(Gauge("per_source", count, number(attributes.get("per_source", "UNLIMITED")), source))
    cps = attributes.get("cps")
    most = cps[0] if isinstance(cps, tuple) and cps and isinstance(cps[0], int) else 0
    if most:
        found.append(Gauge("cps", most - min(room, most) if room >= 0 else 0, most))
    max_load = attributes.get("max_load")
    if isinstance(max_load, (int, float)) and max_load:
        found.append(Gauge("max_load", load, float(max_load)))
    for limit, used in (("rlimit_as", memory), ("rlimit_cpu", cpu)):
        if number(attributes.get(limit, "UNLIMITED")) > 0:  # 0 means not set
            found.append(Gauge(limit, used, number(attributes[limit])))
    return tuple(found)


def number(value: object) -> int:
    """A limit as a number: -1 for UNLIMITED."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def plain(address: str) -> str:
    """An address as people count it: a mapped one is the IPv4 address."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address
