"""Knows which lines differ between two texts, and how edits move onto a text that somebody else changed."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from wraptui.syntax.tree import Document, Edit

CONTEXT = 3
_CAREFUL = (
    4_000_000  # line pairs up to which difflib, which is quadratic, may look for the smallest difference
)


def differences(path: str, old: Document, new: Document) -> tuple[Edit, ...]:
    """The edits that make `new` of `old`. All positions count in `old`, ascending, never touching."""
    before, after = old.lines, new.lines
    spans = sorted(_spans(before, after))
    joined: list[tuple[int, int, int, int]] = []
    for span in spans:
        if joined and joined[-1][1] == span[0] and joined[-1][3] == span[2]:
            joined[-1] = (joined[-1][0], span[1], joined[-1][2], span[3])
        else:
            joined.append(span)
    return tuple(Edit(path, a1, before[a1:a2], after[b1:b2]) for a1, a2, b1, b2 in joined)


def together(document: Document, edits: Sequence[Edit]) -> Document:
    """`document` with edits made whose positions all count in it, as `differences` gives them."""
    for edit in reversed(edits):
        document = edit.apply(document)
    return document


def unified(path: str, old: Document | None, new: Document | None) -> str:
    """The unified diff of one file as byte text, "" when nothing differs; None is a missing file."""
    before, after = old or Document(""), new or Document("")
    edits = differences(path, before, after)
    if not edits and (old is None) == (new is None):
        return ""
    lines = [f"--- {'/dev/null' if old is None else path}\n", f"+++ {'/dev/null' if new is None else path}\n"]
    grown = 0
    for group in _groups(edits):
        first = max(group[0].first - CONTEXT, 0)
        end = min(group[-1].first + len(group[-1].old) + CONTEXT, len(before.lines))
        body: list[str] = []
        at, growth = first, 0
        for edit in group:
            body += [" " + line for line in before.lines[at : edit.first]]
            body += ["-" + line for line in edit.old]
            body += ["+" + line for line in edit.new]
            at = edit.first + len(edit.old)
            growth += len(edit.new) - len(edit.old)
        body += [" " + line for line in before.lines[at:end]]
        lines.append(f"@@ -{_range(first, end - first)} +{_range(first + grown, end - first + growth)} @@\n")
        lines += [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in body]
        grown += growth
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class Rebased:
    """Edits moved onto another text: `edits` fit it one after the other; `conflicts` are those that do not,
    because the other writer changed the same lines; `done` are those that the other writer had made too.
    `theirs` are the other writer's edits as they stand behind all of these."""

    edits: tuple[Edit, ...]
    conflicts: tuple[Edit, ...]
    done: tuple[Edit, ...]
    theirs: tuple[Edit, ...]


def rebase(edits: Sequence[Edit], theirs: Sequence[Edit]) -> Rebased:
    """`edits` (one file's, made one after the other) moved behind `theirs` (as `differences` gives them).

    Where both insert at the same place both are kept, theirs first: appenders lose nothing.
    """
    moved: list[Edit] = []
    conflicts: list[Edit] = []
    done: list[Edit] = []
    for edit in edits:
        ahead, across, behind = _around(edit, theirs)
        if not across:
            shift = sum(len(their.new) - len(their.old) for their in ahead)
            moved.append(replace(edit, first=edit.first + shift))
            growth = len(edit.new) - len(edit.old)
            theirs = [*ahead, *(replace(their, first=their.first + growth) for their in behind)]
            continue
        meeting = _meeting(edit, across)
        (done if meeting.old == meeting.new else conflicts).append(edit)
        theirs = forgotten(edit, theirs)
    return Rebased(tuple(moved), tuple(conflicts), tuple(done), tuple(theirs))


def forgotten(edit: Edit, theirs: Sequence[Edit]) -> tuple[Edit, ...]:
    """The other writer's edits as they stand on the text with `edit` made, when theirs goes without it."""
    ahead, across, behind = _around(edit, theirs)
    meeting = _meeting(edit, across)
    growth = len(edit.new) - len(edit.old)
    middle = [meeting] if meeting.old != meeting.new else []
    return (*ahead, *middle, *(replace(their, first=their.first + growth) for their in behind))


def _around(edit: Edit, theirs: Sequence[Edit]) -> tuple[list[Edit], list[Edit], list[Edit]]:
    """The other writer's edits ahead of `edit`, across its lines, and behind it."""
    ahead: list[Edit] = []
    across: list[Edit] = []
    behind: list[Edit] = []
    end = edit.first + len(edit.old)
    for their in theirs:
        if their.first + len(their.old) <= edit.first and not _glues(their, edit):
            ahead.append(their)
        elif their.first >= end and not _glues(edit, their):
            behind.append(their)
        else:
            across.append(their)
    return ahead, across, behind


@dataclass(frozen=True, slots=True)
class Merged:
    """Two versions of one text made one; where they conflict `document` has the other writer's lines."""

    document: Document
    conflicts: tuple[Edit, ...] = ()


def merge(path: str, base: Document, mine: Document, theirs: Document) -> Merged:
    """The three-way merge: what I changed since `base`, made on `theirs`."""
    if mine == theirs or base == theirs:
        return Merged(mine)
    # One after the other, from the last to the first: then each position still counts in `base`.
    rebased = rebase(differences(path, base, mine)[::-1], differences(path, base, theirs))
    document = theirs
    for edit in rebased.edits:
        document = edit.apply(document)
    return Merged(document, rebased.conflicts)


def _glues(upper: Edit, lower: Edit) -> bool:
    """Whether `lower` would go on in the unfinished last line that `upper` leaves."""
    return bool(upper.new and lower.new) and not upper.new[-1].endswith("\n")


def _meeting(edit: Edit, across: Sequence[Edit]) -> Edit:
    """What lies between the text with `edit` made and the other writer's, where both changed lines."""
    first = min([edit.first, *(their.first for their in across[:1])])
    end = max([edit.first + len(edit.old), *(their.first + len(their.old) for their in across[-1:])])
    known = {edit.first + n: line for n, line in enumerate(edit.old)}
    for their in across:
        known.update({their.first + n: line for n, line in enumerate(their.old)})

    def text(changes: Sequence[Edit]) -> tuple[str, ...]:
        lines: list[str] = []
        at = first
        for change in changes:
            lines += [known[n] for n in range(at, change.first)]
            lines += change.new
            at = change.first + len(change.old)
        return (*lines, *(known[n] for n in range(at, end)))

    return Edit(edit.path, first, text([edit]), text(across))


def _spans(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Ranges of `before` and the ranges of `after` in their place: patience, difflib for what is left."""
    work = [(0, len(before), 0, len(after))]
    while work:
        a1, a2, b1, b2 = work.pop()
        while a1 < a2 and b1 < b2 and before[a1] == after[b1]:
            a1, b1 = a1 + 1, b1 + 1
        while a1 < a2 and b1 < b2 and before[a2 - 1] == after[b2 - 1]:
            a2, b2 = a2 - 1, b2 - 1
        if a1 == a2 and b1 == b2:
            continue
        anchors = _anchors(before, a1, a2, after, b1, b2) if a1 < a2 and b1 < b2 else []
        if anchors:
            for a, b in anchors:
                work.append((a1, a, b1, b))
                a1, b1 = a + 1, b + 1
            work.append((a1, a2, b1, b2))
        elif a1 < a2 and b1 < b2 and (a2 - a1) * (b2 - b1) <= _CAREFUL:
            matcher = SequenceMatcher(None, before[a1:a2], after[b1:b2], autojunk=False)
            for tag, i1, i2, j1, j2 in matcher.get_opcodes():
                if tag != "equal":
                    yield a1 + i1, a1 + i2, b1 + j1, b1 + j2
        else:
            yield a1, a2, b1, b2


def _anchors(
    before: Sequence[str], a1: int, a2: int, after: Sequence[str], b1: int, b2: int
) -> list[tuple[int, int]]:
    """The longest ascending run of lines that stand exactly once on both sides."""
    ours, theirs = Counter(before[a1:a2]), Counter(after[b1:b2])
    place = {after[b]: b for b in range(b1, b2) if theirs[after[b]] == 1}
    pairs = [(a, place[before[a]]) for a in range(a1, a2) if ours[before[a]] == 1 and before[a] in place]
    tails: list[int] = []
    last: list[int] = []
    previous: list[int] = []
    for index, (_, b) in enumerate(pairs):
        at = bisect_left(tails, b)
        previous.append(last[at - 1] if at else -1)
        if at == len(tails):
            tails.append(b)
            last.append(index)
        else:
            tails[at], last[at] = b, index
    run: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        run.append(pairs[index])
        index = previous[index]
    return run[::-1]


def _groups(edits: Sequence[Edit]) -> Iterator[list[Edit]]:
    """Edits whose contexts touch, together."""
    group: list[Edit] = []
    for edit in edits:
        if group and edit.first - (group[-1].first + len(group[-1].old)) > 2 * CONTEXT:
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _range(first: int, count: int) -> str:
    """A range as diff writes it: 1-based, the line before when empty, the count left out when 1."""
    return f"{first + (count > 0)}" + ("" if count == 1 else f",{count}")
