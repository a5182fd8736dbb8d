"""Knows the SENSOR no_access list, which exists only in the daemon's memory, from what the daemon logs.

Verified against recordings of xinetd 2.3.15.3: no refresh, a 60-second clock, widening of trailing zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

from wraptui.policy.live.logbook import Event
from wraptui.policy.live.sensor_addresses import Key, client_keys, key_of, network
from wraptui.policy.live.sensor_memory import PERIOD, Memory

Family = Literal["ipv4", "ipv6"]

_DAEMON_ONLY = frozenset(
    ("adding", "expired", "empty", "full", "started", "reloading", "reloaded", "reload-failed", "paused")
)
"""What only the daemon itself logs, never one of its children."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One address on the no_access list. Times are seconds since the epoch (local clock of the server);
    `minutes` is -1 for FOREVER, and then `until` and `release` are None. `release` is the predicted moment
    of the first clearing run at or after `until`. `covers` is the network that is refused, in CIDR notation
    and unmapped; `blocks` names the socket families that refuse it. `hits` counts what was refused since.
    `sensor` is "" where the log does not tell who caught it. An entry is certain when the log proves that it
    is still on the list."""

    address: str
    covers: str
    sensor: str
    since: float
    minutes: int
    until: float | None
    release: float | None
    blocks: tuple[Family, ...]
    certain: bool
    hits: int = 0


@dataclass(frozen=True, slots=True)
class NoAccess:
    """The whole list as rebuilt; `certain` is False when the log does not prove it, and `why` says so.

    `pid` is the daemon whose list it is (0: the log shows none, or it has ended), `since` its start as the
    log tells it (0.0: before the log begins), `next_run` when it clears the list next (None: its clock
    stands still, because the list is empty). `full` says that the daemon turned new entries away."""

    entries: tuple[Entry, ...] = ()
    certain: bool = True
    why: str = ""
    pid: int = 0
    since: float = 0.0
    next_run: float | None = None
    full: bool = False


class Refused(NamedTuple):
    """Whether the list refuses a client on an IPv4-socket service, and on a dual-stack one."""

    ipv4: bool
    dual: bool


def rebuild(
    events: Iterable[Event],
    now: float,
    *,
    pid: int = 0,
    began: float = 0.0,
    sensors: Sequence[str] = (),
    lost: str = "",
) -> NoAccess:
    """The list at `now`, from the daemon's log in the order of its lines; later lines are left out.

    `pid` and `began` (seconds since the epoch) are those of the live daemon; without them it is the one that
    wrote last. `sensors` are the ids of the configured sensors, where they are known. `lost` is a sentence
    about lines that the reader knows are missing. Service lines may be mixed in: they name the sensor and
    count the hits."""
    lines = [event for event in events if event.time <= now and event.time >= began - 5]
    live = pid or _last_writer(lines)
    first = _start_of(lines, live)
    lines = lines[max(first, 0) :]
    if not pid and any(event.kind == "stopped" and event.pid == live for event in lines):
        why = "the daemon has ended, and its list with it"
        return NoAccess(certain=not lost and first >= 0, why=why, since=lines[0].time if first >= 0 else 0.0)
    replay = Replay(live, sensors)
    replay.take(lines)
    return replay.at(now, lost)


class Replay:
    """The list of the daemon with this pid, replayed from the lines of its log as they come.

    Give lines from the daemon's start on (the line itself included), in their order, each once."""

    def __init__(self, pid: int, sensors: Sequence[str] = ()) -> None:
        self.sensors = sensors
        self._pid = pid
        self._since = 0.0
        self._daemon = Memory()
        self._answer = NoAccess()
        self._fresh_until = 0.0
        self._lost = ""

    def take(self, events: Iterable[Event]) -> None:
        """Go on with these lines."""
        for event in events:
            if event.kind == "fail":
                if event.detail == "address":
                    self._daemon.caught(event, self.sensors)
            elif event.kind == "lost":
                self._daemon.missed(event.number)
            elif event.pid == self._pid and event.kind in _DAEMON_ONLY:
                if event.kind == "started":
                    self._since, self._daemon = event.time, Memory()
                else:
                    self._daemon.take(event)
            else:
                continue
            self._fresh_until = 0.0

    def at(self, now: float, lost: str = "") -> NoAccess:
        """The list at `now`, which is not before the last line; `lost` as in `rebuild`."""
        if now < self._fresh_until and lost == self._lost:
            return self._answer
        self._lost = lost
        daemon = self._daemon.copy()
        daemon.advance(now)
        daemon.look(now)
        reasons = [lost] if lost else []
        if not self._pid:
            reasons.append("no line of a daemon in the log: whether it holds a list cannot be told")
        elif not self._since:
            reasons.append(
                f"the log has no start of the daemon (pid {self._pid}), so older entries may be missing: "
                "what is shown is the least"
            )
        reasons += daemon.reasons
        self._answer = NoAccess(
            entries=_entries(daemon, now),
            certain=not reasons,
            why="; ".join(reasons),
            pid=self._pid,
            since=self._since,
            next_run=daemon.next_run,
            full=daemon.full,
        )
        # Until the next run nothing changes but by new lines, unless something is doubtful by the second.
        doubtful = lost or not daemon.phase_known
        self._fresh_until = 0.0 if doubtful else min(daemon.quiet_until(), now + PERIOD)
        return self._answer


def refused(no_access: NoAccess, client: str) -> Refused:
    """Whether the list refuses `client`, a numeric address; raises `ValueError` when it is none."""
    return Refused(
        holding(no_access, client, dual=False) is not None, holding(no_access, client, dual=True) is not None
    )


def holding(no_access: NoAccess, client: str, *, dual: bool) -> Entry | None:
    """The first entry that refuses `client` on an IPv4 (or, with `dual`, an IPv6) socket, as the daemon
    searches them; None when there is none. Raises `ValueError` when the client is no address."""
    index = _index(no_access.entries)
    found = [index[key] for key in client_keys(client, dual=dual) if key in index]
    return min(found, key=lambda each: each[0])[1] if found else None


_Index = dict[Key, tuple[int, Entry]]
_indexed: list[tuple[tuple[Entry, ...], _Index]] = []


def _index(entries: tuple[Entry, ...]) -> _Index:
    """Place and entry by key; that of the list asked last is kept, for a screen asks for every visitor."""
    known = _indexed[:1]
    if known and known[0][0] is entries:
        return known[0][1]
    index: _Index = {}
    for place, entry in enumerate(entries):
        index.setdefault(key_of(entry.address), (place, entry))
    _indexed[:] = [(entries, index)]
    return index


def widened(address: str) -> str:
    """The network, in CIDR notation and unmapped, that the daemon refuses once `address` is on the list:
    trailing zero octets of a plain IPv4 address widen it, 10.1.2.0 to 10.1.2.0/24."""
    return network(key_of(address))


def _entries(daemon: Memory, now: float) -> tuple[Entry, ...]:
    entries = []
    for held, until in zip(daemon.held, daemon.ends, strict=False):
        still = until is None or until > now or daemon.phase_known
        blocks: tuple[Family, ...] = ("ipv6",) if held.key[0] == 128 else ("ipv4", "ipv6")
        entries.append(
            Entry(
                address=held.address,
                covers=network(held.key),
                sensor=daemon.sensors.get(held, ""),
                since=held.since,
                minutes=held.minutes,
                until=until,
                release=_release(until, daemon.next_run),
                blocks=blocks,
                certain=still and not daemon.poisoned,
                hits=daemon.hits.get(held, 0),
            )
        )
    return tuple(entries)


def _release(until: float | None, next_run: float | None) -> float | None:
    if until is None or next_run is None:
        return until
    return next_run + PERIOD * max(0, ceil((until - next_run) / PERIOD))


def _last_writer(lines: Sequence[Event]) -> int:
    for event in reversed(lines):
        if event.kind in _DAEMON_ONLY and event.pid:
            return event.pid
    return 0


def _start_of(lines: Sequence[Event], pid: int) -> int:
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].kind == "started" and lines[place].pid == pid:
            return place
    return -1
