"""Knows how `apply` and `restore` talk: the proposal, each step, how it ended, and the exit code."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from wraptui.cli import FINE, FOUND, REFUSED, ROLLED_BACK, UNREADABLE
from wraptui.cli.text import complain, printable, write, write_json
from wraptui.syntax.tree import shown

if TYPE_CHECKING:
    from wraptui.changes.landing import Proposal, Receipt
    from wraptui.policy.lint.findings import Finding
    from wraptui.system.checkpoints import Checkpoint
    from wraptui.system.machine import FileMachine, LocalMachine
    from wraptui.workspace import FileChange

DEADLINE = 60.0
LONGEST = 86400.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--message", "-m", default="", metavar="TEXT", help="why, for the history")
    deadline = parser.add_mutually_exclusive_group()
    deadline.add_argument(
        "--confirm-within",
        type=_seconds,
        metavar="SECONDS",
        help="take everything back unless `wraptui confirm` is called in that time "
        f"(default: {DEADLINE:g}; with --root: no deadline)",
    )
    deadline.add_argument("--no-confirm", action="store_true", help="make the change for good at once")
    parser.add_argument(
        "--wait", action="store_true", help="wait until the change is confirmed or taken back"
    )
    parser.add_argument(
        "--even-if-locked-out", action="store_true", help="make the change though it would lock out or break"
    )


def _seconds(text: str) -> float:
    """A deadline that comes: `nan` and `inf` are numbers too, and 0 would be none."""
    found = float(text)
    if not 1 <= found <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {LONGEST:g} seconds")
    return found


def where(options: argparse.Namespace) -> str:
    """The state folder."""
    from wraptui.system.checkpoints import STATE

    return options.state or STATE


def apply_these(
    machine: LocalMachine | FileMachine, changes: Sequence[FileChange], options: argparse.Namespace
) -> int:
    """Proposes and applies changes as the options say; returns the exit code."""
    from wraptui.changes import landing as landing

    state = where(options)
    seconds = _deadline(machine, options)
    try:
        for ended in landing.recover(machine, state=state):
            complain(f"The change {ended.id} had been interrupted: it is {ended.state} now.")
        proposal = landing.propose(machine, changes)
        if not options.json:
            write(printable_lines(shown(proposal.diff)) + sentences(proposal))
        receipt = landing.apply(
            machine,
            proposal,
            message=options.message,
            confirm_within=seconds,
            even_if_locked_out=options.even_if_locked_out,
            state=state,
            tell=(lambda _: None) if options.json else (lambda text: write(f"  {printable(text)}\n")),
        )
    except landing.Refused as error:
        complain(f"Refused: {error} (--even-if-locked-out makes it nevertheless.)")
        return REFUSED
    except (landing.NotDone, landing.Held) as error:
        complain(str(error))
        return UNREADABLE
    except OSError as error:
        complain(f"Nothing was changed: {error.strerror or error}.")
        return UNREADABLE
    if receipt.state == "pending" and options.wait:
        receipt = awaited(machine, receipt, state)
    if options.json:
        write_json({"proposal": proposal_data(proposal), "receipt": receipt_data(receipt)})
    else:
        write(ending(receipt))
    return {"rolled-back": ROLLED_BACK, "prepared": UNREADABLE}.get(receipt.state, FINE)


def exit_code(proposal: Proposal) -> int:
    """What `diff` ends with: 3 when `apply` would refuse, 1 when the change adds findings."""
    return REFUSED if proposal.refusals else FOUND if proposal.findings_added else FINE


def sentences(proposal: Proposal) -> str:
    """All that a proposal says besides its diff, for people."""
    lines = []
    for sign, findings in (("+", proposal.findings_added), ("-", proposal.findings_removed)):
        lines += [
            f"{sign} {each.severity.name.lower()}: {each.file}:{each.line}: {each.message}"
            for each in findings
        ]
    lines += [f"note: {text}" for text in (proposal.tally, *proposal.notes) if text]
    lines += [f"warning: {text}" for text in proposal.warnings]
    lines += [f"REFUSED: {text}" for text in proposal.refusals]
    return "".join(f"{printable(line)}\n" for line in lines)


def printable_lines(text: str) -> str:
    """A diff whose lines do nothing to a terminal; tabs, which it is full of, stay."""
    lines = text.split("\n")[:-1]
    return "".join("\t".join(printable(piece) for piece in line.split("\t")) + "\n" for line in lines)


def proposal_data(proposal: Proposal) -> dict[str, object]:
    """A proposal as the documented JSON."""
    return {
        "diff": shown(proposal.diff),
        "files": [change.path for change in proposal.changes],
        "reloads": proposal.reloads,
        "findings_added": [_finding(each) for each in proposal.findings_added],
        "findings_removed": [_finding(each) for each in proposal.findings_removed],
        "notes": [text for text in (proposal.tally, *proposal.notes) if text],
        "warnings": list(proposal.warnings),
        "refusals": list(proposal.refusals),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity.name.lower(),
        "code": finding.code,
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
    }


def receipt_data(receipt: Receipt) -> dict[str, object]:
    """A receipt as the documented JSON."""
    return {
        "id": receipt.id,
        "state": receipt.state,
        "deadline": receipt.deadline or None,
        "files": list(receipt.paths),
        "steps": list(receipt.steps),
        "problem": receipt.problem,
    }


def checkpoint_data(checkpoint: Checkpoint) -> dict[str, object]:
    """An entry of the history as the documented JSON."""
    return {
        "id": checkpoint.id,
        "made": checkpoint.made,
        "who": checkpoint.who,
        "message": checkpoint.message,
        "state": checkpoint.state,
        "deadline": checkpoint.deadline or None,
        "files": [file.path for file in checkpoint.files],
        "steps": list(checkpoint.steps),
        "problem": checkpoint.problem,
    }


def ending(receipt: Receipt) -> str:
    """How a change ended, for people."""
    if receipt.state == "pending":
        left = max(receipt.deadline - time.time(), 0)
        return (
            f"Applied as {receipt.id}. Unless it is confirmed by {clock(receipt.deadline)} ({left:.0f} s), "
            "everything is taken back.\n"
            "Log in anew to prove that you still can, and there run: wraptui confirm\n"
        )
    if receipt.state == "prepared":
        return (
            printable(
                f"The change {receipt.id} could NOT be taken back: {receipt.problem}. What was saved is in "
                "the history; when the cause is mended run: wraptui rollback"
            )
            + "\n"
        )
    if receipt.state == "rolled-back":
        why = f" ({receipt.problem})" if receipt.problem else ""
        return printable(f"The change {receipt.id} has been rolled back{why}.") + "\n"
    return (
        printable(f"The change {receipt.id} stands{f': {receipt.problem}' if receipt.problem else ''}.")
        + "\n"
    )


def clock(moment: float) -> str:
    """The time of day, local."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def _deadline(machine: LocalMachine | FileMachine, options: argparse.Namespace) -> float:
    if options.no_confirm:
        return 0.0
    if options.confirm_within is not None:
        return float(options.confirm_within)
    return DEADLINE if machine.live else 0.0


def awaited(machine: LocalMachine | FileMachine, receipt: Receipt, state: str) -> Receipt:
    """The receipt when the change has ended; where nobody else ends it in time, we do."""
    from wraptui.changes.recovery import OVERDUE, recover
    from wraptui.changes.recovery import receipt as told
    from wraptui.system.checkpoints import History
    from wraptui.system.locks import Held

    history = History(machine, state)
    while True:
        checkpoint = history.checkpoint(receipt.id)
        if checkpoint is None or not checkpoint.unfinished:
            return told(checkpoint) if checkpoint else receipt
        if machine.now() > checkpoint.deadline + OVERDUE:
            with suppress(OSError, Held):
                recover(machine, state=state)
        time.sleep(0.1)
