"""Knows which clients the rules of a table take from the rules after them, daemon by daemon.

Nothing here is a guess. Addresses are compared as ranges, daemons name by name (and once for all names that
no rule mentions), names and users by what their patterns surely imply; what cannot be proved is not taken.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

from wraptui.policy.lint.rules import RuleLine
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.patterns import port_number, split_host, text_matches
from wraptui.policy.tables.ranges import V4_LAST, Clients, Owners, Ranges, implies, minus
from wraptui.syntax.hosts import groups

ANY_OTHER = "\0any other"
"""Stands for every daemon name that no rule spells out."""
_MOST_PATTERNS = 200
_ENUMERATED = 1 << 16


def literal(name: str) -> bool:
    """Whether a daemon pattern is a plain name."""
    return (
        folded(name) not in ("all", "known")
        and not name.startswith((".", "["))
        and not name.endswith(".")
        and not any(mark in name for mark in "*?")
        and port_number(name) is None
        and len(name) <= 127
    )


class Daemons:
    """What a daemon list surely and possibly means for one daemon name."""

    def __init__(self, text: str) -> None:
        self.groups = groups(text)
        self.key = " except ".join(
            " ".join(sorted({folded(word) for word in group})) for group in self.groups
        )

    @property
    def names(self) -> Iterator[str]:
        """The plain names in it, folded."""
        for group in self.groups:
            for word in group:
                parts = split_host(word)
                name = word if parts is None else parts[0]
                if literal(name):
                    yield folded(name)

    def meaning(self, name: str) -> tuple[bool, bool]:
        """Whether the daemon is surely, and possibly, meant."""
        sure = possible = False
        for group in reversed(self.groups):
            found = [_daemon(word, name) for word in group]
            sure, possible = (
                any(each[0] for each in found) and not possible,
                any(each[1] for each in found) and not sure,
            )
        return sure, possible


def _daemon(word: str, name: str) -> tuple[bool, bool]:
    parts = split_host(word)
    pattern = word if parts is None else parts[0]
    anywhere = parts is None or folded(parts[1]) == "all"
    if port_number(pattern) is not None:
        return False, True
    if folded(pattern) == "all" or pattern == "*":
        return anywhere, True
    if name == ANY_OTHER:
        return False, not literal(pattern)
    matches = text_matches(pattern, name)
    return matches and anywhere, matches


@dataclass(frozen=True)
class Known:
    """One rule that is not ordinary, with what its lists mean."""

    rule: RuleLine
    daemons: Daemons
    clients: Clients

    @property
    def line(self) -> int:
        return self.rule.logical.first

    @property
    def plain(self) -> bool:
        return self.rule.plain

    @cached_property
    def exact(self) -> bool:
        """Whether the address alone decides about every word."""
        return all(meaning.exact for meaning in self.clients.words)

    @cached_property
    def tail(self) -> str:
        """The EXCEPT part of the client list."""
        return " except ".join(" ".join(group) for group in self.clients.groups[1:])


class Covered:
    """The clients that rules seen so far surely take, per daemon list, and the line that took each."""

    def __init__(self) -> None:
        self.ranges: dict[str, Owners] = {}
        self.words: dict[str, dict[tuple[str, str], int]] = {}
        self.patterns: dict[str, list[tuple[str, str, int]]] = {}
        self._daemons: dict[str, Daemons] = {}
        self._relevant: dict[str, list[str]] = {}
        self._relevant_to: dict[tuple[str, str], list[str]] = {}

    def add(self, known: Known) -> None:
        """The clients of one more rule."""
        key = known.daemons.key
        if key not in self._daemons:
            self._daemons[key] = known.daemons
            self.ranges[key], self.words[key], self.patterns[key] = Owners(), {}, []
            self._relevant.clear()
            self._relevant_to.clear()
        self.ranges[key].add(known.clients.whole.sure, known.line)
        for word, meaning in zip(known.clients.groups[0], known.clients.words, strict=True):
            if meaning.exact:
                continue
            self.words[key].setdefault((folded(word), known.tail), known.line)
            if any(mark in word for mark in "*?@") or word.endswith(".") or word.startswith("."):
                self.patterns[key].append((word, known.tail, known.line))

    def drop(self, known: Known, names: Iterable[str]) -> None:
        """Without any client that the rule may take."""
        cells = [*names, ANY_OTHER]
        mine = [cell for cell in cells if known.daemons.meaning(cell)[1]]
        for key, daemons in self._daemons.items():
            if key == known.daemons.key or any(daemons.meaning(cell)[1] for cell in mine):
                self.ranges[key].drop(known.clients.whole.possible)
                self.words[key].clear()
                self.patterns[key].clear()

    def relevant(self, name: str) -> list[str]:
        """The daemon lists that surely mean one daemon."""
        found = self._relevant.get(name)
        if found is None:
            found = [key for key, daemons in self._daemons.items() if daemons.meaning(name)[0]]
            self._relevant[name] = found
        return found

    def takes(self, known: Known, name: str) -> bool:
        """Whether all clients of a rule are surely taken, for one daemon."""
        keys = self._keys(known, name)
        if known.exact:
            return self._take(known.clients.whole.possible, keys)
        return all(
            self._taken(word, known.tail, keys)
            or self._take(minus(meaning.possible, known.clients.excepted.sure), keys)
            for word, meaning in zip(known.clients.groups[0], known.clients.words, strict=True)
        )

    def takers(self, known: Known, name: str, ranges: Ranges | None = None) -> set[int]:
        """The lines that take a rule's clients (or `ranges` of them), for one daemon; a few of many."""
        keys = self._keys(known, name)
        if known.exact or ranges is not None:
            return self._lines(known.clients.whole.possible if ranges is None else ranges, keys)
        lines: set[int] = set()
        for word, meaning in zip(known.clients.groups[0], known.clients.words, strict=True):
            line = self._taken(word, known.tail, keys)
            wanted = minus(meaning.possible, known.clients.excepted.sure)
            lines |= {line} if line else self._lines(wanted, keys)
        return lines

    def free(self, ranges: Ranges, known: Known, name: str) -> Ranges:
        """What of some addresses of a rule nobody took, for one daemon."""
        for key in self._keys(known, name):
            ranges = self.ranges[key].free(ranges)
        return ranges

    def _keys(self, known: Known, name: str) -> list[str]:
        """The daemon lists that mean the daemon, the rule's own first."""
        own = known.daemons.key
        keys = self._relevant_to.get((own, name))
        if keys is None:
            keys = self.relevant(name)
            if own in self._daemons:
                keys = [own, *(key for key in keys if key != own)]
            self._relevant_to[own, name] = keys
        return keys

    def _take(self, ranges: Ranges, keys: Iterable[str]) -> bool:
        """Whether all of `ranges` is owned; ends at the first gap."""
        owners = [self.ranges[key] for key in keys if self.ranges[key].starts]
        for start, end in ranges:
            while start <= end:
                reached = max((each.end(start) for each in owners), default=-1)
                if reached < start:
                    return False
                start = reached + 1
        return True

    def _lines(self, ranges: Ranges, keys: Iterable[str]) -> set[int]:
        lines: set[int] = set()
        alone = next((key for key in keys if self._take(ranges, [key])), "")
        for key in [alone] if alone else keys:
            owners = self.ranges[key]
            rest = owners.free(ranges)
            if rest != ranges:
                lines |= owners.owners(ranges)
                ranges = rest
        return lines

    def _taken(self, word: str, tail: str, keys: Iterable[str]) -> int:
        """The line with a word that surely means all that `word` means, 0 for none."""
        for key in keys:
            for excepted in {tail, ""}:
                line = self.words[key].get((folded(word), excepted))
                if line:
                    return line
            for wide, excepted, line in self.patterns[key][:_MOST_PATTERNS]:
                if excepted in ("", tail) and implies(word, wide):
                    return line
        return 0


class Singles:
    """The ordinary rules of a table: (daemon, address) with the first line of each, in order."""

    def __init__(self) -> None:
        self.first: dict[tuple[str, str], int] = {}
        self.everybody = False

    def add(self, pairs: Sequence[tuple[str, str]], first: int) -> list[tuple[int, int]]:
        """Takes ordinary rules from `first` on; gives (line, earlier line) of those that an earlier one of
        these repeats, or says for all daemons."""
        names = {name for name, _ in pairs}
        if any(name != name.lower() for name in names):
            low = {name: name.lower() for name in names}
            pairs = [(low[name], address) for name, address in pairs]
            names = set(low.values())
        new = dict(zip(reversed(pairs), range(first + len(pairs) - 1, first - 1, -1), strict=True))
        mixed = "all" in names or self.everybody
        self.everybody = mixed
        if len(new) == len(pairs) and not mixed and self.first.keys().isdisjoint(new):
            self.first.update(new)
            return []
        found: list[tuple[int, int]] = []
        seen = self.first
        for line, pair in enumerate(pairs, first):
            earlier = seen.setdefault(pair, line)
            if earlier != line:
                found.append((line, earlier))
            elif mixed and pair[0] != "all":
                earlier = seen.get(("all", pair[1]), line)
                if earlier < line:
                    found.append((line, earlier))
        return found

    def fill(self, ranges: Ranges, name: str, first: int, last: int, but: Container[int] = ()) -> set[int]:
        """The ordinary rules on lines first..last (and not in `but`) that together take all of `ranges` for a
        daemon; empty when they do not."""
        lines: set[int] = set()
        if not ranges or ranges[-1][1] > V4_LAST or len(ranges) > len(self.first):
            return lines
        if sum(end - start + 1 for start, end in ranges) > min(len(self.first), _ENUMERATED):
            return lines
        for start, end in ranges:
            for number in range(start, end + 1):
                address = ".".join(map(str, number.to_bytes(4, "big")))
                found = (self.first.get((name, address), 0), self.first.get(("all", address), 0))
                line = next((line for line in found if first <= line <= last and line not in but), 0)
                if not line:
                    return set()
                lines.add(line)
        return lines


def numbers(addresses: Iterable[str]) -> list[int]:
    """Dotted quads, known to be such, as numbers: all at once, since there are many."""
    octets = iter(map(int, ".".join(addresses).split("."))) if addresses else iter(())
    return [a << 24 | b << 16 | c << 8 | d for a, b, c, d in zip(*repeat(octets, 4), strict=True)]
