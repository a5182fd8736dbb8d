"""`wraptui rules`: the rules of hosts.allow and hosts.deny, as libwrap reads them."""

from __future__ import annotations

import argparse

from wraptui.cli import FINE, UNREADABLE


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui rules`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")
    parser.add_argument("--json", action="store_true", help="write JSON")


def run(options: argparse.Namespace) -> int:
    """Prints the rules in the order in which libwrap asks them; 2 when a file cannot be read."""
    from wraptui.cli.text import columns, complain, write, write_json
    from wraptui.observe import read_tables
    from wraptui.syntax.tree import shown
    from wraptui.system.machine import machine_at

    try:
        tables = read_tables(machine_at(options.root))
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    rules = [rule for table in (tables.allow, tables.deny) for rule in table.rules]
    problems = [table.problem for table in (tables.allow, tables.deny) if table.problem]
    for problem in problems:
        complain(problem)
    if options.json:
        write_json(
            [
                {
                    "file": rule.file,
                    "first": rule.first,
                    "line": rule.line,
                    "daemons": shown(rule.daemons.strip()),
                    "clients": shown(rule.clients.strip()),
                    "options": shown(rule.options.strip()),
                }
                for rule in rules
            ]
        )
    elif rules:
        rows = (
            (
                rule.file.rpartition("/")[2],
                str(rule.line) if rule.first == rule.line else f"{rule.first}-{rule.line}",
                *(shown(" ".join(part.split())) for part in (rule.daemons, rule.clients, rule.options)),
            )
            for rule in rules
        )
        write(columns(("FILE", "LINE", "DAEMONS", "CLIENTS", "OPTIONS"), rows, right=[1]))
    elif not problems:
        write("There are no rules: everybody may use every service.\n")
    return UNREADABLE if problems else FINE
