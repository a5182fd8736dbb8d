"""Knows the recipe for the packet filter: refuse there what the files and the no_access list refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wraptui.policy.change.edits import Edits
from wraptui.policy.hardening import own_table
from wraptui.policy.hardening.firewall import Firewall, compare
from wraptui.policy.hardening.own_table import FILE, INCLUDE, TABLE, Block, nft, spans
from wraptui.policy.recipes.plan import (
    BadAnswer,
    Circumstances,
    Plan,
    Question,
    Recipe,
    Sample,
    edits_of,
)
from wraptui.syntax.tree import Document, shown

BOOT = "/etc/nftables.conf"
_MOST = 6  # rules of which it is said why they cannot be expressed


def _plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    if not around.filters:
        why = "; ".join(around.filter_notes) or "only files are seen, not the packet filter they belong to"
        raise BadAnswer(f"The packet filter cannot be read: {why}.")
    entries = around.entries if answers["no_access"] == "yes" else ()
    found = compare(around.tables, around.coverage, entries, around.filters)
    before = around.document(FILE)
    if not found.wanted and not before.text:
        why = "nothing of it can be told to a packet filter" if found.rows else "the files refuse nothing"
        if any(row.blocked == "yes" for row in found.rows):
            why = "the packet filter refuses it already"
        missed = "".join(f" {each}" for each in _inexpressible(found))
        raise BadAnswer(f"There is nothing to write: {why}.{missed}")
    after = before
    old, new = own_table.read(before.text), nft(found.wanted, around.now)
    if old.strange or set(old.blocks) != set(own_table.read(new).blocks) or found.lacking:
        after = Document(new)  # the same again where it is not loaded, after a boot say
    edits = edits_of(FILE, before, after, "refuse the same in the packet filter")
    if answers["at_boot"] == "yes":
        edits += _included(around)
    return Plan(
        "firewall",
        "The packet filter refuses it, too",
        edits,
        does=tuple(_does(found.wanted, answers["at_boot"] == "yes")),
        cannot=tuple(_cannot(found, answers["at_boot"] == "yes")),
        warnings=tuple(f"{each}: what it blocks is not counted." for each in around.filter_notes),
        samples=tuple(_samples(found)),
    )


def _included(around: Circumstances) -> Edits:
    before = around.document(BOOT)
    if own_table.included(before.text):
        return ()
    if not before.text:
        raise BadAnswer(f"There is no {BOOT}, which nft's service would load at boot; answer no for at_boot.")
    end = "" if before.text.endswith("\n") else "\n"
    after = Document(f"{before.text}{end}\n{INCLUDE}\n")
    return edits_of(BOOT, before, after, f"load {FILE} at boot")


def _does(wanted: tuple[Block, ...], at_boot: bool) -> Iterator[str]:
    name = " ".join(TABLE)
    for block in wanted:
        found = list(spans(block.ranges))
        ports = ", ".join(f"{protocol} {port}" for protocol, port in block.ports)
        end = ", until their time is over" if block.until else ""
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"{', '.join(found[:3])}{more} of {block.place}: refused on {ports}{end}."
    yield f"nft loads {FILE} when the change is applied: the table {name}, in place of the one before."
    yield "Only new connections are refused: nobody who is connected is cut off."
    if at_boot:
        yield f"{BOOT} includes the file, so that it is loaded at every boot."


def _cannot(found: Firewall, at_boot: bool) -> Iterator[str]:
    yield from _inexpressible(found)
    yield "It does not follow: when rules change, apply this recipe again (`wraptui firewall` tells when)."
    if at_boot:
        yield "At a boot the entries of the no_access list begin their time anew, and xinetd's list is empty."
    else:
        yield f"It holds until the next boot, or until {BOOT} is loaded again: that does not include it."


def _inexpressible(found: Firewall) -> Iterator[str]:
    rows = [row for row in found.rows if row.blocked == "not possible" or "; names" in row.why]
    for row in rows[:_MOST]:
        yield f"{shown(row.place)} ({shown(row.text)}) not, or not all of it: {row.why}."
    if len(rows) > _MOST:
        yield f"{len(rows) - _MOST} more rules neither; `wraptui firewall` tells why."


def _samples(found: Firewall) -> Iterator[Sample]:
    rows = [row for row in found.rows if row.blocked in ("no", "partly", "too much")]
    if rows:
        lines = [f"{row.blocked:10}{shown(row.place)}  {', '.join(row.missing[:3])}" for row in rows[:8]]
        yield Sample("What the packet filter refuses by now", "\n".join(lines))


RECIPE = Recipe(
    "firewall",
    "Packet filter, too",
    "The packet filter refuses whom hosts.deny and the no_access list refuse: a second door.",
    (
        Question(
            "no_access",
            "Also whom a SENSOR has caught?",
            "yes",
            ("yes", "no"),
            "Each with the time that is left of its deny_time; xinetd's own list stays as it is.",
        ),
        Question(
            "at_boot",
            "Also after the next boot?",
            "no",
            ("no", "yes"),
            f"Adds a line to {BOOT} that includes {FILE}; without it the table lives until the next boot.",
        ),
    ),
    _plan,
)
