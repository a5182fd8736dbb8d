"""Knows the part of the report that says who can reach what: a row for every service and every program."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from wraptui.policy.live.coverage import Coverage
from wraptui.policy.report.facts import Facts
from wraptui.policy.report.page import Block, Cell, Paragraph, Section, Table
from wraptui.policy.report.reach import IPV4, IPV6, PolicyOf, Reach, of_daemon, of_program, of_service
from wraptui.policy.report.words import counted, networks, size
from wraptui.policy.tables.effective import OUTCOMES, Outcome, Policy, daemons_named, effective_policy
from wraptui.policy.tables.ranges import joined
from wraptui.policy.tables.taken import ANY_OTHER
from wraptui.syntax.harmless import readable

MOST_NAMES = 50
"""Daemon names of the rules that get a row although nothing here is known to ask for them."""


def reach_section(facts: Facts) -> Section:
    """Every active service, every program that listens by itself, and the names that only the rules know."""
    blocks: list[Block] = [
        Paragraph(
            "Addresses that the files let in and refuse, whatever rules say it. Limits, the no_access list "
            "and the packet filter may refuse more."
        )
    ]
    if not facts.configuration.starts and facts.configuration.services:
        blocks.append(Paragraph("xinetd would not start with these files.", warns=True))
    if facts.configuration.doubts:
        blocks.append(
            Paragraph("Some lines of xinetd's files have no defined meaning: see findings.", warns=True)
        )
    rows = tuple(map(_row, reaches(facts)))
    header = ("Service", "Where", "Let in", "Refused", "Besides")
    blocks.append(Table("Who is let in", header, rows))
    if off := [each for each in facts.configuration.services if not each.active]:
        words = "; ".join(f"{readable(each.id)} ({readable(each.why_not) or 'off'})" for each in off)
        blocks.append(Paragraph(f"Off: {words}."))
    return Section("Who can reach what", tuple(blocks))


def reaches(facts: Facts) -> Iterator[Reach]:
    """The rows as values, in the order of the page."""
    tables = facts.tables

    @cache
    def policy_of(name: str) -> Policy:
        return effective_policy(tables, name)

    asked: set[str] = set()

    def noted(name: str) -> Policy:
        asked.add(_lower(name))
        return policy_of(name)

    for service in facts.configuration.services:
        if service.active:
            yield of_service(service, tables, noted)
    yield from _programs(facts, noted)
    names = [name for name in daemons_named(tables) if name not in asked]
    note = (
        "only the rules name it: nothing that runs here is known to ask"
        if facts.live
        else "named in the rules"
    )
    for name in names[:MOST_NAMES]:
        yield of_daemon(name, (), policy_of, (note,))
    if len(names) > MOST_NAMES:
        more = counted(len(names) - MOST_NAMES, "daemon name")
        yield Reach(f"{more} more", (), notes=("wraptui policy lists them",), known=False)
    other = of_daemon(ANY_OTHER, (), policy_of)
    yield Reach("any other daemon", (), other.outcomes, other.conditions, ("if it asks libwrap",))


def _programs(facts: Facts, policy_of: PolicyOf) -> Iterator[Reach]:
    """The programs that listen by themselves, one row for all sockets of one that are guarded alike."""
    grouped: dict[tuple[object, ...], list[Coverage]] = {}
    for each in facts.coverage:
        if not each.listener.by_xinetd:
            key = (each.listener.program, each.daemons, each.honours, each.why)
            grouped.setdefault(key, []).append(each)
    for found in grouped.values():
        places = dict.fromkeys(_place(each) for each in found)
        yield of_program(found[0], tuple(places), policy_of)


def _place(each: Coverage) -> str:
    listener = each.listener
    protocol = listener.protocol.rstrip("6").upper()
    place = f"{protocol} port {listener.port}"
    if listener.address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return place
    near = " (this machine alone)" if listener.address.startswith("127.") or listener.address == "::1" else ""
    return f"{place} on {listener.address}{near}"


NOBODY = ("nobody",)
_BY_COMMAND: tuple[tuple[Outcome, str], ...] = (
    ("delegated", "answered by a command (twist)"),
    ("depends", "decided by a command (aclexec)"),
)


def _row(reach: Reach) -> tuple[Cell, ...]:
    besides = tuple(map(readable, (*reach.conditions, *reach.notes)))
    places = tuple(map(readable, reach.places))
    if not reach.known:
        return readable(reach.name), places, "not known", "not known", besides
    cells = told(reach)
    by_command = tuple(
        f"{word}: {', '.join(cells[outcome])}" for outcome, word in _BY_COMMAND if cells[outcome] != NOBODY
    )
    return readable(reach.name), places, cells["granted"], cells["denied"], (*by_command, *besides)


def told(reach: Reach) -> dict[Outcome, tuple[str, ...]]:
    """Each outcome's addresses in words: the shorter lists spelled out, the longest as everybody else."""
    sets = {outcome: reach.outcomes.get(outcome, ()) for outcome in OUTCOMES}
    longest = max(sets, key=lambda outcome: size(sets[outcome]))
    all_of_them = joined(piece for ranges in sets.values() for piece in ranges)
    who = {IPV4: "every IPv4 address", IPV6: "every IPv6 address"}.get(all_of_them, "everybody")
    alone = sum(map(bool, sets.values())) == 1 and not reach.conditions
    words = {outcome: networks(ranges) if ranges else NOBODY for outcome, ranges in sets.items()}
    words[longest] = (who if alone else f"{who} else",)
    return words


def _lower(name: str) -> str:
    """Folded as libwrap does: the letters A to Z alone."""
    return "".join(chr(ord(each) + 32) if "A" <= each <= "Z" else each for each in name)
