"""A recording played through the seam tells what the live server told, and lets nothing be changed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from wraptui.demo.recording import SHIPPED, RecordedMachine
from wraptui.demo.session import Session
from wraptui.system.machine import Machine
from wraptui.system.xinetd import find


def test_it_plays_what_was_recorded(demo_server: Session, tmp_path: Path) -> None:
    file = tmp_path / "recording.gz"
    os.chmod(tmp_path, 0o777)
    visits = [demo_server.visit("198.51.100.21", 21) for _ in range(2)]
    told = demo_server.run(
        "sh",
        "-c",
        f'(sleep 1.5; logger -u /dev/log -t late hello) & "$0" -m wraptui.demo.recording {file} 3',
        sys.executable,
    )
    assert told.returncode == 0, told.stderr
    machine: Machine = RecordedMachine(str(file))
    daemon = find(machine)
    assert daemon.pid == demo_server.daemon()
    assert [child.name for child in machine.children(daemon.pid)] == ["in.ftpd"] * 2
    served = [each for each in machine.sockets() if each.local_port == 21 and each.state == "ESTABLISHED"]
    assert sorted(each.remote_port for each in served) == sorted(visit.port for visit in visits)
    owners = machine.owners({each.inode for each in served})
    assert {machine.process(pid).argv0 for pid in owners.values()} == {"sh"}  # type: ignore[union-attr]
    assert machine.read("/etc/hosts.deny") == demo_server.read("/etc/hosts.deny")
    assert sorted(machine.names("/etc/xinetd.d")) == sorted(
        demo_server.run("ls", "/etc/xinetd.d").stdout.split()
    )
    assert machine.host_name("::ffff:198.51.100.30") == "anna.example.net"
    assert machine.host_name("203.0.113.9") == "unknown"
    assert any("libwrap.so" in name for name in machine.libraries(daemon.pid))


def test_its_log_grows_and_its_clock_stands_still_at_the_end(shipped: RecordedMachine) -> None:
    first, begin = shipped.read("/var/log/syslog"), shipped.now()
    assert b"Started working" in first
    time.sleep(2.5)
    assert 2 <= shipped.now() - begin < 20
    assert shipped.read("/var/log/syslog").startswith(first)
    assert len(shipped.read("/var/log/syslog")) > len(first)
    shipped.skip(1e6)
    end = shipped.now()
    time.sleep(0.05)
    assert shipped.now() == end
    assert b"to the global_no_access list for 30 minutes" in shipped.read("/var/log/syslog")


def test_it_cannot_be_changed_and_says_that_it_is_a_recording(shipped: RecordedMachine) -> None:
    assert "recording" in shipped.note and not shipped.privileged
    for change in (
        lambda: shipped.create("/etc/new", b""),
        lambda: shipped.rename("/etc/hosts.allow", "/etc/hosts.deny"),
        lambda: shipped.remove("/etc/hosts.deny"),
        lambda: shipped.signal(4, 1),
        lambda: shipped.run(["true"]),
    ):
        with pytest.raises(OSError, match="recording"):
            change()
    assert shipped.read("/etc/hosts.deny")


@pytest.fixture
def shipped() -> RecordedMachine:
    """The recording in the package."""
    assert os.path.getsize(SHIPPED) < 200_000
    return RecordedMachine()
