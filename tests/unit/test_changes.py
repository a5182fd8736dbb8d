"""A change lands whole, keeps owner, mode, attributes and links, and goes back to the very bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wraptui.changes.landing import (
    ChangedMeanwhile,
    Held,
    NotDone,
    NothingPending,
    apply,
    confirm,
    diff_of,
    history,
    propose,
    recover,
    restoring,
    rollback,
    waiting,
)
from wraptui.policy.change.edits import add_rule
from wraptui.system.locks import held
from wraptui.system.machine import FileMachine, Machine
from wraptui.workspace import FileChange, Workspace

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"


def unguarded(machine: Machine, id: str, state: str) -> str:
    """These tests are the guard themselves."""
    return "the test watches"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/access").mkdir(parents=True)
    (tmp_path / "etc/hosts.allow").write_bytes(b"sshd: 192.0.2.0/24\n")
    (tmp_path / "etc/hosts.allow").chmod(0o640)
    (tmp_path / "etc/access/deny").write_bytes(b"# caf\xe9 \xff\nALL: 198.51.100.1\n")
    (tmp_path / "etc/access/deny").chmod(0o604)
    (tmp_path / "etc/hosts.deny").symlink_to("/etc/access/deny")
    return tmp_path


def edited(root: Path) -> tuple[FileChange, ...]:
    workspace = Workspace().with_file(ALLOW, (root / "etc/hosts.allow").read_bytes())
    workspace = workspace.with_file(DENY, (root / "etc/access/deny").read_bytes())
    workspace = workspace.do("allow", *add_rule(ALLOW, workspace.document(ALLOW), "ftpd: 192.0.2.7"))
    workspace = workspace.do("deny", *add_rule(DENY, workspace.document(DENY), "ALL: 203.0.113.0/24", 0))
    return workspace.changes


def look(root: Path) -> dict[str, tuple[bytes, int, int, int]]:
    found = {}
    for path in sorted((root / "etc").rglob("*")):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[str(path.relative_to(root))] = (
                path.read_bytes(),
                stat.S_IMODE(status.st_mode),
                status.st_uid,
                status.st_gid,
            )
    return found


def test_applying_writes_what_was_proposed_and_leaves_nothing_beside(root: Path) -> None:
    machine, before = FileMachine(str(root)), look(root)
    receipt = apply(machine, propose(machine, edited(root)), message="because")
    assert receipt.state == "kept" and receipt.problem == ""
    after = look(root)
    assert after["etc/hosts.allow"] == (
        b"sshd: 192.0.2.0/24\nftpd: 192.0.2.7\n",
        *before["etc/hosts.allow"][1:],
    )
    assert after["etc/access/deny"] == (
        b"ALL: 203.0.113.0/24\n" + before["etc/access/deny"][0],
        *before["etc/access/deny"][1:],
    )
    assert set(after) == set(before)
    assert os.readlink(root / "etc/hosts.deny") == "/etc/access/deny"
    assert not waiting(machine)


def test_the_history_is_private_and_tells_who_why_and_what(root: Path) -> None:
    machine = FileMachine(str(root))
    changes = edited(root)
    receipt = apply(machine, propose(machine, changes), message="because")
    (entry,) = history(machine)
    assert (entry.id, entry.message, entry.state) == (receipt.id, "because", "kept")
    assert str(os.getpid()) in entry.who
    assert diff_of(machine, entry.id) == "".join(change.diff for change in changes)
    folder = root / "var/lib/wraptui"
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_pending_change_is_confirmed_once(root: Path) -> None:
    machine = FileMachine(str(root))
    receipt = apply(machine, propose(machine, edited(root)), confirm_within=60, arm=unguarded)
    assert receipt.state == "pending" and receipt.deadline > machine.now() + 50
    with pytest.raises(NotDone, match="still waits"):
        apply(machine, propose(machine, edited(root)), arm=unguarded)
    after = look(root)
    assert confirm(machine).state == "kept"
    assert {name: value for name, value in look(root).items() if ".wraptui" not in name} == {
        name: value for name, value in after.items() if ".wraptui" not in name
    }
    assert not any(".wraptui" in name for name in look(root))
    with pytest.raises(NothingPending):
        confirm(machine)


def test_rolling_back_is_the_identity_on_bytes_owner_and_mode(root: Path) -> None:
    machine, before = FileMachine(str(root)), look(root)
    apply(machine, propose(machine, edited(root)), confirm_within=60, arm=unguarded)
    assert rollback(machine).state == "rolled-back"
    assert look(root) == before
    with pytest.raises(NothingPending):
        rollback(machine)


@pytest.mark.parametrize("attribute", ["user.note"])
def test_extended_attributes_come_along_both_ways(root: Path, attribute: str) -> None:
    file = root / "etc/hosts.allow"
    try:
        os.setxattr(file, attribute, b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    machine = FileMachine(str(root))
    apply(machine, propose(machine, edited(root)), confirm_within=60, arm=unguarded)
    assert os.getxattr(file, attribute) == b"kept"
    rollback(machine)
    assert os.getxattr(file, attribute) == b"kept"


def test_what_others_wrote_meanwhile_survives_the_way_back(root: Path) -> None:
    machine = FileMachine(str(root))
    apply(machine, propose(machine, edited(root)), confirm_within=60, arm=unguarded)
    with (root / "etc/access/deny").open("ab") as file:
        file.write(b"sshd: 198.51.100.99\n")
    receipt = rollback(machine)
    assert (
        root / "etc/access/deny"
    ).read_bytes() == b"# caf\xe9 \xff\nALL: 198.51.100.1\nsshd: 198.51.100.99\n"
    assert any("others have written" in step for step in receipt.steps)


def test_a_change_of_the_same_lines_by_others_is_kept_in_the_history(root: Path) -> None:
    machine = FileMachine(str(root))
    receipt = apply(machine, propose(machine, edited(root)), confirm_within=60, arm=unguarded)
    deny = root / "etc/access/deny"
    deny.write_bytes(b"ALL: 203.0.113.0/25\n" + deny.read_bytes().split(b"\n", 1)[1])
    rollback(machine)
    assert deny.read_bytes() == b"# caf\xe9 \xff\nALL: 198.51.100.1\n"
    found = root / f"var/lib/wraptui/history/{receipt.id}/found-1"
    assert found.read_bytes().startswith(b"ALL: 203.0.113.0/25\n")


def test_a_file_changed_since_it_was_read_is_not_overwritten(root: Path) -> None:
    machine = FileMachine(str(root))
    proposal = propose(machine, edited(root))
    (root / "etc/hosts.allow").write_bytes(b"somebody else\n")
    before = look(root)
    with pytest.raises(ChangedMeanwhile) as caught:
        apply(machine, proposal)
    assert caught.value.paths == (ALLOW,)
    assert look(root) == before and not history(machine)


def test_a_line_that_comes_between_our_look_and_our_writing_is_not_lost(root: Path) -> None:
    class Crowded(FileMachine):
        def link(self, old: str, new: str) -> None:
            if new.endswith("-late") and "deny" in old:
                with (root / "etc/access/deny").open("ab") as file:
                    file.write(b"sshd: 198.51.100.99\n")
            super().link(old, new)

    before = look(root)
    with pytest.raises(ChangedMeanwhile):
        apply(Crowded(str(root)), propose(FileMachine(str(root)), edited(root)))
    after = look(root)
    data, *rest = before["etc/access/deny"]
    assert after == {**before, "etc/access/deny": (data + b"sshd: 198.51.100.99\n", *rest)}
    assert not waiting(FileMachine(str(root)))


def test_a_line_that_is_appended_to_the_file_we_just_replaced_is_not_lost(root: Path) -> None:
    class Slow(FileMachine):
        appended = False

        def rename(self, old: str, new: str) -> None:
            with (root / "etc/access/deny").open("ab") as file:
                super().rename(old, new)
                if old.endswith("-new") and "deny" in new and not self.appended:
                    self.appended = bool(file.write(b"sshd: 198.51.100.99\n"))

    receipt = apply(Slow(str(root)), propose(FileMachine(str(root)), edited(root)))
    assert receipt.state == "kept"
    assert (root / "etc/access/deny").read_bytes().endswith(b"ALL: 198.51.100.1\nsshd: 198.51.100.99\n")
    assert (root / "etc/access/deny").read_bytes().startswith(b"ALL: 203.0.113.0/24\n")


def test_a_new_file_appears_and_goes_again(root: Path) -> None:
    machine = FileMachine(str(root))
    workspace = Workspace().with_file("/etc/xinetd.d/trap", None)
    (root / "etc/xinetd.d").mkdir()
    path = "/etc/xinetd.d/trap"
    workspace = workspace.do("new", *add_rule(path, workspace.document(path), "service trap"))
    before = look(root)
    apply(machine, propose(machine, workspace.changes), confirm_within=60, arm=unguarded)
    assert (root / "etc/xinetd.d/trap").read_bytes() == b"service trap\n"
    assert stat.S_IMODE((root / "etc/xinetd.d/trap").stat().st_mode) == 0o644
    rollback(machine)
    assert look(root) == before


def test_restoring_is_a_change_of_its_own_and_can_be_restored_again(root: Path) -> None:
    machine, before = FileMachine(str(root)), look(root)
    first = apply(machine, propose(machine, edited(root)))
    after = look(root)
    second = apply(machine, propose(machine, restoring(machine, first.id)), message="back")
    assert look(root) == before
    apply(machine, propose(machine, restoring(machine, second.id)))
    assert look(root) == after
    assert [entry.message for entry in history(machine)].count("back") == 1
    assert len(history(machine)) == 3
    with pytest.raises(NotDone, match="no change"):
        restoring(machine, "20200101-000000-beef")


def test_two_of_us_do_not_write_at_once_and_the_second_learns_who_does(root: Path) -> None:
    machine = FileMachine(str(root))
    with held(machine, "anna on pts/7"), pytest.raises(Held, match="anna on pts/7"):
        apply(machine, propose(machine, edited(root)))
    apply(machine, propose(machine, edited(root)))


def test_recovery_takes_back_at_the_deadline_and_not_before(root: Path) -> None:
    machine, before = FileMachine(str(root)), look(root)
    apply(machine, propose(machine, edited(root)), confirm_within=60, arm=unguarded)
    assert recover(machine) == ()

    class Later(FileMachine):
        def now(self) -> float:
            return super().now() + 61

    (receipt,) = recover(Later(str(root)))
    assert receipt.state == "rolled-back" and look(root) == before


def test_nothing_to_change_is_said(root: Path) -> None:
    machine = FileMachine(str(root))
    with pytest.raises(NotDone, match="nothing"):
        apply(machine, propose(machine, ()))


def test_old_entries_are_pruned_but_the_newest_stay(root: Path) -> None:
    from wraptui.system.checkpoints import History

    machine = FileMachine(str(root))
    for _ in range(12):
        first = apply(machine, propose(machine, edited(root)))
        apply(machine, propose(machine, restoring(machine, first.id)))
    assert len(history(machine)) == 24
    assert History(machine).prune(count=10) == 4
    assert len(history(machine)) == 20
