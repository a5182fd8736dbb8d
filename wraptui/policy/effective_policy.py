"""Knows the effective policy of a daemon: which addresses get in and which do not, whatever rules say it.

Source: hosts_access(5) as policy/access.py has it; the tests compare every answer with `decide`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wraptui.policy.access import Table, Tables
from wraptui.policy.c_library import folded
from wraptui.policy.files import Files
from wraptui.policy.lint_options import refused, runs_aclexec
from wraptui.policy.lint_rules import RuleLine, scanned
from wraptui.policy.ranges import EVERYBODY, Clients, Lists, Range, Ranges, common, joined, minus
from wraptui.policy.taken import ANY_OTHER, Daemons
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
    for table, deny in ((tables.allow, False), (tables.deny, True)):
        for rule, daemons, clients in _rules(table, lists, deny=deny):
            sure, possible = daemons.meaning(daemon)
            if not possible or not left:
                continue
            outcome = rule_outcome(rule, tables.files)
            taken = common(left, clients.whole.sure) if sure else ()
            perhaps = minus(common(left, clients.whole.possible), taken)
            if perhaps:
                text = rule.fields.clients.strip()
                conditions.append(Condition(outcome, text, perhaps, table.path, rule.logical.first))
            found[outcome] += taken
            left = minus(left, taken)
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


def _rules(table: Table, lists: Lists, *, deny: bool) -> Iterator[tuple[RuleLine, Daemons, Clients]]:
    """The rules of a table with what their lists mean."""
    spelled: dict[str, Daemons] = {}
    if table.problem:
        return
    for item in scanned(table, deny=deny, common=False):
        if not isinstance(item, RuleLine):
            continue
        text = item.fields.daemons
        if text not in spelled:
            spelled[text] = Daemons(text)
        yield item, spelled[text], lists.clients(item.fields.clients)
