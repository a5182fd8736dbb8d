"""Knows what the running daemon's logs tell: its no_access list, and what came in and was refused of late."""

from __future__ import annotations

from collections.abc import Iterator

from wraptui.chronicle import HOUR, Chronicle
from wraptui.observe.snapshot import Daemon
from wraptui.policy.admission import is_sensor
from wraptui.policy.logbook import Clock, Event, parse, parse_all
from wraptui.policy.sensor import NoAccess
from wraptui.policy.services import Configuration
from wraptui.system import logs
from wraptui.system.machine import Machine

BLOCKS = 2
"""How many blocks of a log (1 MiB each) are read back for what was before the first look."""


class Log:
    """The logs of the daemon that runs, followed from look to look.

    `events` is what came in and was refused, of the last hour (the last MiBs of a busy log); the first look
    does without what was before it, which the second brings. `no_access` is the list now."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._of: tuple[object, ...] = ()
        self._chronicle: Chronicle | None = None
        self._looks = 0
        self.events: list[Event] = []
        self.no_access = NoAccess()

    def follow(self, daemon: Daemon, configuration: Configuration, now: float) -> None:
        """Takes in what was written since."""
        log_types = tuple(dict.fromkeys(_log_types(configuration)))
        if (daemon, log_types) != self._of:
            if self._chronicle:
                self._chronicle.close()
            self._chronicle = Chronicle(self._machine, daemon, log_types)
            self._of = (daemon, log_types)
            self._looks, self.events = 0, []
        assert self._chronicle is not None
        fresh = self._chronicle.read()
        self._looks += 1
        if self._looks == 2 and daemon.pid:
            self.events = self._before(self._chronicle, now)
        else:
            self.events += fresh
        if len(self.events) > 1000 and self.events[len(self.events) // 2].time < now - HOUR:
            self.events = [each for each in self.events if each.time >= now - HOUR]
        sensors = [each.id for each in configuration.services if is_sensor(each)]
        self.no_access = self._chronicle.no_access(now, sensors)

    def _before(self, chronicle: Chronicle, now: float) -> list[Event]:
        """All events of the last hour that stand in the ends of the logs."""
        found: list[Event] = []
        for path in chronicle.places.all:
            if path == logs.JOURNAL:
                lines = logs.read_journal(self._machine, now - HOUR).lines
            else:
                ends = _Ends(now)
                lines = logs.read_back(
                    self._machine, (path,), (), ends, stop_word=b"", since=now - HOUR
                ).lines
            found += (each for each in parse_all(lines, Clock(now)) if each.time >= now - HOUR)
        return sorted(found, key=lambda each: each.time)


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
