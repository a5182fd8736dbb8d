"""Knows what xinetd makes of its files: which services run, with which effective attributes, what it says.

Verified against xinetd 2.3.15.3, which differs from its manual page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from wraptui.policy.files import Files

Value = int | float | str | bool | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A line that the daemon would log while loading: level as xinetd prints it (WARNING, ERROR, ...).

    `file` is named as the daemon names it, `line` counted as it counts: after a line of more than 8 KiB, or
    an attribute name with nothing behind it, that is not the physical line. All is byte text.
    """

    level: str
    text: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service entry. `first`..`last` are its physical lines (1-based, from `service NAME` to `}`).

    `attributes` are effective: numbers, "UNLIMITED", "yes" and "no", words, or tuples of them; `origin` tells
    each one's source: "file:line", "defaults", "/etc/services" or "built-in". `why_not` says why an inactive
    one does not run. `lines` are the physical lines (first, last) of each attribute as spelled in this entry
    (`interface` is `bind`), those included that the daemon ignores.
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
    lines: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Defaults:
    """One defaults entry: where it stands, and the physical lines of its attributes."""

    file: str
    first: int
    last: int
    lines: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place where the daemon's behaviour is undefined, so that all told here is a guess."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that xinetd would load. `starts` is False when a fatal error in defaults, an unreadable main file
    or a crash ends the daemon. `files` are those read, in order. With `doubts` nothing is certain."""

    starts: bool
    services: tuple[Service, ...] = ()
    messages: tuple[Message, ...] = ()
    defaults: Mapping[str, Value] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    default_entries: tuple[Defaults, ...] = ()
    doubts: tuple[Doubt, ...] = ()


ENVIRONMENT = frozenset(("PATH", "TZ"))
"""The variables that an init script leaves to the daemon; passenv knows no others."""


def read_configuration(
    files: Files,
    path: str = "/etc/xinetd.conf",
    *,
    inetd_compat: bool = False,
    directory: str = "/",
    environment: Collection[str] = ENVIRONMENT,
    local: Collection[str] | None = None,
) -> Configuration:
    """What the daemon would load from `path`; relative names count from `directory`.

    `environment` are the names of the daemon's variables. `local` are this machine's addresses: a service
    that binds to another one does not start. When they are not given they are read from /proc, if that is
    among the files; else every address counts as present.
    """
    from wraptui.policy.xinetd.loading import Loader

    return Loader(files, path, inetd_compat, directory, frozenset(environment), local).configuration()
