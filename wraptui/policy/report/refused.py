"""Knows how refusals spread over time: hourly buckets by reason, from the events of the logs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from wraptui.policy.live.limits import REASONS
from wraptui.policy.live.logbook import Event, moment

HOUR = 3600

SENSOR = "sensor"
"""The reason of a trap itself, which the daemon logs as `address`, too."""

STANDALONE = "libwrap"
"""The reason of a daemon that asks libwrap by itself: the same as xinetd's word for it."""

_REFUSED = re.compile(
    r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{8,21}) \S+ "
    r"([^\s:\[\]]+)\[(\d{1,10})\]: refused connect from (\S{1,255})"
)


@dataclass(frozen=True, slots=True)
class Hours:
    """How often clients were refused for one reason (the word of the log) in each hour; the first begins at
    `start`, the last one is not over."""

    reason: str
    start: int
    counts: tuple[int, ...]

    @property
    def words(self) -> str:
        """What refused, as people call it."""
        return in_words(self.reason)


def in_words(reason: str) -> str:
    """What refuses with this word."""
    return "a SENSOR, the trap itself" if reason == SENSOR else REASONS.get(reason, reason)


def told_apart(events: Iterable[Event], sensors: Container[str]) -> Iterator[Event]:
    """The same events; those of a sensor (an id in `sensors`) have the reason `SENSOR`."""
    for event in events:
        trap = event.kind == "fail" and event.detail == "address" and event.service in sensors
        yield event._replace(detail=SENSOR) if trap else event


def first_hour(now: float, hours: int) -> int:
    """Where the first of so many buckets begins, in seconds since the epoch."""
    return (int(now) // HOUR - hours + 1) * HOUR


def hourly(events: Iterable[Event], now: float, hours: int) -> tuple[Hours, ...]:
    """The refusals of the last `hours` clock hours, the one of `now` included, the most frequent first."""
    start = first_hour(now, hours)
    counts: dict[str, list[int]] = {}
    for event in events:
        if event.kind == "fail" and start <= event.time <= now:
            row = counts.setdefault(event.detail, [0] * hours)
            row[int(event.time - start) // HOUR] += 1
    found = [Hours(reason, start, tuple(row)) for reason, row in counts.items()]
    return tuple(sorted(found, key=lambda each: (-sum(each.counts), each.reason)))


def standalone(lines: Iterable[str], now: float) -> Iterator[Event]:
    """The refusals that daemons with libwrap of their own logged (`sshd[7]: refused connect from ...`), as
    events of kind `fail`; `service` is the name that logged it. xinetd's lines are not theirs."""
    for line in lines:
        found = _REFUSED.match(line)
        if found is None or found[2] == "xinetd":
            continue
        try:
            time = moment(found[1], now)
        except ValueError:
            continue
        yield Event(time, int(found[3]), "fail", found[2], found[4], STANDALONE)
