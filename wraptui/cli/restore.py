"""Knows how to bring an earlier state back: a change like any other, with a diff and a deadline."""

from __future__ import annotations

import argparse

from wraptui.cli import UNREADABLE, applying
from wraptui.cli.text import complain


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the change, as `wraptui history` names it")
    parser.add_argument("--after", action="store_true", help="what stood right after it, instead of before")
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the files under DIR (default: /)")
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    applying.arguments(parser)


def run(options: argparse.Namespace) -> int:
    from wraptui.changes.landing import NotDone, restoring
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
        changes = restoring(machine, options.id, state=applying.where(options), after=options.after)
    except (OSError, NotDone) as error:
        complain(str(error))
        return UNREADABLE
    options.message = (
        options.message or f"restore what was {'after' if options.after else 'before'} {options.id}"
    )
    return applying.apply_these(machine, changes, options)
