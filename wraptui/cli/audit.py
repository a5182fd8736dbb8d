"""`wraptui audit`: the checks of CIS, DISA STIG and Lynis about these files and services."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from dataclasses import asdict

from wraptui import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui audit`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="audit the tree in DIR instead of /")
    parser.add_argument("--all", action="store_true", help="print the checks that passed, too")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")


def run(options: argparse.Namespace) -> int:
    """Prints the checks; exit 0 when none failed, 1 when one did, 2 when the files cannot be read."""
    from wraptui.cli.text import complain, printable, write, write_json
    from wraptui.observe import observe
    from wraptui.observe.survey import coverage
    from wraptui.policy.hardening.audit import Subject, audit
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
    except OSError as error:
        complain(str(error))
        return cli.UNREADABLE
    snapshot = observe(machine)
    if snapshot.tables is None:
        complain("hosts.allow and hosts.deny could not be read")
        return cli.UNREADABLE
    running = honoured = None
    if machine.live:
        running = bool(snapshot.daemon.pid)
        found = coverage(machine, snapshot.configuration, snapshot.daemon.pid)
        honoured = any(each.honours == "yes" for each in found)
        if not honoured and any(each.honours == "unknown" for each in found):
            honoured = None
    checks = audit(Subject(snapshot.tables, snapshot.configuration, machine, running, honoured))
    rows = [{k: v for k, v in asdict(check).items() if k != "fix"} for check in checks]
    if options.json:
        write_json({"checks": rows})
    elif options.csv:
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        write(text.getvalue())
    else:
        for check in checks:
            if options.all or check.result in ("fail", "unknown"):
                write(f"{check.result:8}{check.id:12}{printable(check.title)}  ({check.profile})\n")
                write(f"{'':20}{printable(check.evidence)}\n")
                if check.result == "fail" and check.advice:
                    write(f"{'':20}→ {printable(check.advice)}\n")
        counts = Counter(check.result for check in checks)
        write(", ".join(f"{count} {result}" for result, count in sorted(counts.items())) + "\n")
    return cli.FOUND if any(check.result == "fail" for check in checks) else cli.FINE
