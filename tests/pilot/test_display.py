"""Text from outside does nothing to a terminal and keeps its place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.pilot.scenarios import HOSTILE
from wraptui.tui.bars import ASCII, UNICODE, age, bar, countdown, size, span, sparkline
from wraptui.tui.display import Piece, clean, content, fitted, from_bytes, masked, plain, words


@given(st.text(st.characters()))
def test_clean_text_is_printable_whatever_came_in(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(text).encode("utf-8").decode("utf-8") == clean(text)


@given(st.text(st.characters(), max_size=40))
def test_masked_text_keeps_every_position(text: str) -> None:
    assert len(masked(text)) == len(text)
    assert masked(text).isprintable()


def test_what_cannot_be_shown_is_spelled_out() -> None:
    assert clean("\x1b]0;evil\x07") == "\\x1b]0;evil\\x07"
    assert clean("a\u202eb") == "a\\u202eb"
    assert clean("\udcff") == "\\xff"
    assert from_bytes("caf\xc3\xa9 \xff") == "café \\xff"


def test_brackets_are_never_markup() -> None:
    for text in HOSTILE:
        assert content(text).plain == clean(text)
        assert plain(words(Piece(text, "bad"))) == clean(text)


@given(st.text(max_size=30), st.integers(0, 20), st.booleans())
def test_a_fitted_cell_has_exactly_its_width(text: str, columns: int, right: bool) -> None:
    pieces = fitted(words(text, Piece(text, "good")), columns, right=right)
    assert cell_len("".join(piece.text for piece in pieces)) == columns


def test_a_cut_cell_says_so() -> None:
    assert "".join(piece.text for piece in fitted("abcdef", 4)) == "abc…"
    assert "".join(piece.text for piece in fitted("abc", 5, right=True)) == "  abc"


@given(st.floats(0, 2), st.integers(1, 20))
def test_a_bar_has_its_width_and_is_full_only_when_full(share: float, columns: int) -> None:
    for glyphs in (UNICODE, ASCII):
        text = plain(bar(share, columns, glyphs))
        assert len(text) == columns
        assert (text == glyphs.eighths[-1] * columns) or share < 1


def test_sparklines_keep_the_peak() -> None:
    assert sparkline([0] * 59 + [9], 6, UNICODE) == "     █"
    assert sparkline([], 6, UNICODE) == ""
    assert sparkline([0, 0], 6, ASCII).isascii()


def test_times_and_sizes_have_units() -> None:
    assert [span(s) for s in (0, 59, 60, 3720, 90000)] == ["0 s", "59 s", "1 min", "1 h 2 min", "1 d 1 h"]
    assert [age(s) for s in (5, 3720, 90000)] == ["5 s", "1 h", "1 d"]
    assert [countdown(s) for s in (-1, 41.2, 245, 1380)] == ["0 s", "42 s", "4:05 min", "23 min"]
    assert [size(n) for n in (512, 2048, 3 << 20, 5 << 40)] == ["512 B", "2.0 KiB", "3.0 MiB", "5.0 TiB"]
