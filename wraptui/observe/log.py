"""Knows what the running daemon's logs tell: its no_access list, and what came in and was refused of late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wraptui.observe.chronicle import HOUR, Chronicle
from wraptui.observe.snapshot import Daemon
from wraptui.observe.states import cps_limit, forks
from wraptui.policy.live.admission import is_sensor
from wraptui.policy.live.logbook import Clock, Event, parse, parse_all
from wraptui.policy.live.sensor import NoAccess
from wraptui.policy.live.tally import Tally
from wraptui.policy.xinetd.services import Configuration
from wraptui.system import logs
from wraptui.system.machine import Machine

BLOCKS = 2
"""How many blocks of a log (1 MiB each) are read back for what was before the first look."""


class Log:
    """The logs of the daemon that runs, followed from look to look.

    `tally` is what came in and was refused of late; the first look does without what was before it, which
    the second brings (the last MiBs of a busy log). `no_access` is the list now."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._of: tuple[object, ...] = ()
        self._chronicle: Chronicle | None = None
        self._early: tuple[Event, ...] | None = None
        self.tally = Tally()
        self.no_access = NoAccess()

    def follow(self, daemon: Daemon, configuration: Configuration, now: float) -> None:
        """Takes in what was written since."""
        log_types = tuple(dict.fromkeys(_log_types(configuration)))
        before: Iterable[Event] = ()
        if (daemon, log_types) != self._of:
            if self._chronicle:
                self._chronicle.close()
            self._chronicle = Chronicle(self._machine, daemon, log_types)
            self._of = (daemon, log_types)
            self.tally = Tally()
            fresh = self._chronicle.read()
            self._early = fresh if daemon.pid else None
        else:
            assert self._chronicle is not None
            fresh = self._chronicle.read()
            if self._early is not None:
                before, self._early = (*self._before(self._chronicle, now), *self._early), None
                self.tally = Tally()
        services = configuration.services
        known = {word: cps_limit(each) for each in services for word in (each.name, each.id)}
        self.tally.take((*before, *fresh), now, known, {each.id for each in services if not forks(each)})
        sensors = [each.id for each in services if is_sensor(each)]
        self.no_access = self._chronicle.no_access(now, sensors)

    def _before(self, chronicle: Chronicle, now: float) -> list[Event]:
        """All events of the last hour that stand in the ends of the logs, as they were when the following of
        them began."""
        found: list[Event] = []
        for path in chronicle.places.all:
            end = chronicle.ends.get(path, "")
            if path == logs.JOURNAL:
                lines = _up_to(str(end), logs.read_journal(self._machine, now - HOUR).lines)
            else:
                lines = logs.read_back(
                    self._machine,
                    (path,),
                    (),
                    _Ends(now),
                    stop_word=b"",
                    since=now - HOUR,
                    end=int(end) if end else None,
                ).lines
            found += (each for each in parse_all(lines, Clock(now)) if each.time >= now - HOUR)
        return sorted(found, key=lambda each: each.time)


def _up_to(cursor: str, lines: Sequence[str]) -> Sequence[str]:
    """The journal's lines up to the one with this cursor."""
    for place, line in enumerate(lines):
        if cursor and cursor in line:
            return lines[: place + 1]
    return lines


class _Ends:
    """Tells where to stop reading back: at a line of more than an hour ago, or after some blocks."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._left = BLOCKS

    def __call__(self, line: str) -> bool:
        self._left -= 1
        event = parse(line, Clock(self._now))
        return self._left <= 0 or (event is not None and event.time < self._now - HOUR)


def _log_types(configuration: Configuration) -> Iterator[tuple[str, ...]]:
    for attributes in (configuration.defaults, *(each.attributes for each in configuration.services)):
        words = attributes.get("log_type", ())
        if isinstance(words, tuple):
            yield tuple(map(str, words))
