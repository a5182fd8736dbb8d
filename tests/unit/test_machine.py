"""The machine's files: links stay in their root, nothing waits, nothing is followed where it must not be."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import pytest

from wraptui.system.files import Remembered, Tree, fingerprint
from wraptui.system.machine import FileMachine, LocalMachine, Machine, machine_at


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"outside")
    (tmp_path / "root/secret").write_bytes(b"inside")
    (tmp_path / "root/etc/hosts").write_bytes(b"h\xff\n")
    return Tree(str(tmp_path / "root"))


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("/secret", b"inside"),
        ("../../../../secret", b"inside"),
        ("hosts", b"h\xff\n"),
        ("/etc/./hosts", b"h\xff\n"),
    ],
)
def test_links_inside_a_root_lead_inside_it(tree: Tree, target: str, content: bytes) -> None:
    os.symlink(target, f"{tree.root}/etc/link")
    assert tree.read("/etc/link") == content
    assert tree.status("/etc/link").size == len(content)


def test_a_link_to_a_folder_leads_inside_too(tree: Tree) -> None:
    os.symlink("/etc", f"{tree.root}/conf")
    assert tree.read("/conf/hosts") == b"h\xff\n"
    assert tree.real("/conf/hosts") == "/etc/hosts"
    assert tree.names("/conf") == ["hosts"]


def test_links_in_a_circle_are_an_error(tree: Tree) -> None:
    os.symlink("b", f"{tree.root}/a")
    os.symlink("a", f"{tree.root}/b")
    with pytest.raises(OSError, match="symbolic links"):
        tree.read("/a")


def test_what_is_no_regular_file_is_refused_at_once(tree: Tree) -> None:
    os.mkfifo(f"{tree.root}/pipe")
    with pytest.raises(OSError, match="Not a regular file"):
        tree.read("/pipe")
    with pytest.raises(IsADirectoryError):
        tree.read("/etc")
    with pytest.raises(FileNotFoundError):
        tree.read("/etc/a\0b")
    assert tree.read("/dev/null") == b""


def test_executable_is_any_execute_bit_or_a_directory(tree: Tree) -> None:
    assert not tree.executable("/etc/hosts")
    os.chmod(f"{tree.root}/etc/hosts", 0o654)
    assert tree.executable("/etc/hosts")
    assert tree.executable("/etc")
    assert not tree.executable("/none")


def test_create_is_exclusive_and_rename_replaces_the_name_only(tree: Tree) -> None:
    tree.create("/etc/new", b"1\n", 0o640)
    assert stat.S_IMODE(os.stat(f"{tree.root}/etc/new").st_mode) == 0o640
    with pytest.raises(FileExistsError):
        tree.create("/etc/new", b"2\n")
    os.symlink("/secret", f"{tree.root}/etc/link")
    tree.rename("/etc/new", "/etc/link")
    assert tree.read("/etc/link") == b"1\n"
    assert tree.read("/secret") == b"inside"
    tree.remove("/etc/link")
    assert tree.names("/etc") == ["hosts"]


def test_remembered_files_know_when_they_changed(tree: Tree) -> None:
    long_ago = time.time() - 60
    os.utime(f"{tree.root}/etc/hosts", (long_ago, long_ago))
    files = Remembered(tree)
    files.read("/etc/hosts")
    files.names("/etc")
    with pytest.raises(FileNotFoundError):
        files.read("/etc/none")
    assert files.unchanged()
    assert dict(files.fingerprints)["/etc/hosts"] == fingerprint(tree, "/etc/hosts")
    Path(f"{tree.root}/etc/none").write_bytes(b"")
    assert not files.unchanged()


def test_a_file_written_this_very_moment_is_not_believed(tree: Tree) -> None:
    Path(f"{tree.root}/etc/hosts").write_bytes(b"x")
    files = Remembered(tree)
    files.read("/etc/hosts")
    assert not files.unchanged()


@pytest.mark.parametrize("change", ["content", "mode", "replaced", "gone"])
def test_a_change_of_any_kind_is_a_new_fingerprint(tree: Tree, change: str) -> None:
    path = f"{tree.root}/etc/hosts"
    before = fingerprint(tree, "/etc/hosts")
    status = os.stat(path)
    if change == "content":
        Path(path).write_bytes(b"H\xff\n")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "mode":
        os.chmod(path, 0o600)
    elif change == "replaced":
        Path(path + ".new").write_bytes(b"h\xff\n")
        os.replace(path + ".new", path)
    else:
        os.unlink(path)
    assert fingerprint(tree, "/etc/hosts") != before


def test_a_command_runs_without_a_shell_and_ends_in_time() -> None:
    machine = LocalMachine()
    ran = machine.run([sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "$HOME;*"])
    assert (ran.code, ran.output) == (3, b"['$HOME;*']\n")
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="did not end"):
        machine.run(["sleep", "30"], timeout=0.1)
    assert time.monotonic() - began < 5
    with pytest.raises(FileNotFoundError):
        machine.run(["/nonexistent/program"])


def test_a_tree_of_files_has_nothing_that_runs(tree: Tree) -> None:
    machine: Machine = machine_at(tree.root)
    assert isinstance(machine, FileMachine)
    assert not machine.live
    assert tree.root in machine.note
    assert machine.sockets() == () and machine.processes() == ()
    assert machine.process(os.getpid()) is None
    with pytest.raises(ProcessLookupError):
        machine.signal(os.getpid(), 0)
    with pytest.raises(FileNotFoundError):
        machine.run(["true"])
    with pytest.raises(NotADirectoryError):
        machine_at(f"{tree.root}/etc/hosts")
    assert isinstance(machine_at("/"), LocalMachine)


@pytest.mark.parametrize("pid", [0, -1])
def test_a_signal_never_goes_to_a_group(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        LocalMachine().signal(pid, 0)
