"""Knows the SENSOR no_access list, which exists only in the daemon's memory, from what the daemon logs.

Verified against recordings of xinetd 2.3.15.3: no refresh, a 60-second clock, widening of trailing zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import ceil
from typing import Literal, NamedTuple

from wraptui.policy.logbook import Event

Family = Literal["ipv4", "ipv6"]

CAPACITY = 10240
"""How many entries the daemon keeps; for a hit beyond it logs `Maximum global_no_access count reached.`"""

_PERIOD = 60.0
"""Seconds from one clearing run to the next."""

_PATIENCE = 3.0
"""Seconds that a line of the log may come late before it counts as lost."""

_DAEMON_ONLY = frozenset(
    ("adding", "expired", "empty", "full", "started", "reloading", "reloaded", "paused", "resumed")
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
    since = lines[first].time if first >= 0 else 0.0
    reasons = [lost] if lost else []
    if not live:
        reasons.append("no line of a daemon in the log: whether it holds a list cannot be told")
    elif first < 0:
        reasons.append(
            f"the log has no start of the daemon (pid {live}), so older entries may be missing: "
            "what is shown is the least"
        )
    daemon = _Daemon()
    catches: list[Event] = []
    for event in lines[max(first, 0) :]:
        if event.kind == "fail":
            if event.detail == "address":
                catches.append(event)
                daemon.caught(event, sensors)
        elif event.pid == live:
            if event.kind == "stopped" and not pid:
                why = "the daemon has ended, and its list with it"
                return NoAccess(certain=not reasons, why=why, since=since)
            daemon.take(event)
    daemon.advance(now)
    daemon.look(now)
    reasons += daemon.reasons
    return NoAccess(
        entries=_entries(daemon, now, catches),
        certain=not reasons,
        why="; ".join(reasons),
        pid=live,
        since=since,
        next_run=daemon.next_run,
        full=daemon.full,
    )


def refused(no_access: NoAccess, client: str) -> Refused:
    """Whether the list refuses `client`, a numeric address; raises `ValueError` when it is none."""
    address = _unmapped(client)
    plain = dual = False
    for entry in no_access.entries:
        if _covers(entry.address, address):
            dual = True
            plain = plain or "ipv4" in entry.blocks
    return Refused(plain, dual)


def holding(no_access: NoAccess, client: str, *, dual: bool) -> Entry | None:
    """The first entry that refuses `client` on an IPv4 (or, with `dual`, an IPv6) socket, as the daemon
    searches them; None when there is none."""
    address = _unmapped(client)
    for entry in no_access.entries:
        if ("ipv6" if dual else "ipv4") in entry.blocks and _covers(entry.address, address):
            return entry
    return None


def widened(address: str) -> str:
    """The network, in CIDR notation and unmapped, that the daemon refuses once `address` is on the list:
    trailing zero octets of a plain IPv4 address widen it, 10.1.2.0 to 10.1.2.0/24."""
    key = _key(address)
    if isinstance(key, tuple):
        bits, prefix = key
        return f"{IPv4Address(prefix << (32 - bits))}/{bits}"
    mapped = key.ipv4_mapped
    return f"{mapped}/32" if mapped else f"{key}/128"


# --- the daemon's memory -----------------------------------------------------------------------------------

_Key = tuple[int, int] | IPv6Address
"""An address as the list holds it: the bits and prefix of an IPv4 network, or one IPv6 address."""


class _Held(NamedTuple):
    address: str
    key: _Key
    since: float
    minutes: int


class _Daemon:
    """The list and its clock as they live in the daemon, replayed line by line.

    Addresses and ends are two lists side by side, as in the daemon, for they can come apart: an address that
    the daemon cannot read (`<unknown>`) leaves only an end behind, which the next address inherits."""

    def __init__(self) -> None:
        self.held: list[_Held] = []
        self.ends: list[float | None] = []
        self.sensors: dict[_Held, str] = {}
        self.index: dict[_Key, _Held] = {}
        self.next_run: float | None = None
        self.reasons: list[str] = []
        self.full = False
        self.poisoned = False
        self.phase_known = True
        self._silent = 0
        self._last = 0.0
        self._unanswered: float | None = None
        self._nameless: _Held | None = None

    def take(self, event: Event) -> None:
        """Go on to a line that the daemon itself wrote."""
        time = event.time
        if time < self._last - _PATIENCE:
            self._doubt("the clock of the server was set back")
        self._last = max(time, self._last)
        if event.kind == "empty":
            self._emptied(time)
            return
        self.advance(time)
        if event.kind == "adding":
            self._added(event)
        elif event.kind == "expired":
            self._expired(time)
        elif event.kind == "full":
            self.full = True

    def advance(self, time: float) -> None:
        """The clearing runs up to `time` of which the log says nothing, because they cleared nothing."""
        if self._unanswered is not None and time > self._unanswered + _PATIENCE:
            self._doubt("the daemon did not say that its list became empty, though no entry is known")
            self._unanswered = None
        while self.next_run is not None and self.next_run + self._slack() < time:
            run = self.next_run
            # What was added in the second of the run may well have come after it.
            if due := {place for place in self._due(run) if self.held[place].since < run}:
                self._doubt("a clearing run left no line: INFO lines are lost or filtered")
                self.phase_known = False
                self._remove(due)
            self._silent += 1
            self.next_run = run + _PERIOD if self.held else None

    def look(self, now: float) -> None:
        """Doubt what is due at this very moment."""
        if self.next_run is not None and self.next_run <= now and self._due(now):
            self._doubt("a clearing run is due this very moment")
            self.phase_known = False

    def caught(self, event: Event, sensors: Sequence[str]) -> None:
        """A service refused an address: the first one to do so after an `Adding` is the sensor."""
        held = self._nameless
        if held and event.address == held.address and event.time <= held.since + 1:
            if sensors and event.service not in sensors:
                return
            self.sensors[held] = event.service
            self._nameless = None

    def end_of(self, position: int) -> float | None:
        """When the entry at `position` ends; None for never."""
        return self.ends[position]

    def _added(self, event: Event) -> None:
        end = None if event.number == -1 else event.time + _int32(60 * event.number)
        try:
            key = _key(event.address)
        except ValueError:
            self.ends.append(end)
            self.poisoned = True
            self._doubt("the daemon added an address that it cannot read: entries end at each other's times")
            return
        known = self._match(key)
        if known is not None:
            self._doubt("an address was added again while it seemed to be held: a clearing line is lost")
            self.phase_known = False
            self._remove({position for position, held in enumerate(self.held) if held == known})
        held = _Held(event.address, key, event.time, event.number)
        self.held.append(held)
        self.ends.append(end)
        self.index.setdefault(key, held)
        self._nameless = held
        self._unanswered = None
        if self.next_run is None:
            self.next_run = event.time + _PERIOD
            self._silent = 0
        if len(self.held) > CAPACITY:
            self._doubt(f"more than {CAPACITY} entries: clearing lines are lost")

    def _expired(self, time: float) -> None:
        if not self._drop(time) and not self._drop(time + 2):
            self._doubt("the daemon cleared an entry that is not known: its Adding line is lost")
        self.next_run = time + _PERIOD
        self._silent = 0
        self.phase_known = True
        self._unanswered = None if self.held else time

    def _emptied(self, time: float) -> None:
        self._unanswered = None
        if self._remove(set(range(len(self.held)))):
            self._doubt("the daemon's list became empty, though entries seemed to be left")
        self.next_run = None
        self.phase_known = True

    def _due(self, time: float) -> set[int]:
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
        return len(positions)

    def _match(self, key: _Key) -> _Held | None:
        """The entry that keeps the daemon from adding `key`."""
        if isinstance(key, IPv6Address):
            if key in self.index:
                return self.index[key]
            if key.ipv4_mapped is None:
                return None
            number = int(key.ipv4_mapped)
        else:
            number = key[1] << (32 - key[0])
        for bits in (32, 24, 16, 8):
            found = self.index.get((bits, number >> (32 - bits)))
            if found is not None:
                return found
        return None

    def _slack(self) -> float:
        """The clock creeps by up to a millisecond a run, and the log is exact to the second."""
        return _PATIENCE + self._silent / 500

    def _doubt(self, reason: str) -> None:
        if reason not in self.reasons:
            self.reasons.append(reason)


def _entries(daemon: _Daemon, now: float, catches: Sequence[Event]) -> tuple[Entry, ...]:
    hits = _hits(daemon.held, catches) if daemon.held else {}
    entries = []
    for place, held in enumerate(daemon.held):
        until = daemon.end_of(place)
        still = until is None or until > now or daemon.phase_known
        blocks: tuple[Family, ...] = ("ipv4", "ipv6") if isinstance(held.key, tuple) else ("ipv6",)
        entries.append(
            Entry(
                address=held.address,
                covers=widened(held.address),
                sensor=daemon.sensors.get(held, ""),
                since=held.since,
                minutes=held.minutes,
                until=until,
                release=_release(until, daemon.next_run),
                blocks=blocks,
                certain=still and not daemon.poisoned,
                hits=hits.get(held, 0),
            )
        )
    return tuple(entries)


def _hits(held: Sequence[_Held], catches: Sequence[Event]) -> dict[_Held, int]:
    """How many refusals each entry earned after the one that put it on the list."""
    by_network: dict[_Key, list[_Held]] = {}
    for one in held:
        by_network.setdefault(one.key, []).append(one)
    counts: dict[_Held, int] = {}
    own: set[_Held] = set()
    for catch in catches:
        for one in _holders(catch.address, by_network):
            if catch.time < one.since:
                continue
            if one not in own and catch.address == one.address and catch.time <= one.since + 1:
                own.add(one)
            else:
                counts[one] = counts.get(one, 0) + 1
    return counts


def _holders(address: str, by_network: dict[_Key, list[_Held]]) -> list[_Held]:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return []
    found = list(by_network.get(parsed, ())) if isinstance(parsed, IPv6Address) else []
    plain = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else parsed
    if plain is not None:
        number = int(plain)
        for bits in (32, 24, 16, 8):
            found += by_network.get((bits, number >> (32 - bits)), ())
    return found


def _release(until: float | None, next_run: float | None) -> float | None:
    if until is None or next_run is None:
        return until
    return next_run + _PERIOD * max(0, ceil((until - next_run) / _PERIOD))


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


# --- addresses ---------------------------------------------------------------------------------------------


def _key(address: str) -> _Key:
    """What the daemon makes of an address that it adds; raises `ValueError` for one that it cannot read."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        return parsed
    number, bits = int(parsed), 32
    while bits and not number & 0xFF:
        number >>= 8
        bits -= 8
    return bits, number


def _unmapped(client: str) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(client.strip("[]").partition("%")[0])
    except ValueError:
        raise ValueError(f"{client!r} is no IPv4 or IPv6 address") from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _covers(listed: str, client: IPv4Address | IPv6Address) -> bool:
    key = _key(listed)
    if isinstance(key, IPv6Address):
        return (key.ipv4_mapped or key) == client
    bits, prefix = key
    return isinstance(client, IPv4Address) and int(client) >> (32 - bits) == prefix


def _int32(number: int) -> int:
    """The daemon multiplies minutes by 60 in a C int, which wraps."""
    return (number + 2**31) % 2**32 - 2**31
