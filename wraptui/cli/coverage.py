"""`wraptui coverage`: which listening daemons honour hosts.allow and hosts.deny."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from wraptui import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui coverage`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Prints a line per listening socket; exit 0 when none is known to be unguarded, else 1."""
    from wraptui.cli.text import printable
    from wraptui.observe import observe
    from wraptui.survey import coverage
    from wraptui.system.machine import LocalMachine

    machine = LocalMachine()
    snapshot = observe(machine)
    found = coverage(machine, snapshot.configuration, snapshot.daemon.pid)
    if options.json:
        print(json.dumps({"listeners": [asdict(each) for each in found]}, indent=1))
    else:
        for each in found:
            socket = f"{each.listener.protocol} {each.listener.address} port {each.listener.port}"
            names = " ".join(each.daemons) or "-"
            print(f"{each.honours:8}{printable(names):20}{socket:36}{printable(each.why)}")
        if not machine.privileged:
            print("Without root, other users' processes may not be looked into.", file=sys.stderr)
    return cli.FOUND if any(each.honours == "no" for each in found) else cli.FINE
