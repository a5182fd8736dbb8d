"""Knows which rules can never decide anything: shadowed, repeated, redundant, overridden by the other table.

That deleting such a rule changes no verdict is tested against the real library.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.options import runs_aclexec
from wraptui.policy.lint.rules import NO_FIX, Edits, Ordinary, RuleLine
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.ranges import Lists, Owners, Ranges
from wraptui.policy.tables.taken import ANY_OTHER, Covered, Daemons, Known, Singles, numbers
from wraptui.syntax.hosts import groups
from wraptui.syntax.tree import Edit

_NOTE, _WARNING = Severity.NOTE, Severity.WARNING
_FAR = 1 << 62


@dataclass(frozen=True)
class Scan:
    """A table as it was scanned: its rules in order; whether libwrap reads all of it."""

    path: str
    deny: bool
    text: str
    items: tuple[Ordinary | RuleLine, ...]
    whole: bool

    @property
    def rules(self) -> Iterator[RuleLine]:
        """The rules that are not ordinary."""
        return (item for item in self.items if isinstance(item, RuleLine))

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def options(self) -> dict[int, str]:
        """The options of the rules that have some, by line."""
        return {rule.logical.first: rule.fields.options.strip() for rule in self.rules if not rule.plain}

    def deleted(self, line: int) -> Edits:
        """The fix that deletes an ordinary line."""
        return (Edit(self.path, line - 1, (self.lines[line - 1] + "\n",), (), f"delete line {line}"),)


class Reach:
    """What the lists of both tables mean, each read once."""

    def __init__(self, allow: Scan, deny: Scan, lists: Lists) -> None:
        self.lists = lists
        self.known: dict[int, Known] = {}
        self._cells: dict[str, list[str]] = {}
        self._numbers: dict[int, tuple[Ordinary | None, list[int]]] = {}
        spelled: dict[str, Daemons] = {}
        names: set[str] = set()
        for scan in (allow, deny):
            for item in scan.items:
                if isinstance(item, Ordinary):
                    names.update({name.lower() for name, _ in item.rules})
                    continue
                text = item.fields.daemons
                if text not in spelled:
                    spelled[text] = Daemons(text)
                    names.update(spelled[text].names)
                self.known[id(item)] = Known(item, spelled[text], self.lists.clients(item.fields.clients))
        self.names = sorted(names - {"all"})

    def cells(self, known: Known) -> list[str]:
        """The daemons that a rule may mean: names that are spelled somewhere, and all others as one. The
        others come first, since few rules cover them."""
        key = known.daemons.key
        if key not in self._cells:
            self._cells[key] = [name for name in (ANY_OTHER, *self.names) if known.daemons.meaning(name)[1]]
        return self._cells[key]

    def points(self, covered: Covered, item: Ordinary) -> dict[int, int]:
        """Which of some ordinary rules are taken, as line and the line that takes it."""
        if not covered.ranges:
            return {}
        found: dict[int, int] = {}
        owners = {name: self._owners(covered, name) for name in {name for name, _ in item.rules}}
        if not any(owners.values()):
            return found
        for line, (name, _), number in zip(
            range(item.first, item.first + len(item.rules)), item.rules, self.numbers(item), strict=True
        ):
            for each in owners[name]:
                at = bisect_right(each.starts, number) - 1
                if at >= 0 and each.ends[at] >= number:
                    found[line] = each.lines[at]
                    break
        return found

    def numbers(self, item: Ordinary) -> list[int]:
        """The addresses of ordinary rules as numbers, computed once."""
        found = self._numbers.get(item.first, (None, []))
        if found[0] is not item:
            found = (item, numbers([address for _, address in item.rules]))
            self._numbers[item.first] = found
        return found[1]

    def _owners(self, covered: Covered, name: str) -> list[Owners]:
        keys = covered.relevant(name.lower())
        if name.lower() == "all":
            everywhere = set(covered.relevant(ANY_OTHER))
            for each in self.names:
                everywhere &= set(covered.relevant(each))
            keys = sorted(everywhere)
        return [covered.ranges[key] for key in keys if covered.ranges[key].starts]


def reach_findings(allow: Scan, deny: Scan, lists: Lists) -> Iterator[Finding]:
    """The findings between rules, in no particular order."""
    reach = Reach(allow, deny, lists)
    if reach.lists.crashes:  # whoever asks crashes, so no rule behind is sure of anything
        return
    passes = [_Pass(reach, scan) for scan in (allow, deny)]
    for each in passes:
        yield from each.shadowed()
        if each.scan.whole:
            yield from each.redundant()
    yield from _overridden(reach, allow, deny, passes[1].dead)
    yield from _idle(allow, deny, passes[0].dead)


class _Pass:
    """One table, read downwards for what is shadowed, then upwards for what is redundant."""

    def __init__(self, reach: Reach, scan: Scan) -> None:
        self.reach = reach
        self.scan = scan
        self.singles = Singles()
        self.dead: set[int] = set()
        self.rest: dict[int, dict[str, Ranges]] = {}
        """What earlier rules leave of a rule, by its line and daemon."""

    def shadowed(self) -> Iterator[Finding]:
        """Rules whose every client an earlier rule of the table takes."""
        covered = Covered()
        for item in self.scan.items:
            if isinstance(item, Ordinary):
                taken = self.reach.points(covered, item)
                for line, earlier in self.singles.add(item.rules, item.first):
                    taken[line] = min(earlier, taken.get(line, earlier))
                for line, earlier in taken.items():
                    self.dead.add(line)
                    yield self._dead_single(item, line, earlier)
                continue
            known = self.reach.known[id(item)]
            if self._empty(known):
                yield item.finding(
                    _WARNING,
                    "excepts-everything",
                    "All that this rule means is excepted again: it never matches.",
                )
            lines = self._taken_above(covered, known)
            if lines:
                self.dead.add(known.line)
                yield self._dead_rule(known, lines)
            covered.add(known)

    def _empty(self, known: Known) -> bool:
        """Whether the EXCEPT of a list takes back all that the words before it mean."""
        excepting = len(known.clients.groups) > 1 and not known.clients.whole.possible
        if excepting and any(meaning.possible for meaning in known.clients.words):
            return True
        return len(known.daemons.groups) > 1 and known.daemons.groups[0] != () and not self.reach.cells(known)

    def _taken_above(self, covered: Covered, known: Known) -> set[int]:
        cells = self.reach.cells(known)
        if not cells or not known.clients.whole.possible:
            return set()  # it never matches: another check says so
        lines: set[int] = set()
        rests: dict[str, Ranges] = {}
        dead = True
        for cell in cells:
            rest: Ranges = ()
            if not covered.takes(known, cell):
                possible = known.clients.whole.possible
                rest = covered.free(possible, known, cell) if known.exact else possible
                filled = self.singles.fill(rest, cell, 1, known.line - 1) if known.exact else set()
                lines |= filled
                rest = () if filled else rest
                dead = dead and not rest
            if dead:
                lines |= covered.takers(known, cell)
            rests[cell] = rest
        self.rest[known.line] = rests
        return lines if dead else set()

    def _dead_single(self, item: Ordinary, line: int, earlier: int) -> Finding:
        scan = self.scan
        name, address = item.rules[line - item.first]
        if self.singles.first.get((name.lower(), address)) == earlier:
            return Finding(
                _NOTE,
                "duplicate",
                f"The same as line {earlier}: it never decides anything.",
                scan.path,
                line,
                0,
                scan.deleted(line),
            )
        if earlier in scan.options:
            return Finding(_WARNING, "unreachable", _other_outcome(earlier), scan.path, line)
        message = f"Line {earlier} already takes this client: this line never decides anything."
        return Finding(_NOTE, "unreachable", message, scan.path, line, 0, scan.deleted(line))

    def _dead_rule(self, known: Known, lines: set[int]) -> Finding:
        rule = known.rule
        mine = rule.fields.options.strip() if not rule.plain else ""
        if any(self.scan.options.get(line, "") != mine for line in lines):
            return rule.finding(_WARNING, "unreachable", _other_outcome(*sorted(lines)))
        fix = rule.edit("", f"delete line {known.line}")
        if len(lines) == 1 and self._same(known, min(lines)):
            message = f"The same as line {min(lines)}: it never decides anything."
            return rule.finding(_NOTE, "duplicate", message, None, fix)
        message = (
            f"{_lines(lines)} already take{_s(lines)} all its clients: this rule never decides anything."
        )
        return rule.finding(_NOTE, "unreachable", message, None, fix)

    def _same(self, known: Known, line: int) -> bool:
        other = self._by_line.get(line)
        return (
            other is not None
            and other.daemons.key == known.daemons.key
            and _folded(other.rule) == _folded(known.rule)
        )

    @cached_property
    def _by_line(self) -> dict[int, Known]:
        return {known.line: known for known in map(self.reach.known.get, map(id, self.scan.rules)) if known}

    def redundant(self) -> Iterator[Finding]:
        """Rules without options whose every client would meet the same verdict by a later rule."""
        covered = Covered()
        barrier = _FAR  # the nearest rule with options below
        for item in reversed(self.scan.items):
            if isinstance(item, Ordinary):
                yield from self._redundant_singles(covered, item, barrier)
                continue
            known = self.reach.known[id(item)]
            if not known.plain:
                covered.drop(known, self.reach.names)
                barrier = known.line
            elif known.line not in self.dead and known.line in self.rest:
                lines = self._taken_below(covered, known, barrier)
                if lines:
                    fix = known.rule.edit("", f"delete line {known.line}")
                    yield known.rule.finding(_NOTE, "redundant", self._anyway(lines), None, fix)
                else:
                    covered.add(known)

    def _redundant_singles(self, covered: Covered, item: Ordinary, barrier: int) -> Iterator[Finding]:
        found = self.reach.points(covered, item)
        if self.singles.everybody:
            for line, (name, address) in enumerate(item.rules, item.first):
                below = self.singles.first.get(("all", address), 0)
                if line < below < barrier and name.lower() != "all" and below not in self.dead:
                    found.setdefault(line, below)
        for line, below in found.items():
            if line not in self.dead:
                yield Finding(
                    _NOTE,
                    "redundant",
                    self._anyway({below}),
                    self.scan.path,
                    line,
                    0,
                    self.scan.deleted(line),
                )

    def _taken_below(self, covered: Covered, known: Known, barrier: int) -> set[int]:
        lines: set[int] = set()
        for cell, wanted in self.rest[known.line].items():
            if not wanted:
                continue
            if not known.exact:
                if not covered.takes(known, cell):
                    return set()
                lines |= covered.takers(known, cell)
                continue
            rest = covered.free(wanted, known, cell)
            if rest:
                filled = self.singles.fill(rest, cell, known.line + 1, barrier - 1, self.dead)
                if not filled:
                    return set()
                lines |= filled
            lines |= covered.takers(known, cell, wanted)
        return lines

    def _anyway(self, lines: Iterable[int]) -> str:
        verb = "den" if self.scan.deny else "grant"
        ending = ("ies" if len(set(lines)) == 1 else "y") if self.scan.deny else _s(lines)
        return f"{_lines(lines)} {verb}{ending} the same clients anyway: without this line nothing changes."


def _folded(rule: RuleLine) -> list[list[str]]:
    return [sorted(map(folded, group)) for group in groups(rule.fields.clients)]


def _lines(lines: Iterable[int]) -> str:
    listed = sorted(set(lines))
    if len(listed) == 1:
        return f"Line {listed[0]}"
    if len(listed) > 4:
        return f"Lines {listed[0]}, {listed[1]} and {len(listed) - 2} others"
    return f"Lines {', '.join(map(str, listed[:-1]))} and {listed[-1]}"


def _s(lines: Iterable[int]) -> str:
    return "s" if len(set(lines)) == 1 else ""


def _other_outcome(*lines: int) -> str:
    return (
        f"{_lines(lines)} already take{_s(lines)} all its clients, with other options: this rule never "
        "decides anything, though it says something else. Move it up if it is meant."
    )


def _overridden(reach: Reach, allow: Scan, deny: Scan, dead: set[int]) -> Iterator[Finding]:
    """Rules of hosts.deny whose every client a rule of hosts.allow surely decides."""
    if allow.options and any(runs_aclexec(rule) for scan in (allow, deny) for rule in scan.rules):
        return  # a rule with options may then hand its clients on to hosts.deny
    covered, singles = Covered(), Singles()
    for item in allow.items:
        if isinstance(item, Ordinary):
            singles.add(item.rules, item.first)
        else:
            covered.add(reach.known[id(item)])
    for item in deny.items:
        if isinstance(item, Ordinary):
            taken = reach.points(covered, item)
            if singles.first:
                for line, (name, address) in enumerate(item.rules, item.first):
                    by = singles.first.get((name.lower(), address)) or singles.first.get(("all", address))
                    if by:
                        taken[line] = by
            for line, by in taken.items():
                if line not in dead:
                    yield _contradiction(allow, deny, line, {by}, plain=True)
            continue
        known = reach.known[id(item)]
        if known.line in dead or not known.clients.whole.possible:
            continue
        lines: set[int] = set()
        for cell in reach.cells(known):
            if not covered.takes(known, cell):
                possible = known.clients.whole.possible
                rest = covered.free(possible, known, cell) if known.exact else possible
                filled = singles.fill(rest, cell, 1, _FAR) if known.exact else set()
                if not filled:
                    break
                lines |= filled
            lines |= covered.takers(known, cell)
        else:
            if lines:
                yield _contradiction(allow, deny, known.line, lines, plain=known.plain)


def _contradiction(allow: Scan, deny: Scan, line: int, lines: set[int], *, plain: bool) -> Finding:
    if plain and not any(line in allow.options for line in lines):
        message = (
            f"{_lines(lines)} of {allow.path} already let{_s(lines)} in every client that this rule would "
            "deny: it has no effect."
        )
        return Finding(_WARNING, "contradiction", message, deny.path, line)
    message = f"{_lines(lines)} of {allow.path} decide{_s(lines)} about all its clients: it has no effect."
    return Finding(_NOTE, "overridden", message, deny.path, line)


def _idle(allow: Scan, deny: Scan, dead: set[int]) -> Iterator[Finding]:
    """Grants where nobody is ever denied."""
    if deny.items or not deny.whole or not allow.items or not dead.issuperset(allow.options):
        return
    yield Finding(
        _WARNING,
        "nothing-denied",
        f"{deny.path} has no rule, so everybody is let in to everything: the rules of {allow.path} change "
        "nothing.",
        allow.path,
    )


def word_findings(rule: RuleLine, lists: Lists) -> Iterator[Finding]:
    """Words of a client list that other words of it make needless."""
    if not 2 <= len(rule.clients) <= 64:
        return
    clients = lists.clients(rule.fields.clients)
    words = rule.clients[: len(clients.groups[0])]
    gone: set[int] = set()
    for index in range(len(words) - 1, -1, -1):
        meaning = clients.words[index]
        if not meaning.possible:
            continue
        others = Owners()
        for at, each in enumerate(clients.words):
            if at != index and at not in gone:
                others.add(each.sure, 1)
        if meaning.exact and not others.free(meaning.possible):
            reason = "the others mean the same addresses"
        elif any(
            at not in gone and at != index and folded(each.text) == folded(words[index].text)
            for at, each in enumerate(words[:index])
        ):
            reason = "it stands there twice"
        else:
            continue
        gone.add(index)
        start = words[index - 1].stop if index else words[index].start
        stop = words[index].stop if index else words[1].start
        yield rule.finding(
            _NOTE,
            "redundant-pattern",
            f"This pattern is needless in its list: {reason}.",
            words[index].start,
            rule.replaced(start, stop, "", "drop the needless pattern") if rule.readable else NO_FIX,
        )
