"""Knows how to print the change that waits for a confirmation, and how long it still does."""

from __future__ import annotations

import argparse

from wraptui.cli import FINE, FOUND, UNREADABLE, applying
from wraptui.cli.text import complain, printable, write, write_json


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the files under DIR (default: /)")
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    from wraptui.changes.recovery import waiting
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
        found = waiting(machine, applying.where(options))
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    if options.json:
        write_json([applying.checkpoint_data(each) for each in found])
    for each in () if options.json else found:
        files = ", ".join(file.path for file in each.files)
        if each.state == "pending":
            left = each.deadline - machine.now()
            until = f"until {applying.clock(each.deadline)} ({max(left, 0):.0f} s)"
            text = f"{each.id} waits for `wraptui confirm` {until}, then it is taken back: {files}"
        else:
            text = (
                f"{each.id} was interrupted, or is being made just now: {files}; `wraptui rollback` ends it"
            )
        write(printable(f"{text}{f' - {each.message}' if each.message else ''} (by {each.who})") + "\n")
    if not found and not options.json:
        write("Nothing waits.\n")
    return FOUND if found else FINE
