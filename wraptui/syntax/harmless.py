"""Knows how text from outside is made harmless: nothing in it moves a cursor, a line or the reading order."""

from __future__ import annotations

from wraptui.syntax.tree import shown


def printable(text: str) -> str:
    """Text that does nothing to a terminal or a page: what is not printable (controls, escapes, direction
    marks, line separators, lone surrogates of undecodable bytes) becomes `\\x1b` or `\\u202e`.

    Takes text for people; make it from byte text with `syntax.tree.shown`."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def readable(text: str) -> str:
    """Byte text, or text for people, as harmless text for people. To be applied once: what is no UTF-8 shows
    as its bytes."""
    if text.isascii() or any(each > "\xff" for each in text):
        return printable(text)
    return printable(shown(text))


def _escaped(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that was no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if number <= 0xFF:
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(character, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
