"""Knows how the rules are shown: hosts.allow, hosts.deny and the xinetd services, findings beside them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, overload

from wraptui.policy.findings import Finding, Severity
from wraptui.syntax.tree import Document
from wraptui.tui.bars import Glyphs, countdown, counted
from wraptui.tui.display import Cell, Piece, Words, from_bytes, spaced, words
from wraptui.tui.panes.view import Key, View
from wraptui.tui.peers import short
from wraptui.tui.table import Column
from wraptui.tui.world import Pending, World

if TYPE_CHECKING:
    from wraptui.policy.access import Rule, Table, Tables
    from wraptui.policy.services import Service

Kind = Literal["allow", "deny", "service"]
NO_ENDS: Mapping[tuple[str, int], float] = MappingProxyType({})
Found = Mapping[str, Mapping[int, tuple[Finding, ...]]]
KEYS = (
    Key("a", "add", "add"),
    Key("enter", "open", "change"),
    Key("r", "raw", "raw line"),
    Key("c", "copy", "copy", False),
    Key("K,shift+up", "up", "move up", False),
    Key("J,shift+down", "down", "move down", False),
    Key("space", "disable", "disable"),
    Key("d,delete", "delete", "delete"),
    Key("f", "fix", "mend"),
)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One line of the pane: a rule of one of the two files, or a service. `text` is byte text."""

    kind: Kind
    file: str
    first: int
    line: int
    text: str
    effect: str
    findings: tuple[Finding, ...] = ()
    pending: bool = False
    rule: Rule | None = None
    service: Service | None = None
    until: float = 0.0


def rule_text(rule: Rule) -> str:
    """The rule in one line of byte text."""
    options = f" : {rule.options.strip()}" if rule.options.strip() else ""
    return f"{rule.daemons.strip()}: {rule.clients.strip()}{options}"


def effect_of(rule: Rule, kind: Kind) -> str:
    """What the rule does to those it matches, in one word: allow, deny or twist."""
    for option in rule.options.replace("\\:", "\0").split(":"):
        word = option.split(None, 1)[:1]
        if word and word[0].lower() in ("allow", "deny", "twist"):
            return word[0].lower()
    return kind


class RuleRows(Sequence[RuleRow]):
    """All rows of the pane, made when they are asked for."""

    def __init__(
        self,
        parts: Iterable[Part],
        findings: Found,
        pending: Pending,
        ends: Mapping[tuple[str, int], float] = NO_ENDS,
    ) -> None:
        self._parts = [part for part in parts if part.stop > part.start]
        self._ends = list(accumulate(part.stop - part.start for part in self._parts))
        self._findings = findings
        self._pending = pending
        self._until = ends

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> RuleRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[RuleRow]: ...
    def __getitem__(self, index: int | slice) -> RuleRow | list[RuleRow]:
        if isinstance(index, slice):
            return [self._row(i) for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._row(index)

    def standing_in(self, file: str, lines: range) -> list[int]:
        """The indices of the rows of a file that begin in these physical lines (1-based)."""
        found: list[int] = []
        for part, end in zip(self._parts, self._ends, strict=True):
            if part.items[part.start].file != file and part.kind != "service":
                continue
            start = end - (part.stop - part.start) - part.start
            low, high = part.start, part.stop
            if part.kind != "service":
                low = bisect_left(part.items, lines.start, low, high, key=lambda item: item.first)
                high = bisect_left(part.items, lines.stop, low, high, key=lambda item: item.first)
            found += [
                start + i
                for i in range(low, high)
                if part.items[i].file == file and part.items[i].first in lines
            ]
        return found

    def _row(self, index: int) -> RuleRow:
        number = bisect_right(self._ends, index)
        part = self._parts[number]
        item = part.items[part.start + index - (self._ends[number - 1] if number else 0)]
        rule, service = None, None
        if isinstance(item, Disabled):
            first, last, text, effect = item.first, item.line, item.text, "disabled"
        elif part.kind == "service":
            service = cast("Service", item)
            first, last = service.first, service.last
            text, effect = service_text(service), "active" if service.active else "off"
        else:
            rule = cast("Rule", item)
            first, last = rule.first, rule.line
            text, effect = rule_text(rule), effect_of(rule, part.kind)
        return RuleRow(
            part.kind,
            item.file,
            first,
            last,
            text,
            effect,
            self._found(item.file, first, last),
            self._pending.touches(item.file, first, last),
            rule,
            service,
            self._until.get((item.file, first), 0.0),
        )

    def _found(self, file: str, first: int, last: int) -> tuple[Finding, ...]:
        here = self._findings.get(file)
        if not here:
            return ()
        return tuple(found for line in range(first, last + 1) for found in here.get(line, ()))


class Disabled(NamedTuple):
    """A rule that stands as a comment."""

    file: str
    first: int
    line: int
    text: str


class Part(NamedTuple):
    """A run of items of one kind: `items[start:stop]`."""

    kind: Kind
    items: Sequence[Rule | Service | Disabled]
    start: int
    stop: int


# A comment is taken for a disabled rule when both its lists look like lists, not like a sentence.
_DISABLED = re.compile(
    r"^#[ ]?((?:ALL|[a-z0-9_.-]*d|in\.[a-z0-9_.-]+)(?:[ ,]+(?:ALL|EXCEPT|[a-z0-9_.-]*d|in\.[a-z0-9_.-]+))*"
    r"[ \t]*:[ \t]*(?:ALL|LOCAL|KNOWN|UNKNOWN|PARANOID|[.@/\[][^\s,:]+|[^\s,:]*[0-9.][^\s,:]*)[^\n]*)$",
    re.MULTILINE,
)


def disabled_rules(table: Table) -> list[Disabled]:
    """Rules that were made comments."""
    found: list[Disabled] = []
    if "#" not in table.text:
        return found
    at, line = 0, 1
    for match in _DISABLED.finditer(table.text):
        line += table.text.count("\n", at, match.start())
        at = match.start()
        last, text = line, match[1]
        rest = table.text[match.end() + 1 :].split("\n", 20) if text.endswith("\\") else []
        while text.endswith("\\") and rest:
            last += 1
            text = text[:-1] + rest.pop(0).removeprefix("#").removeprefix(" ")
        found.append(Disabled(table.path, line, last, text))
    return found


def table_parts(kind: Kind, table: Table) -> Iterable[Part]:
    """The rules of a table with the disabled ones where they stand."""
    rules, start = table.rules, 0
    for each in disabled_rules(table):
        stop = bisect_right(rules, each.first, lo=start, key=lambda rule: rule.first)
        yield Part(kind, rules, start, stop)
        yield Part(kind, (each,), 0, 1)
        start = stop
    yield Part(kind, rules, start, len(rules))


def service_text(service: Service) -> str:
    """What stands between a client and the service, in one line of byte text."""
    parts = [service.id]
    for name in ("only_from", "no_access", "access_times", "instances", "per_source"):
        value = service.attributes.get(name)
        if value not in (None, (), "UNLIMITED"):
            shown = " ".join(str(each) for each in value) if isinstance(value, tuple) else str(value)
            parts.append(f"{name} {shown}")
    return parts[0] + (f": {', '.join(parts[1:])}" if parts[1:] else "")


def by_line(findings: Sequence[Finding]) -> dict[str, dict[int, tuple[Finding, ...]]]:
    """Findings by file and line, the worst first."""
    found: dict[str, dict[int, tuple[Finding, ...]]] = {}
    for each in sorted(findings, key=lambda f: -f.severity):
        lines = found.setdefault(each.file, {})
        lines[each.line] = (*lines.get(each.line, ()), each)
    return found


def severity(found: Finding, glyphs: Glyphs) -> Piece:
    """A finding's glyph in its tone."""
    return {
        Severity.ERROR: Piece(f"{glyphs.bad} ", "bad"),
        Severity.WARNING: Piece(f"{glyphs.warn} ", "warn"),
    }.get(found.severity, Piece(f"{glyphs.note} ", "dim"))


def _rows(world: World) -> Sequence[RuleRow]:
    tables = world.tables
    parts: list[Part] = []
    if tables is not None:
        parts += table_parts("allow", tables.allow)
        parts += table_parts("deny", tables.deny)
    services = tuple(s for s in world.configuration.services if s.file)
    parts.append(Part("service", services, 0, len(services)))
    return RuleRows(parts, by_line(world.findings), world.pending, ends_of(tables) if tables else NO_ENDS)


def ends_of(tables: Tables) -> Mapping[tuple[str, int], float]:
    """When the rules with an end do end, by file and first line."""
    from wraptui.policy.stamps import stamped

    ends: dict[tuple[str, int], float] = {}
    for table in (tables.allow, tables.deny):
        if "# wraptui: until " in table.text:
            ends.update({(table.path, each.first): each.until for each in stamped(Document(table.text))})
    return ends


def _where(row: RuleRow, world: World) -> Cell:
    mark = Piece(world.glyphs.pending if row.pending else " ", "pending")
    name = short(row.file)
    return words(
        mark, f" {name.removeprefix('hosts.')}", Piece(f":{row.line if row.rule else row.first}", "dim")
    )


def _effect(row: RuleRow, world: World) -> Cell:
    glyphs = world.glyphs
    glyph, tone = {
        "allow": (glyphs.good, "good"),
        "deny": (glyphs.bad, "bad"),
        "twist": (glyphs.arrow, "accent"),
        "active": (glyphs.good, "good"),
    }.get(row.effect, (glyphs.off, "dim"))
    return Piece(f"{glyph} {row.effect}", tone)


def _text(row: RuleRow, world: World) -> Cell:
    mark = severity(row.findings[0], world.glyphs) if row.findings else ""
    left = f"({countdown(row.until - world.now)} left) " if row.until else ""
    return words(mark, Piece(left, "warn"), _plain_text(row))


def _plain_text(row: RuleRow) -> Piece:
    return Piece(from_bytes(row.text), "pending" if row.pending else "")


def _finding(row: RuleRow, world: World) -> Cell:
    if not row.findings:
        return ""
    more = f" (+{len(row.findings) - 1})" if len(row.findings) > 1 else ""
    return words(Piece(row.findings[0].message), Piece(more, "dim"))


def _count(world: World) -> Words:
    tables = world.tables
    rules = len(tables.allow.rules) + len(tables.deny.rules) if tables else 0
    errors = sum(found.severity == Severity.ERROR for found in world.findings)
    warnings = sum(found.severity == Severity.WARNING for found in world.findings)
    return words(
        f"{rules:,}".replace(",", " "),
        Piece(f" {world.glyphs.bad} {counted(errors, 'error')}" if errors else "", "bad"),
        Piece(f" {world.glyphs.warn} {counted(warnings, 'warning')}" if warnings else "", "warn"),
    )


def _empty(world: World) -> str:
    if not world.ready:
        return "Reading hosts.allow, hosts.deny and xinetd's files."
    tables = world.tables
    if tables is None:
        return "The rules could not be read."
    problems = [
        f"{table.path} cannot be read ({table.problem})."
        for table in (tables.allow, tables.deny)
        if table.problem
    ]
    if problems:
        return " ".join(problems)
    return "hosts.allow and hosts.deny have no rules, so TCP Wrappers let everybody in."


def _details(row: RuleRow, world: World) -> tuple[Words, ...]:
    place = Piece(f"{row.file}:{row.first}" + (f"-{row.line}" if row.line != row.first else ""), "dim")
    pending = Piece("not written yet", "pending") if row.pending else ""
    if row.service is not None:
        service = row.service
        state = world.state_of(service.id)
        runs = (
            "xinetd serves it"
            if service.active
            else f"xinetd does not serve it: {service.why_not or 'no reason known'}"
        )
        why = words(Piece(from_bytes(service.id), "strong"), f": {from_bytes(runs)}")
        if state and state.why and service.active:
            why = words(why, f" ({state.why})")
        why = words(why, ".")
    elif row.rule is None:
        why = words(
            "A comment: ",
            Piece(from_bytes(row.text), "strong"),
            " decides nothing until it is enabled again.",
        )
    else:
        what = {"deny": "refuses", "allow": "lets in", "twist": "answers instead of the daemon for"}
        why = words(
            f"{what.get(row.effect, 'concerns').capitalize()} ",
            Piece(from_bytes(row.rule.clients.strip()), "strong"),
            " for the daemon ",
            Piece(from_bytes(row.rule.daemons.strip()), "strong"),
            ", unless a rule above it matches first.",
        )
    found = [words(severity(each, world.glyphs), each.message) for each in row.findings[:2]]
    uses = sum(
        1
        for visit in world.snapshot.visits
        if visit.decision and visit.decision.file == row.file and visit.decision.line == row.line
    )
    used = f"{counted(uses, 'connection')} here now by this line" if uses and row.rule else ""
    return (why, *found, spaced(place, pending, used))[:3]


def _may(name: str, row: RuleRow | None, world: World) -> bool:
    if world.read_only or not world.ready:
        return False
    if name == "add":
        return True
    if row is None:
        return False
    if name == "fix":
        return any(found.fix for found in row.findings)
    if row.service is not None:
        return name in ("open", "disable", "delete")
    return name != "open" or row.rule is not None


VIEW: View[RuleRow] = View(
    name="rules",
    columns=(
        Column("where", _where, 11, grow=1, most=12, sort=lambda r, w: (r.file, r.first)),
        Column("does", _effect, 8, rank=1, sort=lambda r, w: r.effect),
        Column("rule", _text, 20, grow=5, sort=lambda r, w: r.text, ticks=True),
        Column(
            "finding",
            _finding,
            40,
            grow=3,
            rank=3,
            sort=lambda r, w: -max((f.severity for f in r.findings), default=-1),
        ),
    ),
    source=lambda world: (world.tables, world.configuration, world.findings, world.pending),
    rows=_rows,
    key=lambda r: (r.file, r.first, r.text),
    count=_count,
    empty=_empty,
    details=_details,
    keys=KEYS,
    may=_may,
    searched=lambda r: (
        f"{short(r.file)}:{r.line} {from_bytes(r.text)} {r.effect} {' '.join(f.message for f in r.findings)}"
    ),
)
