"""Knows how an entry of the SENSOR no_access list is shown: who touched which trap, and how long it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wraptui.tui.bars import age, bar, countdown, span
from wraptui.tui.columns import Column
from wraptui.tui.display import Cell, Piece, Words, from_bytes, sentence_list, spaced, words
from wraptui.tui.panes.view import Key, View
from wraptui.tui.peers import address, address_order
from wraptui.tui.world import World

if TYPE_CHECKING:
    from wraptui.policy.live.sensor import Entry

FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}
SOCKETS = {"ipv4": "IPv4", "ipv6": "IPv6 (dual-stack)"}


def _left(entry: Entry, world: World) -> Cell:
    if entry.until is None:
        return Piece("for ever", "warn")
    left = entry.until - world.now
    if left > 0:
        total = max(1.0, entry.until - entry.since)
        return words(bar(left / total, 6, world.glyphs, "accent"), f" {countdown(left)}")
    if entry.release is not None and entry.release > world.now:
        return Piece(f"clears in {countdown(entry.release - world.now)}", "dim")
    return Piece("clears any moment", "dim")


def _sensor(entry: Entry, world: World) -> Cell:
    return from_bytes(entry.sensor)


def _who(entry: Entry, world: World) -> Cell:
    mark = "" if entry.certain else "?"
    widened = covered(entry)
    more = f" ({widened})" if widened != address(entry.address) else ""
    return words(address(entry.address), Piece(more, "warn"), Piece(mark, "warn"))


def covered(entry: Entry) -> str:
    """What the entry keeps out: the address, or the network that xinetd makes of trailing zeros."""
    covers = address(entry.covers or entry.address)
    full = "/128" if ":" in covers else "/32"
    return covers.removesuffix(full)


def _blocks(entry: Entry, world: World) -> Cell:
    return "+".join(FAMILIES.get(each, each) for each in entry.blocks)


def _count(world: World) -> Words:
    listed = world.snapshot.no_access
    return words(str(len(listed.entries)), "" if listed.certain else Piece(" uncertain", "warn"))


def _empty(world: World) -> str:
    if not world.ready:
        return "Reading the log."
    listed = world.snapshot.no_access
    if not listed.certain and listed.why:
        return listed.why
    if not world.snapshot.daemon.pid:
        return "No xinetd runs here, so there is no no_access list."
    sensors = [s.id for s in world.snapshot.configuration.services if _is_sensor(s.attributes.get("flags"))]
    if not sensors:
        return "No service has the SENSOR flag, so nobody can get on the list."
    return f"Nobody has touched a sensor ({sentence_list(map(from_bytes, sensors))})."


def _is_sensor(flags: object) -> bool:
    return "SENSOR" in flags if isinstance(flags, tuple) else flags == "SENSOR"


def _details(entry: Entry, world: World) -> tuple[Words, ...]:
    blocked = sentence_list(SOCKETS.get(each, each) for each in entry.blocks) or "no"
    lasting = "until xinetd restarts" if entry.until is None else ""
    if entry.until is not None:
        release = entry.release if entry.release is not None else entry.until
        lasting = f"for {entry.minutes} min; xinetd forgets it in about {countdown(release - world.now)}"
    why = words(
        Piece(address(entry.address), "strong"),
        f" touched the sensor {from_bytes(entry.sensor)} {span(world.now - entry.since)} ago: ",
        f"every xinetd service on an {blocked} socket refuses {covered(entry)} {lasting}.",
    )
    about = spaced(
        f"{entry.hits} more attempts since" if entry.hits != 1 else "1 more attempt since",
        "xinetd's log proves it" if entry.certain else Piece("the log does not prove it", "warn"),
    )
    hint = words(Piece("A second touch does not extend it; a restart of xinetd empties the list.", "dim"))
    if not world.snapshot.no_access.certain:
        hint = words(Piece(world.snapshot.no_access.why, "warn"))
    return (why, about, hint)


def _may(name: str, entry: Entry | None, world: World) -> bool:
    return entry is not None and (name == "open" or not world.read_only)


VIEW: View[Entry] = View(
    name="no_access",
    columns=(
        Column("address", _who, 15, grow=3, most=45, sort=lambda e, w: address_order(e.address)),
        Column(
            "sensor",
            lambda e, w: from_bytes(e.sensor),
            7,
            grow=1,
            most=12,
            rank=2,
            sort=lambda e, w: e.sensor,
        ),
        Column(
            "since",
            lambda e, w: age(w.now - e.since),
            6,
            right=True,
            rank=3,
            sort=lambda e, w: -e.since,
            ticks=True,
        ),
        Column(
            "left",
            _left,
            15,
            grow=1,
            most=18,
            sort=lambda e, w: float("inf") if e.until is None else e.until,
            ticks=True,
        ),
        Column("hits", lambda e, w: str(e.hits), 4, right=True, rank=4, sort=lambda e, w: -e.hits),
        Column("blocks", _blocks, 9, rank=5),
    ),
    source=lambda world: (world.snapshot.no_access,),
    rows=lambda world: world.snapshot.no_access.entries,
    key=lambda e: (e.address, e.sensor, e.since),
    count=_count,
    empty=_empty,
    details=_details,
    keys=(
        Key("enter", "open", "ask", False),
        Key("p", "promote", "into hosts.deny"),
        Key("X", "clear", "clear the list"),
    ),
    may=_may,
)
