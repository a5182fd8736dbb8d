"""Knows what a check of the audit is, and what is audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wraptui.policy.files import Files
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.tables.access import Tables
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import Edit

Result = Literal["pass", "fail", "not applicable", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its own id, the ids it has elsewhere (`profile`), the result, the line that proves it
    ("path:line text" or "path mode"), what to do, and a safe fix where there is one (empty else)."""

    id: str
    title: str
    profile: str
    result: Result
    evidence: str
    advice: str = ""
    fix: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is audited. `running` tells whether xinetd runs (None: not known); `coverage` is
    what listens and whether that asks libwrap (None: not known)."""

    tables: Tables
    configuration: Configuration
    files: Files
    running: bool | None = None
    coverage: tuple[Coverage, ...] | None = None

    @property
    def honoured(self) -> bool | None:
        """Whether any daemon that listens here asks libwrap; None where that is not known."""
        found = {each.honours for each in self.coverage or ()}
        if "yes" in found:
            return True
        return None if self.coverage is None or "unknown" in found else False


def words_of(service: Service, attribute: str) -> tuple[str, ...]:
    """An attribute's words; none where it is not set."""
    value = service.attributes.get(attribute, ())
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
