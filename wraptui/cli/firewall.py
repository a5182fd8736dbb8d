"""`wraptui firewall`: whether the packet filter refuses what hosts.deny and the no_access list refuse."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from wraptui import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui firewall`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "--nft", action="store_true", help="print an own nft table with what is missing (for `nft -f`)"
    )
    form.add_argument(
        "--iptables", action="store_true", help="print a chain WRAPTUI (for `iptables-restore --noflush`)"
    )
    form.add_argument("--ip6tables", action="store_true", help="the same for ip6tables-restore")


def run(options: argparse.Namespace) -> int:
    """Prints the comparison or the rules; exit 0 when nothing is missing, 1 when something is, 2 when the
    packet filter cannot be read."""
    from wraptui.cli.text import printable
    from wraptui.observe import look_once
    from wraptui.policy import firewall
    from wraptui.survey import packet_filters
    from wraptui.system.machine import LocalMachine

    machine = LocalMachine()
    snapshot = look_once(machine)
    if snapshot.tables is None:
        print("wraptui firewall: hosts.allow and hosts.deny could not be read", file=sys.stderr)
        return cli.UNREADABLE
    filters, notes = packet_filters(machine)
    for note in notes:
        print(f"wraptui firewall: {note}", file=sys.stderr)
    found = firewall.compare(
        snapshot.tables, snapshot.coverage, snapshot.no_access.entries, filters, machine.now()
    )
    if options.nft:
        print(firewall.nft(found.missing), end="")
    elif options.iptables or options.ip6tables:
        print(firewall.iptables(found.missing, ipv6=options.ip6tables), end="")
    elif options.json:
        print(json.dumps({"rows": [asdict(row) for row in found.rows], "notes": notes}, indent=1))
    else:
        for row in found.rows:
            print(f"{row.blocked:14}{printable(row.place):22}{printable(row.text)}")
            missing = f": {', '.join(row.missing[:6])}" if row.missing else ""
            print(f"{'':14}{printable(row.why)}{missing}")
        if found.missing:
            print(
                "\nWhat is missing: `wraptui firewall --nft` prints it, `nft -f` loads it.", file=sys.stderr
            )
    if not filters:
        return cli.UNREADABLE
    return cli.FOUND if any(row.blocked in ("no", "partly") for row in found.rows) else cli.FINE
