"""Knows how a change is taken back or kept, by whoever comes: the operator, the guard, or the next start.

Every step may be the last one that this process does: whatever it leaves is understood by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from wraptui.changes import filtering, reloading
from wraptui.changes.swapping import Overtaken, clear, document_of, folder_of, read_or_none, swap
from wraptui.policy.change.diff import merge
from wraptui.policy.hardening.own_table import FILE
from wraptui.syntax.tree import Document
from wraptui.system import xinetd
from wraptui.system.checkpoints import (
    KEPT,
    PENDING,
    PREPARED,
    ROLLED_BACK,
    STATE,
    Checkpoint,
    History,
    Kept,
    SavedFile,
    digest,
    stage,
)
from wraptui.system.guard import going_down, not_at_next_boot
from wraptui.system.locks import held
from wraptui.system.machine import Machine
from wraptui.system.sessions import this_session

Tell = Callable[[str], None]

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
OVERDUE = 5.0  # seconds after a deadline, from when on others than the guard may see to what it was to do


class NothingPending(Exception):
    """There is no change that waits for a confirmation."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done. `state` is `pending` (until `deadline`, seconds since the epoch), `kept` or
    `rolled-back`; `problem` says why it was rolled back, or what is left to do; "" when all went well."""

    id: str
    state: str
    steps: tuple[str, ...] = ()
    deadline: float = 0.0
    problem: str = ""
    paths: tuple[str, ...] = ()


def quiet(_: str) -> None:
    """Tells nobody."""


def in_order(files: Iterable[SavedFile]) -> list[SavedFile]:
    """The order in which files are written: who is let in before who is kept out, the way back reversed."""
    rank = {ALLOW: 1, DENY: 2}
    return sorted(files, key=lambda file: rank.get(file.path, 0))


def receipt(checkpoint: Checkpoint) -> Receipt:
    """What the history knows of a change."""
    return Receipt(
        checkpoint.id,
        checkpoint.state,
        checkpoint.steps,
        checkpoint.deadline,
        checkpoint.problem,
        tuple(file.path for file in checkpoint.files),
    )


def waiting(machine: Machine, state: str = STATE) -> tuple[Checkpoint, ...]:
    """The changes that wait for a confirmation, or were interrupted, the newest first."""
    return History(machine, state).unfinished()


def ended(machine: Machine, id: str, state: str = STATE) -> tuple[Receipt, ...]:
    """How a change that waited has ended, whoever ended it; nothing as long as it waits."""
    checkpoint = History(machine, state).checkpoint(id)
    return (receipt(checkpoint),) if checkpoint and not checkpoint.unfinished else ()


def confirm(machine: Machine, id: str = "", *, state: str = STATE) -> Receipt:
    """Keeps the pending change; raises `NothingPending` when there is none (any more)."""
    with held(machine, str(this_session(machine)), state, wait=10):
        history = History(machine, state)
        checkpoint = _unfinished(history, id)
        if checkpoint.state != PENDING:
            raise NothingPending(f"The change {checkpoint.id} was interrupted; only `rollback` can end it.")
        done = history.record(
            checkpoint, state=KEPT, steps=(*checkpoint.steps, _by_whom(machine, "confirmed"))
        )
        clear(machine, checkpoint)
        not_at_next_boot(machine)
        return receipt(done)


def rollback(machine: Machine, id: str = "", *, state: str = STATE, tell: Tell = quiet) -> Receipt:
    """Takes the pending (or interrupted) change back; raises `NothingPending` when there is none."""
    with held(machine, str(this_session(machine)), state, wait=10):
        history = History(machine, state)
        return take_back(history, _unfinished(history, id), _by_whom(machine, "rolled back"), tell=tell)


def recover(machine: Machine, *, state: str = STATE, tell: Tell = quiet) -> tuple[Receipt, ...]:
    """Ends the changes that nobody will end any more: those that were interrupted while being made, and
    those whose deadline has passed. What waits for a confirmation still waits."""
    receipts = []
    with held(machine, str(this_session(machine)), state, wait=10):
        history = History(machine, state)
        tidy(history)
        for checkpoint in history.unfinished():
            receipts += _recovered(history, checkpoint, tell)
    return tuple(receipts)


def _recovered(history: History, checkpoint: Checkpoint, tell: Tell) -> list[Receipt]:
    if checkpoint.state == PENDING and history.machine.now() < checkpoint.deadline:
        return []
    stands = standing(history, checkpoint)
    if stands == "new" and checkpoint.state == PREPARED and not checkpoint.deadline:
        problem = "It was interrupted after all files had been written"
        if checkpoint.daemon:
            problem += "; whether xinetd has reloaded is not known"
        if history.machine.live and filtering.concerned(file.path for file in checkpoint.files):
            try:
                tell(filtering.load(history.machine, read_or_none(history.machine, FILE)))
            except OSError as error:
                problem += f"; the packet filter does not follow: {said(error)}"
        tell(f"{checkpoint.id}: the new files stand. {problem}.")
        done = history.record(checkpoint, state=KEPT, problem=problem)
        clear(history.machine, checkpoint)
        return [receipt(done)]
    why = "nobody confirmed it in time" if checkpoint.state == PENDING else "it was interrupted"
    return [take_back(history, checkpoint, f"rolled back: {why}", tell=tell)]


def standing(history: History, checkpoint: Checkpoint) -> str:
    """Which state the disk holds: `old`, `new`, or `mixed` (some of each, or somebody else's)."""
    states = set()
    for file in checkpoint.files:
        now = read_or_none(history.machine, file.real)
        found = digest(now) if now is not None else ""
        before = file.before.digest if file.before else ""
        after = file.after.digest if file.after else ""
        states.add("same" if before == after == found else _one_of(found, before, after))
    states.discard("same")
    return states.pop() if len(states) == 1 else "mixed" if states else "old"


def _one_of(found: str, before: str, after: str) -> str:
    return "old" if found == before else "new" if found == after else "mixed"


def take_back(
    history: History, checkpoint: Checkpoint, why: str, *, reload: bool = True, tell: Tell = quiet
) -> Receipt:
    """The old files stand again, with what others have written into them since; xinetd reloads. Only under
    the lock. Files that cannot be restored are named in the receipt's `problem`, and the change then stays
    unfinished, so that it is tried again."""
    machine = history.machine
    steps = list(checkpoint.steps)
    problems: list[str] = []

    def step(text: str) -> None:
        steps.append(text)
        tell(text)

    for file in reversed(in_order(checkpoint.files)):
        try:
            done = _patiently_restored(history, checkpoint, file)
        except (OSError, Overtaken) as error:
            if _is_old(machine, file):
                problems.append(f"{file.path} is as it was, but may not be on the disk yet: {said(error)}")
            else:
                problems.append(f"{file.path} could not be restored: {said(error)}")
            continue
        if done:
            step(done)
    if checkpoint.daemon and reload:
        try:
            step(_revive(machine, checkpoint))
        except OSError as error:
            problems.append(f"xinetd: {said(error)}")
    if filtering.concerned(file.path for file in checkpoint.files):
        try:
            now = read_or_none(machine, FILE)
            if told := filtering.put_back(machine, now, only_if_there=not reload):
                step(told)
        except OSError as error:
            problems.append(f"the packet filter could not be restored: {said(error)}")
    step(why)
    state = (
        ROLLED_BACK
        if not any("could not be restored" in problem for problem in problems)
        else checkpoint.state
    )
    text = "; ".join([*([checkpoint.problem] if checkpoint.problem else []), *problems])
    done_with = replace(checkpoint, state=state, steps=tuple(steps), problem=text)
    with suppress(OSError):  # the disk itself tells the next one
        history.record(checkpoint, state=state, steps=tuple(steps), problem=text)
        if state == ROLLED_BACK:
            clear(machine, checkpoint)
            if checkpoint.deadline:
                not_at_next_boot(machine)
    return receipt(done_with)


def _revive(machine: Machine, checkpoint: Checkpoint) -> str:
    """xinetd with the old files: reloaded, or started again where the change had ended it."""
    daemon = xinetd.find(machine)
    if not daemon.pid or not reloading.alive(machine, daemon):
        return reloading.restart(machine, checkpoint.daemon)
    return str(reloading.reload(machine, daemon))


def _patiently_restored(history: History, checkpoint: Checkpoint, file: SavedFile) -> str:
    """`_restore`, again when somebody wrote the file in that very moment."""
    for _ in range(20):
        with suppress(Overtaken):
            return _restore(history, checkpoint, file)
    return _restore(history, checkpoint, file)


def _restore(history: History, checkpoint: Checkpoint, file: SavedFile) -> str:
    """One file as it was; what was done, "" when it already was so."""
    machine = history.machine
    now = read_or_none(machine, file.real)
    if _is_old(machine, file) or _never_written(machine, file, now):
        return ""
    before, after = history.content(checkpoint, file, "before"), history.content(checkpoint, file, "after")
    how = f"{file.path} is as it was"
    if now != after and now is not None:
        if before is None:
            history.note(checkpoint, f"found-{file.number}", now)
            how = f"{file.path} is gone again; what others had written into it is kept in the history"
        else:
            merged = merge(
                file.path, document_of(before, after), document_of(before), Document.from_bytes(now)
            )
            if merged.conflicts:
                history.note(checkpoint, f"found-{file.number}", now)
                how = (
                    f"{file.path} is as it was; what others changed in the same lines is kept in the history"
                )
            else:
                before = merged.document.data
                how = f"{file.path} is without this change, with what others have written since"
    if before is None:
        machine.remove(file.real)
        machine.sync(folder_of(file.real))
        return how
    like = file.before or file.after
    if like is None:
        return ""
    ready = _reads(machine, file.old) == before and _same_meta(machine, file.old, like)
    if not ready:
        stage(machine, file.old, before, like)
    swap(machine, file, file.old, before, now, like)
    return how


def tidy(history: History) -> None:
    """Removes what one of us left behind who was stopped after his change had ended. Only under the lock."""
    history.sweep()
    for id in history.ids()[:3]:
        checkpoint = history.checkpoint(id)
        if checkpoint and not checkpoint.unfinished:
            clear(history.machine, checkpoint)


def _reads(machine: Machine, path: str) -> bytes | None:
    """The file's bytes, None where it cannot be read."""
    try:
        return machine.read(path)
    except OSError:
        return None


def said(error: Exception) -> str:
    """An error's sentence, without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return str(error)


def _same_meta(machine: Machine, path: str, like: Kept) -> bool:
    status = machine.status(path)
    return (status.mode, status.uid, status.gid) == (like.mode, like.uid, like.gid)


def _never_written(machine: Machine, file: SavedFile, now: bytes | None) -> bool:
    """Whether our bytes never stood there: they still wait beside the file, or it never went. Whatever is in
    it is somebody else's, then."""
    if file.after is None:
        return now is not None
    waits = _reads(machine, file.new)
    return waits is not None and digest(waits) == file.after.digest


def _is_old(machine: Machine, file: SavedFile) -> bool:
    try:
        now = read_or_none(machine, file.real)
    except OSError:
        return False
    return (digest(now) if now is not None else "") == (file.before.digest if file.before else "")


def _by_whom(machine: Machine, what: str) -> str:
    return f"{what} by {this_session(machine)}"


def _unfinished(history: History, id: str) -> Checkpoint:
    found: Sequence[Checkpoint] = [each for each in history.unfinished() if id in ("", each.id)]
    if found:
        return found[0]
    ended = history.checkpoint(id) if id else None
    if ended:
        raise NothingPending(f"The change {ended.id} does not wait any more: it is {ended.state}.")
    raise NothingPending(f"No change {id} waits." if id else "No change waits for a confirmation.")


# The guard: a process of its own that waits for the deadline


def guard(machine: Machine, id: str, state: str = STATE, *, beat: float = 0.25) -> int:
    """Waits until the change is ended, its deadline passes, or the process that makes it dies half-way; then
    takes it back. Returns when nothing is left to do: 0 kept or ended by others, 4 rolled back by us."""
    history = History(machine, state)
    checkpoint = history.checkpoint(id)
    if checkpoint is None:
        return 2
    known, ends = -1.0, 0.0
    while checkpoint is not None and checkpoint.unfinished:
        if checkpoint.deadline != known:  # counted by a clock that nobody sets
            known, ends = checkpoint.deadline, time.monotonic() + checkpoint.deadline - machine.now()
        late = bool(_TOLD_TO_END) or time.monotonic() >= ends
        if late or checkpoint.state == PREPARED:
            with suppress(Exception), held(machine, "The guard of a change that nobody confirmed", state):
                checkpoint = history.checkpoint(id)
                if checkpoint is None or not checkpoint.unfinished:
                    break
                if not late and checkpoint.state != PREPARED:
                    continue  # it has just been made, between our look and our lock
                # We hold the lock: nobody makes a change any more that is not made.
                reload, why = True, "nobody confirmed it in time"
                if checkpoint.state == PREPARED:
                    why = "it was interrupted"
                elif _TOLD_TO_END:
                    reload = not going_down(machine)
                    why = "its guard was told to end" if reload else "the machine goes down"
                if take_back(history, checkpoint, f"rolled back: {why}", reload=reload).state == ROLLED_BACK:
                    return 4
                time.sleep(20 * beat)
        time.sleep(beat)
        checkpoint = history.checkpoint(id)
    return 0


_TOLD_TO_END: list[int] = []


def main(words: Sequence[str]) -> int:
    """The guard's process: `python -m wraptui.changes.recovery ROOT STATE ID`; at boot `--boot`."""
    import os
    import signal

    from wraptui.system.machine import machine_at

    if words[0] == "--boot":
        return _after_boot(machine_at(words[1]), words[2])
    root, state, id = words
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    # The machine is going down, or somebody wants us gone: then not unconfirmed.
    signal.signal(signal.SIGTERM, lambda number, _: _TOLD_TO_END.append(number))
    machine = machine_at(root)
    history = History(machine, state)
    checkpoint = history.checkpoint(id)
    if checkpoint is None:
        return 2
    history.note(checkpoint, "guard", str(os.getpid()).encode())
    return guard(machine, id, state)


def _after_boot(machine: Machine, state: str) -> int:
    """Takes back what nobody confirmed before the machine went down; xinetd starts later. What a live guard
    watches is of this boot: systemd has only been told to start its target again."""
    with held(machine, "The recovery at boot", state, wait=10):
        history = History(machine, state)
        if any(_watched(history, each) for each in history.unfinished()):
            return 0
        tidy(history)
        for checkpoint in history.unfinished():
            take_back(history, checkpoint, "rolled back: the machine went down", reload=False)
        not_at_next_boot(machine)
    return 0


def _watched(history: History, checkpoint: Checkpoint) -> bool:
    """Whether the guard of this change runs."""
    try:
        return checkpoint.id in history.machine.command(int(history.noted(checkpoint, "guard")))
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
