"""Knows the shape of a finding: what is wrong, where, what it costs, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from wraptui.syntax.tree import Edit


class Severity(IntEnum):
    """How much a finding hurts; larger is worse."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is a stable kebab-case name; `line` is physical and 1-based (0: the file as a whole);
    `column` is 1-based (0: the whole line); `fix` is empty where no safe fix exists."""

    severity: Severity
    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    fix: tuple[Edit, ...] = ()
