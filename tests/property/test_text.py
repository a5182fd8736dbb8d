"""What the command line writes does nothing to a terminal, and says what stood there."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wraptui.cli.text import columns, printable, width
from wraptui.syntax.tree import byte_text, shown

CELLS = st.text(max_size=12)


@given(st.binary(max_size=60))
def test_no_byte_of_a_file_reaches_the_terminal_raw(data: bytes) -> None:
    text = printable(shown(byte_text(data)))
    assert text.isprintable()
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for each in text)
    text.encode("utf-8")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_is_dangerous_is_named() -> None:
    assert printable("\x1b]0;x\x07\r\n\t\x9b") == "\\x1b]0;x\\x07\\r\\n\\t\\x9b"
    assert printable("a\u202eb\u2028\U000e0041\udcff") == "a\\u202eb\\u2028\\U000e0041\\xff"


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_columns_are_lines_of_equal_cells(rows: list[tuple[str, str, str]]) -> None:
    table = columns(("A", "B", "C"), rows, right=[1])
    lines = table.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)
    wide = max(width(printable(row[0])) for row in [("A", "B", "C"), *rows])
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.startswith((printable(row[0]) + " " * (wide - width(printable(row[0])))).rstrip())
