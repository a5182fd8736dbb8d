"""Knows how to print what changes would do, without making them."""

from __future__ import annotations

import argparse

from wraptui.cli import UNREADABLE, applying, edits_from
from wraptui.cli.text import complain, write, write_json


def arguments(parser: argparse.ArgumentParser) -> None:
    edits_from.arguments(parser)


def run(options: argparse.Namespace) -> int:
    from wraptui.changes.landing import propose
    from wraptui.syntax.tree import shown
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
        proposal = propose(machine, edits_from.workspace(machine, options).changes)
    except (OSError, edits_from.BadChange) as error:
        complain(str(error))
        return UNREADABLE
    if options.json:
        write_json(applying.proposal_data(proposal))
    else:
        write(applying.printable_lines(shown(proposal.diff)) + applying.sentences(proposal))
    return applying.exit_code(proposal)
