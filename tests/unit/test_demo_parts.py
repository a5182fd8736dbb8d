"""The private server's own parts: its syslog's lines, its binaries, its complaint without them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from wraptui.demo import binaries
from wraptui.demo.programs import syslogd

NOON = datetime(2026, 1, 2, 12, 0, 0, 250_000, UTC)
STAMP = b"2026-01-02T12:00:00.250000+00:00 server "


@pytest.mark.parametrize(
    ("datagram", "name", "text"),
    [
        (b"<30>Jan  2 12:00:00 xinetd[4]: START: ftp\0", "syslog", b"xinetd[4]: START: ftp\n"),
        (b"<38>Jan  2 12:00:00 sshd[5]: refused connect\n", "auth.log", b"sshd[5]: refused connect\n"),
        (b"<83>no stamp", "auth.log", b"no stamp\n"),
        (b"no priority \xff", "syslog", b"no priority \xff\n"),
        (b"<30>Jan  2 12:00:00 x: a\nb\x1b[2Jc\td", "syslog", b"x: a#012b#033[2Jc\td\n"),
        (b"<999999999999>x", "syslog", b"<999999999999>x\n"),
    ],
)
def test_syslog_files_lines_as_rsyslog_does(datagram: bytes, name: str, text: bytes) -> None:
    assert syslogd.line(datagram, "server", NOON) == (name, STAMP + text)


def test_a_machine_without_binaries_and_apt_gets_a_sentence(tmp_path: object) -> None:
    if os.path.exists("/usr/sbin/xinetd"):
        pytest.skip("xinetd is installed here, so nothing is missing")
    environment = {**os.environ, "PATH": "/nonexistent", "XDG_CACHE_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "wraptui", "demo", "--", "true"]
    told = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert told.returncode == 2
    assert told.stderr.startswith("wraptui: xinetd and tcpd not found here, and there is no apt-get")
    assert "Traceback" not in told.stderr


def test_a_cache_that_cannot_be_written_gets_a_sentence(tmp_path: object) -> None:
    if os.path.exists("/usr/sbin/xinetd"):
        pytest.skip("xinetd is installed here, so no cache is needed")
    place = os.path.join(str(tmp_path), "file")
    with open(place, "w"):
        pass
    environment = {**os.environ, "XDG_CACHE_HOME": place}
    words = [sys.executable, "-m", "wraptui", "demo", "--", "true"]
    told = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert told.returncode == 2
    assert "cannot be unpacked into" in told.stderr and "Traceback" not in told.stderr


def test_what_is_unpacked_is_found_again_at_once(real: binaries.Binaries) -> None:
    assert binaries.find() == real
    for path in (real.xinetd, real.tcpdmatch):
        assert os.access(path, os.X_OK)
    assert os.path.basename(real.libwrap) == "libwrap.so.0"
    with open(real.libwrap, "rb") as file:
        assert b"hosts_access" in file.read()


def test_a_half_unpacked_cache_is_unpacked_again(real: binaries.Binaries, tmp_path: object) -> None:
    if real.root == "/":
        pytest.skip("the binaries are installed here, so no cache is used")
    script = "from wraptui.demo import binaries; print(binaries.find().xinetd)"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    first, second = (_python(script, environment) for _ in range(2))
    assert first.stdout == second.stdout != ""
    assert "unpacking Debian's packages" in first.stderr and second.stderr == ""
    os.remove(first.stdout.strip())
    third = _python(script, environment)
    assert third.stdout == first.stdout and "unpacking" in third.stderr
    assert os.access(third.stdout.strip(), os.X_OK)


def _python(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
