"""`wraptui firewall`: whether the packet filter refuses what hosts.deny and the no_access list refuse."""

from __future__ import annotations

import argparse
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
    from wraptui.cli.text import complain, printable, write, write_json
    from wraptui.observe import look_once
    from wraptui.observe.survey import packet_filters
    from wraptui.policy.hardening import firewall, own_table
    from wraptui.system.machine import LocalMachine

    machine = LocalMachine()
    snapshot = look_once(machine)
    if snapshot.tables is None:
        complain("hosts.allow and hosts.deny could not be read")
        return cli.UNREADABLE
    filters, notes = packet_filters(machine)
    for note in notes:
        complain(note)
    now = machine.now()
    found = firewall.compare(snapshot.tables, snapshot.coverage, snapshot.no_access.entries, filters)
    if options.nft:
        write(own_table.nft(found.wanted, now))
    elif options.iptables or options.ip6tables:
        write(own_table.iptables(found.wanted, ipv6=options.ip6tables))
        complain(f"iptables gets there by a rule of yours: -I INPUT -j {own_table.CHAIN}")
    elif options.json:
        write_json({"rows": [asdict(row) for row in found.rows], "notes": notes})
    elif not found.rows:
        write("Nothing is to be refused: hosts.deny has no rules, and the no_access list is empty.\n")
    else:
        for row in found.rows:
            write(f"{row.blocked:14}{printable(row.place):22}{printable(row.text)}\n")
            missing = f": {', '.join(row.missing[:6])}" if row.missing else ""
            write(f"{'':14}{printable(row.why)}{missing}\n")
        if found.lacking:
            complain("`wraptui recipe firewall --apply` writes and loads what is missing; --nft prints it.")
    if not filters:
        return cli.UNREADABLE
    return cli.FOUND if found.lacking else cli.FINE
