"""Knows the rows of the rules pane: rules, disabled rules and services, each made when asked for."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, overload

from wraptui.syntax.tree import Document
from wraptui.tui.world import Pending

if TYPE_CHECKING:
    from wraptui.policy.lint.findings import Finding
    from wraptui.policy.tables.access import Rule, Table, Tables
    from wraptui.policy.xinetd.services import Service

Kind = Literal["allow", "deny", "service"]
NEAR = 20  # lines within which a row is looked for that is not where it was
NO_ENDS: Mapping[tuple[str, int], float] = MappingProxyType({})
Found = Mapping[str, Mapping[int, tuple["Finding", ...]]]


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

    def find(self, key: tuple[str, int, str]) -> int | None:
        """The row with this file, line and text; it may have moved by some lines."""
        file, first, text = key
        near = self.standing_in(file, range(max(1, first - NEAR), first + NEAR + 1))
        same = [index for index in near if self[index].text == text]
        return min(same, key=lambda index: abs(self[index].first - first), default=None)

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


def ends_of(tables: Tables) -> Mapping[tuple[str, int], float]:
    """When the rules with an end do end, by file and first line."""
    from wraptui.policy.change.stamps import stamped

    ends: dict[tuple[str, int], float] = {}
    for table in (tables.allow, tables.deny):
        if "# wraptui: until " in table.text:
            ends.update({(table.path, each.first): each.until for each in stamped(Document(table.text))})
    return ends
