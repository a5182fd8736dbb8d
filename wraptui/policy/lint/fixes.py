"""Knows in which order the fixes of many findings are made, so that each still does what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wraptui.policy.lint.findings import Finding
from wraptui.policy.lint.tables import MEANT, RESTORING
from wraptui.syntax.tree import Document, Edit

_MOST_PASSES = 50

Check = Callable[[Mapping[str, Document]], tuple[Finding, ...]]
"""The findings on some files as they would be."""


def mended(documents: Mapping[str, Document], check: Check) -> dict[str, Document]:
    """The documents with every fix made that needs nobody's choice.

    First those that make a file mean what it says; what is shadowed or redundant only then is taken out.
    """
    now = dict(documents)
    for restoring in (True, False):
        for _ in range(_MOST_PASSES):
            edits = [
                edit
                for finding in check(now)
                if finding.code not in MEANT and (not restoring or finding.code in RESTORING)
                for edit in finding.fix
                if edit.path in now
            ]
            if not edits:
                break
            now = made(now, edits)
    return now


def made(documents: Mapping[str, Document], edits: list[Edit]) -> dict[str, Document]:
    """The documents with the edits that do not touch the same lines, all made for the same text."""
    now = dict(documents)
    for path in dict.fromkeys(edit.path for edit in edits):
        lines = list(now[path].lines)
        pieces: list[str] = []
        done = 0
        for edit in sorted((each for each in edits if each.path == path), key=lambda each: each.first):
            if edit.first < done or tuple(lines[edit.first : edit.first + len(edit.old)]) != edit.old:
                continue
            pieces += lines[done : edit.first]
            pieces += edit.new
            done = edit.first + len(edit.old)
        now[path] = Document("".join([*pieces, *lines[done:]]))
    return now
