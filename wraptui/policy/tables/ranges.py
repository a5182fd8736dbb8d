"""Knows sets of client addresses as ranges of numbers, and what a client list surely and possibly means.

The line holds every IPv4 address, then one point for "no address known", then every IPv6 address. An address
mapped into IPv6 is an IPv4 address here, as it is to libwrap. A pattern that asks for a name or a user means
nothing surely, and possibly every address; what is said of `sure` and `possible` is never a guess.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wraptui.policy.files import Files
from wraptui.policy.tables.c_library import folded, numeric_ipv6
from wraptui.policy.tables.host_files import LONGEST_WORD
from wraptui.policy.tables.options import is_missing, rooted
from wraptui.policy.tables.patterns import (
    ipv4_network,
    ipv6_network,
    may_match_name,
    split_host,
    text_matches,
)
from wraptui.syntax.hosts import groups, split_at
from wraptui.syntax.tree import byte_text

Range = tuple[int, int]
Ranges = tuple[Range, ...]
"""Inclusive, in order, apart from each other."""

V4_LAST = (1 << 32) - 1
UNKNOWN = 1 << 32
V6_FIRST = UNKNOWN + 1
LAST = V6_FIRST + (1 << 128) - 1
NOBODY: Ranges = ()
EVERYBODY: Ranges = ((0, LAST),)
DEEPEST = 100
"""Pattern files inside each other that are followed; libwrap's stack bears about 900."""


def joined(pieces: Iterable[Range]) -> Ranges:
    """The union of ranges in any order."""
    result: list[Range] = []
    for start, end in sorted(pieces):
        if result and start <= result[-1][1] + 1:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return tuple(result)


def minus(ranges: Ranges, others: Ranges) -> Ranges:
    """What of `ranges` is not in `others`."""
    if not others or not ranges:
        return ranges
    result: list[Range] = []
    place = 0
    for start, end in ranges:
        while place < len(others) and others[place][1] < start:
            place += 1
        at = place
        while at < len(others) and others[at][0] <= end:
            if others[at][0] > start:
                result.append((start, others[at][0] - 1))
            start = others[at][1] + 1
            at += 1
        if start <= end:
            result.append((start, end))
    return tuple(result)


def common(ranges: Ranges, others: Ranges) -> Ranges:
    """What is in both."""
    return minus(ranges, minus(ranges, others))


class Owners:
    """A growing set of addresses in which every one keeps the line that claimed it first."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.lines: list[int] = []

    def add(self, ranges: Ranges, line: int) -> None:
        """Claims for `line` what nobody has claimed yet."""
        for start, end in self.free(ranges):
            at = bisect_right(self.starts, start)
            self.starts.insert(at, start)
            self.ends.insert(at, end)
            self.lines.insert(at, line)

    def drop(self, ranges: Ranges) -> None:
        """Nobody owns these any more."""
        for first, last in ranges:
            at = max(bisect_right(self.starts, first) - 1, 0)
            while at < len(self.starts) and self.starts[at] <= last:
                start, end, line = self.starts[at], self.ends[at], self.lines[at]
                if end < first:
                    at += 1
                    continue
                del self.starts[at], self.ends[at], self.lines[at]
                for left, right in ((start, first - 1), (last + 1, end)):
                    if left <= right:
                        self.starts.insert(at, left)
                        self.ends.insert(at, right)
                        self.lines.insert(at, line)
                        at += 1

    def free(self, ranges: Ranges) -> Ranges:
        """What of `ranges` nobody owns."""
        if not self.starts:
            return ranges
        result: list[Range] = []
        for start, end in ranges:
            at = bisect_right(self.starts, start) - 1
            if at >= 0 and self.ends[at] >= start:
                start = self.ends[at] + 1
            at += 1
            while start <= end:
                if at < len(self.starts) and self.starts[at] <= end:
                    if self.starts[at] > start:
                        result.append((start, self.starts[at] - 1))
                    start = self.ends[at] + 1
                    at += 1
                else:
                    result.append((start, end))
                    break
        return tuple(result)

    def owners(self, ranges: Ranges, most: int = 5) -> set[int]:
        """The lines that own something of these, not more than `most`."""
        found: set[int] = set()
        for start, end in ranges:
            at = max(bisect_right(self.starts, start) - 1, 0)
            while at < len(self.starts) and self.starts[at] <= end and len(found) < most:
                if self.ends[at] >= start:
                    found.add(self.lines[at])
                at += 1
        return found

    def end(self, number: int) -> int:
        """The last address of the piece that holds `number`, -1 when nobody owns it."""
        at = bisect_right(self.starts, number) - 1
        return self.ends[at] if at >= 0 and self.ends[at] >= number else -1


@dataclass(frozen=True, slots=True)
class Meaning:
    """The addresses whose clients are all meant (`sure`), those of which some client may be (`possible`)."""

    sure: Ranges
    possible: Ranges

    @property
    def exact(self) -> bool:
        """Whether the address alone decides."""
        return self.sure == self.possible


NEVER = Meaning(NOBODY, NOBODY)
ALWAYS = Meaning(EVERYBODY, EVERYBODY)
PERHAPS = Meaning(NOBODY, EVERYBODY)


_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_QUAD = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")


def quad_number(text: str) -> int | None:
    """An IPv4 address in the only spelling that libwrap gets from the system; None for any other text."""
    match = _QUAD.fullmatch(text)
    if not match:
        return None
    a, b, c, d = map(int, match.groups())
    return a << 24 | b << 16 | c << 8 | d


def pattern(text: str) -> Meaning:
    """What a host pattern that is no file means."""
    first = text[:1]
    upper = text.upper()
    if first == "@" or upper in ("KNOWN", "LOCAL"):
        return PERHAPS
    if "/" in text and (parts := split_at(text, "/")) is not None:
        return _network(*parts)
    if "*" in text or "?" in text:
        return _glob(text)
    if first == ".":
        # A suffix of digits and dots is tried on the address only, and no address ends in a dot.
        return NEVER if text.endswith(".") and not may_match_name(text) else PERHAPS
    if upper == "ALL":
        return ALWAYS
    if text.endswith("."):
        return PERHAPS if may_match_name(text) else _prefix(text)
    if first == "[" and text.endswith("]"):
        return _exact_ipv6(text[1:-1])
    number = quad_number(text)
    if number is not None:
        return Meaning(((number, number),), ((number, number),))
    return PERHAPS if may_match_name(text) else NEVER


def _exact_ipv6(text: str) -> Meaning:
    if "%" in text:  # whether the zone is known differs from machine to machine
        return PERHAPS
    number = numeric_ipv6(text)
    if number is None:
        return NEVER
    point = ((V6_FIRST + number, V6_FIRST + number),)
    return Meaning(point, point)


def _prefix(text: str) -> Meaning:
    parts = text[:-1].split(".")
    if len(parts) > 3 or quad_number(".".join([*parts, "0", "0", "0"][:4])) is None:
        return NEVER
    number = quad_number(".".join([*parts, "0", "0", "0"][:4])) or 0
    covered = ((number, number | (1 << 8 * (4 - len(parts))) - 1),)
    return Meaning(covered, covered)


def _glob(text: str) -> Meaning:
    """`10.1.*` surely means the addresses of 10.1., and possibly a client whose name begins so."""
    if text == "*":
        return ALWAYS
    head, star, rest = text.partition("*")
    if star and not rest and head.endswith(".") and not may_match_name(head):
        return Meaning(_prefix(head).sure, EVERYBODY)
    return PERHAPS


def _network(net: str, mask: str) -> Meaning:
    four = ipv4_network(net, mask)
    if four is not None:
        number, bits = four
        hosts = ~bits & V4_LAST
        if number & hosts:
            return NEVER
        if hosts & (hosts + 1):  # the mask has holes
            return Meaning(NOBODY, ((number, number | hosts),))
        # libwrap cannot read 255.255.255.255 as an address, so no network holds it.
        covered = ((number, min(number | hosts, V4_LAST - 1)),)
        return Meaning(covered, covered) if number < V4_LAST else NEVER
    if "%" in net:
        return PERHAPS
    six = ipv6_network(net, mask)
    if six is None:
        return NEVER
    high, rest = six
    covered = ((V6_FIRST + (high << rest), V6_FIRST + (high + 1 << rest) - 1),)
    return Meaning(covered, covered)


@dataclass(frozen=True, slots=True)
class Clients:
    """A client list: its words between the EXCEPTs, what each of the first group means, what stands behind
    the first EXCEPT, and the whole."""

    groups: tuple[tuple[str, ...], ...]
    words: tuple[Meaning, ...]
    excepted: Meaning
    whole: Meaning


def file_words(files: Files, path: str) -> list[str]:
    """The patterns in a file, as fscanf(3) reads them; raises `OSError`. A directory holds none."""
    try:
        data = files.read(rooted(path))
    except IsADirectoryError:
        return []
    return [byte_text(word.partition(b"\0")[0]) for word in data.split()]


class Lists:
    """What patterns and lists mean with the files of one root; each pattern file is read once."""

    def __init__(self, files: Files) -> None:
        self.crashes = False
        """Whether a file was met that would crash the process that asks."""
        self._files = files
        self._read: dict[str, Meaning] = {}
        self._lists: dict[str, Clients] = {}
        self._open: set[str] = set()

    def clients(self, text: str) -> Clients:
        """What a client list means."""
        found = self._lists.get(text)
        if found is None:
            found = self._lists[text] = self._clients(text)
        return found

    def _clients(self, text: str) -> Clients:
        parts = groups(text)
        if len(parts) == 1 and len(parts[0]) == 1:
            meaning = self.client(parts[0][0])
            return Clients(parts, (meaning,), NEVER, meaning)
        whole = excepted = NEVER
        words: tuple[Meaning, ...] = ()
        for index in range(len(parts) - 1, -1, -1):
            words = tuple(self.client(word) for word in parts[index])
            sure = joined(piece for meaning in words for piece in meaning.sure)
            possible = joined(piece for meaning in words for piece in meaning.possible)
            excepted = whole
            whole = Meaning(minus(sure, excepted.possible), minus(possible, excepted.sure))
        return Clients(parts, words, excepted, whole)

    def client(self, word: str) -> Meaning:
        """What one word of a client list means."""
        parts = split_host(word)
        if parts is None:
            return self.pattern(word)
        user, host = parts
        meaning = self.pattern(host)
        return meaning if folded(user) in ("all", "*") else Meaning(NOBODY, meaning.possible)

    def pattern(self, text: str) -> Meaning:
        """What a host pattern (without `user@`) means, as patterns.host_matches decides it."""
        return self._file(text) if text.startswith("/") else pattern(text)

    def _file(self, path: str) -> Meaning:
        if path in self._open or len(self._open) > DEEPEST:
            self.crashes = True
            return PERHAPS
        if path not in self._read:
            self._open.add(path)
            self._read[path] = self._file_meaning(path)
            self._open.discard(path)
        return self._read[path]

    def _file_meaning(self, path: str) -> Meaning:
        try:
            found = file_words(self._files, path)
        except OSError as error:
            return NEVER if is_missing(error) else PERHAPS
        self.crashes = self.crashes or any(len(word) > LONGEST_WORD for word in found)
        meanings = [self.pattern(word) for word in found]
        return Meaning(
            joined(piece for meaning in meanings for piece in meaning.sure),
            joined(piece for meaning in meanings for piece in meaning.possible),
        )


def implies(narrow: str, wide: str) -> bool:
    """Whether every client that the word `narrow` means is surely meant by the word `wide`, judged by their
    texts alone (names, users, suffixes); False is no answer."""
    if folded(narrow) == folded(wide):
        # Netgroups and files are case-sensitive.
        return narrow == wide or not any("@" in word or "/" in word for word in (narrow, wide))
    one, other = split_host(narrow), split_host(wide)
    if other is not None:
        if one is None or not other[1]:
            return False
        return _text_implies(one[0], other[0]) and implies(one[1], other[1])
    if one is not None:
        return bool(one[1]) and implies(one[1], wide)
    if folded(wide) == "all":
        return True
    if any(mark in word for word in (narrow, wide) for mark in "/@["):
        return False
    return may_match_name(narrow) and may_match_name(wide) and _text_implies(narrow, wide)


def _text_implies(narrow: str, wide: str) -> bool:
    """Whether every text that the pattern `narrow` matches, `wide` matches too."""
    small, large = folded(narrow), folded(wide)
    if small == large or large in ("all", "*"):
        return True
    if any(mark in small for mark in "*?[") or large in ("known", "local"):
        return False
    if small in ("all", "known", "local"):
        return False
    if small.startswith("."):
        return large.startswith(".") and "*" not in large and "?" not in large and small.endswith(large)
    if small.endswith("."):
        return (
            large.endswith(".")
            and not large.startswith(".")
            and "*" not in large
            and "?" not in large
            and small.startswith(large)
        )
    return text_matches(wide, narrow)


def spelled(ranges: Ranges, *, strict: bool = False) -> Iterator[str]:
    """The patterns that mean just these addresses: exact ones and networks, IPv6 in brackets; the point for
    an unknown address is left out.

    No network holds 255.255.255.255, which no client has; with `strict` it is told apart where it is meant.
    """
    for start, end in ranges:
        if start <= V4_LAST:
            last = V4_LAST if end >= V4_LAST - 1 else end
            if (start, last) == (0, V4_LAST):
                yield "0.0.0.0/0.0.0.0"
            elif start < V4_LAST:
                for number, rest in blocks(start, last, 32):
                    text = ".".join(str(byte) for byte in number.to_bytes(4, "big"))
                    yield f"{text}/{32 - rest}" if rest else text
            if end >= V4_LAST and (strict or start == V4_LAST):
                yield "255.255.255.255"
        if end >= V6_FIRST:
            for number, rest in blocks(max(start, V6_FIRST) - V6_FIRST, end - V6_FIRST, 128):
                text = ipv6_text(number)
                yield f"[{text}]/{128 - rest}" if rest else f"[{text}]"


def blocks(start: int, end: int, bits: int) -> Iterator[tuple[int, int]]:
    """The fewest blocks of two to the power of n that make up start..end, each as (first, n)."""
    while start <= end:
        rest = min((start & -start).bit_length() - 1 if start else bits, (end - start + 1).bit_length() - 1)
        yield start, rest
        start += 1 << rest


def ipv6_text(number: int) -> str:
    """An IPv6 address in its usual spelling."""
    from netaddr import IPAddress  # type: ignore[import-untyped]

    return str(IPAddress(number, 6))
