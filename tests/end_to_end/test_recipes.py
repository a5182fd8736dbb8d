"""Every recipe takes effect on the real daemons of the private server, and one restore undoes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import lacking
from wraptui.demo import binaries
from wraptui.demo.session import Session

FILES = ("/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.conf")


def files(server: Session) -> dict[str, bytes]:
    """Every file that the two daemons read, and the banners."""
    found = {name: server.read(name) for name in FILES}
    for folder in ("/etc/xinetd.d", "/etc/banners"):
        path = Path(server.path(folder))
        found |= {f"{folder}/{each.name}": each.read_bytes() for each in path.glob("*")}
    return found


@contextmanager
def applied(server: Session, *words: str) -> Iterator[str]:
    """The recipe applied for the time of a `with`, then taken back by one restore; what it said."""
    before = files(server)
    done = server.wraptui("recipe", *words, "--apply", "--no-confirm")
    assert done.returncode == 0, done.stderr + done.stdout
    assert files(server) != before
    yield done.stdout
    newest = json.loads(server.wraptui("history", "--json").stdout)[0]["id"]
    undone = server.wraptui("restore", newest, "--no-confirm")
    assert undone.returncode == 0, undone.stderr
    assert files(server) == before


def user_of(server: Session) -> str:
    """Whom the server's services run as."""
    entry = server.read("/etc/xinetd.d/ftp").decode().split("\n")
    return next(line.split()[2] for line in entry if "user" in line)


def eventually(server: Session, path: str, text: bytes) -> bytes:
    """What stands in a file of the server when the text does."""
    end = time.monotonic() + 5
    while text not in (found := server.read(path)):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def vsftpd() -> str:
    """The real vsftpd, unpacked if need be."""
    try:
        return binaries.find((*binaries.SERVER, "vsftpd")).program("vsftpd")
    except binaries.BinariesMissing as error:
        lacking(str(error))
        raise


CONFIGURATION = b"""listen=YES
listen_port=2121
background=NO
tcp_wrappers=YES
anonymous_enable=NO
local_enable=YES
run_as_launching_user=YES
seccomp_sandbox=NO
one_process_model=NO
"""

GREETED = """
import ftplib
ftp = ftplib.FTP()
print(ftp.connect("192.0.2.10", 2121, 5, source_address=("198.51.100.21", 0)))
"""


@contextmanager
def ftp_server(server: Session, program: str) -> Iterator[None]:
    """vsftpd with tcp_wrappers=YES on port 2121."""
    server.write("/etc/vsftpd.conf", CONFIGURATION)
    words = server.inside(program, "/etc/vsftpd.conf")
    process = subprocess.Popen(
        words, env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        end = time.monotonic() + 10
        while server.hit("198.51.100.21", 2121).problem:
            assert process.poll() is None and time.monotonic() < end, process.stdout
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate()


def greeting(server: Session) -> str:
    told = server.run(sys.executable, "-c", GREETED)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_a_real_ftp_client_is_greeted_by_a_real_vsftpd(demo_server: Session, vsftpd: str) -> None:
    with ftp_server(demo_server, vsftpd):
        assert greeting(demo_server) == "220 (vsFTPd 3.0.3)\n"
        with applied(demo_server, "banner", "--daemon", "vsftpd", "--text", "Hello, %c.\\n100%% logged."):
            assert greeting(demo_server) == (
                "220-Hello, 198.51.100.21.\n220-100% logged.\n220 (vsFTPd 3.0.3)\n"
            )
            other = demo_server.hit("198.51.100.21", 21).heard
            assert other.startswith(b"220 server")  # another daemon says what it said
        assert greeting(demo_server) == "220 (vsFTPd 3.0.3)\n"


def test_an_xinetd_service_shows_the_banner_to_whom_it_lets_in_alone(demo_server: Session) -> None:
    with applied(demo_server, "banner", "--daemon", "in.ftpd", "--text", "Hello, %a from %%."):
        by_rule = demo_server.hit("198.51.100.21", 21).heard
        by_default = demo_server.hit("192.0.2.31", 21).heard
        assert by_rule.startswith(b"220-Hello, 198.51.100.21 from %.\r\n220 server.")
        assert by_default.startswith(b"220-Hello, 192.0.2.31 from %.\r\n220 server.")
        assert demo_server.hit("203.0.113.150", 21).heard == b""  # hosts.deny refuses it still
    assert demo_server.hit("198.51.100.21", 21).heard.startswith(b"220 server")


def test_a_refused_connection_stands_in_the_warning_log(demo_server: Session) -> None:
    log = "/var/log/attacks"
    words = ("warning", "--network", "198.51.100.0/24", "--daemon", "in.ftpd", "--log", log)
    assert demo_server.hit("198.51.100.77", 21).heard.startswith(b"220 ")
    with applied(demo_server, *words):
        assert Path(demo_server.path(log)).stat().st_mode & 0o777 == 0o600
        assert demo_server.hit("198.51.100.77", 21).heard == b""
        line = eventually(demo_server, log, b"\n").decode()
        assert line.endswith(" in.ftpd: refused 198.51.100.77 (198.51.100.77)\n")
        assert line[:4].isdigit() and line[4] == "-"
        assert demo_server.hit("192.0.2.31", 21).heard.startswith(b"220 ")  # not of that network
    assert demo_server.hit("198.51.100.77", 21).heard.startswith(b"220 ")
    assert demo_server.read(log).decode() == line  # what was logged is kept


def test_a_hostile_name_is_only_text_in_the_log(demo_server: Session) -> None:
    """Here the daemon's name is what may hold any byte; libwrap treats all that it expands alike."""
    name = "-e%s%n\\n';id>/run/caught;'$(id)`id`"
    path = "/etc/xinetd.d/ftp"
    entry = demo_server.read(path).replace(b"{", b"{\n\tlibwrap = " + name.encode(), 1)
    demo_server.write(path, entry)
    demo_server.reload()
    with applied(demo_server, "warning", "--network", "198.51.100.0/24", "--log", "/var/log/attacks"):
        assert demo_server.hit("198.51.100.77", 21).heard == b""
        line = eventually(demo_server, "/var/log/attacks", b"\n").decode()
        assert line[20:] == "-e%s%n_n__id_/run/caught____id__id_: refused 198.51.100.77 (198.51.100.77)\n"
        assert not Path(demo_server.path("/run/caught")).exists()


def test_what_would_lock_the_operator_out_is_refused_and_leaves_nothing(demo_server: Session) -> None:
    before = files(demo_server)
    words = ("recipe", "warning", "--network", "192.0.2.0/24", "--log", "/var/log/new")
    shown = demo_server.wraptui(*words)
    assert (shown.returncode, "from where you work" in shown.stdout) == (3, True)
    refused = demo_server.wraptui(*words, "--apply", "--no-confirm")
    assert refused.returncode == 3
    assert files(demo_server) == before
    assert not Path(demo_server.path("/var/log/new")).exists()


def test_a_warning_may_let_in_and_run_a_script(demo_server: Session) -> None:
    script, told = "/usr/local/sbin/alarm", "/var/log/alarm"
    demo_server.write(script, f'#!/bin/sh\necho "$#:$1:$2:$3" >> {told}\n'.encode())
    words = ("warning", "--network", "203.0.113.150", "--script", script, "--verdict", "allow")
    assert demo_server.wraptui("recipe", *words).returncode == 2  # it cannot be run
    demo_server.run("chmod", "0755", script)
    assert demo_server.hit("203.0.113.150", 21).heard == b""
    if os.geteuid():  # a plain user's private server is his, and a script that is not root's is refused
        refused = demo_server.wraptui("recipe", *words)
        assert (refused.returncode, "Others than root may change" in refused.stderr) == (2, True)
        return
    with applied(demo_server, *words):
        assert demo_server.hit("203.0.113.150", 21).heard.startswith(b"220 ")
        line = eventually(demo_server, told, b"\n").decode()
        assert line == "3:in.ftpd:203.0.113.150:203.0.113.150\n"


def test_a_trap_catches_and_everybody_refuses(demo_server: Session) -> None:
    guest = "203.0.113.40"
    before = files(demo_server)
    shown = demo_server.wraptui("recipe", "trap")
    assert (shown.returncode, "+service trap-2323" in shown.stdout) == (0, True)
    assert files(demo_server) == before  # a plan changes nothing
    assert demo_server.hit("192.0.2.31", 21).heard.startswith(b"220 ")
    with applied(demo_server, "trap", "--deny-time", "FOREVER") as told:
        assert "Trap on port 2323" in told  # 23 is a trap already
        assert demo_server.hit("203.0.113.41", 21).heard.startswith(b"220 ")
        assert demo_server.hit(guest, 21).heard.startswith(b"220 ")
        assert demo_server.hit(guest, 2323).heard == b""
        demo_server.wait_for(f"Adding ::ffff:{guest} to the global_no_access list for -1 minutes")
        assert demo_server.hit(guest, 21).heard == b""
        assert demo_server.hit("203.0.113.41", 21).heard.startswith(b"220 ")
    assert demo_server.hit(guest, 2323).problem  # nobody listens any more


def test_a_trap_is_ipv4_where_a_service_is(demo_server: Session) -> None:
    path = "/etc/xinetd.d/ftp"
    demo_server.write(path, demo_server.read(path).replace(b"{", b"{\n\tflags = IPv4", 1))
    demo_server.reload()
    with applied(demo_server, "trap", "--port", "4444", "--name", "honey"):
        assert demo_server.hit("203.0.113.40", 21).heard.startswith(b"220 ")
        demo_server.hit("203.0.113.40", 4444)
        demo_server.wait_for("Adding 203.0.113.40 to the global_no_access list for 60 minutes")
        assert demo_server.hit("203.0.113.40", 21).heard == b""  # an IPv4 socket
        assert demo_server.hit("203.0.113.40", 79).heard == b""  # and a dual one


def test_a_refusal_has_the_raised_severity(demo_server: Session) -> None:
    """The listener that stands for sshd logs with facility auth; raised, its line goes where local0 goes."""
    assert demo_server.hit("203.0.113.66", 22).heard == b""
    demo_server.wait_for("refused connect from", name="auth.log")
    with applied(
        demo_server, "severity", "--daemon", "sshd", "--network", "203.0.113.0/24", "--facility", "local0"
    ):
        assert demo_server.hit("203.0.113.66", 22).heard == b""
        line = next(
            each
            for each in demo_server.wait_for("sshd[").split("\n")
            if "refused connect" in each and "sshd[" in each
        )
        assert "203.0.113.66" in line or "guesser.example.org" in line
    assert demo_server.log("auth.log").count("refused connect from") == 1


WRAPPED = """service wrapped
{{
	type        = UNLISTED
	flags       = NAMEINARGS NOLIBWRAP IPv4
	socket_type = stream
	protocol    = tcp
	port        = 2100
	wait        = no
	user        = {user}
	server      = {tcpd}
	server_args = /usr/local/sbin/in.ftpd
}}
"""

LISTENING = """
import os, socket, sys
os.rename("/dev/log", "/dev/log.kept")
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
log.settimeout(10)
visit = socket.create_connection(("192.0.2.10", 2100), 5, source_address=("203.0.113.9", 0))
try:
    while b"refused" not in (line := log.recv(4096)):
        pass
    print(line.decode("latin-1"))
finally:
    os.rename("/dev/log.kept", "/dev/log")
"""


def test_the_real_log_socket_gets_the_very_priority(demo_server: Session, real: binaries.Binaries) -> None:
    """tcpd, the wrapper of the book, logs to /dev/log: facility auth (4), level crit (2).

    xinetd itself, which asks for the same name, logs its refusal as before."""
    tcpd = Path(real.tcpdmatch).with_name("tcpd")
    user = user_of(demo_server)
    demo_server.write("/etc/xinetd.d/wrapped", WRAPPED.format(tcpd=tcpd, user=user).encode())
    demo_server.reload()
    words = (
        "severity",
        "--daemon",
        "in.ftpd",
        "--network",
        "203.0.113.0/24",
        "--facility",
        "auth",
        "--level",
        "crit",
    )
    with applied(demo_server, *words) as plan:
        assert "xinetd itself asks" not in plan  # tcpd asks for it as well
        told = demo_server.run(sys.executable, "-c", LISTENING)
        assert told.stdout.startswith(f"<{4 * 8 + 2}>"), told.stderr
        assert "refused connect from 203.0.113.9" in told.stdout
        assert demo_server.hit("203.0.113.40", 21).heard == b""
        demo_server.wait_for("FAIL: ftp libwrap from=::ffff:203.0.113.40")
        assert "203.0.113.40" not in demo_server.log("auth.log")


def test_limits_refuse_as_the_plan_says(demo_server: Session) -> None:
    with applied(
        demo_server, "limits", "--service", "ftp", "--instances", "2", "--per-source", "1", "--cps", "6 2"
    ):
        first = demo_server.visit("192.0.2.31", 21)
        assert first.heard.startswith(b"220 ")
        assert demo_server.hit("192.0.2.31", 21).heard == b""
        demo_server.wait_for("FAIL: ftp per_source_limit from=::ffff:192.0.2.31")
        second = demo_server.visit("192.0.2.32", 21)
        assert second.heard.startswith(b"220 ")
        assert demo_server.hit("192.0.2.33", 21).heard == b""
        demo_server.wait_for("FAIL: ftp service_limit from=::ffff:192.0.2.33")
        for _ in range(20):
            demo_server.hit("192.0.2.34", 21, wait=0.2)
        demo_server.wait_for(
            "Deactivating service ftp due to excessive incoming connections.  Restarting in 2"
        )
        first.leave()
        second.leave()
        demo_server.wait_for("Activating service ftp")


def test_limits_come_from_the_history(demo_server: Session) -> None:
    for _ in range(21):
        demo_server.hit("198.51.100.31", 7, wait=0.08)
    staying = [demo_server.visit("198.51.100.30", 7, wait=0.08) for _ in range(4)]
    few = demo_server.wraptui("recipe", "limits", "--service", "finger")
    assert (few.returncode, "says too little" in few.stderr) == (2, True)
    plan = json.loads(demo_server.wraptui("recipe", "limits", "--service", "echo-stream", "--json").stdout)
    assert [each.split(":")[0] for each in plan["does"]][:2] == ["instances = 6", "per_source = 6"]
    seen, stopped = plan["samples"]
    assert seen["text"].startswith("25 connections; at once at most 4, from one source 4 (198.51.100.30)")
    assert stopped["text"] == "nobody"
    words = (
        "limits",
        "--service",
        "echo-stream",
        "--per-source",
        "2",
        "--instances",
        "keep",
        "--cps",
        "keep",
    )
    with applied(demo_server, *words) as told:
        assert "198.51.100.30: 2 of 4 connections, by per_source" in told
        assert "198.51.100.30 has 4 connections now, more than it may have." in told
        assert demo_server.hit("198.51.100.30", 7, wait=0.3).gone
        assert not demo_server.hit("198.51.100.31", 7, wait=0.3).gone
    for each in staying:
        each.leave()


CHILD = """service {name}
{{
	type        = UNLISTED
	socket_type = stream
	protocol    = tcp
	port        = {port}
	wait        = no
	user        = {user}
	server      = /usr/local/sbin/{name}
}}
"""
HUNGRY = "#!/bin/sh\nblock=$(head -c 60000000 /dev/zero | tr '\\0' x)\nprintf 'got %d' \"${#block}\"\n"
BUSY = "#!/bin/sh\nprintf 'busy'\nwhile :; do :; done\n"


def test_children_really_hit_their_limits(demo_server: Session) -> None:
    user = user_of(demo_server)
    for name, port, program in (("hungry", 4001, HUNGRY), ("busy", 4002, BUSY)):
        demo_server.write(f"/usr/local/sbin/{name}", program.encode())
        demo_server.run("chmod", "0755", f"/usr/local/sbin/{name}")
        demo_server.write(f"/etc/xinetd.d/{name}", CHILD.format(name=name, port=port, user=user).encode())
    demo_server.reload()
    assert demo_server.hit("192.0.2.31", 4001, wait=10).heard == b"got 60000000"
    keep = ("--instances", "keep", "--per-source", "keep", "--cps", "keep")
    with applied(demo_server, "limits", "--service", "hungry", *keep, "--rlimit-as", "32M"):
        refused = demo_server.hit("192.0.2.31", 4001, wait=10)
        assert b"got" not in refused.heard
        assert refused.gone
        assert "EXIT: hungry status=" in demo_server.wait_for("EXIT: hungry", 2)
        assert "EXIT: hungry status=0" not in demo_server.log().rpartition("Reconfigured")[2]
    assert demo_server.hit("192.0.2.31", 4001, wait=10).heard == b"got 60000000"
    with applied(demo_server, "limits", "--service", "busy", *keep, "--rlimit-cpu", "1"):
        visit = demo_server.visit("192.0.2.31", 4002)
        assert visit.heard == b"busy"
        assert not visit.gone
        ended = demo_server.wait_for("EXIT: busy signal=", seconds=20)
        assert any(f"EXIT: busy signal={number} " in ended for number in (24, 9))  # SIGXCPU, SIGKILL


@contextmanager
def some_load(server: Session) -> Iterator[float]:
    """A load average of the server's that is surely more than nothing: where the machine is idle, made by one
    process that computes until it shows (which is once in 5 s)."""
    end = time.monotonic() + 120
    busy: subprocess.Popen[bytes] | None = None
    try:
        while (load := float(server.read("/proc/loadavg").split()[0])) < 0.05:
            assert time.monotonic() < end, "this kernel counts no load"
            busy = busy or subprocess.Popen(["nice", sys.executable, "-c", "while True: pass"])
            time.sleep(0.5)
    finally:
        if busy:
            busy.kill()
            busy.wait()
    yield load


def test_max_load_refuses_by_the_real_load(demo_server: Session) -> None:
    keep = ("--instances", "keep", "--per-source", "keep", "--cps", "keep")
    words = ("limits", "--service", "ftp", *keep, "--max-load")
    with some_load(demo_server) as load:
        told = demo_server.wraptui("recipe", *words, "0.01")
        assert (told.returncode, "everyone would be refused" in told.stderr) == (2, True), load
        with applied(demo_server, *words, "9999"):
            assert demo_server.hit("192.0.2.31", 21).heard.startswith(b"220 ")  # 9999 is not reached
            entry = demo_server.read("/etc/xinetd.d/ftp")
            assert entry.count(b"= 9999") == 1
            demo_server.write("/etc/xinetd.d/ftp", entry.replace(b"= 9999", b"= 0.01"))
            demo_server.reload()
            assert demo_server.hit("192.0.2.31", 21).heard == b""
            demo_server.wait_for("FAIL: ftp load from=::ffff:192.0.2.31")
            told = demo_server.wraptui("explain", "--service", "ftp", "192.0.2.31")
            assert "from 0.01 on everyone is refused" in told.stdout
            demo_server.write("/etc/xinetd.d/ftp", entry)
            demo_server.reload()
            assert demo_server.hit("192.0.2.31", 21).heard.startswith(b"220 ")


def test_default_deny_keeps_who_is_here_and_who_came_and_nobody_else(demo_server: Session) -> None:
    here = demo_server.visit("198.51.100.21", 21)  # by a rule
    by_default = demo_server.visit("203.0.113.40", 21)  # by none
    assert demo_server.hit("192.0.2.99", 21).heard.startswith(b"220 ")
    assert demo_server.hit("203.0.113.150", 21).heard == b""  # hosts.deny
    assert demo_server.hit("203.0.113.41", 22).heard == b""
    with applied(demo_server, "default-deny") as told:
        assert "192.0.2.7 to sshd (works here)" in told
        assert "203.0.113.40 to ftp (connected)" in told
        assert "192.0.2.99 to ftp (came 1 times)" in told
        for welcome in ("198.51.100.21", "203.0.113.40", "192.0.2.99"):
            assert demo_server.hit(welcome, 21).heard.startswith(b"220 "), welcome
        assert demo_server.hit("192.0.2.7", 22).heard.startswith(b"SSH-")
        for stranger in ("192.0.2.98", "203.0.113.150", "2001:db8:bad::5"):
            assert demo_server.hit(stranger, 21).heard == b"", stranger
        assert demo_server.hit("203.0.113.41", 22).heard == b""
    assert demo_server.hit("192.0.2.98", 21).heard.startswith(b"220 ")
    assert not here.hear(0.1).gone and not by_default.hear(0.1).gone


def test_default_deny_keeps_everybody_whoever_asks_libwrap(
    demo_server: Session, real: binaries.Binaries
) -> None:
    """tcpd that asks by itself, sshd's sessions, IPv6, a name: each is kept, and their neighbours are not."""
    tcpd = Path(real.tcpdmatch).with_name("tcpd")
    entry = WRAPPED.format(tcpd=tcpd, user=user_of(demo_server))
    demo_server.write("/etc/xinetd.d/wrapped", entry.encode())
    demo_server.write("/usr/local/sbin/in.waitd", b"#!/bin/sh\nprintf 'waits'\nread line\n")
    demo_server.run("chmod", "0755", "/usr/local/sbin/in.waitd")
    demo_server.write("/etc/xinetd.d/wrapped", entry.replace("in.ftpd", "in.waitd").encode())
    demo_server.write("/etc/hosts.allow", b"in.ftpd: .example.org\n")
    demo_server.write("/etc/hosts.deny", b"in.ftpd: 203.0.113.\n")
    demo_server.reload()
    behind_tcpd = demo_server.visit("203.0.113.9", 2100)
    by_ipv6 = demo_server.visit("2001:db8:20::5", 21)
    session = demo_server.visit("2001:db8:10::22", 22)
    by_name = demo_server.visit("203.0.113.66", 21)
    for each in (behind_tcpd, by_ipv6, session, by_name):
        assert each.heard and not each.gone, each
    with applied(demo_server, "default-deny"):
        assert demo_server.visit("203.0.113.9", 2100).heard == b"waits"
        assert demo_server.visit("2001:db8:20::5", 21).heard.startswith(b"220 ")
        assert demo_server.visit("2001:db8:10::22", 22).heard.startswith(b"SSH-")
        assert demo_server.visit("203.0.113.66", 21).heard
        assert demo_server.visit("192.0.2.7", 22).heard.startswith(b"SSH-")
        for stranger, port in (("203.0.113.8", 2100), ("2001:db8:20::6", 21), ("2001:db8:10::23", 22)):
            assert demo_server.hit(stranger, port).heard == b"", stranger
        # tcpd's own answer is what is told of the service, though xinetd asks nothing (NOLIBWRAP).
        for address, code in (("203.0.113.9", 0), ("203.0.113.8", 1)):
            told = demo_server.wraptui("explain", "--service", "wrapped", address)
            assert told.returncode == code, told.stdout + told.stderr
    for each in (behind_tcpd, by_ipv6, session, by_name):
        assert not each.hear(0.1).gone


def test_default_deny_from_nothing_names_the_operator_first(demo_server: Session) -> None:
    demo_server.write("/etc/hosts.allow", b"")
    demo_server.write("/etc/hosts.deny", b"")
    staying = demo_server.visit("198.51.100.21", 21)
    assert demo_server.hit("203.0.113.5", 21).heard.startswith(b"220 ")
    with applied(demo_server, "default-deny", "--group", "networks", "--without", "203.0.113.0/24"):
        allow = demo_server.read("/etc/hosts.allow").decode().split("\n")
        assert allow[1].startswith("sshd: 192.0.2.0/24 ")
        assert demo_server.hit("192.0.2.7", 22).heard.startswith(b"SSH-")
        assert demo_server.hit("198.51.100.99", 21).heard.startswith(
            b"220 "
        )  # of the network of one who is here
        assert demo_server.hit("203.0.113.5", 21).heard == b""
        again = demo_server.wraptui("recipe", "default-deny")
        assert (again.returncode, "already" in again.stderr) == (2, True)
    staying.leave()


def test_a_recipe_works_on_a_tree_of_files(
    tmp_path: Path, wraptui: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.allow").write_text("vsftpd: 10.\n")
    root = ("--root", str(tmp_path))
    listed = wraptui("recipe")
    assert (listed.returncode, "banner " in listed.stdout) == (0, True)
    words = ("recipe", "banner", "--daemon", "vsftpd", "--text", "-", *root)
    plan = json.loads(wraptui(*words, "--json", input="Hello,\n100%%\n").stdout)
    assert plan["made"] == [{"kind": "folder", "path": "/etc/banners", "mode": "0755"}]
    assert plan["proposal"]["findings_added"] == []  # the folder counts as there
    assert not (tmp_path / "etc/banners").exists()
    done = wraptui(*words, "--apply", "--json", input="Hello,\n100%%\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["receipt"]["state"] == "kept"
    assert (tmp_path / "etc/banners/vsftpd").read_text() == "220-Hello,\n220-100%%\n"
    assert (tmp_path / "etc/banners").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc/hosts.allow").read_text() == "vsftpd: 10.: banners /etc/banners\n"
    assert (tmp_path / "etc/hosts.deny").read_text() == "vsftpd: ALL: banners /etc/banners: allow\n"
    assert wraptui("recipe", "banner", "--daemon", "sshd", *root).returncode == 2
    assert wraptui("recipe", "trap", *root).returncode == 2  # xinetd would not start without a configuration
