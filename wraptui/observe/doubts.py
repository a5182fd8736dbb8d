"""Knows when libwrap's verdict hangs on something that must not be tried here: an ident answer, a command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wraptui.policy.tables.access import Decision, Tables, Visitor, decide
from wraptui.policy.tables.expansion import LookUp
from wraptui.policy.tables.patterns import split_host

SOMEBODY = "somebody-else"
MOST = 20
"""User names that are tried at most."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """What rules ask of a client beyond its address and name: `users` are names that they may match,
    `command` tells whether one runs a command and goes by its answer."""

    users: tuple[str, ...] = ()
    command: bool = False

    def about(self, tables: Tables, visitor: Visitor, decision: Decision, look_up: LookUp) -> str:
        """Why the decision may be another one in truth, in a sentence; "" when it may not."""
        for user in self.users:
            if _differs(decision, decide(tables, replace(visitor, user=user), look_up=look_up)):
                return (
                    "The verdict hangs on the user's name, which only the client's ident service could tell."
                )
        if self.command and _differs(decision, decide(tables, visitor, aclexec=False, look_up=look_up)):
            return "The verdict hangs on the answer of a command (aclexec), which is not run here."
        return ""


def _differs(one: Decision, other: Decision) -> bool:
    return (one.verdict, one.file, one.line) != (other.verdict, other.file, other.line)


def doubts(tables: Tables) -> Doubts:
    """What these tables ask beyond addresses and names."""
    users = tuple(dict.fromkeys(_users(tables)))[:MOST]
    command = any("aclexec" in table.text.lower() for table in (tables.allow, tables.deny))
    return Doubts((SOMEBODY, *users) if users else (), command)


def _users(tables: Tables) -> Iterator[str]:
    for table in (tables.allow, tables.deny):
        if "@" not in table.text:
            continue
        for rule in table.rules:
            if "@" in rule.clients:
                for word in rule.clients.replace(",", " ").split():
                    parts = split_host(word)
                    if parts:  # a user that the pattern matches, where it is one with wildcards
                        yield parts[0].replace("*", "x").replace("?", "x").strip(".")
