"""Knows what xinetd's logs on this machine tell of the running daemon: read back once, then followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wraptui.policy.live.logbook import Clock, Event, parse, parse_all
from wraptui.policy.live.sensor import NoAccess, Replay, rebuild
from wraptui.system import logs
from wraptui.system.logs import JOURNAL, Follower, JournalFollower, Passage, Places
from wraptui.system.machine import Machine
from wraptui.system.xinetd import Daemon, unit

LIST_WORDS = (b"global_no_access", b"econfigur", b"xiting", b"xinetd will exit")
"""What every line about the list, its clock (a reload stops it), or the daemon's end contains."""

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


TWICE = "lines of the hour that was repeated when the clock was set back may be an hour later than they say"


def read_file(machine: Machine, path: str, at: float, words: Sequence[bytes] = HIT_WORDS) -> Reading:
    """What one file tells of the daemon that was the last to start in it, `at` that time at the latest, in
    the lines with these words. Raises `OSError` with a sentence when it cannot be read."""
    clock = Clock(machine.now(), at=at)

    def started(line: str) -> bool:
        event = parse(line, clock)
        return event is not None and event.kind == "started" and event.time <= at

    with machine.open(path):
        pass  # a file that cannot be read is an error here, not a gap
    passage = logs.read_back(machine, (path,), words, started, written=False)
    if passage.problems:
        raise OSError(passage.problems[0])
    clock = Clock(machine.now(), at=at)
    events = tuple(parse_all(passage.lines, clock))
    return Reading(events, passage.reached, (TWICE,) if clock.unsettled else ())


def read_list(machine: Machine, daemon: Daemon, log_types: Iterable[Sequence[str]] = ()) -> Reading:
    """What the logs tell of the running daemon's no_access list, from its start on."""
    return _read_back(machine, daemon, logs.places(machine, daemon.log, log_types, daemon.started))[0]


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

    Of what was read only the list is kept, so a busy log costs no memory. `ends` is where the following
    began: by path the byte, or journald's cursor."""

    def __init__(self, machine: Machine, daemon: Daemon, log_types: Iterable[Sequence[str]] = ()) -> None:
        self.daemon = daemon
        self.places = logs.places(machine, daemon.log, log_types, daemon.started)
        self._machine = machine
        self._clocks: dict[str, Clock] = {}
        self._replay = Replay(daemon.pid)
        reading, self.ends = _read_back(machine, daemon, self.places)
        self._waiting: list[Event] = list(reading.events)
        self._problems = {"": "; ".join(reading.problems)}
        self._followers: list[Follower | JournalFollower] = []
        for path in self.places.all if daemon.pid else ():
            if path == JOURNAL:
                behind = str(self.ends.get(path, ""))
                self._followers.append(
                    JournalFollower(machine, behind, machine.now(), unit(machine, daemon.pid))
                )
            else:
                self._followers += _followers(machine, path, self.ends)

    def read(self) -> tuple[Event, ...]:
        """The events that were written since the last time, in the order of time."""
        fresh: list[Event] = []
        for follower in self._followers:
            fresh += parse_all(follower.read(), self._clock(follower.path))
            self._problems[follower.path] = follower.problem
        if len(self._followers) > 1:
            fresh.sort(key=lambda event: event.time)  # stable: the order inside a file stays
        self._waiting += fresh
        return tuple(fresh)

    def no_access(self, now: float, sensors: Sequence[str] = ()) -> NoAccess:
        """The list at `now`, after what was read so far; `sensors` are the ids of the configured ones. It is
        the same object again while nothing has changed."""
        if not self.daemon.pid:
            return NoAccess(why=self.daemon.problem)
        self._replay.sensors = sensors
        self._replay.take(self._waiting)
        self._waiting = []
        return self._replay.at(now, "; ".join(filter(None, self._problems.values())))

    def _clock(self, path: str) -> Clock:
        return self._clocks.setdefault(path, Clock(self._machine.now()))

    def close(self) -> None:
        """Ends the following."""
        for follower in self._followers:
            follower.close()
        self._followers = []


def _followers(machine: Machine, path: str, ends: Mapping[str, int | str]) -> list[Follower]:
    """A log, and its newest predecessor where that is no archive: until xinetd is started anew it writes its
    -filelog on into the renamed file."""
    older = [each for each in logs.rotated(machine, path)[1:] if each in ends][:1]
    return [
        *(Follower(machine, each, int(ends[each]), pinned=True) for each in older),
        Follower(machine, path, int(ends[path]) if path in ends else None),
    ]


def _read_back(machine: Machine, daemon: Daemon, places: Places) -> tuple[Reading, dict[str, int | str]]:
    """What the logs tell of the daemon's list since its start, and where to follow each of them on."""
    events: list[Event] = []
    problems = [places.problem] if places.problem else []
    ends: dict[str, int | str] = {}
    complete = False
    for path in places.all if daemon.pid else ():
        passage = _back(machine, daemon, places, path)
        problems += passage.problems
        ends.update(passage.end)
        clock = Clock(machine.now())
        events += parse_all(passage.lines, clock)
        problems += [TWICE] if clock.unsettled else []
        complete = complete or (path in places.internal and passage.reached)
    if len(places.all) > 1:
        events.sort(key=lambda event: event.time)
    since = daemon.started - 5
    return Reading(tuple(event for event in events if event.time >= since), complete, tuple(problems)), ends


def _back(machine: Machine, daemon: Daemon, places: Places, path: str) -> Passage:
    began = daemon.started
    clock = Clock(machine.now())
    if path == JOURNAL:
        return logs.read_journal(machine, began - 2, unit=unit(machine, daemon.pid))

    def started(line: str) -> bool:
        event = parse(line, clock)
        return event is not None and event.kind == "started" and event.pid == daemon.pid

    def before(line: str) -> bool:
        event = parse(line, clock)
        return event is not None and event.time < began - 5

    files = logs.rotated(machine, path)
    if path in places.internal:
        return logs.read_back(machine, files, HIT_WORDS, started, since=began - 1)
    return logs.read_back(machine, files, HIT_WORDS[-1:], before, stop_word=b"", since=began - 1)
