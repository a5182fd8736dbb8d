"""Knows how data is written to a terminal or a pipe: harmless characters, aligned columns, JSON."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress

from wraptui.syntax.harmless import printable

__all__ = ["OutputLost", "columns", "complain", "printable", "width", "write", "write_json"]


class OutputLost(Exception):
    """Standard output cannot be written; the message is a sentence, "" when whoever read it has left."""


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
    """Writes finished text to standard output, whatever encoding that has; raises `OutputLost`."""
    output = sys.stdout
    if output is None:  # closed by whoever started us
        raise OutputLost("Standard output is closed: nothing can be shown.")
    encoding = output.encoding or "utf-8"
    try:
        output.write(text.encode(encoding, "backslashreplace").decode(encoding))
        output.flush()
    except OSError as error:
        # What is left in the buffer must not be tried, and complained about, once more at the end.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        gone = isinstance(error, BrokenPipeError)
        raise OutputLost("" if gone else f"Standard output cannot be written: {error.strerror}.") from None


def write_json(data: object) -> None:
    """Writes data as JSON to standard output: ASCII only, so nothing in it can reach a terminal raw."""
    write(json.dumps(data, indent=2) + "\n")


def complain(text: str) -> None:
    """Writes one sentence to standard error, if that is to be had."""
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"wraptui: {printable(text)}\n")
