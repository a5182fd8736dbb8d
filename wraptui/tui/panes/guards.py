"""Knows how it is shown who guards what: listeners and libwrap, rules and the packet filter, the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wraptui.policy.hardening.checks import Check
from wraptui.policy.hardening.firewall import Redundancy
from wraptui.policy.hardening.own_table import Block
from wraptui.policy.live.coverage import Coverage
from wraptui.tui.bars import counted
from wraptui.tui.display import Cell, Piece, Words, from_bytes, spaced, words
from wraptui.tui.panes.view import Key, View
from wraptui.tui.peers import endpoint, short
from wraptui.tui.table import Column
from wraptui.tui.world import World


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the guards found. `wanted` is what our own table of the packet filter is to refuse,
    `lacking` whether it does otherwise now; `notes` says what could not be read of the packet filter,
    `unread` why nothing can be said about that at all. `ready` is False before the look has ended."""

    coverage: tuple[Coverage, ...] = ()
    rows: tuple[Redundancy, ...] = ()
    wanted: tuple[Block, ...] = ()
    lacking: bool = False
    notes: tuple[str, ...] = ()
    unread: str = ""
    checks: tuple[Check, ...] = ()
    unaudited: str = ""
    ready: bool = False


Look = Callable[[], Found]
"""What was found last."""


def _word(word: str, world: World) -> Piece:
    """A verdict as glyph, word and tone."""
    glyphs = world.glyphs
    mark, tone = {
        "yes": (glyphs.good, "good"),
        "pass": (glyphs.good, "good"),
        "no": (glyphs.bad, "warn"),
        "fail": (glyphs.bad, "bad"),
        "partly": (glyphs.warn, "warn"),
        "too much": (glyphs.warn, "warn"),
        "unknown": ("?", "warn"),
    }.get(word, (glyphs.off, "dim"))
    return Piece(f"{mark} {word}", tone)


# Coverage


def _socket(each: Coverage) -> str:
    listener = each.listener
    address = "*" if listener.address in ("0.0.0.0", "::") else listener.address  # noqa: S104 - compared
    return f"{listener.protocol} {endpoint(address, listener.port)}"


def _program(each: Coverage) -> str:
    listener = each.listener
    if listener.by_xinetd:
        return "xinetd"
    return from_bytes(listener.argv0 or listener.program.rpartition("/")[2]) or "not visible"


def _coverage_details(each: Coverage, world: World) -> tuple[Words, ...]:
    listener = each.listener
    asked = f"libwrap is asked for {' or '.join(map(from_bytes, each.daemons))}" if each.daemons else ""
    told = {"no": "Rules in hosts.allow and hosts.deny have no effect here.", "unknown": "Not known."}
    return (
        words(each.why),
        spaced(_socket(each), from_bytes(listener.program), f"pid {listener.pid}" if listener.pid else ""),
        words(Piece(told.get(each.honours, asked), "dim")),
    )


def coverage_view(found: Look) -> View[Coverage]:
    """Every listening socket, and whether it honours hosts.allow and hosts.deny."""

    def count(world: World) -> Words:
        unguarded = sum(each.honours == "no" for each in found().coverage)
        return words(
            str(len(found().coverage)), Piece(f" {unguarded} without libwrap", "warn") if unguarded else ""
        )

    def empty(world: World) -> str:
        if not world.snapshot.live:
            return "Only files are seen: what listens on their machine is not known."
        return "Nothing listens on this machine."

    return View(
        name="coverage",
        columns=(
            Column("guarded", lambda c, w: _word(c.honours, w), 9, sort=lambda c, w: c.honours),
            Column(
                "listens on", lambda c, w: _socket(c), 13, grow=1, most=30, sort=lambda c, w: c.listener.port
            ),
            Column(
                "daemon name",
                lambda c, w: " ".join(map(from_bytes, c.daemons)) or Piece("-", "dim"),
                11,
                grow=1,
                most=24,
                sort=lambda c, w: c.daemons,
            ),
            Column("program", lambda c, w: _program(c), 10, grow=1, most=20, rank=2),
            Column("why", lambda c, w: Piece(c.why, "dim"), 24, grow=4, rank=1),
        ),
        source=lambda world: (found().coverage,),
        rows=lambda world: found().coverage,
        key=lambda c: (c.listener.protocol, c.listener.address, c.listener.port),
        count=count,
        empty=empty,
        details=_coverage_details,
    )


# Packet filter


def _place(place: str) -> str:
    return short(place).removeprefix("hosts.")


def _missing(row: Redundancy) -> str:
    if not row.missing:
        return ""
    more = f" and {len(row.missing) - 4} more" if len(row.missing) > 4 else ""
    return f"{'Blocked' if row.blocked == 'too much' else 'Not blocked'}: {', '.join(row.missing[:4])}{more}"


def firewall_view(found: Look) -> View[Redundancy]:
    """Every deny rule and no_access entry, and whether the packet filter refuses the same."""

    def count(world: World) -> Words:
        missing = sum(row.blocked in ("no", "partly", "too much") for row in found().rows)
        return words(str(len(found().rows)), Piece(f" {missing} not alike", "warn") if missing else "")

    def empty(world: World) -> str:
        if not found().ready:
            return "Reading the packet filter."
        return found().unread or "Nothing is refused by hosts.deny or the no_access list."

    def may_block(world: World) -> bool:
        return found().lacking and not world.read_only

    def details(row: Redundancy, world: World) -> tuple[Words, ...]:
        note = " ".join(found().notes)
        told = Piece(f"{note}: what it blocks is not counted." if note else "", "warn")
        return (words(from_bytes(row.text)), words(Piece(row.why, "dim")), words(_missing(row) or told))

    return View(
        name="firewall",
        columns=(
            Column("blocked too", lambda r, w: _word(r.blocked, w), 14, sort=lambda r, w: r.blocked),
            Column("wished by", lambda r, w: _place(r.place), 14, grow=1, most=24, sort=lambda r, w: r.place),
            Column("rule or entry", lambda r, w: from_bytes(r.text), 20, grow=3),
            Column("why", lambda r, w: Piece(r.why, "dim"), 24, grow=3, rank=1),
        ),
        source=lambda world: (found().rows,),
        rows=lambda world: found().rows,
        key=lambda r: (r.place, r.text),
        count=count,
        empty=empty,
        details=details,
        keys=(Key("b", "block", "block it there, too"), Key("e", "export", "the rules as a file")),
        may=lambda name, row, world: bool(found().wanted if name == "export" else may_block(world)),
    )


# Audit


def _evidence(check: Check) -> Cell:
    return Piece(from_bytes(check.evidence), "dim")


def _audit_details(check: Check, world: World) -> tuple[Words, ...]:
    advice = words(world.glyphs.arrow, f" {check.advice}") if check.advice else words("")
    mends = Piece("  f mends it", "accent") if check.fix and not world.read_only else ""
    return (
        words(check.title, mends),
        words(from_bytes(check.evidence)),
        advice,
    )


def audit_view(found: Look, everything: Callable[[], bool]) -> View[Check]:
    """The checks of CIS, DISA STIG and Lynis; those that failed, or all."""

    def rows(world: World) -> tuple[Check, ...]:
        checks = found().checks
        return checks if everything() else tuple(c for c in checks if c.result in ("fail", "unknown"))

    def count(world: World) -> Words:
        failed = sum(check.result == "fail" for check in found().checks)
        of = f" of {len(found().checks)} failed" if found().checks else ""
        return words(Piece(f"{failed}{of}", "warn" if failed else ""))

    def empty(world: World) -> str:
        if not found().ready:
            return "Checking."
        return found().unaudited or f"None of {counted(len(found().checks), 'check')} failed."

    def may(name: str, check: Check | None, world: World) -> bool:
        return name == "all" or bool(check and check.fix and check.result == "fail" and not world.read_only)

    return View(
        name="audit",
        columns=(
            Column("result", lambda c, w: _word(c.result, w), 9, grow=1, most=16, sort=lambda c, w: c.result),
            Column("check", lambda c, w: c.title, 30, grow=3, sort=lambda c, w: c.title),
            Column("evidence", lambda c, w: _evidence(c), 20, grow=3, rank=1),
            Column("profile", lambda c, w: Piece(c.profile, "dim"), 14, grow=1, most=40, rank=2),
        ),
        source=lambda world: (found().checks, str(everything())),
        rows=rows,
        key=lambda c: (c.id, c.evidence),
        count=count,
        empty=empty,
        details=_audit_details,
        keys=(Key("f", "fix", "mend"), Key("a", "all", "all or failures")),
        may=may,
    )
