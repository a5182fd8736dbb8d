"""Knows how quantities look in few characters: bars, sparklines, times, sizes, each with its unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wraptui.tui.display import Piece, Tone, Words, words


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters to draw with; the second set is for terminals without UTF-8."""

    good: str
    warn: str
    bad: str
    note: str
    off: str
    pending: str
    eighths: str
    empty: str
    spark: str
    arrow: str
    dot: str
    ellipsis: str
    up: str
    down: str
    rule: str

    @property
    def plain(self) -> bool:
        return self.arrow.isascii()


UNICODE = Glyphs("✓", "▲", "✗", "·", "○", "✎", "▏▎▍▌▋▊▉█", "░", " ▁▂▃▄▅▆▇█", "→", "·", "…", "↑", "↓", "─")
ASCII = Glyphs("+", "!", "x", ".", "o", "*", "#", ".", " .:-=+*#", "->", "-", "~", "^", "v", "-")


def gauge_tone(share: float) -> Tone:
    """ok below 75 %, near below 100 %, full from there."""
    return "bad" if share >= 1 else "warn" if share >= 0.75 else "good"


def level(share: float) -> str:
    """The word that goes with a gauge's colour."""
    return "full" if share >= 1 else "near" if share >= 0.75 else "ok"


def bar(share: float, columns: int, glyphs: Glyphs, tone: Tone = "good") -> Words:
    """A bar of `columns`, filled to `share` (0 to 1), in eighths of a column where the terminal can."""
    share = min(1.0, max(0.0, share))
    steps = len(glyphs.eighths)
    filled = math.ceil(share * columns * steps - 1e-9)
    whole, rest = divmod(filled, steps)
    full = glyphs.eighths[-1] * whole + (glyphs.eighths[rest - 1] if rest else "")
    return words(Piece(full, tone), Piece(glyphs.empty * (columns - len(full)), "dim"))


def sparkline(values: Sequence[float], columns: int, glyphs: Glyphs) -> str:
    """The last values as one character each (the largest of each group where there are more than columns)."""
    if not values or columns <= 0:
        return ""
    group = math.ceil(len(values) / columns)
    start = len(values) % group
    chunks = ([max(values[:start])] if start else []) + [
        max(values[index : index + group]) for index in range(start, len(values), group)
    ]
    top = max(max(chunks), 1)
    last = len(glyphs.spark) - 1
    return "".join(glyphs.spark[math.ceil(value / top * last)] for value in chunks)


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """A duration in its one or two largest units: `42 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    left = max(0, int(seconds))
    for index, (size, unit) in enumerate(_UNITS):
        if left >= size or size == 1:
            count, rest = divmod(left, size)
            text = f"{count} {unit}"
            if index < 2:
                small, name = _UNITS[index + 1]
                if rest // small:
                    text += f" {rest // small} {name}"
            return text
    return "0 s"


def age(seconds: float) -> str:
    """How long ago, in the largest unit alone: `42 s`, `3 min`, `2 h`, `4 d`."""
    left = max(0, int(seconds))
    size, unit = next((each for each in _UNITS if left >= each[0]), _UNITS[-1])
    return f"{left // size} {unit}"


def countdown(seconds: float) -> str:
    """Time left, to the second in the last minutes: `4:05 min`, `42 s`, else as `span`."""
    left = max(0, math.ceil(seconds))
    if left < 60:
        return f"{left} s"
    return f"{left // 60}:{left % 60:02d} min" if left < 600 else span(left)


def size(count: float) -> str:
    """Bytes with a binary unit: `512 B`, `3.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 rule`, `3 rules`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}".replace(",", " ")
