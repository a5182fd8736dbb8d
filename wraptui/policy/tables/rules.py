"""Knows the rules of one table in the order libwrap reads them, without making a value of each beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import overload

from wraptui.syntax.hosts import LONGEST_LINE, Logical, fields, is_blank, is_comment, logical_lines


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as libwrap reads it. `first`..`line` are its physical lines (1-based, inclusive; `line` is the
    number libwrap reports). `daemons`, `clients` and `options` are byte text with continuations removed;
    `options` is the text behind the second colon, "" when there is none: an options field that is there holds
    at least its newline."""

    file: str
    first: int
    line: int
    daemons: str
    clients: str
    options: str


class Rules(Sequence[Rule]):
    """The rules that a table's text spells; a `Rule` is made when it is asked for.

    An ordinary physical line is a logical line. All others (continued, too long, unterminated, or in a file
    with NULs) are read by `logical_lines`; a property test shows that both ways agree.

    `unseparated` are the lines without a separating colon, which libwrap skips with a warning. `broken` is
    the line that makes libwrap give up the table, or None; what stands behind it is no rule.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.unseparated: tuple[Logical, ...] = ()
        self.broken: Logical | None = None
        self._joined: dict[int, Logical] = {}
        self._lines = text.split("\n")
        tail = self._lines.pop()
        if "\0" in text:
            self._firsts = self._read(logical_lines(text))
            return
        odd = self._odd_ones(text, tail)
        extraordinary = self._read(odd)
        self._firsts = self._ordinary(odd, "[" in text or "]" in text)
        if extraordinary:
            self._firsts = sorted(self._firsts + extraordinary)

    def _odd_ones(self, text: str, tail: str) -> list[Logical]:
        """The logical lines that are not one ordinary physical line each, up to and with a broken one."""
        lines = self._lines
        marks: list[int] = []
        if "\\\n" in text:
            marks += [at for at, line in enumerate(lines) if line.endswith("\\")]
        if lines and max(map(len, lines)) > LONGEST_LINE:
            marks += [at for at, line in enumerate(lines) if len(line) > LONGEST_LINE]
        if tail:
            marks.append(len(lines))
        if not marks:
            return []
        starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
        found: list[Logical] = []
        done = 0
        for at in sorted(marks):
            if at < done:
                continue
            nothing = Logical(at + 1, len(lines), starts[at], len(text), "\n")  # continued up to the very end
            logical = next(logical_lines(text, starts[at], at + 1, at), nothing)
            found.append(logical)
            if logical.broken:
                break
            done = logical.line
        return found

    def _read(self, logicals: Iterable[Logical]) -> list[int]:
        """The rules among `logicals`, which are kept, as indexes of their first physical lines."""
        firsts: list[int] = []
        unseparated: list[Logical] = []
        for logical in logicals:
            if logical.broken:
                self.broken = logical
            elif not is_comment(logical.text) and not is_blank(logical.text):
                if fields(logical.text) is None:
                    unseparated.append(logical)
                else:
                    firsts.append(logical.first - 1)
                    self._joined[logical.first - 1] = logical
        self.unseparated = tuple(unseparated)
        return firsts

    def _ordinary(self, odd: list[Logical], brackets: bool) -> list[int]:
        """The rules among the ordinary physical lines, as indexes of those."""
        lines = self._lines
        firsts = [at for at, line in enumerate(lines) if ":" in line and line[0] != "#"]
        others = [at for at, line in enumerate(lines) if line and ":" not in line and line[0] != "#"]
        if odd:
            taken = {at for each in odd for at in range(each.first - 1, each.line)}
            end = self.broken.first - 1 if self.broken else len(lines)
            firsts = [at for at in firsts if at < end and at not in taken]
            others = [at for at in others if at < end and at not in taken]
        if brackets:
            hidden = {at for at in firsts if fields(lines[at]) is None}
            firsts = [at for at in firsts if at not in hidden]
            others += hidden
        unseparated = [self._logical(at) for at in others if not is_blank(lines[at])]
        if unseparated:
            self.unseparated = tuple(sorted([*self.unseparated, *unseparated], key=lambda each: each.first))
        return firsts

    def _logical(self, at: int) -> Logical:
        """The logical line that begins at a physical line, given as its index."""
        return self._joined.get(at) or Logical(at + 1, at + 1, -1, -1, self._lines[at] + "\n")

    def place(self, index: int) -> tuple[int, int]:
        """Where a rule stands, without making it: its first physical line and the number libwrap reports."""
        at = self._firsts[index]
        joined = self._joined.get(at)
        return (joined.first, joined.line) if joined else (at + 1, at + 1)

    def text(self, index: int) -> str:
        """A rule's logical line, continuations joined, with its newline."""
        at = self._firsts[index]
        return self._joined[at].text if at in self._joined else self._lines[at] + "\n"

    def single_lines(self) -> list[str]:
        """Every rule that is one ordinary line, without its newline; "" for each of the others."""
        lines, joined = self._lines, self._joined
        if not joined:
            return lines if len(self._firsts) == len(lines) else [lines[at] for at in self._firsts]
        return ["" if at in joined else lines[at] for at in self._firsts]

    def __len__(self) -> int:
        return len(self._firsts)

    @overload
    def __getitem__(self, index: int) -> Rule: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Rule]: ...

    def __getitem__(self, index: int | slice) -> Rule | Sequence[Rule]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        first, line = self.place(index)
        daemons, clients, options = parts(self.text(index))
        return Rule(self.path, first, line, daemons, clients, options)


def parts(text: str) -> tuple[str, str, str]:
    """The three fields of a logical line that has a separator."""
    if "[" not in text and "]" not in text:
        daemons, _, rest = text.partition(":")
        clients, colon, options = rest.partition(":")
        return daemons, clients if colon else clients.removesuffix("\n"), options
    found = fields(text)
    if found is None:
        return "", "", ""
    return found.daemons, found.clients.removesuffix("\n"), found.options
