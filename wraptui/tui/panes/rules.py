"""Knows how the rules are shown: hosts.allow, hosts.deny and the xinetd services, findings beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wraptui.policy.lint.findings import Finding, Severity
from wraptui.tui.bars import Glyphs, countdown, counted
from wraptui.tui.columns import Column
from wraptui.tui.display import Cell, Piece, Words, from_bytes, spaced, words
from wraptui.tui.panes.rule_rows import (
    NO_ENDS,
    Part,
    RuleRow,
    RuleRows,
    ends_of,
    table_parts,
)
from wraptui.tui.panes.view import Key, View
from wraptui.tui.peers import short
from wraptui.tui.world import World

if TYPE_CHECKING:
    pass

KEYS = (
    Key("a", "add", "add"),
    Key("enter", "open", "change"),
    Key("r", "raw", "raw line"),
    Key("c", "copy", "copy", False),
    Key("K,shift+up", "up", "move up", False),
    Key("J,shift+down", "down", "move down", False),
    Key("space", "disable", "disable"),
    Key("d,delete", "delete", "delete"),
    Key("f", "fix", "mend"),
)


def by_line(findings: Sequence[Finding]) -> dict[str, dict[int, tuple[Finding, ...]]]:
    """Findings by file and line, the worst first."""
    found: dict[str, dict[int, tuple[Finding, ...]]] = {}
    for each in sorted(findings, key=lambda f: -f.severity):
        lines = found.setdefault(each.file, {})
        lines[each.line] = (*lines.get(each.line, ()), each)
    return found


def severity(found: Finding, glyphs: Glyphs) -> Piece:
    """A finding's glyph in its tone."""
    return {
        Severity.ERROR: Piece(f"{glyphs.bad} ", "bad"),
        Severity.WARNING: Piece(f"{glyphs.warn} ", "warn"),
    }.get(found.severity, Piece(f"{glyphs.note} ", "dim"))


def _rows(world: World) -> Sequence[RuleRow]:
    tables = world.tables
    parts: list[Part] = []
    if tables is not None:
        parts += table_parts("allow", tables.allow)
        parts += table_parts("deny", tables.deny)
    services = tuple(s for s in world.configuration.services if s.file)
    parts.append(Part("service", services, 0, len(services)))
    return RuleRows(parts, by_line(world.findings), world.pending, ends_of(tables) if tables else NO_ENDS)


def _where(row: RuleRow, world: World) -> Cell:
    mark = Piece(world.glyphs.pending if row.pending else " ", "pending")
    name = short(row.file)
    return words(
        mark, f" {name.removeprefix('hosts.')}", Piece(f":{row.line if row.rule else row.first}", "dim")
    )


def _effect(row: RuleRow, world: World) -> Cell:
    glyphs = world.glyphs
    glyph, tone = {
        "allow": (glyphs.good, "good"),
        "deny": (glyphs.bad, "bad"),
        "twist": (glyphs.arrow, "accent"),
        "active": (glyphs.good, "good"),
    }.get(row.effect, (glyphs.off, "dim"))
    return Piece(f"{glyph} {row.effect}", tone)


def _text(row: RuleRow, world: World) -> Cell:
    mark = severity(row.findings[0], world.glyphs) if row.findings else ""
    left = f"({countdown(row.until - world.now)} left) " if row.until else ""
    return words(mark, Piece(left, "warn"), _plain_text(row))


def _plain_text(row: RuleRow) -> Piece:
    return Piece(from_bytes(row.text), "pending" if row.pending else "")


def _finding(row: RuleRow, world: World) -> Cell:
    if not row.findings:
        return ""
    more = f" (+{len(row.findings) - 1})" if len(row.findings) > 1 else ""
    return words(Piece(row.findings[0].message), Piece(more, "dim"))


def _count(world: World) -> Words:
    tables = world.tables
    rules = len(tables.allow.rules) + len(tables.deny.rules) if tables else 0
    errors = sum(found.severity == Severity.ERROR for found in world.findings)
    warnings = sum(found.severity == Severity.WARNING for found in world.findings)
    return words(
        f"{rules:,}".replace(",", " "),
        Piece(f" {world.glyphs.bad} {counted(errors, 'error')}" if errors else "", "bad"),
        Piece(f" {world.glyphs.warn} {counted(warnings, 'warning')}" if warnings else "", "warn"),
    )


def _empty(world: World) -> str:
    if not world.ready:
        return "Reading hosts.allow, hosts.deny and xinetd's files."
    tables = world.tables
    if tables is None:
        return "The rules could not be read."
    problems = [
        f"{table.path} cannot be read ({table.problem})."
        for table in (tables.allow, tables.deny)
        if table.problem
    ]
    if problems:
        return " ".join(problems)
    return "hosts.allow and hosts.deny have no rules, so TCP Wrappers let everybody in."


def _details(row: RuleRow, world: World) -> tuple[Words, ...]:
    place = Piece(f"{row.file}:{row.first}" + (f"-{row.line}" if row.line != row.first else ""), "dim")
    pending = Piece("not written yet", "pending") if row.pending else ""
    if row.service is not None:
        service = row.service
        state = world.state_of(service.id)
        runs = (
            "xinetd serves it"
            if service.active
            else f"xinetd does not serve it: {service.why_not or 'no reason known'}"
        )
        why = words(Piece(from_bytes(service.id), "strong"), f": {from_bytes(runs)}")
        if state and state.why and service.active:
            why = words(why, f" ({state.why})")
        why = words(why, ".")
    elif row.rule is None:
        why = words(
            "A comment: ",
            Piece(from_bytes(row.text), "strong"),
            " decides nothing until it is enabled again.",
        )
    else:
        what = {"deny": "refuses", "allow": "lets in", "twist": "answers instead of the daemon for"}
        why = words(
            f"{what.get(row.effect, 'concerns').capitalize()} ",
            Piece(from_bytes(row.rule.clients.strip()), "strong"),
            " for the daemon ",
            Piece(from_bytes(row.rule.daemons.strip()), "strong"),
            ", unless a rule above it matches first.",
        )
    found = [words(severity(each, world.glyphs), each.message) for each in row.findings[:2]]
    uses = sum(
        1
        for visit in world.snapshot.visits
        if visit.decision and visit.decision.file == row.file and visit.decision.line == row.line
    )
    used = f"{counted(uses, 'connection')} here now by this line" if uses and row.rule else ""
    return (why, *found, spaced(place, pending, used))[:3]


def _may(name: str, row: RuleRow | None, world: World) -> bool:
    if world.read_only or not world.ready:
        return False
    if name == "add":
        return True
    if row is None:
        return False
    if name == "fix":
        return any(found.fix for found in row.findings)
    if row.service is not None:
        return name in ("open", "disable", "delete")
    return name != "open" or row.rule is not None


VIEW: View[RuleRow] = View(
    name="rules",
    columns=(
        Column("where", _where, 11, grow=1, most=12, sort=lambda r, w: (r.file, r.first)),
        Column("does", _effect, 8, rank=1, sort=lambda r, w: r.effect),
        Column("rule", _text, 20, grow=5, sort=lambda r, w: r.text, ticks=True),
        Column(
            "finding",
            _finding,
            40,
            grow=3,
            rank=3,
            sort=lambda r, w: -max((f.severity for f in r.findings), default=-1),
        ),
    ),
    source=lambda world: (world.tables, world.configuration, world.findings, world.pending),
    rows=_rows,
    key=lambda r: (r.file, r.first, r.text),
    count=_count,
    empty=_empty,
    details=_details,
    keys=KEYS,
    may=_may,
    searched=lambda r: (
        f"{short(r.file)}:{r.line} {from_bytes(r.text)} {r.effect} {' '.join(f.message for f in r.findings)}"
    ),
)
