"""Knows the SENSOR no_access list, which exists only in the daemon's memory, from what the daemon logs.

Verified against recordings of xinetd 2.3.15.3: no refresh, a 60-second clock, widening of trailing zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One address on the no_access list. Times are seconds since the epoch (local clock of the server);
    `minutes` is -1 for FOREVER, and then `until` and `release` are None. `release` is the predicted moment
    of the first clearing run at or after `until`. `blocks` names the socket families that are refused."""

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
    """The whole list as rebuilt; `certain` is False when the log does not prove it, and `why` says so."""

    entries: tuple[Entry, ...] = ()
    certain: bool = True
    why: str = ""
