"""`wraptui audit`: the checks of CIS, DISA STIG and Lynis about these files and services."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from wraptui import cli
from wraptui.cli import applying

if TYPE_CHECKING:
    from wraptui.policy.hardening.checks import Subject
    from wraptui.system.machine import FileMachine, LocalMachine


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui audit`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="audit the tree in DIR instead of /")
    parser.add_argument("--all", action="store_true", help="print the checks that passed, too")
    parser.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="ID",
        help="mend what this check finds (all: every one that has a safe fix); backup, write, reload, verify",
    )
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is")
    applying.arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")


def run(options: argparse.Namespace) -> int:
    """Prints the checks; exit 0 when none failed, 1 when one did, 2 when the files cannot be read. With
    --fix makes the change instead; exit codes as `apply`."""
    from wraptui.cli.text import complain, printable, write, write_json
    from wraptui.observe import observe
    from wraptui.observe.survey import coverage
    from wraptui.policy.hardening.audit import audit
    from wraptui.policy.hardening.checks import Subject
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
    running = found = None
    if machine.live:
        running = bool(snapshot.daemon.pid)
        found = coverage(machine, snapshot.configuration, snapshot.daemon.pid)
    subject = Subject(snapshot.tables, snapshot.configuration, machine, running, found)
    if options.fix:
        return _fixed(machine, subject, options)
    checks = audit(subject)
    rows: list[dict[str, object]] = [
        {**asdict(check), "fix": f"wraptui audit --fix {check.id}" if check.fix else ""} for check in checks
    ]
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
                    fix = f"  (--fix {check.id})" if check.fix else ""
                    write(f"{'':20}→ {printable(check.advice)}{fix}\n")
        counts = Counter(check.result for check in checks)
        write(", ".join(f"{count} {result}" for result, count in sorted(counts.items())) + "\n")
    return cli.FOUND if any(check.result == "fail" for check in checks) else cli.FINE


def _fixed(machine: LocalMachine | FileMachine, subject: Subject, options: argparse.Namespace) -> int:
    """Mends one finding after the other, each in the files as the one before left them; then applies."""
    from wraptui.cli.text import complain
    from wraptui.policy.hardening.audit import audit
    from wraptui.policy.xinetd.services import read_configuration
    from wraptui.system import xinetd
    from wraptui.workspace import Workspace

    daemon = xinetd.find(machine)
    workspace = Workspace()
    titles: list[str] = []
    while True:
        wanted = [check for check in audit(subject) if check.fix and _asked(check.id, options.fix)]
        check = next((each for each in wanted if each.title not in titles), None)
        if check is None:
            break
        titles.append(check.title)
        for edit in check.fix:
            workspace = workspace.with_file(edit.path, machine.read(edit.path))
        workspace = workspace.do(check.title, *check.fix)
        files = workspace.candidate(machine)
        configuration = read_configuration(files, daemon.configuration, inetd_compat=daemon.inetd_compat)
        subject = replace(subject, configuration=configuration, files=files)
    if not titles:
        complain(f"No check {' or '.join(options.fix)} failed that has a safe fix.")
        return cli.UNREADABLE
    options.message = options.message or f"audit: {'; '.join(titles)}"[:200]
    return applying.apply_these(machine, workspace.changes, options)


def _asked(id: str, wanted: list[str]) -> bool:
    return "all" in wanted or id in wanted
