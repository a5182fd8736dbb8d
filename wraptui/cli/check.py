"""`wraptui check`: everything wrong with the files, each with what it costs, and fixes."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wraptui.cli import FINE, FOUND, UNREADABLE, applying
from wraptui.cli.text import complain, printable, width, write, write_json

if TYPE_CHECKING:
    from wraptui.policy.files import Files
    from wraptui.policy.lint.findings import Finding
    from wraptui.policy.tables.access import Tables
    from wraptui.policy.xinetd.services import Configuration
    from wraptui.syntax.tree import Document
    from wraptui.system.machine import FileMachine, LocalMachine

GLYPHS = {"ERROR": "✗", "WARNING": "!", "NOTE": "·"}
PLAIN_GLYPHS = {"ERROR": "x", "WARNING": "!", "NOTE": "-"}
XINETD = "/etc/xinetd.conf"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui check`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument(
        "--fix", action="store_true", help="make the fixes that need no choice, as `wraptui apply` would"
    )
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is, for --fix")
    applying.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the findings; exit 0 when there is none, 1 with findings, 2 when a file cannot be read."""
    from wraptui.cli.explain import ALLOW, DENY, Inspected, load
    from wraptui.policy.tables.access import Tables

    gc.disable()  # a short life, and nothing here makes circles: collecting costs a fifth on long tables
    files = Inspected(options.root)
    try:
        files.status("/")
        tables = Tables(load(files, ALLOW), load(files, DENY), files)
    except OSError as error:
        complain(f"{options.root}: {error.strerror or error}")
        return UNREADABLE
    unreadable = bool(tables.allow.problem or tables.deny.problem)
    if options.fix and not unreadable:
        return _fix(tables, files, options)
    found = findings(tables, files, live=options.root == "/")
    for table in (tables.allow, tables.deny):
        if table.problem:
            complain(f"{table.path}: {table.problem}")
    if options.json:
        write_json({"findings": [as_data(each) for each in found], "unreadable": unreadable})
    else:
        write("".join(map(as_text, found)))
        sys.stderr.write(summary(found) + "\n")
    return UNREADABLE if unreadable else FOUND if found else FINE


def findings(tables: Tables, files: Files, *, live: bool = False) -> tuple[Finding, ...]:
    """The findings on both tables and, where there is one, on xinetd's configuration.

    `live`: the files are this machine's, so what runs here tells which daemon names count.
    """
    from wraptui.policy.lint.tables import check_tables

    configuration, daemons = _running() if live else (None, None)
    found = check_tables(tables, daemons=daemons)
    if configuration is None:
        try:
            files.status(XINETD)
        except OSError:
            return found
        from wraptui.policy.xinetd.services import read_configuration

        configuration = read_configuration(files, XINETD)
    if not configuration.files:
        return found
    from wraptui.policy.lint.services import check_configuration

    found = (*found, *check_configuration(configuration, files))
    return (*found, *_tried(configuration)) if live else found


def _tried(configuration: Configuration) -> Iterator[Finding]:
    """Where the real xinetd, tried on these files in private namespaces, does not do what is foreseen."""
    from wraptui.changes.proposals import surprises
    from wraptui.policy.lint.findings import Finding, Severity
    from wraptui.system import xinetd
    from wraptui.system.machine import LocalMachine
    from wraptui.system.scratch import trial

    machine = LocalMachine()
    daemon = xinetd.find(machine)
    tried = trial(machine, daemon, {})
    if not tried.ran:
        complain(f"the files were not tried on the real xinetd: {tried.why}")
    for sentence in surprises(tried, configuration):
        yield Finding(Severity.ERROR, "xinetd-disagrees", sentence, daemon.configuration)
    if tried.ends and configuration.starts:
        said = "; ".join(tried.said[-3:])
        message = f"The real xinetd, tried on these files, ends, which was not foreseen: {said}."
        yield Finding(Severity.ERROR, "xinetd-disagrees", message, daemon.configuration)


def _running() -> tuple[Configuration, frozenset[str] | None]:
    """What xinetd has read here, and the names that something asks libwrap for; None without a full view."""
    from wraptui.observe.survey import coverage
    from wraptui.policy.live.coverage import names_asked
    from wraptui.policy.xinetd.services import read_configuration
    from wraptui.system import xinetd
    from wraptui.system.machine import LocalMachine

    machine = LocalMachine()
    daemon = xinetd.find(machine)
    configuration = read_configuration(machine, daemon.configuration, inetd_compat=daemon.inetd_compat)
    if not machine.privileged:
        return configuration, None
    covered = coverage(machine, configuration, daemon.pid)
    seen = bool(covered) and all(each.listener.pid for each in covered)
    return configuration, names_asked(covered, configuration) if seen else None


def as_text(finding: Finding) -> str:
    """A finding as two lines: what and where, then what it costs."""
    plain = "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower()
    name = finding.severity.name
    glyph = (PLAIN_GLYPHS if plain else GLYPHS)[name]
    place = printable(finding.file) + (f":{finding.line}" if finding.line else "")
    place += f":{finding.column}" if finding.column else ""
    fix = f"  (fix: {printable(finding.fix[0].summary)})" if finding.fix else ""
    gap = " " * max(30 - width(place), 1)
    return f"{glyph} {name.lower():8}{place}{gap}{finding.code}{fix}\n    {printable(finding.message)}\n"


def summary(found: Sequence[Finding]) -> str:
    """How many findings there are, in words."""
    if not found:
        return "Nothing is wrong."
    counts = [
        f"{number} {name.lower()}{'s' if number != 1 else ''}"
        for name in GLYPHS
        if (number := sum(each.severity.name == name for each in found))
    ]
    fixes = sum(bool(each.fix) for each in found)
    more = f"; {fixes} with a fix" if fixes else ""
    return f"{', '.join(counts)}{more}"


def as_data(finding: Finding) -> dict[str, object]:
    """A finding as the documented JSON; lines of a fix are text as people read it."""
    from wraptui.policy.lint.tables import MEANT
    from wraptui.syntax.tree import shown

    return {
        "severity": finding.severity.name.lower(),
        "code": finding.code,
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "fix": [
            {
                "file": edit.path,
                "line": edit.first + 1,
                "old": [shown(line) for line in edit.old],
                "new": [shown(line) for line in edit.new],
                "summary": edit.summary,
            }
            for edit in finding.fix
        ],
        "needs_choice": finding.code in MEANT,
    }


def _fix(tables: Tables, files: Files, options: argparse.Namespace) -> int:
    from wraptui.policy.lint.fixes import mended
    from wraptui.policy.lint.tables import check_tables
    from wraptui.policy.tables.access import Tables, read_table
    from wraptui.syntax.tree import Document
    from wraptui.system.machine import machine_at
    from wraptui.workspace import FileChange

    def check(documents: Mapping[str, Document]) -> tuple[Finding, ...]:
        allow, deny = (
            read_table(table.path, documents[table.path].text) if table.path in documents else table
            for table in (tables.allow, tables.deny)
        )
        return check_tables(Tables(allow, deny, files))

    before = {table.path: Document(table.text) for table in (tables.allow, tables.deny) if table.text}
    after = mended(before, check)
    changes = [
        FileChange(path, document, after[path])
        for path, document in before.items()
        if after[path] != document
    ]
    machine: LocalMachine | FileMachine
    try:
        machine = machine_at(options.root)
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    code = applying.apply_these(machine, changes, options) if changes else FINE
    if code != FINE:
        return code
    left = check(after)
    if not options.json:
        write("".join(map(as_text, left)))
        sys.stderr.write((f"Left: {summary(left)}" if left else "Nothing is wrong any more.") + "\n")
    elif not changes:
        write_json({"findings": [as_data(each) for each in left], "unreadable": False})
    return FOUND if left else FINE
