"""`wraptui coverage`: which listening daemons honour hosts.allow and hosts.deny."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from wraptui import cli

if TYPE_CHECKING:
    from wraptui.policy.live.coverage import Coverage


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui coverage`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Prints a line per listening socket; exit 0 when none is known to be unguarded, else 1."""
    from wraptui.cli.text import columns, complain, write, write_json
    from wraptui.observe import observe
    from wraptui.observe.survey import coverage
    from wraptui.system.machine import LocalMachine

    machine = LocalMachine()
    snapshot = observe(machine)
    found = coverage(machine, snapshot.configuration, snapshot.daemon.pid)
    if options.json:
        write_json({"listeners": [asdict(each) for each in found]})
    elif found:
        header = ("HONOURS", "DAEMON", "PROTOCOL", "ADDRESS", "PORT", "WHY")
        write(columns(header, map(_row, found), right=[4]))
    else:
        write("Nothing listens here.\n")
    if not machine.privileged:
        complain("Without root, other users' processes may not be looked into.")
    return cli.FOUND if any(each.honours == "no" for each in found) else cli.FINE


def _row(coverage: Coverage) -> tuple[str, ...]:
    listener, names = coverage.listener, " ".join(coverage.daemons) or "-"
    place = (listener.protocol, listener.address, str(listener.port))
    return (coverage.honours, names, *place, coverage.why)
