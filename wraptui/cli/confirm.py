"""Knows how to keep the change that waits for a confirmation."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from wraptui.cli import FINE, FOUND, REFUSED, UNREADABLE, applying
from wraptui.cli.text import complain, write, write_json

if TYPE_CHECKING:
    from wraptui.changes.recovery import Receipt


def arguments(parser: argparse.ArgumentParser) -> None:
    of_both(parser)
    parser.add_argument(
        "--even-if-locked-out",
        action="store_true",
        help="keep it though no new login has shown that one works",
    )


def of_both(parser: argparse.ArgumentParser) -> None:
    """The options of `confirm` and `rollback` alike."""
    parser.add_argument(
        "id", nargs="?", default="", metavar="ID", help="the change (default: the one that waits)"
    )
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the files under DIR (default: /)")
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    from wraptui.changes.recovery import confirm

    if not options.even_if_locked_out and (why := _unproved(options)):
        complain(f"Refused: {why} (--even-if-locked-out keeps it nevertheless.)")
        return REFUSED
    return ended(options, confirm)


def _unproved(options: argparse.Namespace) -> str:
    from wraptui.changes.proof import unproved
    from wraptui.system.machine import machine_at

    try:
        return unproved(machine_at(options.root), options.id, state=applying.where(options))
    except OSError:
        return ""  # confirming itself says what is wrong


def ended(options: argparse.Namespace, end: Callable[..., Receipt]) -> int:
    """Ends the waiting change by `confirm` or `rollback`; returns the exit code."""
    from wraptui.changes.recovery import NothingPending
    from wraptui.system.locks import Held
    from wraptui.system.machine import machine_at

    try:
        receipt = end(machine_at(options.root), options.id, state=applying.where(options))
    except NothingPending as error:
        complain(str(error))
        if options.json:
            write_json({"state": "nothing waits"})
        return FOUND
    except (OSError, Held) as error:
        complain(str(error))
        return UNREADABLE
    if options.json:
        write_json(applying.receipt_data(receipt))
    else:
        write(applying.ending(receipt))
    return FINE if receipt.state in ("kept", "rolled-back") else UNREADABLE
