"""Knows what a log told of late, however much that was: counts, and the few lines that pauses are made of.

A busy log brings 50,000 lines a second; what is kept of them does not grow with their number.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping

from wraptui.policy.live.limits import (
    REASONS,
    CpsState,
    Pause,
    Refusals,
    connects,
    cps_steps,
    pause,
    plain,
    refused_by,
)
from wraptui.policy.live.logbook import Event
from wraptui.policy.xinetd.services import Service

MINUTE, HOUR = 60, 3600
PAUSES = 100
"""How many lines about the pauses of one service are kept."""

ENTRIES = 20_000
"""How many sources of refusals are told apart, minute by minute; beyond that they are only counted."""


class Tally:
    """Connections of the last minute by the second, refusals of the last hour by their source, pauses."""

    def __init__(self) -> None:
        self._seconds: dict[str, Counter[int]] = {}
        self._window: dict[str, Counter[int]] = {}  # the same since the last reload, for cps
        self._carried: dict[
            str, tuple[int, CpsState]
        ] = {}  # by id: the limit, and the state before the window
        self._refused: dict[tuple[str, str], Counter[str]] = {}
        self._minutes: dict[int, Counter[tuple[str, str, str]]] = {}
        self._entries = 0
        self._limits: Mapping[str, int] = {}
        self._pauses: dict[str, deque[Event]] = {}
        self._told: dict[str, tuple[Refusals, ...]] = {}

    def take(
        self, events: Iterable[Event], now: float, known: Mapping[str, int], alone: Container[str] = ()
    ) -> None:
        """Takes in what was written, in its order, and forgets what is old at `now`.

        Only services in `known` (their ids and names, with the first number of cps or 0) are counted, so that
        forged lines cannot fill it; `alone` is that of `limits.connects`."""
        self._limits = known
        seconds, window = self._seconds, self._window
        for event in events:
            kind, service = event.kind, event.service
            if kind in ("started", "reloaded"):
                window.clear()  # a new configuration counts anew
                self._carried.clear()
                if kind == "started":
                    self._pauses.clear()
            elif service not in known:
                continue
            elif connects(event, alone):
                second = int(event.time)
                if service not in seconds:
                    seconds[service] = Counter()
                if service not in window:
                    window[service] = Counter()
                seconds[service][second] += 1
                window[service][second] += 1
            if kind == "fail":
                self._refusal(event, now)
            if kind in ("paused", "resumed") or (kind == "fail" and event.detail == "connections per second"):
                self._pauses.setdefault(service, deque(maxlen=PAUSES)).append(event)
        self._forget(now)

    def _refusal(self, event: Event, now: float) -> None:
        if not now - HOUR < event.time <= now + MINUTE:
            return
        of_minute = self._minutes.setdefault(int(event.time // MINUTE), Counter())
        key = event.service, event.detail, plain(event.address)
        if key not in of_minute:
            if self._entries >= ENTRIES:
                key = event.service, event.detail if event.detail in REASONS else "another reason", ""
            self._entries += key not in of_minute
        of_minute[key] += 1
        self._refused.setdefault(key[:2], Counter())[key[2]] += 1
        self._told.pop(event.service, None)

    def _forget(self, now: float) -> None:
        last = int(now) - MINUTE
        for counts in self._seconds.values():
            for second in [each for each in counts if not last < each <= now + MINUTE]:
                del counts[second]
        for service, counts in self._window.items():
            old = sorted(each for each in counts if each <= last)
            if old:
                self._carried[service] = self._cps(service, [(second, counts.pop(second)) for second in old])
        for minute in [each for each in self._minutes if (each + 1) * MINUTE <= now - HOUR]:
            counted = self._minutes.pop(minute)
            self._entries -= len(counted)
            for (service, reason, address), count in counted.items():
                of_reason = self._refused[service, reason]
                of_reason[address] -= count
                if of_reason[address] <= 0:
                    del of_reason[address]
                if not of_reason:
                    del self._refused[service, reason]
                self._told.pop(service, None)

    def rate(self, service: str, now: float) -> tuple[int, ...]:
        """Connections to a service (its id) in each of the last 60 seconds, oldest first; () without any."""
        counts = self._seconds.get(service)
        if not counts:
            return ()
        return tuple(counts.get(second, 0) for second in range(int(now) - MINUTE + 1, int(now) + 1))

    def cps(self, service: str) -> CpsState:
        """xinetd's own count for the limit cps."""
        return self._cps(service, sorted(self._window.get(service, {}).items()))[1]

    def _cps(self, service: str, counts: Iterable[tuple[int, int]]) -> tuple[int, CpsState]:
        """The limit, and the count after these further connections by the second."""
        most = self._limits.get(service, 0)
        known, state = self._carried.get(service, (most, CpsState()))
        if known != most:
            state = CpsState()
        for second, count in counts:
            state = cps_steps(state, second, count, most)
        return most, state

    def refusals(self, service: str) -> tuple[Refusals, ...]:
        """The refusals of the last hour (to the minute), the most frequent first."""
        if service not in self._told:
            found: Mapping[tuple[str, str], Counter[str]] = {
                key: counts for key, counts in self._refused.items() if key[0] == service
            }
            self._told[service] = refused_by(found)
        return self._told[service]

    def pause(self, service: Service, now: float, *, sharing: int = 1) -> Pause | None:
        """The pause that the service is in; see `limits.pause`."""
        names = dict.fromkeys((service.name, service.id))
        return pause(
            [event for name in names for event in self._pauses.get(name, ())], service, now, sharing=sharing
        )
