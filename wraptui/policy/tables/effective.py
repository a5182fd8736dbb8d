"""Knows the effective policy of a daemon: which addresses get in and which do not, whatever rules say it.

Source: hosts_access(5) as policy/tables/access.py has it; the tests compare every answer with `decide`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wraptui.policy.files import Files
from wraptui.policy.lint.options import refused, runs_aclexec
from wraptui.policy.lint.rules import RuleLine, scanned
from wraptui.policy.tables.access import Table, Tables, read_table
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.ranges import EVERYBODY, Lists, Range, Ranges, common, joined, minus, quad_number
from wraptui.policy.tables.rules import Rule
from wraptui.policy.tables.taken import ANY_OTHER, Daemons
from wraptui.syntax.hosts import option

Outcome = Literal["granted", "denied", "delegated", "depends"]
OUTCOMES: tuple[Outcome, ...] = ("granted", "denied", "delegated", "depends")


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule that decides by more than the address (names, users, the server's side): it applies to those of
    `ranges` that it matches, before the rest of the policy. `clients` is its client list."""

    outcome: Outcome
    clients: str
    ranges: Ranges
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Who gets in to a daemon: addresses by outcome, and the rules that decide by more than the address.

    `depends` is what a command (aclexec) decides. An address counts by its first sure rule; `conditions`, in
    the order in which libwrap meets them, may take single clients out of it.
    """

    daemon: str
    outcomes: dict[Outcome, Ranges]
    conditions: tuple[Condition, ...]


def effective_policy(tables: Tables, daemon: str = ANY_OTHER) -> Policy:
    """The policy for one daemon; without a name, for one that no rule spells out."""
    found: dict[Outcome, list[Range]] = {outcome: [] for outcome in OUTCOMES}
    conditions: list[Condition] = []
    lists = Lists(tables.files)
    left = EVERYBODY
    waiting: list[Range] = []  # what plain rules of one outcome take: taken away at once, when it matters
    wanted: Outcome = "granted"

    def settle() -> None:
        nonlocal left
        if waiting:
            pieces = joined(waiting)
            found[wanted].extend(common(left, pieces))
            left = minus(left, pieces)
            waiting.clear()

    for table, deny in ((tables.allow, False), (tables.deny, True)):
        for rule, sure in _rules(table, daemon):
            outcome = _outcome(rule, table, deny, tables)
            if outcome != wanted:
                settle()
                wanted = outcome
            number = quad_number(rule.clients.strip()) if sure else None
            if number is not None:
                waiting.append((number, number))
                continue
            clients = lists.clients(rule.clients).whole
            if sure and clients.exact:
                waiting.extend(clients.sure)
                continue
            settle()
            taken = common(left, clients.sure) if sure else ()
            perhaps = minus(common(left, clients.possible), taken)
            if perhaps:
                conditions.append(Condition(outcome, rule.clients.strip(), perhaps, table.path, rule.first))
            found[outcome] += taken
            left = minus(left, taken)
        settle()
        if deny and (table.problem or table.rules.broken):
            found["denied"] += left
            left = ()
    found["granted"] += left
    outcomes = {outcome: joined(ranges) for outcome, ranges in found.items()}
    return Policy("" if daemon == ANY_OTHER else daemon, outcomes, tuple(conditions))


def daemons_named(tables: Tables) -> tuple[str, ...]:
    """The daemon names that the rules spell out, folded."""
    names: set[str] = set()
    seen: set[str] = set()
    for table, deny in ((tables.allow, False), (tables.deny, True)):
        for item in scanned(table, deny=deny):
            if isinstance(item, RuleLine):
                if item.fields.daemons not in seen:
                    seen.add(item.fields.daemons)
                    names.update(Daemons(item.fields.daemons).names)
            elif not hasattr(item, "logical"):
                names.update({name.lower() for name, _ in item.rules})
    return tuple(sorted(names - {"all"}))


def rule_outcome(rule: RuleLine, files: Files) -> Outcome:
    """What a rule that matches comes to."""
    if refused(rule, files):
        return "denied"
    last = folded(option(rule.options[-1].text)[0]) if rule.options else ""
    if last == "twist":
        return "delegated"
    if last in ("allow", "deny"):
        return "granted" if last == "allow" else "denied"
    if runs_aclexec(rule):
        return "depends"
    return "denied" if rule.deny else "granted"


def _rules(table: Table, daemon: str) -> Iterator[tuple[Rule, bool]]:
    """The rules that surely (True) or possibly apply to a daemon."""
    known: dict[str, tuple[bool, bool]] = {}
    for rule in () if table.problem else table.rules:
        if rule.daemons not in known:
            known[rule.daemons] = Daemons(rule.daemons).meaning(daemon)
        sure, possible = known[rule.daemons]
        if possible:
            yield rule, sure


def _outcome(rule: Rule, table: Table, deny: bool, tables: Tables) -> Outcome:
    """What a rule comes to; only one with options has to be looked at closely."""
    if not rule.options:
        return "denied" if deny else "granted"
    alone = read_table(table.path, f"{rule.daemons}:{rule.clients}:{rule.options}")
    (line,) = scanned(alone, deny=deny, common=False)
    assert isinstance(line, RuleLine)
    return rule_outcome(line, tables.files)
