"""Knows which rules can match a visitor without reading them all: dictionaries by what their words mean.

Exactness first: a rule is indexed only if every word of it is of a kind whose meaning is a lookup (a name or
address in full, ALL, a prefix, a suffix, a network). All others are kept in order as `others` and have to be
asked one by one. A property test shows that index and one-by-one reading agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from wraptui.policy.tables.c_library import dotted_quad, folded, mapped, numeric_ipv6
from wraptui.policy.tables.patterns import ipv4_network, ipv6_network, may_match_name, port_number
from wraptui.policy.tables.rules import Rules, parts
from wraptui.syntax.hosts import groups, split_at

NEVER = 1 << 62
"""A rule number behind all others: no rule."""

_RUN_OF_PLAIN_LINES = re.compile(
    r"(?:(?!known:|except:)[a-z_][a-z0-9_-]*+:[0-9]++\.[0-9]++\.[0-9]++\.[0-9]++\n)*+"
)
_NETWORK_LINE = re.compile(r"(?!known:|except:)([a-z_][a-z0-9_-]*+):([0-9.]++)/([0-9.]++)").fullmatch
_MOST_PAIRS = 4096
_SPECIAL_BYTES = frozenset("*?[]@%")


@dataclass(frozen=True, slots=True)
class Subject:
    """A request's strings as the index compares them: mapped addresses undone, in lower case."""

    daemon: str
    address: str
    name: str


def subject(daemon: str, address: str, name: str) -> Subject:
    """The subject that strings of a request make; none of them may hold a zone (`%`)."""
    return Subject(folded(mapped(daemon)), folded(mapped(address)), folded(mapped(name)))


@dataclass(frozen=True, slots=True)
class Clients:
    """The client words for one daemon, each with the lowest rule that has it. `networks4` go by mask and
    number, `networks6` by the number of host bits and the rest; `bracketed` ones are tried on names too."""

    wholes: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)
    suffixes: dict[str, int] = field(default_factory=dict)
    networks4: dict[int, dict[int, int]] = field(default_factory=dict)
    networks6: dict[int, dict[int, int]] = field(default_factory=dict)
    bracketed: dict[int, int] = field(default_factory=dict)

    def lowest(self, who: Subject) -> int:
        """The first rule one of whose words matches; `NEVER` if none does."""
        found = [NEVER]
        if self.wholes:
            found += [self.wholes.get("all", NEVER), self.wholes.get(who.address, NEVER)]
            if who.name in self.wholes and may_match_name(who.name):
                found.append(self.wholes[who.name])
        if self.prefixes:
            found += [self.prefixes[word] for word in _prefixes(who.address) if word in self.prefixes]
            words = (word for word in _prefixes(who.name) if word in self.prefixes)
            found += [self.prefixes[word] for word in words if may_match_name(word)]
        if self.suffixes:
            found += [self.suffixes[word] for word in _suffixes(who.address) if word in self.suffixes]
            words = (word for word in _suffixes(who.name) if word in self.suffixes)
            found += [self.suffixes[word] for word in words if may_match_name(word)]
        if self.networks4 and (number := dotted_quad(who.address)) is not None:
            found += [nets.get(number & mask, NEVER) for mask, nets in self.networks4.items()]
        if self.networks6 and (number := numeric_ipv6(who.address)) is not None:
            found += [nets.get(number >> bits, NEVER) for bits, nets in self.networks6.items()]
        if self.bracketed:
            for text in (who.address, who.name):
                if (number := numeric_ipv6(text)) is not None:
                    found.append(self.bracketed.get(number, NEVER))
        return min(found)

    def place(self, word: str) -> tuple[dict[Any, int], object] | None:
        """Where a client word belongs: a dictionary and its key. None for a word that is no lookup."""
        if "@" in word or "*" in word or "?" in word or "%" in word or word[0] == "/":
            return None
        if "/" in word:
            network = split_at(word, "/")
            if network is None:
                return None
            if (four := ipv4_network(*network)) is not None:
                return self.networks4.setdefault(four[1], {}), four[0]
            if (six := ipv6_network(*network)) is not None:
                return self.networks6.setdefault(six[1], {}), six[0]
            return {}, ""  # it never matches
        if "[" in word or "]" in word:
            number = numeric_ipv6(word[1:-1]) if word[0] == "[" and word[-1] == "]" else None
            return None if number is None else (self.bracketed, number)
        key = folded(word)
        if key in ("known", "local"):
            return None
        if key[0] == ".":
            return self.suffixes, key
        return (self.prefixes if key[-1] == "." else self.wholes), key


def _prefixes(text: str) -> Iterator[str]:
    """The words ending in a dot that match as prefixes."""
    at = text.find(".")
    while at >= 0:
        yield text[: at + 1]
        at = text.find(".", at + 1)


def _suffixes(text: str) -> Iterator[str]:
    """The words beginning with a dot that match as suffixes: what they leave over must not be empty."""
    at = text.find(".", 1)
    while at >= 0:
        yield text[at:]
        at = text.find(".", at + 1)


@dataclass(frozen=True, slots=True)
class Index:
    """`plain`: the lowest rule that is just a line `daemon:address`; `clients`: the words of the other
    indexed rules, by daemon (`all` for ALL); `others`: the rules that have to be asked, in order."""

    plain: dict[str, int]
    clients: dict[str, Clients] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)

    def lowest(self, who: Subject) -> int:
        """The first indexed rule that matches; `NEVER` if none does."""
        daemon, address = who.daemon, who.address
        best = self.plain.get(f"{daemon}:{address}", NEVER)
        every = self.plain.get(f"all:{address}", NEVER)
        if every < best:
            best = every
        if self.clients:
            for name in (daemon, "all"):
                if name in self.clients:
                    best = min(best, self.clients[name].lowest(who))
        return best


def index_of(rules: Rules) -> Index:
    """The index of a table's rules."""
    squeezed = "\n".join([*rules.single_lines(), ""]).replace(": ", ":").lower()
    special: list[int] = []
    position = number = 0
    while position < len(squeezed):
        run = _RUN_OF_PLAIN_LINES.match(squeezed, position)
        end = run.end() if run else position
        number += squeezed.count("\n", position, end)
        if end < len(squeezed):
            special.append(number)
            number += 1
            end = squeezed.index("\n", end) + 1
        position = end
    lines = squeezed.split("\n")[:-1]
    index = Index(dict(zip(reversed(lines), range(len(lines) - 1, -1, -1), strict=True)))
    for number in special:
        line = lines[number]
        index.plain.pop(line, None)
        simple = _NETWORK_LINE(line)
        if simple and (network := ipv4_network(simple[2], simple[3])):
            networks = index.clients.setdefault(simple[1], Clients()).networks4
            networks.setdefault(network[1], {}).setdefault(network[0], number)
        elif not _indexed(index, number, rules.text(number)):
            index.others.append(number)
    return index


def _indexed(index: Index, number: int, text: str) -> bool:
    """Put a rule into the index; False if it has to be asked itself."""
    daemons, clients, _ = parts(text)
    names = _plain_names(daemons)
    if not names:
        return names is not None
    client_groups = groups(clients)
    if not client_groups[0]:
        return True  # an empty list, or one that begins with EXCEPT, never matches
    if len(client_groups) > 1 or len(names) * len(client_groups[0]) > _MOST_PAIRS:
        return False
    for name in names:
        clients_of = index.clients.setdefault(name, Clients())
        places = [clients_of.place(word) for word in client_groups[0]]
        for place in places:
            if place is None:
                return False  # what has been put in already is true all the same
        for place in places:
            if place is not None:
                place[0].setdefault(place[1], number)
    return True


@lru_cache(maxsize=1024)
def _plain_names(daemons: str) -> tuple[str, ...] | None:
    """The daemons of a list of plain names, in lower case; () if it never matches, None for other lists."""
    first, *exceptions = groups(daemons)
    if not first:
        return ()
    names = tuple(folded(word) for word in first)
    return None if exceptions or not all(map(_is_plain_name, names)) else names


def _is_plain_name(daemon: str) -> bool:
    """Whether a daemon word (in lower case) means just the daemon of that name, or ALL."""
    return not (
        _SPECIAL_BYTES.intersection(daemon)
        or daemon[0] == "."
        or daemon[-1] == "."
        or daemon == "known"
        or port_number(daemon) is not None
    )
