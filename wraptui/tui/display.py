"""Knows how text from outside becomes something a terminal may show: the one place where that happens.

Rules, names, log lines and addresses are written by strangers. Here they become plain pieces of printable
text with a tone; nothing in them is ever read as markup, as a terminal's escape, or as a change of writing
direction. Everything the console shows passes through `clean`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from wraptui.syntax.tree import shown

Tone = str
"""How a piece is meant, not how it looks: "", dim, strong, good, warn, bad, accent, pending. The styles
decide the looks; a glyph or a word always says the same."""

TONES = ("dim", "strong", "good", "warn", "bad", "accent", "pending")


_STYLES: dict[Tone, str] = {
    "dim": "$muted",
    "strong": "bold",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "accent": "$text-accent",
    "pending": "italic $text-primary",
}


class Piece(NamedTuple):
    """Some text in one tone."""

    text: str
    tone: Tone = ""


Words = tuple[Piece, ...]
Cell = str | Piece | Words


def _escaped(character: str) -> str:
    if character == "\t":
        return " "
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as `surrogateescape` keeps it
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def clean(text: str) -> str:
    """`text` with everything unprintable spelled out: control characters, terminal escapes, direction marks,
    invisible characters and lone surrogates. Tabs become spaces."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def masked(text: str) -> str:
    """`text` with one harmless sign for each unprintable character, so that positions stay the same."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else chr(0x2400 + ord(each)) if each < " " else "\ufffd" for each in text
    )


def from_bytes(text: str) -> str:
    """Byte text (a line of a file) as people read it, made harmless; other text is only made harmless."""
    if text.isascii() or any(each > "\xff" for each in text):
        return clean(text)
    return clean(shown(text))


def words(*parts: Cell) -> Words:
    """Parts joined into one line of pieces; empty ones vanish."""
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(Piece(part))
        elif isinstance(part, Piece):
            pieces.append(part)
        else:
            pieces.extend(part)
    return tuple(piece for piece in pieces if piece.text)


def spaced(*parts: Cell, gap: str = "  ") -> Words:
    """Parts with a gap between those that are not empty."""
    line: list[Cell] = []
    for part in parts:
        if plain(part):
            line += [gap, part] if line else [part]
    return words(*line)


def plain(cell: Cell) -> str:
    """The text of a cell, harmless and without tones."""
    return "".join(clean(piece.text) for piece in words(cell))


def width(cell: Cell) -> int:
    """Terminal columns that the cell takes."""
    return cell_len(plain(cell))


def fitted(cell: Cell, columns: int, *, right: bool = False, ellipsis: str = "…") -> list[Piece]:
    """The cell cut or padded to exactly `columns` terminal columns, made harmless."""
    pieces: list[Piece] = []
    room = columns
    line = words(cell)
    for index, piece in enumerate(line):
        text = clean(piece.text)
        taken = len(text) if text.isascii() else cell_len(text)
        more = any(after.text for after in line[index + 1 :])
        if taken > room or (taken == room and more):
            if room > 0:
                pieces.append(Piece(set_cell_size(text, room - 1) + ellipsis, piece.tone))
            return pieces
        pieces.append(Piece(text, piece.tone))
        room -= taken
    if room:
        pieces.insert(0 if right else len(pieces), Piece(" " * room))
    return pieces


def content(*lines: Cell) -> Content:
    """Lines as Textual content, made harmless; tones take the theme's colours."""
    return Content("\n").join(_line(line) for line in lines)


def _line(line: Cell) -> Content:
    parts: list[Content | tuple[str, str]] = []
    for piece in words(line):
        look = _STYLES.get(piece.tone, "")
        parts.append((clean(piece.text), look) if look else Content(clean(piece.text)))
    return Content.assemble(*parts)


def sentence_list(items: Iterable[str], *, last: str = "and") -> str:
    """`a, b and c`."""
    several = list(items)
    if len(several) < 2:
        return "".join(several)
    return f"{', '.join(several[:-1])} {last} {several[-1]}"
