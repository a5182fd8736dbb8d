"""Knows how rules with an end are taken out on time: by a process of their own, or at the next start."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress

from wraptui.changes.landing import Held, NotDone, apply
from wraptui.changes.proposals import Proposal
from wraptui.changes.recovery import ALLOW, DENY, Receipt
from wraptui.policy.change.stamps import ended, next_end
from wraptui.syntax.tree import Document
from wraptui.system.checkpoints import STATE, replace_file
from wraptui.system.machine import Machine
from wraptui.workspace import FileChange, Workspace

_LONGEST = 60.0  # seconds between two looks: the clock may be set, rules may come and go


def expire(machine: Machine, *, state: str = STATE) -> Receipt | None:
    """Takes out the rules whose end has come, as a change like any other; None when there is none. What was
    asked for when the rule was written is not asked for again. Raises `NotDone` or `Held`."""
    changes: list[FileChange] = []
    for path in (ALLOW, DENY):
        data = _read(machine, path)
        workspace = Workspace().with_file(path, data)
        edits = ended(path, workspace.document(path), machine.now())
        changes += workspace.do("the time is over", *edits).changes
    if not changes:
        return None
    proposal = Proposal(tuple(changes))
    return apply(machine, proposal, message="the time of these rules is over", state=state)


def wait_and_expire(machine: Machine, state: str) -> None:
    """Takes out rules as their ends come, until there are none left."""
    while ends := next_end(*(Document.from_bytes(_read(machine, path) or b"") for path in (ALLOW, DENY))):
        rest = ends - machine.now()
        if rest > 0:
            time.sleep(min(rest, _LONGEST))
            continue
        try:
            expire(machine, state=state)
        except (NotDone, Held, OSError):
            time.sleep(2)  # another change waits, or somebody was faster


def _read(machine: Machine, path: str) -> bytes | None:
    try:
        return machine.read(path)
    except FileNotFoundError:
        return None


def main(words: Sequence[str]) -> int:
    """The process: `python -m wraptui.changes.expiry ROOT STATE`."""
    import signal

    from wraptui.system.machine import machine_at

    root, state = words
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    machine = machine_at(root)
    with suppress(OSError):
        replace_file(machine, f"{state}/expiry", str(os.getpid()).encode(), f"{state}/.expiry")
    wait_and_expire(machine, state)
    with suppress(OSError):
        machine.remove(f"{state}/expiry")
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
