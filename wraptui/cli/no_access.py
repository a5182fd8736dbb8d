"""`wraptui no-access`: xinetd's SENSOR no_access list, rebuilt from its log."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import datetime

from wraptui.cli import FINE, UNREADABLE
from wraptui.cli.text import columns, complain, write, write_json
from wraptui.observe.chronicle import no_access_of, read_file, read_list
from wraptui.policy.live.admission import is_sensor
from wraptui.policy.live.logbook import moment
from wraptui.policy.live.sensor import NoAccess, Refused, rebuild, refused
from wraptui.policy.xinetd.services import read_configuration
from wraptui.system.machine import LocalMachine
from wraptui.system.xinetd import find


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui no-access`."""
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="an address: does the list refuse it?")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--log", metavar="FILE", help="read this log alone, from its last daemon start on")
    parser.add_argument(
        "--at", metavar="TIME", help="as it was then: epoch seconds, ISO 8601 or the log's own form"
    )


def run(options: argparse.Namespace) -> int:
    """Prints the list, and what it does to each CLIENT; exit 0, or 2 when a log or a word cannot be read."""
    machine = LocalMachine()
    try:
        now = moment(options.at, machine.now()) if options.at is not None else machine.now()
        if options.log is not None:
            reading = read_file(machine, os.path.abspath(options.log), now)
            no_access = rebuild(reading.events, now, lost="; ".join(reading.problems))
        else:
            no_access = _running(machine, now)
        clients = {client: refused(no_access, client) for client in options.clients}
    except OSError as error:
        where = f"{options.log}: " if options.log and error.strerror else ""
        complain(f"{where}{error.strerror or error}")
        return UNREADABLE
    except ValueError as error:
        complain(str(error))
        return UNREADABLE
    if options.json:
        write_json(
            {
                "entries": [
                    {
                        "address": entry.address,
                        "covers": entry.covers,
                        "sensor": entry.sensor,
                        "since": _number(entry.since),
                        "minutes": entry.minutes,
                        "until": _number(entry.until),
                        "release": _number(entry.release),
                        "blocks": list(entry.blocks),
                        "certain": entry.certain,
                    }
                    for entry in no_access.entries
                ],
                "certain": no_access.certain,
                "clients": {
                    client: {"ipv4": answer.ipv4, "dual": answer.dual} for client, answer in clients.items()
                },
            }
        )
    else:
        _print(no_access, clients)
    if no_access.why:
        complain(no_access.why)
    return FINE


def _running(machine: LocalMachine, now: float) -> NoAccess:
    """The list of the daemon that runs here; its configuration tells where sensors log, and who they are."""
    daemon = find(machine)
    if not daemon.pid:
        return NoAccess(why=daemon.problem)
    configuration = read_configuration(machine, daemon.configuration, inetd_compat=daemon.inetd_compat)
    everything = (configuration.defaults, *(service.attributes for service in configuration.services))
    words = (attributes.get("log_type", ()) for attributes in everything)
    log_types = [tuple(map(str, each)) for each in words if isinstance(each, tuple)]
    sensors = [service.id for service in configuration.services if is_sensor(service)]
    return no_access_of(read_list(machine, daemon, log_types), daemon, now, sensors)


def _number(time: float | None) -> float | int | None:
    return int(time) if time is not None and time == int(time) else time


def _print(no_access: NoAccess, clients: Mapping[str, Refused]) -> None:
    def when(time: float | None) -> str:
        return "never" if time is None else datetime.fromtimestamp(time).isoformat(" ", "seconds")

    if no_access.entries:
        rows = [
            (
                entry.covers
                if not entry.covers.endswith(("/32", "/128"))
                else entry.covers.partition("/")[0],
                entry.sensor or "-",
                when(entry.since),
                when(entry.until),
                when(entry.release),
                "all services" if "ipv4" in entry.blocks else "dual-stack services",
                str(entry.hits),
                "" if entry.certain else "uncertain",
            )
            for entry in no_access.entries
        ]
        write(columns(("REFUSED", "SENSOR", "SINCE", "ENDS", "LEAVES", "BY", "HITS", ""), rows, (6,)))
    else:
        write("The list is empty.\n" if no_access.certain else "No entry is known.\n")
    for client, answer in clients.items():
        words = {
            (True, True): "refused by every service",
            (False, True): "refused by services with a dual-stack socket, not by those with an IPv4 one",
            (False, False): "not on the list",
        }
        write(f"{client}: {words.get((answer.ipv4, answer.dual), 'refused')}\n")
