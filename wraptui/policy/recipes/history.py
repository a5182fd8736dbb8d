"""Knows what a service's log tells of its use, and whom limits would have refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil

from wraptui.policy.live.limits import CpsState, cps_step, plain
from wraptui.policy.live.logbook import Event


@dataclass(frozen=True, slots=True)
class Stay:
    """One connection: who, from when to when (seconds since the epoch)."""

    address: str
    begin: float
    end: float


def stays(events: Iterable[Event], service: str, now: float) -> tuple[Stay, ...]:
    """The connections of a service (its id) in the order in which they came. A START without its EXIT lasts
    until the daemon's next start, or until now."""
    running: dict[int, tuple[str, float]] = {}
    found: list[Stay] = []
    unknown = 0
    for event in events:
        if event.kind == "started":
            found += (Stay(address, begin, event.time) for address, begin in running.values())
            running.clear()
        elif event.service != service:
            continue
        elif event.kind == "start":
            number = event.number
            if not number:  # without PID in log_on_success nobody knows which EXIT is whose
                unknown -= 1
                number = unknown
            if number in running:
                address, begin = running.pop(number)
                found.append(Stay(address, begin, event.time))
            running[number] = plain(event.address), event.time
        elif event.kind == "exit":
            number = event.number
            if not number:
                number = _oldest(running, event)
            if number in running:
                address, begin = running.pop(number)
                found.append(Stay(address, begin, event.time))
    found += (Stay(address, begin, now) for address, begin in running.values())
    return tuple(sorted(found, key=lambda each: each.begin))


def _oldest(running: dict[int, tuple[str, float]], event: Event) -> int:
    """The connection that an EXIT without a pid ends: by its duration, else the oldest."""
    if not running:
        return 0
    begin = event.time - event.seconds if event.seconds >= 0 else 0.0
    return min(running, key=lambda each: (abs(running[each][1] - begin), -each))


@dataclass(frozen=True, slots=True)
class History:
    """The use of a service: how many connections, the most at once, the most at once from one source and
    which, what 99 of 100 connections found of their own source (themselves included), and the most that came
    within two seconds."""

    count: int = 0
    peak: int = 0
    source_peak: int = 0
    source: str = ""
    source_usual: int = 0
    burst: int = 0


def history(connections: Sequence[Stay]) -> History:
    """What these connections (in the order in which they came) show."""
    leaving: list[tuple[float, str]] = []
    here: Counter[str] = Counter()
    peak = source_peak = 0
    source = ""
    found: list[int] = []
    for stay in connections:
        _leave(leaving, here, stay.begin)
        heappush(leaving, (stay.end, stay.address))
        here[stay.address] += 1
        found.append(here[stay.address])
        peak = max(peak, len(leaving))
        if here[stay.address] > source_peak:
            source_peak, source = here[stay.address], stay.address
    found.sort()
    usual = found[ceil(0.99 * len(found)) - 1] if found else 0
    return History(len(connections), peak, source_peak, source, usual, _burst(connections))


def _leave(leaving: list[tuple[float, str]], here: Counter[str], now: float) -> None:
    while leaving and leaving[0][0] <= now:
        here[heappop(leaving)[1]] -= 1


def _burst(connections: Sequence[Stay]) -> int:
    """The most connections within two seconds: a `cps` of that never pauses this traffic."""
    most = first = 0
    for last, stay in enumerate(connections):
        while int(connections[first].begin) < int(stay.begin) - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits to try: -1 for none, cps 0 for none."""

    instances: int = -1
    per_source: int = -1
    cps: int = 0
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Stopped:
    """How many connections of one source a limit would have refused, of how many."""

    address: str
    limit: str
    count: int
    of: int


def refused_by(connections: Sequence[Stay], limits: Limits) -> tuple[Stopped, ...]:
    """Whom these limits would have refused, by the daemon's arithmetic, the most first."""
    leaving: list[tuple[float, str]] = []
    here: Counter[str] = Counter()
    state, closed_until = CpsState(), 0.0
    refused: Counter[tuple[str, str]] = Counter()
    came: Counter[str] = Counter()
    for stay in connections:
        came[stay.address] += 1
        _leave(leaving, here, stay.begin)
        if stay.begin < closed_until:
            refused[stay.address, "cps"] += 1
            continue
        state, over = cps_step(state, stay.begin, limits.cps)
        if over:
            closed_until = int(stay.begin) + limits.wait
            state = CpsState()
            refused[stay.address, "cps"] += 1
        elif 0 <= limits.instances <= len(leaving):
            refused[stay.address, "instances"] += 1
        elif 0 <= limits.per_source <= here[stay.address]:
            refused[stay.address, "per_source"] += 1
        else:
            heappush(leaving, (stay.end, stay.address))
            here[stay.address] += 1
    return tuple(
        Stopped(address, limit, count, came[address]) for (address, limit), count in refused.most_common()
    )
