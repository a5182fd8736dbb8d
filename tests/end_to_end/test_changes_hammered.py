"""Two of us and a program that appends, all at one file at once: no line is lost, none is there twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

from wraptui.changes.landing import (
    ChangedMeanwhile,
    Held,
    NotDone,
    Receipt,
    apply,
    confirm,
    propose,
    rollback,
)
from wraptui.changes.recovery import waiting
from wraptui.policy.change.edits import add_rule
from wraptui.system.machine import FileMachine, Machine
from wraptui.workspace import Workspace

DENY = "/etc/hosts.deny"
SECONDS = 20.0 if os.environ.get("CI") else 4.0


def unguarded(machine: Machine, id: str, state: str) -> str:
    return "the test watches"


def operator(root: str, number: int, stop: Event, done: str) -> None:
    """Adds rules one by one, as a console does: read, edit, apply, rebase when somebody was faster. Every
    third change has a deadline and is confirmed, every fifth is rolled back."""
    machine = FileMachine(root)
    chance = random.Random(number)
    made: list[str] = []
    count = 0
    ends = time.time() + SECONDS
    while not stop.is_set():
        count += 1
        rule = f"ALL: 10.{number}.{count >> 8}.{count & 255}"
        workspace = Workspace().with_file(DENY, machine.read(DENY))
        workspace = workspace.do(
            "add", *add_rule(DENY, workspace.document(DENY), rule, chance.choice([0, 1, -1]))
        )
        how = "back" if count % 5 == 0 else "confirmed" if count % 3 == 0 else "at once"
        while True:
            assert time.time() < ends + 30, "nobody gets through"
            try:
                proposal = propose(machine, workspace.changes, days=0)
                within = 0.0 if how == "at once" else 60.0
                receipt = apply(machine, proposal, confirm_within=within, arm=unguarded)
            except ChangedMeanwhile:
                workspace, conflicts = workspace.rebased({DENY: machine.read(DENY)})
                assert not conflicts
            except (Held, NotDone):
                time.sleep(chance.random() / 100)
            else:
                break
        if receipt.state == "pending":
            ended = patiently(rollback if how == "back" else confirm, machine, receipt.id)
            assert ended == ("rolled-back" if how == "back" else "kept")
        if receipt.state != "rolled-back" and how != "back":
            made.append(rule)
        time.sleep(chance.random() / 50)
    Path(done).write_text("\n".join(made))


def patiently(end: Callable[..., Receipt], machine: Machine, id: str) -> str:
    while True:
        try:
            return end(machine, id).state
        except Held:
            time.sleep(0.005)


def appender(root: str, number: int, stop: Event, done: str) -> None:
    """Does what `echo rule >> hosts.deny` does, which is what fail2ban does."""
    chance = random.Random(number)
    made: list[str] = []
    while not stop.is_set():
        rule = f"ALL: 172.{number}.{len(made) >> 8}.{len(made) & 255}"
        descriptor = os.open(f"{root}{DENY}", os.O_WRONLY | os.O_APPEND)
        if chance.random() < 0.3:
            time.sleep(chance.random() / 200)  # the file may be replaced between opening and writing
        os.write(descriptor, f"{rule}\n".encode())
        os.close(descriptor)
        made.append(rule)
        time.sleep(chance.random() / 50)
    Path(done).write_text("\n".join(made))


def test_nobody_loses_a_line(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_text("# the beginning\nsshd: 192.0.2.1\n")
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    writers = [
        context.Process(target=target, args=(str(tmp_path), number, stop, str(tmp_path / f"done-{number}")))
        for number, target in ((1, operator), (2, operator), (16, appender), (17, appender))
    ]
    for writer in writers:
        writer.start()
    time.sleep(SECONDS)
    stop.set()
    for writer in writers:
        writer.join(40)
    ends = [writer.exitcode for writer in writers]
    for writer in writers:
        writer.kill()
    assert ends == [0, 0, 0, 0]
    lines = (tmp_path / "etc/hosts.deny").read_text().splitlines()
    made = [line for path in tmp_path.glob("done-*") for line in path.read_text().splitlines()]
    assert len(made) > 50
    assert sorted(lines) == sorted(["# the beginning", "sshd: 192.0.2.1", *made])
    assert not waiting(FileMachine(str(tmp_path)))
