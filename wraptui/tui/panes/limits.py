"""Knows how close a service is to its limits, and says it with a bar, a number and a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wraptui.tui.bars import bar, countdown, gauge_tone, level, size, sparkline
from wraptui.tui.columns import Column
from wraptui.tui.display import Cell, Piece, Words, from_bytes, sentence_list, spaced, words
from wraptui.tui.panes.view import Key, View
from wraptui.tui.peers import address
from wraptui.tui.world import World

if TYPE_CHECKING:
    from wraptui.observe import ServiceState
    from wraptui.policy.xinetd.services import Service, Value


def limit(service: Service, name: str) -> float | None:
    """A numeric limit, None where there is none."""
    value: Value = service.attributes.get(name, "UNLIMITED")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def cps(service: Service) -> tuple[int, int] | None:
    """Connections per second and the seconds of pause behind them; None without that limit."""
    value = service.attributes.get("cps", ())
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    try:
        rate, pause = int(value[0]), int(value[1])
    except ValueError:
        return None
    return (rate, pause) if rate > 0 else None


def share(used: float, most: float | None) -> float:
    """How full: 0 to 1 and above; 0 without a limit, 1 where nothing is allowed at all."""
    if most is None:
        return 0.0
    return used / most if most > 0 else 1.0


def _name(state: ServiceState, world: World) -> Cell:
    return from_bytes(state.service.id)


def _state(state: ServiceState, world: World) -> Cell:
    glyphs = world.glyphs
    glyph, tone = {
        "active": (glyphs.good, "good"),
        "paused": (glyphs.bad, "bad"),
        "failed": (glyphs.bad, "bad"),
        "suspended": (glyphs.warn, "warn"),
        "off": (glyphs.off, "dim"),
    }.get(state.state, (glyphs.note, "dim"))
    return Piece(f"{glyph} {state.state}", tone)


def _gauge(used: float, most: float | None, world: World, columns: int = 4) -> Words:
    if most is None:
        return words(f"{used:g} ", Piece("no limit", "dim"))
    full = share(used, most)
    tone = gauge_tone(full)
    word = level(full)
    return words(
        bar(full, columns, world.glyphs, tone),
        f" {used:g}/{most:g}",
        Piece("" if word == "ok" else f" {word}", tone),
    )


def _running(state: ServiceState, world: World) -> Cell:
    if state.state == "paused" and state.returns is not None and state.returns > world.now:
        return words(Piece("back in ", "dim"), Piece(countdown(state.returns - world.now), "warn"))
    return _gauge(state.running, limit(state.service, "instances"), world) if _runs(state) else ""


def _per_source(state: ServiceState, world: World) -> Cell:
    most = limit(state.service, "per_source")
    if not _runs(state):
        return ""
    if most is None:
        return Piece(str(state.busiest_running or "-"), "dim")
    full = share(state.busiest_running, most)
    tone = gauge_tone(full) if state.busiest_running else ""
    return words(
        Piece(f"{state.busiest_running}/{most:g}", tone),
        Piece("" if full < 0.75 else f" {level(full)}", tone),
    )


def _busiest(state: ServiceState, world: World) -> Cell:
    return Piece(address(state.busiest), "dim")


def _rate(state: ServiceState, world: World) -> Cell:
    if not _runs(state):
        return ""
    bound = cps(state.service)
    line = sparkline(state.rate, 6, world.glyphs) if any(state.rate) else ""
    words_of = f"{state.cps_count}/{bound[0]}" if bound else ""
    tone = gauge_tone(share(state.cps_count, bound[0])) if bound and state.cps_count else "dim"
    return words(Piece(f"{words_of:<5} ", tone), Piece(line, "accent"))


def _load(state: ServiceState, world: World) -> Cell:
    most = limit(state.service, "max_load")
    return _gauge(round(world.snapshot.load, 2), most, world, 4) if most else Piece("-", "dim")


def _memory(state: ServiceState, world: World) -> Cell:
    most = limit(state.service, "rlimit_as")
    if not most:
        return Piece(size(state.largest_memory) if state.largest_memory else "-", "dim")
    tone = gauge_tone(share(state.largest_memory, most))
    return words(Piece(f"{size(state.largest_memory)}", tone), Piece(f" of {size(most)}", "dim"))


def _cpu(state: ServiceState, world: World) -> Cell:
    most = limit(state.service, "rlimit_cpu")
    if not most:
        return Piece(f"{state.largest_cpu:.0f} s" if state.largest_cpu else "-", "dim")
    tone = gauge_tone(share(state.largest_cpu, most))
    return words(Piece(f"{state.largest_cpu:.0f} s", tone), Piece(f" of {most:g} s", "dim"))


def _runs(state: ServiceState) -> bool:
    return state.state != "off"


def fullness(state: ServiceState, world: World) -> float:
    """How close the service is to the nearest of its limits."""
    service, bound = state.service, cps(state.service)
    return max(
        share(state.running, limit(service, "instances")) if _runs(state) else 0.0,
        share(state.busiest_running, limit(service, "per_source")) if _runs(state) else 0.0,
        share(state.cps_count, bound[0]) if bound else 0.0,
        share(state.largest_memory, limit(service, "rlimit_as") or None),
        share(state.largest_cpu, limit(service, "rlimit_cpu") or None),
        2.0 if state.state == "paused" else 0.0,
    )


def _count(world: World) -> Words:
    states = world.snapshot.services
    active = sum(each.state in ("active", "suspended") for each in states)
    full = sum(fullness(each, world) >= 1 for each in states)
    return words(
        f"{active} active" if states else "0",
        Piece(f" {world.glyphs.bad} {full} full", "bad") if full else "",
    )


def _empty(world: World) -> str:
    if not world.ready:
        return "Reading xinetd's configuration."
    if world.snapshot.daemon.problem:
        return world.snapshot.daemon.problem
    if not world.snapshot.daemon.pid:
        return "No xinetd runs here, and it has no services."
    return "xinetd has no services."


def _details(state: ServiceState, world: World) -> tuple[Words, ...]:
    service = state.service
    bound = cps(service)
    refused = [
        f"{each.count} by {each.reason}"
        + (
            f" (most from {sentence_list(f'{who} {times}x' for who, times in each.top[:2])})"
            if each.top
            else ""
        )
        for each in state.refusals
    ]
    why = words(
        Piece(from_bytes(service.id), "strong"), f" is {state.state}", f": {state.why}" if state.why else "."
    )
    about = spaced(
        f"cps {bound[0]}/s, then {bound[1]} s pause" if bound else "no cps limit",
        words("largest child ", _memory(state, world)) if state.largest_memory else "",
        words("CPU ", _cpu(state, world)) if state.largest_cpu else "",
        words("load ", _load(state, world)) if limit(service, "max_load") else "",
        Piece(f"{service.file}:{service.first}", "dim"),
    )
    last = " ".join(state.suggestions) or (
        f"Refused in the last hour: {sentence_list(refused)}."
        if refused
        else "Nobody was refused in the last hour."
    )
    return (why, about, words(Piece(last, "warn" if refused else "dim")))


def _may(name: str, state: ServiceState | None, world: World) -> bool:
    if world.read_only or not world.ready:
        return False
    return name == "new" or (state is not None and bool(state.service.file))


VIEW: View[ServiceState] = View(
    name="limits",
    columns=(
        Column(
            "service",
            lambda s, w: from_bytes(s.service.id),
            8,
            grow=2,
            most=16,
            sort=lambda s, w: s.service.id,
        ),
        Column("state", _state, 8, grow=1, most=11, sort=lambda s, w: s.state),
        Column("running", _running, 13, grow=1, most=15, sort=lambda s, w: -fullness(s, w), ticks=True),
        Column("source", _per_source, 8, grow=1, most=9, rank=1),
        Column("conn/s", _rate, 12, rank=2),
        Column("busiest source", _busiest, 18, grow=3, most=40, rank=3),
        Column("load", _load, 14, grow=1, most=18, rank=6),
        Column("memory", _memory, 16, grow=1, most=24, rank=5),
        Column("CPU", _cpu, 10, grow=1, most=16, rank=4),
    ),
    source=lambda world: (world.snapshot.services,),
    rows=lambda world: world.snapshot.services,
    key=lambda s: (s.service.id, s.service.file),
    count=_count,
    empty=_empty,
    details=_details,
    keys=(
        Key("enter", "open", "change limits"),
        Key("e", "all", "all attributes"),
        Key("space", "disable", "on/off"),
        Key("n", "new", "new service", False),
        Key("c", "copy", "copy", False),
        Key("d,delete", "delete", "delete", False),
    ),
    may=_may,
)
