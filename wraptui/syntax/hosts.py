"""Knows how libwrap reads hosts.allow and hosts.deny: logical lines, fields, lists, options.

Everything here is byte text. The rules are those of Debian's libwrap 7.6.q (hosts_access(5),
hosts_options(5)), verified against the library by tests/differential/test_libwrap.py.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wraptui.syntax.tree import Line, Token

if TYPE_CHECKING:
    from pyparsing import ParserElement

LONGEST_LINE = 2046
"""Bytes that a logical line may hold, continuations joined, its newline not counted."""

_BUFFER = LONGEST_LINE + 2
_WORD = re.compile(r"[^, \t\r\n]+")
_C_SPACE = " \t\n\v\f\r"


@dataclass(frozen=True, slots=True)
class Logical:
    """One logical line: what libwrap's buffer holds after joining physical lines.

    `first` is the physical line it begins on (1-based), `line` the number libwrap reports for it (newlines
    read so far), `start`..`end` its slice of the file. `text` ends in a newline; if it does not, the line is
    unterminated or too long: libwrap gives up the whole table here.
    """

    first: int
    line: int
    start: int
    end: int
    text: str

    @property
    def broken(self) -> bool:
        return not self.text.endswith("\n")


def logical_lines(text: str, start: int = 0, first: int = 1, line: int = 0) -> Iterator[Logical]:
    """The logical lines of a file in order, comments and blank ones too, up to and with a broken one.

    A line is read in pieces as fgets(3) reads them into a buffer of 2,048 bytes: a piece is cut at a NUL (and
    its newline is then lost), a piece that ends in backslash-newline loses both and is continued.
    `start`, `first` and `line` say where to begin: an offset, its physical line, the newlines before it.
    """
    position = start
    while position < len(text):
        begin, room, pieces, ended = position, _BUFFER, [], False
        while position < len(text) and room > 1 and not ended:
            newline = text.find("\n", position, position + room - 1)
            stop = newline + 1 if newline >= 0 else position + room - 1
            piece = text[position:stop]
            position += len(piece)
            piece = piece.partition("\0")[0]
            if piece.endswith("\n"):
                line += 1
                ended = not piece.endswith("\\\n")
                if not ended:
                    piece = piece[:-2]
            pieces.append(piece)
            room -= len(piece)
        joined = "".join(pieces)
        if not joined:
            return
        yield Logical(first, line, begin, position, joined)
        if not ended:
            return
        first += text.count("\n", begin, position)


def is_comment(text: str) -> bool:
    """Whether a logical line is a comment: `#` is its very first byte."""
    return text.startswith("#")


def is_blank(text: str) -> bool:
    """Whether a logical line holds nothing but blanks, tabs, CR and LF (a form feed is not blank)."""
    return not text.strip(" \t\r\n")


def split_at(text: str, delimiter: str) -> tuple[str, str] | None:
    """The text before and after the first `delimiter` outside brackets; None when there is none.

    `[` and `]` are counted, not matched up: a delimiter counts only while the count is exactly zero.
    """
    if "[" not in text and "]" not in text:
        before, found, after = text.partition(delimiter)
        return (before, after) if found else None
    depth = 0
    for index, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        elif char == delimiter and depth == 0:
            return text[:index], text[index + 1 :]
    return None


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a rule. `options` is all text behind the second colon, its newline included;
    `has_options` tells an absent field from an empty one."""

    daemons: str
    clients: str
    options: str
    has_options: bool


def fields(text: str) -> Fields | None:
    """The fields of a logical line; None when it has no separator (libwrap skips it with a warning)."""
    outer = split_at(text, ":")
    if outer is None:
        return None
    inner = split_at(outer[1], ":")
    if inner is None:
        return Fields(outer[0], outer[1], "", False)
    return Fields(outer[0], inner[0], inner[1], True)


def words(text: str) -> list[str]:
    """The words of a daemon or client list, `EXCEPT` among them."""
    return _WORD.findall(text)


def groups(text: str) -> tuple[tuple[str, ...], ...]:
    """A list cut at its EXCEPTs: `a b EXCEPT c EXCEPT d` is ((a, b), (c,), (d,)), which means: a or b, unless
    (c, unless d). The word is read in any case."""
    found = _WORD.findall(text)
    if "except" not in text.lower():
        return (tuple(found),)
    parts: list[list[str]] = [[]]
    for word in found:
        if len(word) == 6 and word.upper() == "EXCEPT":
            parts.append([])
        else:
            parts[-1].append(word)
    return tuple(tuple(part) for part in parts)


def option_fields(options: str) -> list[str]:
    r"""The options of a rule, untrimmed: cut at every colon without a backslash before it; `\:` is a colon.
    Brackets protect nothing here."""
    pieces: list[str] = []
    current: list[str] = []
    for piece in options.split(":"):
        if piece.endswith("\\"):
            current.append(piece[:-1])
            continue
        current.append(piece)
        pieces.append(":".join(current))
        current = []
    if current:  # the text ended in `\:`
        pieces.append(":".join([*current, ""]))
    if pieces and not pieces[-1]:
        pieces.pop()
    return pieces


def option(field: str) -> tuple[str, str]:
    """The keyword and the value of one option: keyword up to a blank or `=`; one `=` is skipped."""
    chopped = field.strip(_C_SPACE)
    stop = next((index for index, char in enumerate(chopped) if char in "= \t\r\n"), len(chopped))
    keyword, value = chopped[:stop], chopped[stop:].lstrip(" \t\r\n")
    if value.startswith("="):
        value = value[1:].lstrip(" \t\r\n")
    return keyword, value


def tokens(raw: str) -> Line:
    """One logical line as it stands in the file (continuations and newline included), as its tokens.

    Kinds: `comment`, `blank`, `daemon`, `client`, `except`, `separator` (blanks, commas, the colons of the
    fields), `option`, `junk` (a line libwrap skips or cannot read). A token's `value` lacks continuations.
    """
    line = _tokens(raw)
    return line if line.text == raw else Line((Token("junk", raw, raw),))


@lru_cache(maxsize=4096)
def _tokens(raw: str) -> Line:
    ordinary = _ORDINARY.fullmatch(raw)
    if ordinary:
        kinds = ("daemon", "separator", "client", "separator")
        found = zip(kinds, ordinary.groups(), strict=True)
        return Line(tuple(Token(kind, text, text) for kind, text in found))
    joined = raw.replace("\\\n", "")
    readable = "\0" not in raw and len(joined) <= LONGEST_LINE + 1
    pieces = list(_kinds(joined)) if readable else [("junk", joined)]
    # Where each byte of the joined text begins in the raw one: two bytes further after every continuation.
    breaks: list[int] = []
    for match in re.finditer(r"\\\n", raw):
        breaks.append(match.start() - 2 * len(breaks))
    result, offset, done = [], 0, 0
    for index, (kind, value) in enumerate(pieces):
        offset += len(value)
        end = len(raw) if index == len(pieces) - 1 else offset + 2 * bisect_right(breaks, offset - 1)
        result.append(Token(kind, raw[done:end], value))
        done = end
    return Line(tuple(result))


_ORDINARY = re.compile(r"([A-Za-z_][\w.-]*)(: ?)([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)(\n)", re.ASCII)


def _kinds(joined: str) -> Iterator[tuple[str, str]]:
    """The joined text of a logical line cut into (kind, text)."""
    if is_comment(joined):
        yield "comment", joined
    elif is_blank(joined):
        yield "blank", joined
    elif not joined.endswith("\n") or (parts := fields(joined)) is None:
        yield "junk", joined
    else:
        yield from _list_kinds("daemon", parts.daemons)
        yield "separator", ":"
        yield from _list_kinds("client", parts.clients)
        if parts.has_options:
            yield "separator", ":"
            for found, _, _ in _option_grammar().scan_string(parts.options):
                piece = found[0]
                yield ("separator" if piece == ":" or not piece.strip(_C_SPACE) else "option"), piece


def _list_kinds(kind: str, text: str) -> Iterator[tuple[str, str]]:
    for found, start, end in _list_grammar().scan_string(text):
        yield found[0] or kind, text[start:end]


@lru_cache(maxsize=1)
def _list_grammar() -> ParserElement:
    """The grammar of a daemon or client list; a result is the kind of what was found, "" for a pattern."""
    import pyparsing as pp

    separators = pp.Regex(r"[, \t\r\n]+").set_parse_action(lambda: "separator")
    exception = pp.Regex(r"(?i:EXCEPT)(?![^, \t\r\n])").set_parse_action(lambda: "except")
    word = pp.Regex(r"[^, \t\r\n]+").set_parse_action(lambda: "")
    return (separators | exception | word).set_whitespace_chars("").leave_whitespace().parse_with_tabs()


@lru_cache(maxsize=1)
def _option_grammar() -> ParserElement:
    """The grammar of the options field: options and the colons between them."""
    import pyparsing as pp

    option = pp.Regex(r"(?:[^:\\]|\\:|\\)+")
    return (pp.Literal(":") | option).set_whitespace_chars("").leave_whitespace().parse_with_tabs()
