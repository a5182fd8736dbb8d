"""A look at a tree of files: what is missing is said, the unchanged is not read again, nothing crashes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wraptui.observe import Memory, Snapshot, observe, watch
from wraptui.observe.guards import Guard
from wraptui.system.files import Status
from wraptui.system.machine import FileMachine
from wraptui.system.sockets import Connection

SERVICE = """\
service echo
{
\tid = echo-tcp
\ttype = INTERNAL UNLISTED
\tport = 7
\tprotocol = tcp
\tsocket_type = stream
\twait = no
\tuser = root
}
"""


class Counting(FileMachine):
    """Files that count what is read of them."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.read_files: list[str] = []

    def read(self, path: str) -> bytes:
        self.read_files.append(path)
        return super().read(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/xinetd.d").mkdir(parents=True)
    (tmp_path / "etc/hosts.allow").write_bytes(b"sshd: 192.0.2.0/24\n")
    (tmp_path / "etc/hosts.deny").write_bytes(b"ALL: /etc/bad\n")
    (tmp_path / "etc/bad").write_bytes(b"203.0.113.9\n")
    (tmp_path / "etc/passwd").write_bytes(b"root:x:0:0:root:/root:/bin/sh\n")
    (tmp_path / "etc/protocols").write_bytes(b"tcp 6 TCP\n")
    (tmp_path / "etc/xinetd.conf").write_bytes(b"includedir /etc/xinetd.d\n")
    (tmp_path / "etc/xinetd.d/echo").write_text(SERVICE)
    long_ago(tmp_path)
    return tmp_path


def long_ago(root: Path) -> None:
    """No file is so young that it may still change unnoticed."""
    import os

    for path in root.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def test_files_are_shown_and_what_is_missing_is_said(root: Path) -> None:
    (root / "etc/hosts.deny").unlink()
    snapshot = observe(FileMachine(str(root)))
    assert [(each.service.id, each.state) for each in snapshot.services] == [("echo-tcp", "unknown")]
    assert snapshot.tables
    assert [rule.daemons.strip() for rule in snapshot.tables.allow.rules] == ["sshd"]
    assert not snapshot.live
    assert snapshot.visits == ()
    notes = " ".join(snapshot.notes)
    assert "Only the files below" in notes
    assert "There is no /etc/hosts.deny" in notes


def test_an_empty_tree_is_a_look_too(tmp_path: Path) -> None:
    snapshot = observe(FileMachine(str(tmp_path)))
    assert snapshot.services == ()
    missing = [note for note in snapshot.notes if note.startswith("There is no ")]
    assert [note.split()[3].rstrip(":") for note in missing] == [
        "/etc/hosts.allow",
        "/etc/hosts.deny",
        "/etc/xinetd.conf",
    ]


def test_an_unchanged_tree_is_read_once_and_looks_the_same(root: Path) -> None:
    machine = Counting(str(root))
    memory = Memory(machine)
    first = observe(machine, memory)
    read = list(machine.read_files)
    assert {"/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.d/echo"} <= set(read)
    second = observe(machine, memory)
    assert machine.read_files == read
    assert second == first
    assert (second.number, first.number) == (2, 1)
    assert second.configuration is first.configuration
    assert second.tables is first.tables


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("etc/hosts.allow", b"ALL: ALL\n"),
        ("etc/xinetd.d/echo", SERVICE.replace("echo-tcp", "echo-new").encode()),
        ("etc/xinetd.d/other", SERVICE.replace("= 7\n", "= 8\n").replace("echo-tcp", "other").encode()),
    ],
)
def test_a_changed_or_new_file_is_seen(root: Path, path: str, data: bytes) -> None:
    machine = FileMachine(str(root))
    memory = Memory(machine)
    first = observe(machine, memory)
    (root / path).write_bytes(data)
    second = observe(machine, memory)
    assert second != first
    assert second.fingerprints != first.fingerprints
    (root / path).unlink()
    third = observe(machine, memory)
    assert third != second


def test_findings_come_with_the_files_and_go_with_the_fault(root: Path) -> None:
    machine = FileMachine(str(root))
    memory = Memory(machine)
    assert [each for each in observe(machine, memory).findings if each.severity > 0] == []
    (root / "etc/hosts.deny").write_bytes(b"ALL: 10.0.0.1/8\n")
    (root / "etc/xinetd.d/echo").write_text(SERVICE.replace("wait = no", "wait = perhaps"))
    found = {(each.code, each.file, each.line) for each in observe(machine, memory).findings}
    assert ("host-bits", "/etc/hosts.deny", 1) in found
    assert ("xinetd-bad-value", "/etc/xinetd.d/echo", 8) in found
    (root / "etc/hosts.deny").write_bytes(b"ALL: 10.0.0.0/8\n")
    assert "host-bits" not in {each.code for each in observe(machine, memory).findings}


def test_a_long_table_is_checked_aside(root: Path) -> None:
    rules = "".join(f"ALL: 10.0.{number // 250}.{number % 250}/8\n" for number in range(2500))
    (root / "etc/hosts.deny").write_text(rules)
    machine = FileMachine(str(root))
    memory = Memory(machine)
    first = observe(machine, memory)
    assert first.findings == ()
    assert any("still being checked" in note for note in first.notes)
    for _ in range(600):
        time.sleep(0.05)
        if (last := observe(machine, memory)).findings:
            break
    assert sum(each.code == "host-bits" for each in last.findings) == 2499  # 10.0.0.0/8 has none
    assert not any("still being checked" in note for note in last.notes)


def test_a_file_that_vanishes_while_it_is_read_is_only_missing(root: Path) -> None:
    class Vanishing(FileMachine):
        def read(self, path: str) -> bytes:
            if path == "/etc/xinetd.d/echo":
                raise FileNotFoundError(2, "No such file or directory", path)
            return super().read(path)

    assert observe(Vanishing(str(root))).services == ()


def test_a_file_that_may_not_be_read_is_said(root: Path) -> None:
    class Forbidding(FileMachine):
        def read(self, path: str) -> bytes:
            raise PermissionError(13, "Permission denied", path)

        def status(self, path: str) -> Status:
            if path.startswith("/etc/xinetd.d/"):
                raise PermissionError(13, "Permission denied", path)
            return super().status(path)

    notes = observe(Forbidding(str(root))).notes
    assert "/etc/hosts.allow cannot be read: Permission denied. To libwrap that is an error." in notes
    assert not any(note.startswith("There is no ") for note in notes)


@given(junk=st.lists(st.binary(max_size=300), min_size=4, max_size=4))
def test_junk_in_any_file_is_no_crash(junk: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("junk")
    (root / "etc/xinetd.d").mkdir(parents=True)
    for name, data in zip(("hosts.allow", "hosts.deny", "xinetd.conf", "xinetd.d/x"), junk, strict=True):
        extra = b"includedir /etc/xinetd.d\n" if name == "xinetd.conf" else b""
        (root / "etc" / name).write_bytes(extra + data)
    assert isinstance(observe(FileMachine(str(root))), Snapshot)


def test_watching_numbers_its_looks_and_stops(root: Path) -> None:
    stop = threading.Event()
    numbers = []
    for snapshot in watch(FileMachine(str(root)), 0.0, stop):
        numbers.append(snapshot.number)
        if len(numbers) == 3:
            stop.set()
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("listener", "local", "fits"),
    [
        (("tcp6", "::"), ("tcp6", "::ffff:192.0.2.1"), 1),
        (("tcp", "0.0.0.0"), ("tcp", "192.0.2.1"), 2),
        (("tcp", "192.0.2.1"), ("tcp", "192.0.2.1"), 3),
        (("tcp", "192.0.2.2"), ("tcp", "192.0.2.1"), 0),
        (("tcp", "0.0.0.0"), ("tcp6", "2001:db8::1"), 0),
    ],
)
def test_a_connection_belongs_to_the_closest_listener(
    listener: tuple[str, str], local: tuple[str, str], fits: int
) -> None:
    guard = Guard(*listener, 21, "xinetd", "ftp", "in.ftpd", "")
    assert guard.fits(Connection(*local, 21, "198.51.100.1", 4000, "ESTABLISHED")) == fits
    assert guard.fits(Connection(*local, 22, "198.51.100.1", 4000, "ESTABLISHED")) == 0
