"""Knows how the report words numbers, times and sets of addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wraptui.policy.report.reach import ANYBODY, IPV4, IPV6
from wraptui.policy.tables.ranges import Ranges, spelled

MOST_NETWORKS = 24


def counted(number: int, what: str) -> str:
    """A number with its noun in the right form."""
    if number == 1:
        return f"1 {what}"
    return f"{number} {what[:-1]}ies" if what.endswith("ry") else f"{number} {what}s"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def when(time: float, *, day: bool = True) -> str:
    """A moment, local to the server."""
    return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S")


def span(seconds: float) -> str:
    """A time to wait, to the minute where it is long."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left} s"
    minutes, rest = divmod(left, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days {hours % 24} h"


def networks(ranges: Ranges) -> tuple[str, ...]:
    """A set of addresses as few networks, a long one shortened and counted."""
    if ranges == ANYBODY:
        return ("everybody",)
    whole = [
        name
        for name, family in (("every IPv4 address", IPV4), ("every IPv6 address", IPV6))
        if family[0] in ranges
    ]
    rest = tuple(each for each in ranges if each not in (IPV4[0], IPV6[0]))
    found = [*whole, *(_plain(each) for each in spelled(rest))]
    if len(found) <= MOST_NETWORKS:
        return tuple(found)
    more = len(found) - MOST_NETWORKS
    return (*found[:MOST_NETWORKS], f"and {more} networks more: wraptui policy lists them")


def _plain(pattern: str) -> str:
    """A pattern of libwrap's as people write networks: without the brackets of IPv6."""
    return pattern.replace("[", "").replace("]", "")


def size(ranges: Ranges) -> int:
    """How many addresses these are."""
    return sum(end - start + 1 for start, end in ranges)
