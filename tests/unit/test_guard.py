"""The guard is there before the first byte, in a session of its own; a power cut does not help a change."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import psutil
import pytest

from wraptui.changes.landing import Receipt, apply, confirm, propose, rollback, waiting
from wraptui.changes.recovery import guard, main
from wraptui.cli.applying import awaited
from wraptui.policy.change.edits import add_rule
from wraptui.system.checkpoints import KEPT, PENDING, PREPARED, STATE, History
from wraptui.system.guard import UNIT, WANTED, at_next_boot, not_at_next_boot, spawn_apart
from wraptui.system.machine import FileMachine, Machine
from wraptui.workspace import FileChange, Workspace

DENY = "/etc/hosts.deny"


class WithSystemd(FileMachine):
    """A root that looks as if systemd ran it, and nobody but us changed it."""

    privileged = True


@pytest.fixture
def machine(tmp_path: Path) -> WithSystemd:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/hosts.deny").write_bytes(b"sshd: 192.0.2.1\n")
    return WithSystemd(str(tmp_path))


def changes(machine: FileMachine) -> tuple[FileChange, ...]:
    workspace = Workspace().with_file(DENY, machine.read(DENY))
    return workspace.do("add", *add_rule(DENY, workspace.document(DENY), "ALL: 203.0.113.7")).changes


def by_boot_alone(machine: Machine, id: str, state: str) -> str:
    """The machine will go down before any process could do anything."""
    return at_next_boot(machine, "wraptui.changes.recovery", ["--boot", machine.root, state])


def test_what_a_power_cut_leaves_is_taken_back_at_boot(machine: WithSystemd) -> None:
    apply(machine, propose(machine, changes(machine)), confirm_within=60, arm=by_boot_alone)
    unit = Path(machine.root + UNIT).read_text()
    assert '"-m" "wraptui.changes.recovery" "--boot" ' in unit and "xinetd.service ssh.service" in unit
    assert Path(machine.root + WANTED).read_text() == "[Unit]\nWants=wraptui-recover.service\n"
    assert main(["--boot", machine.root, "/var/lib/wraptui"]) == 0
    assert machine.read(DENY) == b"sshd: 192.0.2.1\n" and not waiting(machine)
    assert not Path(machine.root + UNIT).exists() and not Path(machine.root + WANTED).exists()


@pytest.mark.parametrize("end", [confirm, rollback])
def test_nothing_is_left_for_the_next_boot_when_the_change_has_ended(
    machine: WithSystemd, end: Callable[..., Receipt]
) -> None:
    apply(machine, propose(machine, changes(machine)), confirm_within=60, arm=by_boot_alone)
    assert Path(machine.root + WANTED).exists()
    end(machine)
    assert os.listdir(machine.root + "/etc/systemd/system") == ["multi-user.target.d"]
    assert os.listdir(machine.root + "/etc/systemd/system/multi-user.target.d") == []


def test_without_systemd_or_root_no_unit_is_written(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    assert at_next_boot(WithSystemd(str(tmp_path)), "m", []) == ""
    not_at_next_boot(WithSystemd(str(tmp_path)))
    assert os.listdir(tmp_path / "etc") == []


def test_where_no_unit_can_be_written_the_guard_watches_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_bytes(b"sshd: 192.0.2.1\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd").write_bytes(b"no folder")
    machine = WithSystemd(str(tmp_path))
    receipt = apply(machine, propose(machine, changes(machine)), confirm_within=60)
    assert receipt.state == "pending"
    assert "but no boot after a power cut would take it back: Not a directory" in receipt.steps[1]
    rollback(machine)
    assert (
        machine.read(DENY) == b"sshd: 192.0.2.1\n" and (tmp_path / "etc/systemd").read_bytes() == b"no folder"
    )


def test_words_with_a_meaning_to_systemd_are_spelled_so_that_they_have_none(machine: WithSystemd) -> None:
    at_next_boot(machine, "m", ['a "b" \\ 100% $HOME'])
    assert r'"a \"b\" \\ 100%% $$HOME"' in Path(machine.root + UNIT).read_text()


class MadeMeanwhile(FileMachine):
    """The change is made at the very moment at which the guard, who saw it unmade, asks for the lock."""

    made = False

    @contextmanager
    def locked(self, path: str) -> Iterator[None]:
        if not self.made:
            self.made = True
            history = History(FileMachine(self.root))
            (prepared,) = history.unfinished()
            history.record(prepared, state=PENDING, deadline=self.now() + 600)
            Timer(0.3, confirm, [FileMachine(self.root)]).start()
        with super().locked(path):
            yield


def test_what_is_made_between_the_guards_look_and_its_lock_is_not_taken_back(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_bytes(b"sshd: 192.0.2.1\n")
    history = History(FileMachine(str(tmp_path)))
    checkpoint = history.prepare(
        [(DENY, b"ALL: 203.0.113.7\n")], who="", message="", deadline=time.time() + 600
    )
    assert checkpoint.state == PREPARED
    machine = MadeMeanwhile(str(tmp_path))
    assert guard(machine, checkpoint.id, beat=0.05) == 0
    assert machine.made and [each.state for each in history.checkpoints()] == [KEPT]


def test_a_guard_that_is_killed_is_back(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_bytes(b"sshd: 192.0.2.1\n")
    machine = FileMachine(str(tmp_path))
    receipt = apply(machine, propose(machine, changes(machine)), confirm_within=600)
    noted = tmp_path / f"var/lib/wraptui/history/{receipt.id}/guard"
    first = noted.read_text()
    os.kill(int(first), signal.SIGKILL)
    until = time.monotonic() + 20
    while (second := noted.read_text()) == first:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert waiting(machine)
    os.kill(int(second), signal.SIGTERM)
    while waiting(machine):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert machine.read(DENY) == b"sshd: 192.0.2.1\n"


def test_who_waits_for_the_end_sees_to_it_where_no_guard_does(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_bytes(b"sshd: 192.0.2.1\n")
    machine = FileMachine(str(tmp_path))
    proposal = propose(machine, changes(machine))
    receipt = apply(machine, proposal, confirm_within=60, arm=lambda machine, id, state: "nobody watches")
    (pending,) = waiting(machine)
    History(machine).record(pending, deadline=time.time() - 60)
    assert awaited(machine, receipt, STATE).state == "rolled-back"
    assert machine.read(DENY) == b"sshd: 192.0.2.1\n"


def test_the_guard_is_nobodys_child_and_has_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_bytes(b"sshd: 192.0.2.1\n")
    machine = FileMachine(str(tmp_path))
    receipt = apply(machine, propose(machine, changes(machine)), confirm_within=30)
    pid = int((tmp_path / f"var/lib/wraptui/history/{receipt.id}/guard").read_text())
    process = psutil.Process(pid)
    try:
        assert os.getsid(pid) not in (os.getsid(0), 0) and process.terminal() is None
        assert process.ppid() != os.getpid() and process.cwd() == "/"
        assert [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
    finally:
        process.terminate()  # which it takes for the end of the machine
        gone = time.monotonic() + 10
        while waiting(machine) and time.monotonic() < gone:
            time.sleep(0.05)
    assert machine.read(DENY) == b"sshd: 192.0.2.1\n" and not waiting(machine)


def test_words_of_a_command_are_never_shell_text(tmp_path: Path) -> None:
    spawn_apart(["/bin/sh", "-c", 'printf %s "$1" > "$2"', "sh", "$(echo no); `no`", str(tmp_path / "out")])
    until = time.monotonic() + 5
    while not (tmp_path / "out").exists() or not (tmp_path / "out").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (tmp_path / "out").read_text() == "$(echo no); `no`"
