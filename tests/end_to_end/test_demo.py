"""The private server: real daemons do what they would do anywhere, and nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from wraptui.demo import session
from wraptui.demo.session import Session

FTP, SSH, TELNET, FINGER, POP3, ECHO, BACKUP = 21, 22, 23, 79, 110, 7, 8730
WRAPTUI = (sys.executable, "-m", "wraptui")


def test_xinetd_serves_limits_and_reloads(demo_server: Session) -> None:
    visits = [demo_server.visit("198.51.100.21", FTP) for _ in range(3)]
    assert [visit.heard[:4] for visit in visits] == [b"220 "] * 3
    assert demo_server.visit("198.51.100.21", FTP).gone
    demo_server.wait_for("FAIL: ftp per_source_limit from=::ffff:198.51.100.21")
    assert demo_server.visit("198.51.100.22", FTP).heard.startswith(b"220 ")
    assert demo_server.visit("2001:db8:20::5", FTP).gone
    demo_server.wait_for("FAIL: ftp service_limit from=2001:db8:20::5")
    assert visits[0].say(b"QUIT\r\n").heard == b"221 Goodbye.\r\n"

    path = "/etc/xinetd.d/ftp"
    demo_server.write(path, demo_server.read(path).replace(b"per_source\t= 3", b"per_source\t= 1"))
    demo_server.reload()
    assert "PER_SOURCE = 1" in demo_server.dump()
    assert demo_server.visit("198.51.100.22", FTP).gone


def test_the_trap_catches_and_the_list_bites(demo_server: Session) -> None:
    assert demo_server.visit("203.0.113.77", FTP).heard.startswith(b"220 ")
    assert demo_server.hit("203.0.113.77", TELNET).gone
    demo_server.wait_for("Adding ::ffff:203.0.113.77 to the global_no_access list for 30 minutes")
    assert demo_server.visit("203.0.113.77", FTP).heard == b""
    demo_server.wait_for("FAIL: ftp address from=::ffff:203.0.113.77")


def test_libwrap_decides_for_xinetd_and_for_the_standalone_daemon(demo_server: Session) -> None:
    assert demo_server.visit("198.51.100.30", SSH).heard.startswith(b"SSH-2.0-")
    assert demo_server.visit("2001:db8:10::22", SSH).heard.startswith(b"SSH-2.0-")
    assert demo_server.hit("203.0.113.66", SSH, wait=0.5).heard == b""
    demo_server.wait_for("refused connect from ::ffff:203.0.113.66 (::ffff:203.0.113.66)", name="auth.log")
    assert demo_server.hit("203.0.113.150", FTP).heard == b""
    demo_server.wait_for("libwrap refused connection to ftp (libwrap=in.ftpd) from ::ffff:203.0.113.150")
    told = demo_server.run("tcpdmatch", "in.ftpd", "203.0.113.150")
    assert "access:   denied" in told.stdout


def test_the_operator_has_a_session_of_his_own(demo_server: Session) -> None:
    told = demo_server.run("cat", "/proc/net/tcp").stdout
    with psutil.Process(demo_server.pid).oneshot():
        command = psutil.Process(demo_server.pid).children()
    words = next(p.environ()["SSH_CONNECTION"] for p in command if p.name() == "cat").split()
    assert (words[0], words[2], words[3]) == ("192.0.2.7", "192.0.2.10", "22")
    assert f":{int(words[1]):04X} 0A0200C0:0016 01" in told


def test_it_leaves_the_host_alone(demo_server: Session) -> None:
    demo_server.write("/etc/hosts.deny", b"ALL: ALL\n")
    demo_server.run("sh", "-c", "echo x > /run/trace; echo x > /var/log/trace; echo x > /var/lib/trace")
    for name in ("/run/trace", "/var/log/trace", "/var/lib/trace"):
        assert demo_server.read(name) == b"x\n"
        assert not os.path.exists(name)
    hosts = Path("/etc/hosts.deny")
    assert not hosts.exists() or hosts.read_bytes() != b"ALL: ALL\n"
    assert demo_server.run("cat", "/etc/shadow").returncode == 1


def test_the_exit_code_is_the_commands(real: object, namespaces: None) -> None:
    for words, code in ((["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["/no/such"], 127)):
        assert subprocess.run([*WRAPTUI, "demo", "--quiet", "--", *words]).returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_everything_ends_with_it(real: object, namespaces: None, number: signal.Signals) -> None:
    words = [*WRAPTUI, "demo", "--", "sh", "-c", "echo ready; cat; sleep 1000"]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout and server.stdin
    assert server.stdout.readline() == "ready\n"
    inside = psutil.Process(server.pid).children(recursive=True)
    assert len(inside) > 5
    os.kill(server.pid, number)
    server.wait(10)
    assert not psutil.wait_procs(inside, timeout=5)[1]
    server.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_can_be_ended_at_any_moment_of_its_start(
    real: object, namespaces: None, number: signal.Signals
) -> None:
    for sixteenths in (1, 3, 5):
        server = subprocess.Popen([*WRAPTUI, "demo", "--", "sleep", "1000"], stderr=subprocess.PIPE)
        time.sleep(sixteenths / 16)
        inside = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(number)
        server.wait(10)
        assert not psutil.wait_procs(inside, timeout=5)[1]
        assert b"Traceback" not in server.communicate()[1]


def test_everything_ends_where_it_cannot_have_processes_of_its_own(real: object, namespaces: None) -> None:
    script = (
        "from wraptui.demo import binaries, server\n"
        "words = ['sh', '-c', 'sleep 1000 & cat /run/xinetd.pid; wait']\n"
        "raise SystemExit(server.run(words, binaries.find(), visitors=True, own=False))"
    )
    for number in (signal.SIGKILL, signal.SIGTERM):
        words = [sys.executable, "-c", script]
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdout and server.stdin
        daemon = psutil.Process(int(server.stdout.readline()))
        assert daemon.name() == "xinetd"
        inside = psutil.Process(server.pid).children(recursive=True)
        assert daemon in inside and len(inside) > 5
        os.kill(server.pid, number)
        server.wait(10)
        assert not psutil.wait_procs(inside, timeout=5)[1]
        server.communicate()


def test_with_visitors_every_pane_lives(real: object, namespaces: None) -> None:
    with session.started(visitors=True) as server:
        server.wait_for("to the global_no_access list for 30 minutes", seconds=15)
        server.wait_for("FAIL: ftp libwrap from=", seconds=15)
        server.wait_for("FAIL: pop3 per_source_limit", seconds=15)
        assert server.dump().split("Server table dump:")[1].count("ftp server") == 3
        complaints = server.read("/run/demo/complaints")
    assert complaints == b""


def test_two_servers_do_not_see_each_other(demo_server: Session) -> None:
    with session.started() as other:
        other.visit("198.51.100.21", FTP)
        other.wait_for("START: ftp")
        assert "START: ftp" not in demo_server.log()
        assert demo_server.daemon() > 0


def test_its_help_names_the_command(wraptui: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    told = wraptui("demo", "--help")
    assert told.returncode == 0
    assert "--no-clients" in told.stdout
