"""Processes as /proc tells them: the same as psutil sees, and the owners of sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from wraptui.system.processes import Processes

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program that waits for the end of its input; ended after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def starting(code: str = "", **options: object) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", f"import sys, os, socket\n{code}\nprint(flush=True); sys.stdin.read()"]
        options = {"stdin": subprocess.PIPE, **options}
        child = subprocess.Popen(words, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
        running.append(child)
        assert child.stdout.readline()
        return child  # type: ignore[no-any-return]

    yield starting
    for child in running:
        child.kill()
        child.communicate()


def test_a_process_is_what_psutil_says_it_is(start: Start) -> None:
    child = start("sum(range(3_000_000))")
    found, theirs = Processes().get(child.pid), psutil.Process(child.pid)
    assert found
    assert (found.parent, found.uid) == (os.getpid(), os.geteuid())
    assert found.name == theirs.name()
    assert found.argv0 == os.path.basename(sys.executable)
    assert found.started == pytest.approx(theirs.create_time(), abs=1.1)  # psutil counts from whole seconds
    assert found.memory == theirs.memory_info().vms
    times = theirs.cpu_times()
    assert found.cpu == pytest.approx(times.user + times.system, abs=0.05)
    assert Processes().command(child.pid) == tuple(theirs.cmdline())


def test_start_times_do_not_flicker() -> None:
    processes = Processes()
    assert len({processes.get(os.getpid()) and processes.get(os.getpid()).started for _ in range(50)}) == 1  # type: ignore[union-attr]


def test_the_end_of_a_process_is_an_empty_answer(start: Start) -> None:
    child = start()
    processes = Processes()
    assert child.pid in [each.pid for each in processes.children(os.getpid())]
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert child.pid not in [each.pid for each in processes.children(os.getpid())]
    child.wait()
    assert processes.get(child.pid) is None
    assert processes.command(child.pid) == ()
    assert processes.executable(child.pid) == ""
    with pytest.raises(FileNotFoundError):
        processes.libraries(child.pid)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("sshd: root [priv]", "sshd"),
        ("/usr/sbin/in.ftpd", "in.ftpd"),
        ("sshd:", "sshd"),
        ("a b", "a b"),
        ("", ""),
    ],
)
def test_the_first_argument_is_the_programs_name(start: Start, title: str, name: str) -> None:
    sleeper = subprocess.Popen([title, "60"], executable="/bin/sleep")
    try:
        processes = Processes()
        while processes.command(sleeper.pid)[1:] != ("60",):  # not yet that program
            assert processes.get(sleeper.pid)
        found = processes.get(sleeper.pid)
        assert found
        assert found.argv0 == name
    finally:
        sleeper.kill()
        sleeper.wait()


def test_libraries_are_those_in_memory() -> None:
    names = [os.path.basename(path) for path in Processes().libraries(os.getpid())]
    assert any(name.startswith(("libc.so", "libc-")) for name in names)
    assert not any(name.startswith("libwrap") for name in names)


def _inode(end: socket.socket) -> int:
    return os.fstat(end.fileno()).st_ino


def test_owners_are_found_and_followed_to_a_child(start: Start) -> None:
    processes = Processes()
    one, other = socket.socketpair()
    with one, other:
        inodes = {_inode(one), _inode(other)}
        assert processes.owners(inodes) == dict.fromkeys(inodes, os.getpid())
        child = start(stdin=one)  # as a forking server hands a connection over
        inode = _inode(one)
        one.close()
        assert processes.owners(inodes) == {_inode(other): os.getpid(), inode: child.pid}
        child.kill()
        child.wait()
        assert processes.owners(inodes) == {_inode(other): os.getpid()}


def test_likely_processes_are_believed_first(start: Start) -> None:
    one, other = socket.socketpair()
    with one, other:
        child = start(stdin=one)  # held by both now
        assert Processes().owners({_inode(one)}, [child.pid]) == {_inode(one): child.pid}


def test_a_reused_descriptor_is_a_new_socket() -> None:
    processes = Processes()
    one, other = socket.socketpair()
    inode, number = _inode(one), one.fileno()
    with other:
        for _ in range(2):
            assert processes.owners({inode, _inode(other)})[inode] == os.getpid()
        one.close()
        with socket.socket() as third:
            assert third.fileno() == number
            assert processes.owners({_inode(third), _inode(other)})[_inode(third)] == os.getpid()


def test_what_nobody_is_seen_to_hold_is_left_out() -> None:
    assert Processes().owners({0, 2**32 + 5}) == {}


def test_this_process_has_our_network() -> None:
    assert Processes().here(os.getpid())
