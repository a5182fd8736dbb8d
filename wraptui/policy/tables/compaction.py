"""Knows how to say a long hosts.deny in fewer networks, and how to prove that no verdict changes.

Rules without options all deny, in whatever order: between two rules with options their addresses may be said
anew. The proof compares, for every daemon and before every rule with options, the addresses taken so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wraptui.policy.files import Files
from wraptui.policy.lint.rules import RuleLine, scanned
from wraptui.policy.tables.access import Table, read_table
from wraptui.policy.tables.ranges import UNKNOWN, Lists, Ranges, common, joined, minus, spelled
from wraptui.policy.tables.taken import ANY_OTHER, Daemons
from wraptui.syntax.tree import Document


class NotProved(Exception):
    """The shorter table might decide otherwise somewhere; nothing may be changed."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """A table said shorter: its text, and how many patterns it had and has."""

    text: str
    before: int
    after: int


@dataclass
class _Group:
    """The rules of one daemon list between two rules with options."""

    daemons: str
    all: bool
    lines: list[tuple[int, int]] = field(default_factory=list)
    ranges: list[Ranges] = field(default_factory=list)


@dataclass
class _Segment:
    """The rules between two rules with options, by daemon list, and what is denied for every daemon."""

    groups: dict[str, _Group] = field(default_factory=dict)
    broad: Ranges = ()


def compacted(table: Table, files: Files) -> Compaction:
    """hosts.deny in as few exact addresses and networks as say the same; raises `NotProved`.

    Remarks, names, EXCEPTs and rules with options stay where and as they are.
    """
    lines: list[str] = list(Document(table.text).lines)
    before = after = 0
    lists = Lists(files)
    for segment in _segments(table, lists):
        for group in segment.groups.values():
            kept = [ranges for ranges in group.ranges if group.all or minus(ranges, segment.broad)]
            shorter = list(spelled(joined(each for ranges in kept for each in ranges), strict=True))
            before += len(group.ranges)
            after += min(len(shorter), len(group.ranges))
            if len(shorter) >= len(group.ranges):
                continue
            for first, last in group.lines:
                lines[first - 1 : last] = [""] * (last - first + 1)
            first = group.lines[0][0]
            lines[first - 1] = "".join(f"{group.daemons}: {each}\n" for each in shorter)
    text = "".join(lines)
    if lists.crashes:
        raise NotProved("a file of patterns includes itself")
    prove(table, read_table(table.path, text), files)
    return Compaction(text, before, after)


def _segments(table: Table, lists: Lists) -> Iterator[_Segment]:
    """What stands between one rule with options and the next."""
    segment = _Segment()
    for item in scanned(table, deny=True, common=False):
        if not isinstance(item, RuleLine):
            continue
        if not item.plain:
            yield segment
            segment = _Segment()
            continue
        clients = lists.clients(item.fields.clients)
        if not _names_only(Daemons(item.fields.daemons)) or not clients.whole.exact:
            continue
        daemons = " ".join(item.fields.daemons.split())
        if daemons.upper() == "ALL":
            segment.broad = joined((*segment.broad, *clients.whole.sure))
        exact = all(meaning.exact and meaning.sure for meaning in clients.words)
        if not exact or len(clients.groups) > 1 or common(clients.whole.sure, ((UNKNOWN, UNKNOWN),)):
            continue  # nothing but ALL means a client without an address
        if any(word.startswith("/") or "@" in word for word in clients.groups[0]):
            continue
        group = segment.groups.setdefault(daemons.lower(), _Group(daemons, daemons.upper() == "ALL"))
        group.lines.append((item.logical.first, item.logical.first + item.raw.count("\n") - 1))
        group.ranges += [meaning.sure for meaning in clients.words]
    yield segment


def _names_only(daemons: Daemons) -> bool:
    """Whether the daemon's name alone decides about a daemon list."""
    return all(sure == possible for sure, possible in map(daemons.meaning, [*daemons.names, ANY_OTHER]))


def prove(old: Table, new: Table, files: Files) -> None:
    """Raises `NotProved` unless both tables decide every request alike, by exhaustive comparison."""
    one, other = _meaning(old, files), _meaning(new, files)
    if bool(old.rules.broken) != bool(new.rules.broken):
        raise NotProved("one of them ends in a line that libwrap gives up at")
    if len(one) != len(other):
        raise NotProved("the rules with options or names are not the same")
    names = {name for parts in (one, other) for part in parts for name in part.names}
    for before, after in zip(one, other, strict=True):
        if before.barrier != after.barrier or before.others != after.others:
            raise NotProved("the rules with options or names are not the same")
        for name in (*sorted(names), ANY_OTHER):
            if before.taken(name) != after.taken(name):
                raise NotProved(f"the addresses denied to {name if name != ANY_OTHER else 'others'} differ")


@dataclass
class _Part:
    """What a table denies before one of its rules with options: addresses by daemon list (all so far), other
    rules by their text."""

    barrier: str
    ranges: dict[str, tuple[Daemons, Ranges]]
    others: list[str]

    @property
    def names(self) -> Iterator[str]:
        for daemons, _ in self.ranges.values():
            yield from daemons.names

    def taken(self, name: str) -> Ranges:
        """The addresses that are surely denied to one daemon's clients."""
        return joined(
            each for daemons, ranges in self.ranges.values() if daemons.meaning(name)[0] for each in ranges
        )


def _meaning(table: Table, files: Files) -> list[_Part]:
    lists = Lists(files)
    spelled_daemons: dict[str, Daemons] = {}
    pieces: dict[str, list[tuple[int, int]]] = {}
    others: list[str] = []
    parts: list[_Part] = []

    def part(barrier: str) -> _Part:
        for key, found in pieces.items():
            pieces[key] = list(joined(found))
        ranges = {key: (spelled_daemons[key], tuple(found)) for key, found in pieces.items()}
        return _Part(barrier, ranges, sorted(others))

    for item in scanned(table, deny=True, common=False):
        if not isinstance(item, RuleLine):
            continue
        daemons = spelled_daemons.setdefault(
            key := item.fields.daemons.strip().lower(), Daemons(item.fields.daemons)
        )
        whole = lists.clients(item.fields.clients).whole
        if not item.plain:
            parts.append(part(item.logical.text))
        elif whole.exact and _names_only(daemons):
            pieces.setdefault(key, []).extend(whole.sure)
        else:
            others.append(item.logical.text)
    parts.append(part(""))
    return parts
