"""Knows how libwrap decides: hosts.allow, then hosts.deny, first match, options, errors.

The source of every rule is Debian's libwrap 7.6.q, asked through the differential tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wraptui.policy.files import Files

Verdict = Literal["granted", "denied", "delegated", "exit"]
Reason = Literal["rule", "default", "table-error", "option-error", "exit"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for what: the request as libwrap gets it. Unknown things are the word `unknown`."""

    daemon: str
    address: str = "unknown"
    name: str = "unknown"
    user: str = "unknown"
    server_address: str = "unknown"
    server_name: str = "unknown"
    server_port: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was looked at: where it stands, what it says, and why it did (not) match."""

    file: str
    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its cause: `file` and `line` are the deciding rule's (its last physical line), or None."""

    verdict: Verdict
    file: str | None
    line: int | None
    reason: Reason
    messages: tuple[str, ...] = ()
    trace: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as libwrap reads it. `first`..`line` are its physical lines (1-based, inclusive; `line` is the
    number libwrap reports). `daemons`, `clients` and `options` are byte text with continuations removed;
    `options` is the text behind the second colon ("" when there is none)."""

    file: str
    first: int
    line: int
    daemons: str
    clients: str
    options: str


@dataclass(frozen=True)
class Table:
    """One of the two files, read. `rules` may be lazy; `problem` is the sentence why the file could not be
    opened (which is an error to libwrap), "" otherwise; a missing file is an empty table."""

    path: str
    text: str
    rules: Sequence[Rule]
    problem: str = ""


@dataclass(frozen=True)
class Tables:
    """Both files, and the files that their /file patterns and options may ask for."""

    allow: Table
    deny: Table
    files: Files


def read_table(path: str, text: str, problem: str = "") -> Table:
    """The table that `text` (byte text) spells."""
    raise NotImplementedError


def decide(tables: Tables, visitor: Visitor, *, aclexec: bool = True, trace: bool = False) -> Decision:
    """libwrap's decision for `visitor`; `aclexec` is what every aclexec command is assumed to answer."""
    raise NotImplementedError
