"""Knows how data is written to a terminal or a pipe: harmless characters, aligned columns, JSON."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from wraptui.syntax.harmless import printable

__all__ = ["columns", "complain", "printable", "width", "write", "write_json"]


def width(text: str) -> int:
    """The columns that printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def columns(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A table as aligned text with a header line; the columns in `right` are aligned right. Every cell is
    made printable; the last column is not padded."""
    table = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    aligned_right = set(right)
    lines = []
    for row in table:
        cells = []
        for number, (cell, wide) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (wide - width(cell))
            cells.append(gap + cell if number in aligned_right else cell + gap)
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def write(text: str) -> None:
    """Writes finished text to standard output, whatever encoding that has."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def write_json(data: object) -> None:
    """Writes data as JSON to standard output: ASCII only, so nothing in it can reach a terminal raw."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def complain(text: str) -> None:
    """Writes one sentence to standard error."""
    sys.stderr.write(f"wraptui: {printable(text)}\n")
