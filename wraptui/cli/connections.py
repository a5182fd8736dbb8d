"""`wraptui connections`: who is connected now, to which service, by which rule."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from wraptui.cli import FINE, UNREADABLE

if TYPE_CHECKING:
    from wraptui.observe import Visit


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui connections`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")
    parser.add_argument("--json", action="store_true", help="write JSON")


def run(options: argparse.Namespace) -> int:
    """Prints the live connections; what cannot be seen is said on standard error."""
    from wraptui.cli.text import columns, complain, write, write_json
    from wraptui.observe import look_once
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    snapshot = look_once(machine)
    for note in snapshot.notes:
        complain(note)
    visits = sorted(snapshot.visits, key=lambda each: (each.service, each.connection.remote))
    if options.json:
        write_json([_record(each) for each in visits])
    elif visits:
        header = ("SERVICE", "CLIENT", "STATE", "AGE", "PROCESS", "VERDICT", "WHY")
        write(columns(header, [_row(each, snapshot.taken_at) for each in visits], right=[3]))
    elif snapshot.live:
        write("Nobody is connected to a service of this machine.\n")
    return FINE


def _row(visit: Visit, now: float) -> tuple[str, ...]:
    from wraptui.observe.visits import unmapped

    connection, process, decision = visit.connection, visit.process, visit.decision
    address = unmapped(connection.remote)
    host = f"[{address}]" if ":" in address else address
    return (
        visit.service,
        f"{host}:{connection.remote_port}",
        connection.state.lower().replace("_", "-"),
        age(now - visit.since) if visit.since else "-",
        f"{process.name} {process.pid}" if process else "-",
        decision.verdict if decision else "not known" if visit.guard else "unguarded",
        visit.why,
    )


def age(seconds: float) -> str:
    """A duration in its two largest units: `5s`, `3m20s`, `2h05m`, `4d03h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def _record(visit: Visit) -> dict[str, object]:
    connection, process, decision = visit.connection, visit.process, visit.decision
    return {
        "service": visit.service,
        "guard": visit.guard,
        "protocol": connection.protocol,
        "local": {"address": connection.local, "port": connection.local_port},
        "client": {"address": connection.remote, "port": connection.remote_port},
        "state": connection.state,
        "since": visit.since or None,
        "process": {"pid": process.pid, "name": process.name} if process else None,
        "verdict": decision.verdict if decision else None,
        "file": decision.file if decision else None,
        "line": decision.line if decision else None,
        "why": visit.why,
    }
