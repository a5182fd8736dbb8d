"""What is read of the running xinetd: its command line, its state dump, how it is to be reloaded."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from wraptui.system.machine import FileMachine, LocalMachine
from wraptui.system.xinetd import (
    Daemon,
    Dump,
    DumpedServer,
    ask_for_reload,
    find,
    is_xinetd,
    read_dump,
    read_options,
    reload_plan,
)

DUMP = b"""\
INTERNAL STATE DUMP: 2.3.15.3
Current time: Tue Nov 24 01:43:33 2026

Services + defaults:
Service defaults
\tInstances = 10
\tBind = All addresses.
Service = ftp
\tState = Active
\tService configuration: ftp
\t\tid = ftp-main
\t\tflags = IPv6
\t\tport = 2121
\t\tOnly from:  127.0.0.1(NUMERIC)
\trunning servers = 1
\tretry servers = 0
\tservice fd = 6

Service = finger
\tState = Disabled
\tService configuration: finger
\t\tid = finger

Server table dump:
ftp server
pid = 9936
start_time = Tue Nov 24 01:43:33 2026
Connection info:
\tservice = ftp
\tdescriptor = -1
\tflags = 3
\tremote_address = ::ffff:127.0.0.1,43232
log_remote_user = NO
writes_to_log = NO

tftp server
pid = 9940
start_time = Tue Nov 24 01:43:33 2026
Connection info:
\tservice = tftp
\tdescriptor = 9
\tremote_address = <no address>
log_remote_user = NO
writes_to_log = NO


Retry table dump:

Socket mask: 6 8 9 4
active_services = 3

END OF DUMP

"""


def test_the_last_complete_dump_is_read() -> None:
    older = DUMP.replace(b"ftp-main", b"older")
    unfinished = DUMP.replace(b"ftp-main", b"unfinished")[:300]
    dump = read_dump(older + DUMP + unfinished)
    assert (dump.version, dump.time) == ("2.3.15.3", "Tue Nov 24 01:43:33 2026")
    assert [(each.id, each.state, each.running) for each in dump.services] == [
        ("ftp-main", "Active", 1),
        ("finger", "Disabled", -1),
    ]
    assert dump.services[0].fields["Only from"] == "127.0.0.1(NUMERIC)"
    assert dump.servers[0] == DumpedServer("ftp", 9936, "::ffff:127.0.0.1", 43232)
    assert [(each.service, each.pid, each.port) for each in dump.servers[1:]] == [("tftp", 9940, 0)]


@pytest.mark.parametrize(
    "data", [b"", b"END OF DUMP\n", b"\xff\0" * 99, DUMP[:-15], b"INTERNAL STATE DUMP: \n"]
)
def test_without_a_complete_dump_nothing_is_made_up(data: bytes) -> None:
    assert read_dump(data) == Dump()


def test_options_are_read_as_xinetd_reads_them() -> None:
    words = ("xinetd", "-f", "/etc/x.conf", "-bogus", "-filelog", "log", "-inetd_compat", "-syslog")
    assert read_options(words) == {
        "-f": "/etc/x.conf",
        "-bogus": "",
        "-filelog": "log",
        "-inetd_compat": "",
        "-syslog": "",
    }


def test_a_process_that_is_no_xinetd_is_never_signalled() -> None:
    assert not is_xinetd(LocalMachine(), os.getpid())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(ProcessLookupError, match="does not run any more"):
            ask_for_reload(LocalMachine(), Daemon(pid=os.getpid()))
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_tree_of_files_has_no_daemon(tmp_path: Path) -> None:
    found = find(FileMachine(str(tmp_path)))
    assert found.pid == 0
    assert "no running machine" in found.problem


@pytest.mark.parametrize(
    ("groups", "systemd", "how"),
    [
        (b"0::/system.slice/xinetd.service\n", True, "systemctl reload xinetd.service"),
        (b"0::/system.slice/xinetd.service\n", False, "SIGHUP to process 77"),
        (b"0::/user.slice/session-1.scope\n", True, "SIGHUP to process 77"),
        (b"", True, "SIGHUP to process 77"),
    ],
)
def test_a_reload_goes_the_hosts_own_way(tmp_path: Path, groups: bytes, systemd: bool, how: str) -> None:
    (tmp_path / "proc/77").mkdir(parents=True)
    (tmp_path / "proc/77/cgroup").write_bytes(groups)
    if systemd:
        (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert reload_plan(FileMachine(str(tmp_path)), Daemon(pid=77)).how == how
