"""Knows how a live connection is shown: who, to which service, since when, and the rule that let it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wraptui.tui.bars import age, size
from wraptui.tui.columns import Column
from wraptui.tui.display import Cell, Piece, Words, from_bytes, spaced, words
from wraptui.tui.panes.view import Key, View
from wraptui.tui.peers import address_order, endpoint, verdict
from wraptui.tui.world import World

if TYPE_CHECKING:
    from wraptui.observe import Visit


def _started(visit: Visit) -> float:
    return visit.since or (visit.process.started if visit.process and visit.guard == "xinetd" else 0.0)


def _age(visit: Visit, world: World) -> Cell:
    started = _started(visit)
    return age(world.now - started) if started else Piece("-", "dim")


def _process(visit: Visit, world: World) -> Cell:
    if visit.process is None:
        return Piece("not visible", "dim")
    return words(visit.process.name, Piece(f" {visit.process.pid}", "dim"))


def _state(visit: Visit, world: World) -> Cell:
    state = visit.connection.state.lower().replace("_", "-")
    return Piece("up", "dim") if state == "established" else state


def _service(visit: Visit, world: World) -> Cell:
    if visit.service:
        return from_bytes(visit.service)
    return Piece(f"port {visit.connection.local_port}", "dim")


def _let_in(visit: Visit, world: World) -> Cell:
    if not visit.guard and visit.decision is None:
        return Piece(f"{world.glyphs.off} unguarded", "dim")
    return verdict(visit.decision, world.glyphs)


def _count(world: World) -> Words:
    return words(str(len(world.snapshot.visits)))


def _empty(world: World) -> str:
    if not world.ready:
        return "Looking at the machine."
    return "Nobody is connected to a service of this machine."


def _details(visit: Visit, world: World) -> tuple[Words, ...]:
    connection = visit.connection
    guard = {
        "xinetd": "xinetd and TCP Wrappers stand before it",
        "standalone": "it asks TCP Wrappers itself",
        "unknown": "what stands before it cannot be told",
    }.get(visit.guard, "neither xinetd nor TCP Wrappers stands before it")
    process = visit.process
    about = spaced(
        words(
            Piece(endpoint(connection.remote, connection.remote_port), "strong"),
            f" {world.glyphs.arrow} ",
            Piece(endpoint(connection.local, connection.local_port), "strong"),
        ),
        connection.protocol,
        connection.state.lower(),
        f"{process.argv0 or process.name}, pid {process.pid}" if process else "process not visible",
        size(process.memory) if process and process.memory else "",
        f"{process.cpu:.1f} s CPU" if process and process.cpu else "",
    )
    return (words(visit.why or "No reason is known."), about, words(Piece(f"{guard}.", "dim")))


def _sort_age(visit: Visit, world: World) -> Any:
    return -_started(visit)


def _may(name: str, visit: Visit | None, world: World) -> bool:
    return visit is not None and (name == "open" or not world.read_only)


def _standing(visit: Visit) -> tuple[str, float, str, int]:
    """The order of the list where nobody sorts it: by service, the oldest first, so that rows stand still."""
    connection = visit.connection
    return visit.service, _started(visit), connection.remote, connection.remote_port


VIEW: View[Visit] = View(
    name="connections",
    columns=(
        Column("service", _service, 8, grow=2, most=18, sort=lambda v, w: v.service),
        Column(
            "client",
            lambda v, w: endpoint(v.connection.remote, v.connection.remote_port),
            19,
            grow=3,
            most=47,
            sort=lambda v, w: address_order(v.connection.remote),
        ),
        Column("state", _state, 5, grow=1, most=11, rank=3, sort=lambda v, w: v.connection.state),
        Column("age", _age, 6, right=True, rank=1, sort=_sort_age, ticks=True),
        Column("process", _process, 20, grow=1, most=24, rank=2),
        Column("let in by", _let_in, 18, grow=3, most=40),
    ),
    source=lambda world: (world.snapshot.visits,),
    rows=lambda world: tuple(sorted(world.snapshot.visits, key=_standing)),
    key=lambda v: (
        v.connection.protocol,
        v.connection.local,
        v.connection.local_port,
        v.connection.remote,
        v.connection.remote_port,
        v.connection.inode,
    ),
    count=_count,
    empty=_empty,
    details=_details,
    keys=(Key("enter", "open", "ask", False), Key("p", "promote", "deny this client")),
    may=_may,
)
