"""Knows what xinetd makes of its files: which services run, with which effective attributes, and what it says.

Verified against xinetd 2.3.15.3, which differs from its manual page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wraptui.policy.files import Files

Value = int | float | str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A line that the daemon would log while loading: level as xinetd prints it (WARNING, ERROR, ...)."""

    level: str
    text: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service entry. `first`..`last` are its physical lines (1-based, from `service NAME` to `}`).

    `attributes` are effective: numbers, "UNLIMITED", or tuples of words; `origin` tells each one's source:
    "file:line", "defaults" or "built-in". `why_not` says why an inactive one does not run.
    """

    id: str
    name: str
    file: str
    first: int
    last: int
    active: bool
    why_not: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that xinetd would load. `starts` is False when a fatal error in defaults makes the daemon exit."""

    starts: bool
    services: tuple[Service, ...] = ()
    messages: tuple[Message, ...] = ()
    defaults: Mapping[str, Value] = field(default_factory=dict)
    files: tuple[str, ...] = ()


def read_configuration(
    files: Files, path: str = "/etc/xinetd.conf", *, inetd_compat: bool = False, directory: str = "/"
) -> Configuration:
    """What the daemon would load from `path`; relative names count from `directory`."""
    raise NotImplementedError
