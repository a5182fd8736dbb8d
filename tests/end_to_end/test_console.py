"""The console at a real terminal: where it refuses, what it costs, and that a lost terminal loses nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest

from tests.pilot.stage import FILES, tree
from tests.terminal import terminal
from wraptui.tui.desk import UNSAVED

COMMAND = [sys.executable, "-m", "wraptui", "console", "--root"]


def test_no_terminal_is_refused_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, str(tmp_path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("wraptui: The console needs a terminal")


def test_no_such_root_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with terminal([*COMMAND, str(tmp_path / "nowhere")]) as console:
        assert console.ended() == 2
        assert "nowhere is not a directory" in " ".join(console.text.split())


def test_a_dumb_terminal_is_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "TERM": "dumb"}
    words = ["/usr/bin/env", "TERM=dumb", *COMMAND, str(tmp_path)]
    with terminal(words, environment=environment) as console:
        assert console.ended() == 2
        assert "cannot draw a screen" in console.text


@pytest.mark.parametrize("how", ["hang up", "close", "SIGTERM"])
def test_a_lost_terminal_ends_it_and_the_edits_are_kept(tmp_path: Path, how: str) -> None:
    machine = tree(str(tmp_path))
    with terminal([*COMMAND, str(tmp_path)]) as console:
        console.wait("in.ftpd: 198.51.100.0/24")
        console.press("4", "space")
        console.wait("1 edit not applied")
        pid = console.child.pid
        assert pid is not None
        if how == "close":
            with suppress(pexpect.ExceptionPexpect):  # it only complains that the child is not gone at once
                console.child.close(force=False)
        else:
            os.kill(pid, signal.SIGHUP if how == "hang up" else signal.SIGTERM)
            console.ended(10)
        until = time.monotonic() + 10
        while running(pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not running(pid)
    kept = machine.read(UNSAVED).decode()
    assert "disable line 2" in kept
    assert {path: machine.read(path).decode() for path in FILES} == FILES


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False


def test_tiny_then_large_terminal(tmp_path: Path) -> None:
    tree(str(tmp_path))
    with terminal([*COMMAND, str(tmp_path)], 20, 5) as console:
        console.wait("wraptui")
        console.press("4", "down", "?", "escape", "a", "escape")
        console.resize(120, 36)
        console.wait("3 limits")
        console.press("q")
        assert console.ended() == 0


def test_a_terminal_without_utf8(tmp_path: Path) -> None:
    tree(str(tmp_path))
    words = ["/usr/bin/env", "LC_ALL=C", "PYTHONCOERCECLOCALE=0", "PYTHONUTF8=0", "PYTHONIOENCODING=latin-1"]
    with terminal([*words, *COMMAND, str(tmp_path)]) as console:
        console.wait("in.ftpd: 198.51.100.0/24")
        assert re.search(r"\+ allow", console.text)
        console.press("q")
        assert console.ended() == 0


def test_keys_typed_fast_are_all_taken(tmp_path: Path) -> None:
    tree(str(tmp_path))
    with terminal([*COMMAND, str(tmp_path)]) as console:
        console.wait("in.ftpd: 198.51.100.0/24")
        console.child.send("4asshd\t10.0.0.1 10.0.0.2\r")
        console.wait("1 edit not applied")
        console.wait("sshd: 10.0.0.1 10.0.0.2")


def test_nothing_happens_nothing_is_sent(tmp_path: Path) -> None:
    tree(str(tmp_path))
    with terminal([*COMMAND, str(tmp_path)]) as console:
        console.wait("in.ftpd: 198.51.100.0/24")
        console.read(2)
        before = console.sent
        console.read(4)
        assert console.sent == before
