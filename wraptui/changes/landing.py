"""Knows how a change lands: propose, apply with a checkpoint, reload, verify, confirm or roll back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from wraptui.changes import filtering, recovery, reloading
from wraptui.changes.proposals import Proposal, propose
from wraptui.changes.recovery import (
    ALLOW,
    DENY,
    NothingPending,
    Receipt,
    Tell,
    confirm,
    ended,
    in_order,
    quiet,
    receipt,
    rollback,
    said,
    take_back,
    tidy,
    waiting,
)
from wraptui.changes.swapping import Overtaken, clear, read_or_none, swap
from wraptui.policy.change.stamps import next_end
from wraptui.policy.hardening.own_table import FILE
from wraptui.syntax.tree import Document
from wraptui.system import xinetd
from wraptui.system.checkpoints import (
    KEPT,
    PENDING,
    ROLLED_BACK,
    STATE,
    Checkpoint,
    History,
    remove_if_there,
    stage,
)
from wraptui.system.guard import at_next_boot, not_at_next_boot, start_apart
from wraptui.system.locks import Held, held
from wraptui.system.machine import Machine
from wraptui.system.sessions import this_session
from wraptui.workspace import FileChange

__all__ = [
    "ChangedMeanwhile",
    "Held",
    "NotDone",
    "NothingPending",
    "Overtaken",
    "Proposal",
    "Receipt",
    "Refused",
    "apply",
    "confirm",
    "diff_of",
    "ended",
    "history",
    "propose",
    "recover",
    "restoring",
    "rollback",
    "waiting",
]


class NotDone(Exception):
    """The change was not made; everything is as it was. The sentence says why."""


class Refused(NotDone):
    """The change would lock out or break something; it needs the word `--even-if-locked-out`."""


class ChangedMeanwhile(NotDone):
    """Somebody else has changed these files since they were read; rebase the edits and look again."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(f"Changed by somebody else meanwhile: {', '.join(paths)}. Nothing was written.")
        self.paths = tuple(paths)


Arm = Callable[[Machine, str, str], str]


def armed(machine: Machine, id: str, state: str) -> str:
    """Starts the guard of a change and waits until it says that it watches; `OSError` when it does not."""
    how = start_apart(machine, "wraptui.changes.recovery", [machine.root, state, id], f"wraptui-guard-{id}")
    history = History(machine, state)
    checkpoint = history.checkpoint(id)
    until = time.monotonic() + 10
    while checkpoint and time.monotonic() < until:
        try:
            how = f"the guard watches (process {int(history.noted(checkpoint, 'guard'))}, {how})"
        except (OSError, ValueError):
            time.sleep(0.02)
            continue
        try:
            boot = at_next_boot(machine, "wraptui.changes.recovery", ["--boot", machine.root, state])
        except OSError as error:
            not_at_next_boot(machine)
            boot = f"but no boot after a power cut would take it back: {said(error)}"
        return f"{how}, {boot}" if boot else how
    raise OSError("the guard that would take the change back did not start")


def apply(
    machine: Machine,
    proposal: Proposal,
    *,
    message: str = "",
    confirm_within: float = 0.0,
    even_if_locked_out: bool = False,
    state: str = STATE,
    tell: Tell = quiet,
    arm: Arm = armed,
) -> Receipt:
    """Makes the proposed change: lock, look again, checkpoint, guard, write, reload, verify.

    With `confirm_within` seconds the receipt is `pending`: unless `confirm` is called in that time the guard
    takes everything back. Raises `Refused`, `ChangedMeanwhile`, `Held` or `NotDone` when nothing was done;
    when something failed on the way, the receipt is `rolled-back` and says why. `tell` gets each step.
    """
    if (against := proposal.against(confirm_within)) and not even_if_locked_out:
        raise Refused("\n".join(against))
    if not proposal.changes:
        raise NotDone("There is nothing to change.")
    who = str(this_session(machine))
    try:
        with held(machine, who, state):
            return _applied(machine, proposal, who, message, confirm_within, state, tell, arm)
    except OSError as error:
        raise NotDone(f"Nothing was changed: {said(error)}.") from error


def _applied(
    machine: Machine,
    proposal: Proposal,
    who: str,
    message: str,
    confirm_within: float,
    state: str,
    tell: Tell,
    arm: Arm,
) -> Receipt:
    history = History(machine, state)
    tidy(history)
    if before := history.unfinished():
        raise NotDone(
            f"The change {before[0].id} ({before[0].message or before[0].who}) still waits: confirm it or "
            "roll it back first."
        )
    _still_as_read(machine, proposal.changes)
    daemon = xinetd.find(machine) if proposal.reloads else xinetd.Daemon()
    checkpoint = history.prepare(
        [(change.path, _data(change.after)) for change in proposal.changes],
        who=who,
        message=message,
        deadline=machine.now() + confirm_within if confirm_within else 0.0,
        daemon=reloading.remembered(machine, daemon),
    )
    steps: list[str] = []

    def step(text: str) -> None:
        steps.append(text)
        tell(text)

    wrote = False
    try:
        step(f"checkpoint {checkpoint.id}")
        if confirm_within:
            step(arm(machine, checkpoint.id, state))
        contents = [(_data(change.before), _data(change.after)) for change in proposal.changes]
        _stage(machine, checkpoint, contents)
        wrote = True
        _write(machine, checkpoint, contents, step)
        if machine.live and filtering.concerned(file.path for file in checkpoint.files):
            step(filtering.load(machine, read_or_none(machine, FILE)))
        if daemon.pid:
            _reload(machine, proposal, daemon, step)
        checkpoint = history.record(
            checkpoint,
            state=PENDING if confirm_within else KEPT,
            deadline=machine.now() + confirm_within if confirm_within else 0.0,
            steps=tuple(steps),
        )
    except (OSError, Overtaken, _NotAsPlanned) as error:
        problem = said(error)
        tell(f"{problem}: taking everything back")
        failed = replace(checkpoint, steps=tuple(steps), problem=problem)
        ended = take_back(history, failed, "rolled back at once", reload=wrote, tell=tell)
        if isinstance(error, Overtaken) and ended.state == ROLLED_BACK:
            raise ChangedMeanwhile([file.path for file in checkpoint.files]) from error
        return ended
    with suppress(OSError):  # the next start sees to it
        if watched := watch_ends(machine, state=state):
            tell(watched)
    if not confirm_within:
        clear(machine, checkpoint)
        history.prune()
    return receipt(checkpoint)


class _NotAsPlanned(Exception):
    """The daemon did not do what the change was to make it do."""


def _still_as_read(machine: Machine, changes: Sequence[FileChange]) -> None:
    """Raises `ChangedMeanwhile` when a file is not what it was when the change was made up."""
    changed = []
    for change in changes:
        if read_or_none(machine, change.path) != _data(change.before):
            changed.append(change.path)
    if changed:
        raise ChangedMeanwhile(changed)


Contents = Sequence[tuple[bytes | None, bytes | None]]


def _stage(machine: Machine, checkpoint: Checkpoint, contents: Contents) -> None:
    """Puts old and new beside each file: what is left, both ways, is renames, which need no space. The old
    one is the very file by a second name, where the file system has such, else a copy."""
    for file in checkpoint.files:
        before, after = contents[file.number]
        if before is not None and file.before:
            remove_if_there(machine, file.old)
            try:
                machine.link(file.real, file.old)
            except OSError:
                stage(machine, file.old, before, file.before)
        if after is not None and file.after:
            stage(machine, file.new, after, file.after)


def _write(machine: Machine, checkpoint: Checkpoint, contents: Contents, step: Tell) -> None:
    for file in in_order(checkpoint.files):
        before, after = contents[file.number]
        if after is None or file.after is None:
            if read_or_none(machine, file.real) != before:
                raise Overtaken(f"{file.path} has just been changed by somebody else.")
            machine.remove(file.real)
            machine.sync(file.real.rpartition("/")[0] or "/")
            step(f"{file.path} removed")
            continue
        stands = swap(machine, file, file.new, after, before, file.after)
        if machine.read(file.real) != stands:
            raise Overtaken(f"{file.path} has just been changed by somebody else.")
        step(f"{file.path} written" + ("" if stands == after else ", with what somebody appended meanwhile"))


def _reload(machine: Machine, proposal: Proposal, daemon: xinetd.Daemon, step: Tell) -> None:
    """Has the daemon reload and compares what it did with what was proposed."""
    deaf = set(reloading.not_listening(machine, proposal.before))
    result = reloading.reload(machine, daemon)
    step(str(result))
    if not result.alive or result.failed:
        raise _NotAsPlanned("; ".join([str(result), *_complaints(result.said)]))
    planned = proposal.effects
    if result.answered and result.dropped > len(planned.dropped):
        raise _NotAsPlanned(
            f"xinetd dropped {result.dropped} services, where {len(planned.dropped)} were foreseen"
            + "".join(f"; {line}" for line in _complaints(result.said))
        )
    if result.answered and result.new < len(planned.started):
        raise _NotAsPlanned(
            f"xinetd started {result.new} services, where {len(planned.started)} were foreseen"
            + "".join(f"; {line}" for line in _complaints(result.said))
        )
    missing = [id for id in reloading.not_listening(machine, proposal.after) if id not in deaf]
    if missing:
        raise _NotAsPlanned(f"no socket listens for {', '.join(missing)} after the reload")
    counts = (result.new, result.old, result.dropped)
    foreseen = (len(planned.started), len(planned.kept), len(planned.dropped))
    if result.answered:
        step(
            "as foreseen"
            if counts == foreseen
            else "foreseen: {} started, {} kept, {} dropped".format(*foreseen)
        )


def _complaints(lines: Sequence[str]) -> list[str]:
    """What the daemon said that an operator must know, without its stamp."""
    told = [line.rpartition("]: ")[2] if "]: " in line else line for line in lines]
    telling = ("rror", "fatal", "failed", "isabl", "invalid", "Bad ", "deactivated", "xit")
    return [text for text in told if any(word in text for word in telling)][-5:]


def recover(machine: Machine, *, state: str = STATE, tell: Tell = quiet) -> tuple[Receipt, ...]:
    """What every start begins with: ends the changes that nobody will end any more (see `recovery.recover`),
    and sees to it that rules with an end are taken out on time."""
    receipts = recovery.recover(machine, state=state, tell=tell)
    watch_ends(machine, state=state)
    return receipts


def watch_ends(machine: Machine, *, state: str = STATE) -> str:
    """Starts the process that takes rules out on time, where there are rules with an end and nobody watches
    yet; says how, "" when there is nothing to do."""
    if not machine.live:
        return ""
    documents = [_document(read_or_none(machine, path)) for path in (ALLOW, DENY)]
    if not next_end(*(each for each in documents if each)):
        return ""
    try:
        if any(
            "wraptui.changes.expiry" in word for word in machine.command(int(machine.read(f"{state}/expiry")))
        ):
            return "the time of rules with an end is watched"
    except (OSError, ValueError):
        pass  # nobody has ever watched
    how = start_apart(
        machine, "wraptui.changes.expiry", [machine.root, state], f"wraptui-expiry-{os.getpid()}"
    )
    return f"the time of rules with an end is watched ({how})"


def history(machine: Machine, state: str = STATE) -> tuple[Checkpoint, ...]:
    """The changes made so far, the newest first."""
    return History(machine, state).checkpoints()


def restoring(
    machine: Machine, id: str, *, state: str = STATE, after: bool = False
) -> tuple[FileChange, ...]:
    """The changes that bring back what stood before the change `id` (or right after it), to be proposed and
    applied like any other. Raises `NotDone` when there is no such change."""
    log = History(machine, state)
    checkpoint = log.checkpoint(id)
    if checkpoint is None:
        raise NotDone(f"There is no change {id} in the history.")
    changes = []
    for file in checkpoint.files:
        now = read_or_none(machine, file.path)
        then = log.content(checkpoint, file, "after" if after else "before")
        if now != then:
            changes.append(FileChange(file.path, _document(now), _document(then)))
    return tuple(changes)


def diff_of(machine: Machine, id: str, *, state: str = STATE) -> str:
    """The unified diff of a change in the history, byte text; raises `NotDone` when there is none."""
    log = History(machine, state)
    checkpoint = log.checkpoint(id)
    if checkpoint is None:
        raise NotDone(f"There is no change {id} in the history.")
    return "".join(
        FileChange(
            file.path,
            _document(log.content(checkpoint, file, "before")),
            _document(log.content(checkpoint, file, "after")),
        ).diff
        for file in checkpoint.files
    )


def _document(data: bytes | None) -> Document | None:
    return None if data is None else Document.from_bytes(data)


def _data(document: Document | None) -> bytes | None:
    return None if document is None else document.data
