"""Knows which rules can match a visitor without reading them all: dictionaries by what their words mean.

Exactness first: a rule is indexed only if every word of it is of a kind whose meaning is a lookup (a name or
address in full, ALL, a prefix, a suffix, a network). All others are kept in order as `others` and have to be
asked one by one. A property test shows that index and one-by-one reading agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wraptui.policy.c_library import dotted_quad, folded, mapped, numeric_ipv6
from wraptui.policy.patterns import ipv4_network, ipv6_network, may_match_name, port_number
from wraptui.policy.rules import Rules, parts
from wraptui.syntax.hosts import groups, split_at

NEVER = 1 << 62
"""A rule number behind all others: no rule."""

_PLAIN_RULE = re.compile(r"(?!known:)[a-z_][a-z0-9_-]*:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+").fullmatch
_PLAIN_DAEMON = re.compile(r"[a-z_][a-z0-9_-]*").fullmatch
_PLAIN_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+").fullmatch
_NOT_PLAIN = ("known", "except")
"""Daemon words that look plain but are not."""

_MOST_PAIRS = 4096


@dataclass(frozen=True, slots=True)
class Index:
    """`plain`: the lowest rule that is the line `daemon:address` as it stands; `pairs`: the lowest one with a
    daemon and a client word; `networks4` by mask, `networks6` by the number of host bits (-1 for an address
    in brackets, which is tried on names too), then by daemon and network."""

    plain: dict[str, int] = field(default_factory=dict)
    pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    networks4: dict[int, dict[tuple[str, int], int]] = field(default_factory=dict)
    networks6: dict[int, dict[tuple[str, int], int]] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)

    def lowest(self, daemon: str, address: str, name: str) -> int:
        """The first indexed rule that matches; `NEVER` if none does. The strings are the request's, without
        zones."""
        daemon, address, name = folded(mapped(daemon)), folded(mapped(address)), folded(mapped(name))
        best = NEVER
        if self.plain and _PLAIN_ADDRESS(address):
            best = self.plain.get(f"all:{address}", NEVER)
            if _PLAIN_DAEMON(daemon) and daemon not in _NOT_PLAIN:
                best = min(best, self.plain.get(f"{daemon}:{address}", NEVER))
        asked = (daemon, "all")
        if self.pairs:
            get = self.pairs.get
            for word in _words(address, name):
                for each in asked:
                    best = min(best, get((each, word), NEVER))
        if self.networks4 and (number := dotted_quad(address)) is not None:
            for mask, nets in self.networks4.items():
                for each in asked:
                    best = min(best, nets.get((each, number & mask), NEVER))
        for bits, nets in self.networks6.items():
            for text in (address, name) if bits < 0 else (address,):
                number = numeric_ipv6(text) if ":" in text else None
                if number is not None:
                    for each in asked:
                        best = min(best, nets.get((each, number >> max(bits, 0)), NEVER))
        return best


def _words(address: str, name: str) -> Iterator[str]:
    """The client words that match an address or a name, read as libwrap reads a word: one that begins with a
    dot is a suffix, one that ends with a dot a prefix, any other must be the whole."""
    yield "all"
    for subject, fits in ((address, _any_word), (name, may_match_name)):
        whole = not subject.startswith(".")
        if whole and fits(subject):
            yield subject
        at = subject.find(".")
        while at >= 0:
            if whole and fits(subject[: at + 1]):
                yield subject[: at + 1]
            if at > 0 and fits(subject[at:]):
                yield subject[at:]
            at = subject.find(".", at + 1)


def _any_word(word: str) -> bool:
    return True


def index_of(rules: Rules) -> Index:
    """The index of a table's rules."""
    index = Index()
    lines = "\n".join(rules.single_lines()).replace(": ", ":").lower().split("\n")
    special = [number for number, line in enumerate(lines) if not _PLAIN_RULE(line)]
    if len(special) < len(rules):
        index.plain.update(zip(reversed(lines), range(len(lines) - 1, -1, -1), strict=True))
    for number in special:
        if number < len(rules) and not _indexed(index, number, rules.text(number)):
            index.others.append(number)
    return index


def _indexed(index: Index, number: int, text: str) -> bool:
    """Put a rule into the index; False if it has to be asked itself."""
    daemons, clients, _ = parts(text)
    daemon_groups, client_groups = groups(daemons), groups(clients)
    if not daemon_groups[0]:
        return True  # an empty list, or one that begins with EXCEPT, never matches
    names = [folded(word) for word in daemon_groups[0]]
    if len(daemon_groups) > 1 or not all(map(_is_plain_name, names)):
        return False
    if not client_groups[0]:
        return True
    if len(client_groups) > 1 or len(names) * len(client_groups[0]) > _MOST_PAIRS:
        return False
    places = [_place(index, word) for word in client_groups[0]]
    if None in places:
        return False
    for place in places:
        if place is not None:
            table, key = place
            for name in names:
                table.setdefault((name, key), number)
    return True


def _is_plain_name(daemon: str) -> bool:
    """Whether a daemon word (in lower case) means just the daemon of that name, or ALL."""
    return not (
        _SPECIAL_BYTES.intersection(daemon)
        or daemon[0] == "."
        or daemon[-1] == "."
        or daemon == "known"
        or port_number(daemon) is not None
    )


def _place(index: Index, word: str) -> tuple[dict[Any, int], Any] | None:
    """Where a client word belongs: a dictionary and its key; None for a word that is no lookup."""
    if "@" in word or "*" in word or "?" in word or "%" in word or word[0] == "/":
        return None
    key = folded(word)
    if "/" in word:
        network = split_at(word, "/")
        if network is None:
            return None
        if (four := ipv4_network(*network)) is not None:
            return index.networks4.setdefault(four[1], {}), four[0]
        if (six := ipv6_network(*network)) is not None:
            return index.networks6.setdefault(six[1], {}), six[0]
        return {}, ""  # it never matches
    if "[" in word or "]" in word:
        number = numeric_ipv6(word[1:-1]) if word[0] == "[" and word[-1] == "]" else None
        return None if number is None else (index.networks6.setdefault(-1, {}), number)
    return None if key in ("known", "local") else (index.pairs, key)


_SPECIAL_BYTES = frozenset("*?[]@%")
