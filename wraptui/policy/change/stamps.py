"""Knows rules with an end: ordinary lines under a remark that says when, which other programs leave alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from wraptui.policy.change.edits import BadText, Edits, add_rule, rule_lines
from wraptui.syntax.tree import Document, Edit

_STAMP = re.compile(r"# wraptui: until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)(?=[ \r\n]|\Z)")
_LONGEST = 10 * 366 * 86400.0  # seconds; years of more than four figures could not be written
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Stamped:
    """A rule with an end: its remark stands on `stamp`, the rule on `first`..`last` (physical lines, from 1);
    `until` is in seconds since the epoch. `first` is 0 where no rule follows the remark."""

    stamp: int
    first: int
    last: int
    until: float


def seconds(text: str) -> float:
    """A duration as people write it (90s, 30m, 2h, 7d, 1w); raises `BadText`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    if not found or not float(found[1]):
        raise BadText(f"{text} is no time; write 90s, 30m, 2h, 7d or 1w.")
    lasting = float(found[1]) * _UNITS[found[2]]
    if lasting > _LONGEST:
        raise BadText(f"{text} is more than ten years: leave the end away.")
    return lasting


def add_limited(path: str, document: Document, text: str, until: float, after: int = -1) -> Edits:
    """A new rule that ends at `until`; placed as by `add_rule`."""
    return add_rule(path, document, text, after, f"wraptui: until {_written(until)}")


def stamped(document: Document) -> tuple[Stamped, ...]:
    """The rules with an end, in order."""
    if "# wraptui: until " not in document.text:
        return ()
    found = []
    for number, line in enumerate(document.lines, 1):
        stamp = _STAMP.match(line)
        if not stamp or rule_lines(document, number) != (number, number):
            continue
        try:
            until = datetime.fromisoformat(stamp[1]).timestamp()
        except ValueError:
            continue  # no such day
        first, last = rule_lines(document, number + 1) if number < len(document.lines) else (0, 0)
        if first and document.lines[first - 1].startswith("#"):
            first, last = 0, 0
        found.append(Stamped(number, first, last, until))
    return tuple(found)


def ended(path: str, document: Document, now: float) -> Edits:
    """Without the rules whose end has come, and their remarks."""
    edits = []
    for each in reversed(stamped(document)):
        if each.until <= now:
            end = each.last or each.stamp
            old = document.lines[each.stamp - 1 : end]
            edits.append(Edit(path, each.stamp - 1, old, (), "the time of this rule is over"))
    return tuple(edits)


def next_end(*documents: Document) -> float:
    """When the next rule ends, 0 when none does."""
    return min((each.until for document in documents for each in stamped(document)), default=0.0)


def _written(until: float) -> str:
    return datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
