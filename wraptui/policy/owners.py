"""Knows by their marks which lines other programs keep in these files, and will write again.

The marks are those of DenyHosts 3.1, sshguard 2.4, fail2ban's hostsdeny, Puppet, Ansible, Chef and Salt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wraptui.policy.diff import differences
from wraptui.syntax.tree import Document


@dataclass(frozen=True, slots=True)
class Owned:
    """Physical lines `first`..`last` (1-based, inclusive) that `program` looks after; `will` says what it
    does with them, as the end of a sentence that begins with its name. `whole`: all of the file."""

    program: str
    first: int
    last: int
    will: str
    whole: bool = False


_HEADS = (
    (re.compile(r"^#.*\bpuppet\b", re.IGNORECASE), "Puppet"),
    (re.compile(r"^#.*\bansible[ _-]managed\b(?! block)", re.IGNORECASE), "Ansible"),
    (re.compile(r"^#.*\b(?:managed|generated) by chef\b", re.IGNORECASE), "Chef"),
    (re.compile(r"^#.*\b(?:managed|generated) by salt", re.IGNORECASE), "Salt"),
    (re.compile(r"^#.*\b(?:managed|generated) by cfengine\b", re.IGNORECASE), "CFEngine"),
)
_BLOCKS = (
    (re.compile(r"^#+ *sshguard *#+$"), re.compile(r"^#+ *sshguard *#+$"), "sshguard"),
    (re.compile(r"^#+ BEGIN ANSIBLE MANAGED BLOCK"), re.compile(r"^#+ END ANSIBLE MANAGED BLOCK"), "Ansible"),
    (re.compile(r"^#-- start managed zone"), re.compile(r"^#-- end managed zone"), "Salt"),
)
_DENYHOSTS = re.compile(r"^# DenyHosts: [^|]*\| (.*)$")
_BANNED = re.compile(r"^ALL: (?:\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\])$")
_HEAD_LINES = 15  # where a program says that a file is its own


def owned(document: Document, *, fail2ban: bool = False) -> tuple[Owned, ...]:
    """The lines that other programs look after, in order. Lines of fail2ban bear no mark: `fail2ban` tells
    that it is set up to write this file."""
    return tuple(sorted(_found(document.lines, fail2ban), key=lambda each: (not each.whole, each.first)))


def _found(lines: tuple[str, ...], fail2ban: bool) -> Iterator[Owned]:
    texts = [line.rstrip("\r\n") for line in lines]
    for number, text in enumerate(texts[:_HEAD_LINES], 1):
        for pattern, program in _HEADS:
            if pattern.search(text):
                yield Owned(
                    program, number, len(lines), "will write the whole file anew at its next run", True
                )
    begin = 0
    block: tuple[re.Pattern[str], str] | None = None
    for number, text in enumerate(texts, 1):
        if block is not None:
            if block[0].search(text):
                yield Owned(block[1], begin, number, "will write this block anew")
                block = None
            continue
        if not text.startswith("#"):
            if fail2ban and _BANNED.match(text):
                yield Owned(
                    "fail2ban", number, number, "removes this line when the ban ends, if it is its own"
                )
            continue
        for start, end, program in _BLOCKS:
            if start.search(text):
                block, begin = (end, program), number
        if denied := _DENYHOSTS.match(text):
            last = number + (number < len(texts) and texts[number] == denied[1])
            yield Owned("DenyHosts", number, last, "may remove or restore this line when it purges")
    if block is not None:
        yield Owned(block[1], begin, len(texts), "will write this block anew")


def trespasses(path: str, before: Document, after: Document, *, fail2ban: bool = False) -> tuple[str, ...]:
    """Sentences about changes of lines that other programs look after; once for each program."""
    changed = [
        range(edit.first + 1, edit.first + max(len(edit.old), 1) + 1)
        for edit in differences(path, before, after)
    ]
    touching: dict[str, Owned] = {}
    for each in owned(before, fail2ban=fail2ban):
        if each.whole or _touches(each, changed, before):
            touching.setdefault(each.program, each)
    return tuple(
        f"{path}: {each.program} {each.will}"
        + ("" if each.whole else f" (line{'s' * (each.last > each.first)} {_span(each)})")
        + "."
        for each in touching.values()
        if changed
    )


def _touches(each: Owned, changed: Iterable[range], before: Document) -> bool:
    return any(
        lines.start <= each.last and each.first < lines.stop and lines.start <= len(before.lines)
        for lines in changed
    )


def _span(each: Owned) -> str:
    return str(each.first) if each.first == each.last else f"{each.first}-{each.last}"
