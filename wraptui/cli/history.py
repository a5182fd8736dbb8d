"""Knows how to print the changes made so far: who, when, why, what, and how each ended."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from wraptui.cli import FINE, UNREADABLE, applying
from wraptui.cli.text import columns, complain, printable, write, write_json

if TYPE_CHECKING:
    from wraptui.system.checkpoints import Checkpoint
    from wraptui.system.machine import Machine


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="*", metavar="show ID | compare ID", help="one change; without: all of them"
    )
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the files under DIR (default: /)")
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    from wraptui.changes.landing import NotDone, history
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
        entries = history(machine, applying.where(options))
        if not options.what:
            return _list(options, entries)
        if len(options.what) != 2 or options.what[0] not in ("show", "compare"):
            complain("It is: wraptui history, wraptui history show ID, or wraptui history compare ID")
            return UNREADABLE
        entry = next((each for each in entries if each.id == options.what[1]), None)
        if entry is None:
            complain(f"There is no change {options.what[1]} in the history.")
            return UNREADABLE
        return _one(machine, options, entry, compare=options.what[0] == "compare")
    except (OSError, NotDone) as error:
        complain(str(error))
        return UNREADABLE


def _list(options: argparse.Namespace, entries: tuple[Checkpoint, ...]) -> int:
    if options.json:
        write_json([applying.checkpoint_data(each) for each in entries])
        return FINE
    rows = [
        (each.id, each.state, each.who, ", ".join(file.path for file in each.files), each.message)
        for each in entries
    ]
    write(columns(("ID", "STATE", "WHO", "FILES", "WHY"), rows) if rows else "No change has been made yet.\n")
    return FINE


def _one(machine: Machine, options: argparse.Namespace, entry: Checkpoint, *, compare: bool) -> int:
    from wraptui.changes.landing import diff_of, restoring
    from wraptui.syntax.tree import shown

    state = applying.where(options)
    if compare:  # what stands now, against what stood right after that change
        back = restoring(machine, entry.id, state=state, after=True)
        diff = "".join(change.diff for change in back)
    else:
        diff = diff_of(machine, entry.id, state=state)
    if options.json:
        write_json({**applying.checkpoint_data(entry), "diff": shown(diff)})
        return FINE
    if not compare:
        made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.made))
        head = [
            f"{entry.id}  {entry.state}  {made}",
            f"by {entry.who}",
            *([entry.message] if entry.message else []),
        ]
        head += [f"  {step}" for step in entry.steps] + ([entry.problem] if entry.problem else [])
        write("".join(f"{printable(line)}\n" for line in head))
    write(applying.printable_lines(shown(diff)))
    return FINE
