"""Knows how to make changes from the command line: backup, write, reload, verify, deadline."""

from __future__ import annotations

import argparse

from wraptui.cli import UNREADABLE, applying, edits_from
from wraptui.cli.text import complain


def arguments(parser: argparse.ArgumentParser) -> None:
    edits_from.arguments(parser)
    applying.arguments(parser)


def run(options: argparse.Namespace) -> int:
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
        changes = edits_from.workspace(machine, options).changes
    except (OSError, edits_from.BadChange) as error:
        complain(str(error))
        return UNREADABLE
    return applying.apply_these(machine, changes, options)
