"""Where nothing can be shown, a sentence says why: on standard error, with exit code 2, and never as data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.files import Kept
from wraptui.observe import observe
from wraptui.observe.guards import _guards as guards_of
from wraptui.policy.live.coverage import Listener, judge
from wraptui.policy.live.logbook import Event
from wraptui.policy.live.sensor import Replay
from wraptui.policy.xinetd.services import Configuration
from wraptui.system.machine import FileMachine
from wraptui.system.xinetd import Daemon

Run = Callable[..., subprocess.CompletedProcess[str]]

# Each is asked for a tree that is not there; these take --root.
ON_A_TREE = ["audit", "connections", "rules", "services"]


@pytest.mark.parametrize("command", ON_A_TREE)
def test_a_root_that_is_no_directory(wraptui: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        done = wraptui(command, "--root", str(tmp_path / name), "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{name} is not a directory" in done.stderr


def test_a_tree_without_services(wraptui: Run, tmp_path: Path) -> None:
    done = wraptui("services", "--root", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "There are no services: " in done.stderr
    assert json.loads(wraptui("services", "--root", str(tmp_path), "--json").stdout)["services"] == []


def test_a_directory_in_the_place_of_xinetds_file(tmp_path: Path) -> None:
    (tmp_path / "etc/xinetd.conf").mkdir(parents=True)
    notes = observe(FileMachine(str(tmp_path))).notes
    assert "/etc/xinetd.conf is a directory: xinetd reads no services from it." in notes


def test_a_log_that_is_lost_makes_the_list_doubtful_at_once() -> None:
    replay = Replay(7)
    replay.take(
        [
            Event(1000.0, 7, "started", number=1),
            Event(1001.0, 7, "adding", address="203.0.113.9", number=30),
        ]
    )
    assert replay.at(1002.0).certain
    lost = replay.at(1003.0, "/var/log/syslog: Is a directory")
    assert not lost.certain
    assert lost.why == "/var/log/syslog: Is a directory"
    assert [each.address for each in lost.entries] == ["203.0.113.9"]
    assert replay.at(1004.0).certain


def test_what_cannot_be_told_is_not_called_unguarded() -> None:
    unseen = Listener("tcp", "0.0.0.0", 4711, 0, "", "", "unknown")
    of_xinetd = Listener("tcp6", "::", 21, 7, "/usr/sbin/xinetd", "xinetd", "loaded", by_xinetd=True)
    without = Listener("tcp", "127.0.0.1", 80, 8, "/bin/web", "web", "none")
    coverage = judge([unseen, of_xinetd, without], Configuration(starts=True), Kept({}))
    found = list(guards_of(coverage, Configuration(starts=True), Daemon(7)))
    assert [(each.port, each.kind) for each in found] == [(4711, "unknown"), (21, "unknown"), (80, "")]


def test_standard_output_that_takes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wraptui", "rules", "--root", str(tmp_path)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "wraptui: Standard output cannot be written: No space left on device.\n"
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "wraptui: Standard output is closed: nothing can be shown.\n"


def test_a_reader_that_left(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "wraptui", "rules", "--root", str(tmp_path)]
    with open(writing, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_host_without_xinetd_has_nothing_wrong_with_its_services(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.deny").write_text("ALL: ALL\n")
    seen = observe(FileMachine(str(tmp_path)))
    assert [each for each in seen.findings if "xinetd" in each.file + each.code] == []
    assert any("There is no /etc/xinetd.conf" in note for note in seen.notes)
