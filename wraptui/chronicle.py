"""Knows what xinetd's logs on this machine tell of the running daemon: read back once, then followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wraptui.policy.logbook import Clock, Event, parse, parse_all
from wraptui.policy.sensor import NoAccess, rebuild
from wraptui.system import logs
from wraptui.system.logs import JOURNAL, Follower, JournalFollower, Passage
from wraptui.system.machine import Machine
from wraptui.system.xinetd import Daemon

LIST_WORDS = (b"global_no_access", b"xiting", b"xinetd will exit")
"""What every line about the list, or about the daemon's end, contains."""

HIT_WORDS = (*LIST_WORDS, b" address")
"""The same, and the refusals that name the sensor and count the hits."""

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log told: its events, oldest first, whether it goes back to the daemon's start, and sentences
    about what could not be read."""

    events: tuple[Event, ...] = ()
    complete: bool = False
    problems: tuple[str, ...] = ()


def read_file(machine: Machine, path: str, at: float) -> Reading:
    """What one file tells of the daemon that was the last to start in it, `at` that time at the latest.
    Raises `OSError` with a sentence when it cannot be read."""
    clock = Clock(machine.now())

    def started(line: str) -> bool:
        event = parse(line, clock)
        return event is not None and event.kind == "started" and event.time <= at

    with machine.open(path):
        pass  # a file that cannot be read is an error here, not a gap
    passage = logs.read_back(machine, (path,), HIT_WORDS, started, written=False)
    if passage.problems:
        raise OSError(passage.problems[0])
    return Reading(tuple(parse_all(passage.lines, Clock(machine.now()))), passage.reached)


def read_list(machine: Machine, daemon: Daemon, log_types: Iterable[Sequence[str]] = ()) -> Reading:
    """What the logs tell of the running daemon's no_access list, from its start on."""
    book = Chronicle(machine, daemon, log_types)
    try:
        return book.reading
    finally:
        book.close()


def no_access_of(reading: Reading, daemon: Daemon, now: float, sensors: Sequence[str] = ()) -> NoAccess:
    """The running daemon's list as its logs tell it; an empty and certain one when no daemon runs."""
    if not daemon.pid:
        return NoAccess(why=daemon.problem)
    return rebuild(
        reading.events,
        now,
        pid=daemon.pid,
        began=daemon.started,
        sensors=sensors,
        lost="; ".join(reading.problems),
    )


class Chronicle:
    """The logs of one running daemon, kept up to date: `read` follows them.

    What belongs to the list is kept from the daemon's start on; everything else for an hour."""

    def __init__(self, machine: Machine, daemon: Daemon, log_types: Iterable[Sequence[str]] = ()) -> None:
        self.daemon = daemon
        self.places = logs.places(machine, daemon.log, log_types)
        self._machine = machine
        self._clocks: dict[str, Clock] = {}
        self._problems: dict[str, str] = {}
        self._followers: list[Follower | JournalFollower] = []
        self._kept: list[Event] = []
        self._complete = False
        self._first()

    @property
    def reading(self) -> Reading:
        """All that is known now, in the order of time."""
        problems = tuple(problem for problem in (self.places.problem, *self._problems.values()) if problem)
        return Reading(tuple(self._kept), self._complete, problems)

    def read(self) -> tuple[Event, ...]:
        """The events that were written since the last time."""
        fresh: list[Event] = []
        for follower in self._followers:
            lines = follower.read()
            self._problems[follower.path] = follower.problem
            fresh += parse_all(lines, self._clock(follower.path))
        if fresh:
            fresh.sort(key=lambda event: event.time)  # stable: the order inside a file stays
            self._kept += fresh
            self._forget()
        return tuple(fresh)

    def close(self) -> None:
        for follower in self._followers:
            follower.close()
        self._followers = []

    def _clock(self, path: str) -> Clock:
        return self._clocks.setdefault(path, Clock(self._machine.now()))

    def _first(self) -> None:
        if not self.daemon.pid:
            return
        events: list[Event] = []
        for path in self.places.all:
            passage = self._back(path)
            self._problems[path] = "; ".join(passage.problems)
            events += parse_all(passage.lines, Clock(self._machine.now()))
            if path == JOURNAL:
                cursor = str(passage.end.get(path, ""))
                self._followers.append(JournalFollower(self._machine, cursor, self._machine.now()))
            else:
                end = passage.end.get(path)
                self._followers.append(Follower(self._machine, path, end if isinstance(end, int) else None))
            if path in self.places.internal:
                self._complete = self._complete or passage.reached
        if len(self.places.all) > 1:
            events.sort(key=lambda event: event.time)
        self._kept = [event for event in events if event.time >= self.daemon.started - 5]

    def _back(self, path: str) -> Passage:
        pid, began = self.daemon.pid, self.daemon.started
        clock = Clock(self._machine.now())
        if path == JOURNAL:
            return logs.read_journal(self._machine, began - 2)

        def started(line: str) -> bool:
            event = parse(line, clock)
            return event is not None and event.kind == "started" and event.pid == pid

        def before(line: str) -> bool:
            event = parse(line, clock)
            return event is not None and event.time < began - 5

        files = logs.rotated(self._machine, path)
        if path in self.places.internal:
            return logs.read_back(self._machine, files, HIT_WORDS, started, since=began - 1)
        return logs.read_back(self._machine, files, HIT_WORDS[-1:], before, stop_word=b"", since=began - 1)

    def _forget(self) -> None:
        """Drops what is neither of the list nor of the last hour, now and then."""
        if len(self._kept) < 20_000 or len(self._kept) % 5_000:
            return
        since = self._kept[-1].time - HOUR
        self._kept = [
            event
            for event in self._kept
            if event.time >= since or event.kind in ("started", "adding", "expired", "empty", "full")
        ]
