"""Changes land on a server of the real daemons, and what nobody confirms, or what goes wrong, comes back."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pexpect
import psutil
import pytest

from tests import newest
from wraptui.demo.session import Session

ALLOW, DENY, FTP, MAIN = "/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.d/ftp", "/etc/xinetd.conf"
OPERATOR, CUSTOMER = "192.0.2.7", "198.51.100.7"
FTP_PORT, SSH_PORT = 21, 22
CUT_OFF = ("--deny", "sshd: ALL", "--replace", f"{ALLOW}=/dev/null")


def standing(server: Session) -> dict[str, tuple[bytes, int, int, int]]:
    found = {}
    for path in (ALLOW, DENY, FTP, MAIN):
        status = os.stat(server.path(path))
        found[path] = (server.read(path), status.st_mode, status.st_uid, status.st_gid)
    return found


def welcome(server: Session, source: str, port: int) -> bool:
    """Whether a real connection from that address is served."""
    return bool(server.hit(source, port, wait=3).heard)


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def pending(server: Session) -> list[dict[str, object]]:
    found = json.loads(server.wraptui("pending", "--json").stdout)
    assert isinstance(found, list)
    return found


def killed(terminal: pexpect.spawn[str]) -> None:
    """The program in the terminal is killed (not what left its session before), and the terminal goes."""
    outer = psutil.Process(terminal.pid)
    session = os.getsid(outer.pid)
    for each in [*outer.children(recursive=True), outer]:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(each.pid) == session:
                os.kill(each.pid, signal.SIGKILL)
    terminal.close(force=True)


def test_a_change_lands_byte_for_byte_and_restoring_it_brings_everything_back(demo_server: Session) -> None:
    before = standing(demo_server)
    assert welcome(demo_server, CUSTOMER, FTP_PORT)
    done = demo_server.wraptui(
        "apply", "--set", "ftp.per_source=2", "--deny", "ALL: 203.0.113.0/25", "--no-confirm", "-m", "a scan"
    )
    assert done.returncode == 0, done.stderr
    assert "as foreseen" in done.stdout
    after = standing(demo_server)
    assert after[DENY][0] == before[DENY][0] + b"ALL: 203.0.113.0/25\n"
    assert after[FTP][0] == before[FTP][0].replace(b"per_source\t= 3", b"per_source\t= 2") != before[FTP][0]
    assert [after[path][1:] for path in after] == [before[path][1:] for path in before]
    assert {path for path in after if after[path] != before[path]} == {DENY, FTP}
    # The real daemons do as the files say.
    visits = [demo_server.visit(CUSTOMER, FTP_PORT) for _ in range(3)]
    assert [bool(visit.heard) for visit in visits] == [True, True, False]
    demo_server.wait_for(f"FAIL: ftp per_source_limit from=::ffff:{CUSTOMER}")
    entries = json.loads(demo_server.wraptui("history", "--json").stdout)
    assert [entry["message"] for entry in entries] == ["a scan"]
    back = demo_server.wraptui("restore", str(entries[0]["id"]), "--no-confirm")
    assert back.returncode == 0, back.stderr
    assert standing(demo_server) == before
    assert demo_server.log().count("Reconfigured:") == 2
    demo_server.visit(CUSTOMER, FTP_PORT)
    assert len(json.loads(demo_server.wraptui("history", "--json").stdout)) == 2


def test_who_would_lock_himself_out_is_refused_and_nothing_is_written(demo_server: Session) -> None:
    before = standing(demo_server)
    done = demo_server.wraptui("apply", *CUT_OFF)
    assert done.returncode == 3
    assert "could not come in again to sshd" in done.stderr and OPERATOR in done.stderr
    assert standing(demo_server) == before and pending(demo_server) == []


SHELL = b"""service shell
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = 2300
	wait = no
	user = root
	server = /bin/sh
}
"""


def test_who_came_by_a_service_of_xinetd_is_known_by_the_process_above_him(demo_server: Session) -> None:
    """As by telnet: nothing in the environment tells, and there are no login records."""
    user = demo_server.run("id", "-un").stdout.strip().encode()
    demo_server.write("/etc/xinetd.d/shell", SHELL.replace(b"root", user))
    demo_server.reload()
    visit = demo_server.visit(CUSTOMER, 2300, wait=0.1)
    for change in (b"--set shell.disable=yes", b"--deny 'sh: ALL'", b"--set ftp.instances=1"):
        visit = visit.say(b"env -u SSH_CONNECTION wraptui diff " + change + b"; echo over\n", wait=10)
        told = visit.heard
        while not told.endswith(b"over\n"):
            assert not visit.gone, told
            visit = visit.hear(10)
            told += visit.heard
        refused = f"from {CUSTOMER}, process".encode() in told and b"could not come in again to shell" in told
        assert refused == (change != b"--set ftp.instances=1"), told


def test_locked_out_by_force_the_door_opens_again_at_the_deadline(demo_server: Session) -> None:
    before = standing(demo_server)
    done = demo_server.wraptui("apply", *CUT_OFF, "--even-if-locked-out", "--confirm-within", "600")
    assert done.returncode == 0, done.stderr
    assert not welcome(demo_server, OPERATOR, SSH_PORT)
    assert len(pending(demo_server)) == 1
    newest.let_the_time_pass(demo_server)
    until(lambda: pending(demo_server) == [])
    assert standing(demo_server) == before
    assert welcome(demo_server, OPERATOR, SSH_PORT)
    (entry,) = json.loads(demo_server.wraptui("history", "--json").stdout)
    assert entry["state"] == "rolled-back" and "nobody confirmed it in time" in entry["steps"][-1]


def test_the_terminal_is_gone_and_the_program_killed_but_the_guard_is_not(demo_server: Session) -> None:
    before = standing(demo_server)
    words = ["wraptui", "apply", *CUT_OFF, "--even-if-locked-out", "--confirm-within", "600", "--wait"]
    command = demo_server.inside(sys.executable, "-m", *words)
    terminal = pexpect.spawn(
        command[0], command[1:], env=demo_server.environment, timeout=30, encoding="latin-1"
    )
    terminal.expect("Applied as|written")
    until(lambda: bool(pending(demo_server)) and pending(demo_server)[0]["state"] == "pending")
    killed(terminal)
    assert not welcome(demo_server, OPERATOR, SSH_PORT)
    newest.let_the_time_pass(demo_server)
    until(lambda: pending(demo_server) == [])
    assert standing(demo_server) == before
    assert welcome(demo_server, OPERATOR, SSH_PORT)


def test_a_change_is_confirmed_from_another_login_and_stays(demo_server: Session) -> None:
    assert (
        demo_server.wraptui("apply", "--deny", "ALL: 203.0.113.9", "--confirm-within", "60").returncode == 0
    )
    waiting = pending(demo_server)
    assert [each["files"] for each in waiting] == [[DENY]]
    assert demo_server.wraptui("confirm").returncode == 0
    until(lambda: b"wraptui.changes.recovery" not in _commands(demo_server))  # nobody would take it back
    assert demo_server.read(DENY).endswith(b"ALL: 203.0.113.9\n")
    assert demo_server.wraptui("rollback").returncode == 1


def test_rolling_back_from_another_login_undoes_it_before_the_deadline(demo_server: Session) -> None:
    before = standing(demo_server)
    done = demo_server.wraptui("apply", "--set", "ftp.instances=1", "--confirm-within", "60")
    assert done.returncode == 0 and standing(demo_server) != before
    assert demo_server.wraptui("rollback").returncode == 0
    assert standing(demo_server) == before
    assert demo_server.log().count("Reconfigured:") == 2


def test_a_change_that_ends_xinetd_is_undone_and_xinetd_runs_again(demo_server: Session) -> None:
    before, daemon = standing(demo_server), demo_server.daemon()
    words = ("apply", "--set", "defaults.instances=many")
    assert demo_server.wraptui(*words).returncode == 3
    done = demo_server.wraptui(*words, "--even-if-locked-out", "--no-confirm")
    assert done.returncode == 4, done.stdout + done.stderr
    assert standing(demo_server) == before
    assert demo_server.daemon() != daemon
    assert welcome(demo_server, CUSTOMER, FTP_PORT)


def test_a_service_that_does_not_come_up_as_foreseen_is_undone(demo_server: Session) -> None:
    """The port is taken by a program that xinetd does not know of, and that no reading of files can tell."""
    before = standing(demo_server)
    words = ["--set", "finger.type=UNLISTED", "--set", "finger.protocol=tcp", "--set", "finger.port=22"]
    done = demo_server.wraptui("apply", *words, "--no-confirm")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "bind failed" in done.stdout
    assert standing(demo_server) == before
    visit = demo_server.visit(CUSTOMER, 79, wait=0.5)  # it waits for a question
    assert not visit.gone and not visit.problem


@pytest.mark.parametrize("at", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_killed_at_any_moment_of_a_real_apply_the_old_files_come_back(
    demo_server: Session, at: float
) -> None:
    before = standing(demo_server)
    words = (
        "wraptui",
        "apply",
        "--deny",
        "ALL: 203.0.113.9",
        "--set",
        "ftp.instances=1",
        "--confirm-within",
        "2",
    )
    command = demo_server.inside(sys.executable, "-m", *words)
    child = pexpect.spawn(
        command[0], command[1:], env=demo_server.environment, timeout=30, encoding="latin-1"
    )
    child.expect("per_source")  # the diff: from here on it writes
    time.sleep(at)
    killed(child)
    until(lambda: b"wraptui.changes.recovery" not in _commands(demo_server))
    assert standing(demo_server) == before
    # Where not even the guard had been started nothing was written, and the next one clears that away.
    assert [each["state"] for each in pending(demo_server)] in ([], ["prepared"])
    assert demo_server.wraptui("apply", "--deny", "ALL: 203.0.113.10", "--no-confirm").returncode == 0
    assert pending(demo_server) == []
    assert welcome(demo_server, CUSTOMER, FTP_PORT)


def _commands(server: Session) -> bytes:
    found = b""
    for name in os.listdir(server.path("/proc")):
        if name.isdigit():
            try:
                found += server.read(f"/proc/{name}/cmdline")
            except OSError:
                continue
    return found


def test_a_rule_with_an_end_refuses_until_then_and_is_gone_afterwards(demo_server: Session) -> None:
    before = standing(demo_server)
    done = demo_server.wraptui("apply", "--deny", "in.fingerd: 198.51.100.7", "--for", "4s", "--no-confirm")
    assert done.returncode == 0, done.stderr
    assert b"# wraptui: until 20" in demo_server.read(DENY)
    until(lambda: standing(demo_server) == before)
    entries = json.loads(demo_server.wraptui("history", "--json").stdout)
    assert entries[0]["message"] == "the time of these rules is over"
    until(lambda: b"wraptui.changes.expiry" not in _commands(demo_server))


def test_a_session_that_the_reload_would_kill_is_named_and_really_is_killed(demo_server: Session) -> None:
    visit = demo_server.visit(CUSTOMER, FTP_PORT)
    assert not visit.gone
    diff = demo_server.wraptui("diff", "--set", "ftp.disable=yes")
    assert f"kills 1 running session: ftp from {CUSTOMER}" in diff.stdout.replace("::ffff:", "")
    assert "kills" not in demo_server.wraptui("diff", "--set", "ftp.instances=1").stdout
    assert demo_server.wraptui("apply", "--set", "ftp.instances=1", "--no-confirm").returncode == 0
    assert not visit.hear(0.5).gone
    assert demo_server.wraptui("apply", "--set", "ftp.disable=yes", "--no-confirm").returncode == 0
    assert visit.hear(3).gone


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "ftp.per_source=1"),
        ("--set", "ftp.only_from=192.0.2.1"),
        ("--set", "ftp.instances=many"),
        ("--set", "ftp.id=files"),
        ("--set", "ftp.bind=192.0.2.10"),
        ("--set", "ftp.flags=IPv4"),
        ("--set", "ftp.wait=yes"),
        ("--set", "ftp.server=/no/such/server"),
        ("--set", "ftp.type=UNLISTED", "--set", "ftp.protocol=tcp", "--set", "ftp.port=2121"),
        ("--replace", f"{FTP}=/dev/null"),
        ("--set", "ftp.nonsense=1"),
        ("--set", "defaults.instances=50"),
    ],
    ids=lambda words: " ".join(words[1::2]),
)
def test_what_a_reload_does_to_sessions_and_services_is_what_was_foreseen(
    demo_server: Session, words: tuple[str, ...]
) -> None:
    visit = demo_server.visit(CUSTOMER, FTP_PORT)
    assert visit.heard and not visit.gone
    warnings = json.loads(demo_server.wraptui("diff", "--json", *words).stdout)["warnings"]
    killed = any("kills 1 running session" in text for text in warnings)
    done = demo_server.wraptui("apply", *words, "--no-confirm")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as foreseen" in done.stdout and "which was not foreseen" not in done.stdout
    assert visit.hear(1).gone == killed
