"""Knows how xinetd's log lines read: to a file of its own, through syslog, through journald.

Verified against xinetd 2.3.15.3: service lines (`START: ID pid=N from=A`) and internal ones, in the forms
`YY/M/D@HH:MM:SS: TEXT`, `YY/M/D@HH:MM:SS xinetd[PID]: LEVEL: TEXT`, `Mon DD HH:MM:SS HOST xinetd[PID]: TEXT`,
the same with an RFC 3339 stamp, RFC 5424, and `journalctl -o json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple


class Event(NamedTuple):
    """One line of the log. `time` is in seconds since the epoch; `pid` is who wrote it (0: the line does not
    say). What the other fields hold depends on `kind`:

    service lines   start, exit, fail, noid, traffic, userid: `service` is the id, `address` the client as the
                    daemon spells it, `detail` the reason, the status or the text, `number` the child's pid
    the list        adding (`address`, `number` minutes, -1 for ever), expired, empty, full, unparsed
    the daemon      started (`number` services), stopped, reloading, reloaded, reload-failed
    limits          paused (`service` is the *name*, `number` seconds, `detail` why), resumed (the name),
                    overload (`address`)
    the log         lost (`number` lines, which journald did not take)
    refusals        libwrap (`service`, `address`, `detail` the daemon name), both-lists (`service`,
                    `address`)
    anything else   message (`detail`)

    A named tuple, because a busy log makes 50,000 of them a second.
    """

    time: float
    pid: int
    kind: str
    service: str = ""
    address: str = ""
    detail: str = ""
    number: int = 0
    seconds: int = -1
    level: str = ""


class Clock:
    """Turns the stamps of one log, read from its beginning on, into seconds since the epoch.

    A file stamp is local time without a zone, so the hour that is repeated in autumn is told by the order of
    the lines; a syslog stamp has no year, so it is the last one that is not after `now`, or, where the
    question is about some other time, `at`, the one nearest to that.
    """

    def __init__(self, now: float, zone: tzinfo | None = None, at: float | None = None) -> None:
        self._latest = max(now, at or now) + 86400
        self._about = self._latest if at is None else at
        self._zone = zone
        self._passes = (False, False)  # through the hour that is repeated: which were seen
        self.minutes: dict[str, float] = {}  # looked into directly, where every microsecond counts
        self._last = 0.0

    def minute(self, stamp: str) -> float:
        """The beginning of the minute that `stamp` names (`26/11/24@01:35`, `Nov 24 01:35`); raises
        `ValueError` when it names none."""
        known = self.minutes.get(stamp)
        if known is None:
            known = self._last = self._read(stamp)
        return known

    def _read(self, stamp: str) -> float:
        if found := _FILE_MINUTE.fullmatch(stamp):
            year, month, day, hour, minute = (int(text) for text in found.groups())
            return self._kept(stamp, self._epoch(2000 + year, month, day, hour, minute))
        if found := _SYSLOG_MINUTE.fullmatch(stamp):
            month = _MONTHS.index(found[1]) + 1
            day, hour, minute = (int(text) for text in found.groups()[1:])
            candidates = list(self._candidates(month, day, hour, minute))
            if candidates:
                return self._kept(stamp, min(candidates, key=lambda both: abs(both[0] - self._about)))
        raise ValueError(f"no time: {stamp}")

    def _candidates(self, month: int, day: int, hour: int, minute: int) -> Iterator[tuple[float, float]]:
        """What a stamp without a year may mean; 29 February comes every four years, or eight."""
        about = datetime.fromtimestamp(self._about, self._zone).year
        most = 9 if (month, day) == (2, 29) else 2
        for year in range(about + 1, about - most, -1):
            try:
                both = self._epoch(year, month, day, hour, minute)
            except ValueError:
                continue
            if both[0] <= self._latest:
                yield both

    @property
    def unsettled(self) -> bool:
        """Whether stamps of the repeated hour were read, and no line shows where it began again."""
        return self._passes == (True, False)

    def _epoch(self, year: int, month: int, day: int, hour: int, minute: int) -> tuple[float, float]:
        """The first and the second time that a local time comes (mostly the same)."""
        local = datetime(year, month, day, hour, minute, tzinfo=self._zone)
        return local.timestamp(), local.replace(fold=1).timestamp()

    def _kept(self, stamp: str, both: tuple[float, float]) -> float:
        first, second = both
        if second > first:
            # A line a little out of order is no second time.
            again = first + 60 < self._last <= second + 60
            once, twice = self._passes
            self._passes = once or not again, twice or again
            return second if again else first
        if len(self.minutes) > 4096:
            self.minutes.clear()
        self.minutes[stamp] = first
        return first


def parse(line: str, clock: Clock) -> Event | None:
    """The event that one line (byte text, with or without its newline) tells; None for a line that is not
    xinetd's, or that continues a message."""
    line = line.rstrip("\n")
    if line[2:3] == "/":
        return _file_line(line, clock)
    if line[:1] == "{":
        return _journal_line(line)
    return _syslog_line(line, clock)


def parse_all(lines: Iterable[str], clock: Clock) -> Iterator[Event]:
    """The events of many lines, in their order."""
    for line in lines:
        event = parse(line, clock)
        if event is not None:
            yield event


def moment(text: str, now: float, zone: tzinfo | None = None) -> float:
    """A time as an operator types it: seconds since the epoch, ISO 8601 (local unless it names a zone) or any
    stamp that xinetd's logs use; raises `ValueError` with a sentence."""
    text = text.strip()
    try:
        return float(text) if text.lower() not in ("nan", "inf", "infinity") else _never(text)
    except ValueError:
        pass
    for pattern, minute_part in ((_FILE_STAMP, 1), (_SYSLOG_STAMP, 1)):
        if found := pattern.fullmatch(text):
            try:
                return Clock(now, zone).minute(found[minute_part]) + int(found[2])
            except ValueError:
                return _never(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return _never(text)
    return (when if when.tzinfo or not zone else when.replace(tzinfo=zone)).timestamp()


def _never(text: str) -> float:
    raise ValueError(
        f"{text!r} is no time: give seconds since the epoch, 2026-11-24T01:35:22 or 26/11/24@01:35:22"
    )


# --- the forms of a line -----------------------------------------------------------------------------------

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FILE_MINUTE = re.compile(r"(\d\d)/(\d{1,2})/(\d{1,2})@(\d\d):(\d\d)")
_SYSLOG_MINUTE = re.compile(f"({'|'.join(_MONTHS)}) ([ 0-3]?\\d) (\\d\\d):(\\d\\d)")
_FILE_STAMP = re.compile(r"(\d\d/\d{1,2}/\d{1,2}@\d\d:\d\d):(\d\d)")
_SYSLOG_STAMP = re.compile(r"([A-Z][a-z]{2} [ 0-3]?\d \d\d:\d\d):(\d\d)")
_FILE_TAG = re.compile(r" [^\s\[]+\[(\d{1,10})\]: (?:([A-Z]+): )?")
_SYSLOG_HEAD = re.compile(
    r"(?:<(\d{1,3})>)?"
    r"(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d):(\d\d)(?:\.\d+)?"
    r"|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?))"
    r" (?:[^\s:\[]\S* )?xinetd\[(\d{1,10})\]: "
)
_PROTOCOL_HEAD = re.compile(  # RFC 5424, with the same groups
    r"<(\d{1,3})>1()() (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
    r" \S+ xinetd (\d{1,10}) \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) (?:\xef\xbb\xbf)?"
)
_LEVELS = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")
_FUNCTION = re.compile(r"\d+ \{\w+\} ")


def _file_line(line: str, clock: Clock) -> Event | None:
    at = line.find("@", 4, 9)
    stamp = line[: at + 6]
    try:
        time = (clock.minutes.get(stamp) or clock.minute(stamp)) + int(line[at + 7 : at + 9])
    except ValueError:
        return None
    if line.startswith(": ", at + 9):
        return _service_event(time, 0, line[at + 11 :])
    tag = _FILE_TAG.match(line, at + 9)
    if tag is None:
        return None
    return _internal_event(time, int(tag[1]), line[tag.end() :], tag[2] or "")


def _syslog_line(line: str, clock: Clock) -> Event | None:
    head = _SYSLOG_HEAD.match(line) or _PROTOCOL_HEAD.match(line)
    if head is None:
        return None
    try:
        if head[2]:
            time = clock.minute(head[2]) + int(head[3])
        else:
            time = datetime.fromisoformat(head[4]).timestamp()
    except ValueError:
        return None
    level = _LEVELS[int(head[1]) & 7] if head[1] else ""
    return _event(time, int(head[5]), line[head.end() :], level)


def _journal_line(line: str) -> Event | None:
    try:
        record = json.loads(line.encode("latin-1").decode("utf-8", "surrogateescape"))
        text, pid = record["MESSAGE"], record.get("_PID") or record.get("SYSLOG_PID") or "0"
        time = int(record["__REALTIME_TIMESTAMP"]) / 1e6
        if isinstance(text, list):  # bytes that are no UTF-8
            text = bytes(text).decode("latin-1")
        else:
            text = text.encode("utf-8", "surrogateescape").decode("latin-1")
        if record.get("_TRANSPORT") == "driver" and "N_DROPPED" in record:  # nobody else can say that
            return Event(time, int(pid), "lost", number=int(record["N_DROPPED"]))
        if record.get("SYSLOG_IDENTIFIER", "xinetd") != "xinetd":
            return None
        priority = str(record.get("PRIORITY", ""))
        level = _LEVELS[int(priority)] if priority in ("0", "1", "2", "3", "4", "5", "6", "7") else ""
        return _event(time, int(pid), text, level)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _event(time: float, pid: int, text: str, level: str) -> Event:
    """Syslog mixes both: a service line is known by its first word."""
    event = _service_event(time, pid, text)
    return event if event is not None else _internal_event(time, pid, text, level)


# --- service lines -----------------------------------------------------------------------------------------

_event_of = Event._make  # half the time of the constructor with its defaults
_EXIT = re.compile(r"(\S+)(?: ((?:status|signal)=\d+))?(?: pid=(\d+))?(?: duration=(\d+)\(sec\))?")


def _service_event(time: float, pid: int, text: str) -> Event | None:
    if text.startswith("START: "):
        head, _, address = text[7:].partition(" from=")
        service, _, child = head.partition(" pid=")
        return _event_of(
            (time, pid, "start", service, address, "", int(child) if child.isdigit() else 0, -1, "")
        )
    if text.startswith("FAIL: "):
        head, _, address = text[6:].partition(" from=")
        service, _, reason = head.partition(" ")
        return _event_of((time, pid, "fail", service, address, reason, 0, -1, ""))
    word, colon, rest = text.partition(": ")
    if not colon:
        return None
    if word == "EXIT":
        found = _EXIT.match(rest)
        if found is None:
            return None
        service, status, child, seconds = found.groups("")
        return Event(time, pid, "exit", service, "", status, int(child or 0), int(seconds) if seconds else -1)
    if word in ("NOID", "USERID", "TRAFFIC"):
        service, _, detail = rest.partition(" ")
        return Event(time, pid, word.lower(), service, "", detail)
    return None


# --- internal lines ----------------------------------------------------------------------------------------

_ADDING = re.compile(r"Adding (\S+) to the global_no_access list for (-?\d+) minutes")
_PAUSED = re.compile(r"Deactivating service (\S+) due to (.*?)\.  Restarting in (-?\d+) seconds\.")
_RESUMED = re.compile(r"Activating service (\S+)")
_STARTED = re.compile(r"Started working: (\d+) available services?")
_LIBWRAP = re.compile(r"libwrap refused connection to (\S+) \(libwrap=(.*)\) from (.*)")
_BOTH = re.compile(r"Service=(\S+): only_from list and no_access list match equally the address (.*)")
_LOAD = re.compile(r"refused connect from (.*) due to excessive load")
_PLAIN = {
    "At least 1 DENY_TIME has expired, global_no_access list updated": "expired",
    "global_no_access list is empty.": "empty",
    "Maximum global_no_access count reached.": "full",
    "failed to parse <unknown>": "unparsed",
    "Starting reconfiguration": "reloading",
    "reconfiguration failed": "reload-failed",
}


def _internal_event(time: float, pid: int, text: str, level: str) -> Event:
    if function := _FUNCTION.match(text):
        text = text[function.end() :]
    kind, service, address, detail, number = "message", "", "", text, 0
    if text in _PLAIN:
        kind = _PLAIN[text]
    elif found := _ADDING.fullmatch(text):
        kind, address, number = "adding", found[1], int(found[2])
    elif found := _LIBWRAP.fullmatch(text):
        kind, service, detail, address = "libwrap", found[1], found[2], found[3]
    elif found := _PAUSED.fullmatch(text):
        kind, service, detail, number = "paused", found[1], found[2], int(found[3])
    elif found := _RESUMED.fullmatch(text):
        kind, service = "resumed", found[1]
    elif found := _STARTED.fullmatch(text):
        kind, number = "started", int(found[1])
    elif text.startswith("Reconfigured: "):
        kind = "reloaded"
    elif text.startswith("failed to parse <unknown>"):
        kind = "unparsed"
    elif text.endswith(("xiting...", ". Exiting", "xinetd will exit.")) or "xinetd will exit. [" in text:
        kind = "stopped"
    elif found := _BOTH.fullmatch(text):
        kind, service, address = "both-lists", found[1], found[2]
    elif found := _LOAD.fullmatch(text):
        kind, address = "overload", found[1]
    return Event(time, pid, kind, service, address, detail, number, -1, level)
