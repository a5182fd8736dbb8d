"""Every recipe takes effect on the real daemons of the private server, and one restore undoes it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import lacking
from wraptui.demo import binaries
from wraptui.demo.session import Session

FILES = ("/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.conf", "/etc/xinetd.d/ftp")


def files(server: Session) -> dict[str, bytes]:
    folder = sorted(each.name for each in Path(server.path("/etc/xinetd.d")).iterdir())
    return {**{name: server.read(name) for name in FILES}, "": "\n".join(folder).encode()}


@contextmanager
def applied(server: Session, *words: str) -> Iterator[str]:
    """The recipe applied for the time of a `with`, then taken back by one restore; what it said."""
    before = files(server)
    shown = server.wraptui("recipe", *words)
    assert shown.returncode == 0, shown.stderr
    assert files(server) == before  # a plan changes nothing
    done = server.wraptui("recipe", *words, "--apply", "--no-confirm")
    assert done.returncode == 0, done.stderr + done.stdout
    assert files(server) != before
    yield done.stdout
    newest = json.loads(server.wraptui("history", "--json").stdout)[0]["id"]
    undone = server.wraptui("restore", newest, "--no-confirm")
    assert undone.returncode == 0, undone.stderr
    assert files(server) == before


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


def test_a_warning_may_let_in_and_run_a_script(demo_server: Session) -> None:
    script, told = "/usr/local/sbin/alarm", "/var/log/alarm"
    demo_server.write(script, f'#!/bin/sh\necho "$#:$1:$2:$3" >> {told}\n'.encode())
    words = ("warning", "--network", "203.0.113.150", "--script", script, "--verdict", "allow")
    assert demo_server.wraptui("recipe", *words).returncode == 2  # it cannot be run
    demo_server.run("chmod", "0755", script)
    assert demo_server.hit("203.0.113.150", 21).heard == b""
    with applied(demo_server, *words):
        assert demo_server.hit("203.0.113.150", 21).heard.startswith(b"220 ")
        line = eventually(demo_server, told, b"\n").decode()
        assert line == "3:in.ftpd:203.0.113.150:203.0.113.150\n"


def test_a_trap_catches_and_everybody_refuses(demo_server: Session) -> None:
    guest = "203.0.113.40"
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
