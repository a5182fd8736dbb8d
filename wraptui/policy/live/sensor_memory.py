"""Knows the no_access list and its clock as they live in xinetd's memory, replayed line by line of its log.

Verified against recordings of xinetd 2.3.15.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from wraptui.policy.live.logbook import Event
from wraptui.policy.live.sensor_addresses import ALL, MAPPED, Key, key_of, keys_of, networks

CAPACITY = 10240
"""How many entries the daemon keeps; for a hit beyond it logs `Maximum global_no_access count reached.`"""

PERIOD = 60.0
"""Seconds from one clearing run to the next."""

PATIENCE = 3.0
"""Seconds that a line of the log may come late before it counts as lost."""

LONGEST_RELOAD = 60.0
"""Seconds after which a reload has surely ended."""

_NEVER = float("inf")


class Held(NamedTuple):
    """One address as it was added, and when, and for how many minutes."""

    address: str
    key: Key
    since: float
    minutes: int


class Memory:
    """The list and its clock as they live in the daemon, replayed line by line.

    Addresses and ends are two lists side by side, as in the daemon, for they can come apart: an address that
    the daemon cannot read (`<unknown>`) leaves only an end behind, which the next address inherits."""

    def __init__(self) -> None:
        self.held: list[Held] = []
        self.ends: list[float | None] = []
        self.sensors: dict[Held, str] = {}
        self.hits: dict[Held, int] = {}
        self.index: dict[Key, Held] = {}
        self.next_run: float | None = None
        self.reasons: list[str] = []
        self.full = False
        self.poisoned = False
        self.phase_known = True
        self._silent = 0
        self._soonest = _NEVER
        self._last = 0.0
        self._unanswered: float | None = None
        self._reloading: float | None = None
        self._nameless: dict[str, Held] = {}

    def take(self, event: Event) -> None:
        """Go on to a line that the daemon itself wrote."""
        time = event.time
        if time < self._last - PATIENCE:
            self._doubt("the clock of the server was set back")
        self._last = max(time, self._last)
        if event.kind == "empty":
            self._emptied(time)
            return
        if event.kind in ("reloaded", "reload-failed"):
            self._reloaded(time)
        self.advance(time)
        if event.kind == "reloading":
            self._reloading = time
        elif event.kind == "adding":
            self._added(event)
        elif event.kind == "expired":
            self._expired(time)
        elif event.kind == "full":
            self.full = True

    def advance(self, time: float) -> None:
        """The clearing runs up to `time` of which the log says nothing, because they cleared nothing."""
        if self._unanswered is not None and time > self._unanswered + PATIENCE:
            self._doubt("the daemon did not say that its list became empty, though no entry is known")
            self._unanswered = None
        if self._reloading is not None and time > self._reloading + LONGEST_RELOAD:
            self._reloading = None  # the line of its end is lost
        while self.next_run is not None and self.next_run + self._slack() < time:
            run = self.next_run
            if self._reloading is not None and self._reloading <= run:
                break  # nothing else is done meanwhile, be it for seconds
            # What was added in the second of the run may well have come after it.
            if due := {place for place in self._due(run) if self.held[place].since < run}:
                self._doubt("a clearing run left no line: INFO lines are lost or filtered")
                self.phase_known = False
                self._remove(due)
            self._silent += 1
            self.next_run = run + PERIOD if self.held else None

    def look(self, now: float) -> None:
        """Doubt what is due at this very moment."""
        if self.next_run is not None and self.next_run <= now and self._due(now):
            self._doubt("a clearing run is due this very moment")
            self.phase_known = False

    def caught(self, event: Event, sensors: Sequence[str]) -> None:
        """A service refused an address: the first one to do so after an `Adding` is the sensor; everything
        later is a hit."""
        held = self._nameless.get(event.address)
        own = held and held.since <= event.time <= held.since + 1
        if held and own and (not sensors or event.service in sensors):
            self.sensors[held] = event.service
            del self._nameless[event.address]
            return
        if self.held:
            for key in keys_of(event.address):
                if (held := self.index.get(key)) is not None and held.since <= event.time:
                    self.hits[held] = self.hits.get(held, 0) + 1

    def missed(self, number: int) -> None:
        """The log has lost that many lines, whatever they said."""
        self._doubt(f"journald took {number} lines less than xinetd wrote: entries and hits may be missing")

    def copy(self) -> Memory:
        """The same state, to go on with apart."""
        other = copy(self)
        other.held, other.ends, other.reasons = self.held.copy(), self.ends.copy(), self.reasons.copy()
        other.index = self.index.copy()
        return other

    def quiet_until(self) -> float:
        """Until when time alone changes nothing."""
        if self._unanswered is not None:
            return 0.0
        return self.next_run if self.next_run is not None else _NEVER

    def _added(self, event: Event) -> None:
        end = None if event.number == -1 else event.time + _int32(60 * event.number)
        try:
            key = key_of(event.address)
        except ValueError:
            self._keep(end)
            self.poisoned = True
            self._doubt("the daemon added an address that it cannot read: entries end at each other's times")
            return
        known = self._match(key)
        if known is not None:
            self._doubt("an address was added again while it seemed to be held: a clearing line is lost")
            self.phase_known = False
            self._remove({position for position, held in enumerate(self.held) if held == known})
        held = Held(event.address, key, event.time, event.number)
        self.held.append(held)
        self._keep(end)
        self.index.setdefault(key, held)
        self._nameless[event.address] = held
        self._unanswered = None
        if self.next_run is None:
            self.next_run = event.time + PERIOD
            self._silent = 0
        if len(self.held) > CAPACITY:
            self._doubt(f"more than {CAPACITY} entries: clearing lines are lost")

    def _expired(self, time: float) -> None:
        if not self._drop(time) and not self._drop(time + 2):
            self._doubt("the daemon cleared an entry that is not known: its Adding line is lost")
        self.next_run = time + PERIOD
        self._silent = 0
        self.phase_known = True
        self._unanswered = None if self.held else time

    def _emptied(self, time: float) -> None:
        self._unanswered = None
        if self._remove(set(range(len(self.held)))):
            self._doubt("the daemon's list became empty, though entries seemed to be left")
        self.next_run = None
        self.phase_known = True

    def _reloaded(self, time: float) -> None:
        """A clearing run that fell into a reload comes right after it, and shifts those to come."""
        if self._reloading is not None and self.next_run is not None and self.next_run >= self._reloading:
            self.next_run = max(self.next_run, time)
        self._reloading = None

    def _keep(self, end: float | None) -> None:
        self.ends.append(end)
        if end is not None:
            self._soonest = min(self._soonest, end)

    def _due(self, time: float) -> set[int]:
        if time < self._soonest:
            return set()
        ends = self.ends
        return {
            position
            for position in range(len(self.held))
            if (end := ends[position]) is not None and end <= time
        }

    def _drop(self, time: float) -> int:
        return self._remove(self._due(time))

    def _remove(self, positions: set[int]) -> int:
        if positions:
            self.held = [held for place, held in enumerate(self.held) if place not in positions]
            self.ends = [end for place, end in enumerate(self.ends) if place not in positions]
            self.index = {}
            for held in self.held:
                self.index.setdefault(held.key, held)
            self._soonest = min((end for end in self.ends if end is not None), default=_NEVER)
            left = set(self.held)
            self.sensors = {held: sensor for held, sensor in self.sensors.items() if held in left}
            self._nameless = {held.address: held for held in self._nameless.values() if held in left}
            self.hits = {held: count for held, count in self.hits.items() if held in left}
        return len(positions)

    def _match(self, key: Key) -> Held | None:
        """The entry that keeps the daemon from adding `key`."""
        bits, prefix = key
        if bits == 128 and key in self.index:
            return self.index[key]
        if bits == 128 and prefix >> 32 != MAPPED:
            return None
        number = prefix & ALL if bits == 128 else prefix << (32 - bits)
        return next((self.index[wide] for wide in networks(number) if wide in self.index), None)

    def _slack(self) -> float:
        """The clock creeps by up to a millisecond a run, and the log is exact to the second."""
        return PATIENCE + self._silent / 500

    def _doubt(self, reason: str) -> None:
        if reason not in self.reasons:
            self.reasons.append(reason)


def _int32(number: int) -> int:
    """The daemon multiplies minutes by 60 in a C int, which wraps."""
    return (number + 2**31) % 2**32 - 2**31
