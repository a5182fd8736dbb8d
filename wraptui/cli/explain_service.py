"""`wraptui explain --service ID CLIENT`: all checks of xinetd and libwrap in the daemon's order."""

from __future__ import annotations

import argparse
import socket

from wraptui.cli import FINE, FOUND, UNREADABLE
from wraptui.cli.explain import in_time, numeric, patient_look_up, resolved
from wraptui.cli.explained import answer_of
from wraptui.cli.text import complain, printable, write, write_json
from wraptui.observe import Memory, Snapshot, observe
from wraptui.policy.live.admission import Admission, Live, admit
from wraptui.policy.live.limits import plain
from wraptui.policy.tables.access import Tables
from wraptui.policy.xinetd.services import Service
from wraptui.system.machine import machine_at

SIGNS = {"passes": "+", "refuses": "-", "unknown": "?"}


def run(options: argparse.Namespace) -> int:
    """Prints every layer and the first refusal; 0 granted, 1 refused, 2 no such service or client."""
    words = [word for word in (options.daemon, options.client) if word]
    if len(words) != 1:
        complain("explain --service ID needs one CLIENT: an address or a host name")
        return UNREADABLE
    user, _, client = words[0].rpartition("@")
    try:
        snapshot = _seen(options.root)
        addresses = [numeric(client)] if numeric(client) else resolved(client, options.timeout)
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    services = [service for service in snapshot.configuration.services if service.id == options.service]
    services = services or [
        service for service in snapshot.configuration.services if service.name == options.service
    ]
    if not services:
        known = ", ".join(sorted({service.id for service in snapshot.configuration.services}))
        complain(f"there is no service {options.service}" + (f": there are {known}" if known else ""))
        return UNREADABLE
    answers = [
        (service, _admission(service, address, snapshot, options, user))
        for service in services
        for address in addresses
    ]
    if options.json:
        records = [_record(service, admission) for service, admission in answers]
        write_json(records[0] if len(records) == 1 else records)
    else:
        write("\n".join(_text(service, admission) for service, admission in answers))
    return FINE if all(admission.granted for _, admission in answers) else FOUND


def _seen(root: str) -> Snapshot:
    """The machine; on a live one the second look, which knows what the logs tell of the last hour."""
    machine = machine_at(root)
    memory = Memory(machine)
    snapshot = observe(machine, memory)
    return observe(machine, memory) if machine.live else snapshot


def live_state(snapshot: Snapshot, service: Service, client: str) -> Live | None:
    """What the running daemon has for this service and client; None when no daemon is seen."""
    if not snapshot.daemon.pid:
        return None
    own = [visit for visit in snapshot.visits if visit.service == service.id and visit.guard == "xinetd"]
    state = next((each for each in snapshot.services if each.service == service), None)
    return Live(
        now=snapshot.taken_at,
        running=state.running if state else len(own),
        from_client=sum(plain(visit.connection.remote) == plain(client) for visit in own),
        load=snapshot.load,
        paused_until=state.returns if state and state.state == "paused" else None,
        no_access=snapshot.no_access,
    )


def _admission(
    service: Service, client: str, snapshot: Snapshot, options: argparse.Namespace, user: str
) -> Admission:
    names: dict[str, str] = {}
    look_up = patient_look_up(options.timeout, names)
    tables = snapshot.tables
    assert tables is not None
    known, mapped = options.name or "", ""

    def ask(tables: Tables) -> Admission:
        return admit(
            service,
            client,
            tables,
            configuration=snapshot.configuration,
            live=live_state(snapshot, service, client),
            name=known,
            mapped_name=mapped,
            user=user or options.user,
            server_address=options.server_address or "unknown",
            server_name=options.server_name or "unknown",
            look_up=look_up,
        )

    admission = ask(tables)
    if any(layer.name == "addresses" and layer.verdict == "unknown" for layer in admission.layers):
        # xinetd's own lists have host names in them, and one of these may be the client's.
        known = known or look_up(client)[0]
        mapped = in_time(lambda: _name_of(f"::ffff:{client}"), options.timeout, "") if "." in client else ""
        admission = ask(tables)
    return admission


def _name_of(address: str) -> str:
    """The name that reverse DNS gives an IPv6 address, as xinetd asks for it; `unknown` for none."""
    try:
        return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]
    except (OSError, UnicodeError):
        return "unknown"


def _record(service: Service, admission: Admission) -> dict[str, object]:
    refusal = admission.refusal
    return {
        "service": service.id,
        "client": admission.client,
        "verdict": "granted" if admission.granted else "denied",
        "certain": admission.certain,
        "by": refusal.name if refusal else None,
        "file": (refusal.file or None) if refusal else None,
        "line": (refusal.line or None) if refusal else None,
        "layers": [
            {
                "layer": layer.name,
                "verdict": layer.verdict,
                "why": layer.why,
                "reason": layer.reason,
                "file": layer.file or None,
                "line": layer.line or None,
            }
            for layer in admission.layers
        ],
        "libwrap": answer_of(admission.decision) if admission.decision else None,
    }


def _text(service: Service, admission: Admission) -> str:
    verdict = "granted" if admission.granted else "denied"
    doubt = "" if admission.certain else ", as far as can be told"
    lines = [f"{service.id} from {admission.client}: {verdict}{doubt}"]
    if admission.refusal:
        lines.append(f"  by {admission.refusal.name}{_place(admission.refusal.file, admission.refusal.line)}")
    lines.append("  checks in the daemon's order (+ passes, - refuses, ? cannot be told):")
    width = max((len(layer.name) for layer in admission.layers), default=0)
    for layer in admission.layers:
        place = _place(layer.file, layer.line)
        lines.append(f"    {SIGNS[layer.verdict]} {layer.name:{width}}  {layer.why}{place}")
    return "".join(printable(line) + "\n" for line in lines)


def _place(file: str, line: int) -> str:
    return f" ({file} line {line})" if file and line else f" ({file})" if file else ""
