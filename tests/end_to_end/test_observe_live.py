"""The picture of a running server: every statement is checked against the real daemons."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from wraptui.demo.session import Session

FTP, SSH, TELNET, FINGER, BACKUP = 21, 22, 23, 79, 8730

# Looks with one memory whenever a line comes in, and tells what it sees as JSON.
LOOKS = """
import json, sys
from wraptui.observe import Memory, observe
from wraptui.system.machine import LocalMachine
machine = LocalMachine()
memory = Memory(machine)
previous = None
for line in sys.stdin:
    seen = observe(machine, memory)
    print(json.dumps({
        "same": seen == previous,
        "visits": [
            [v.service, v.guard, v.connection.remote, v.process.name if v.process else None,
             v.decision.verdict if v.decision else None, v.decision.file if v.decision else None,
             v.decision.line if v.decision else None, v.why, v.since, v.connection.remote_port]
            for v in seen.visits
        ],
        "services": {
            s.service.id: [s.state, s.running, s.busiest, s.busiest_running, s.returns,
                           sum(s.rate), [[r.reason, r.count] for r in s.refusals]]
            for s in seen.services
        },
        "no_access": [[e.address, e.sensor] for e in seen.no_access.entries],
        "certain": seen.no_access.certain,
        "daemon": seen.daemon.pid,
        "notes": seen.notes,
    }), flush=True)
    previous = seen
"""


class Looking:
    """A process inside the server that looks whenever it is asked."""

    def __init__(self, server: Session) -> None:
        import subprocess

        words = server.inside(sys.executable, "-c", LOOKS)
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=server.environment,
        )

    def look(self) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seen: dict[str, Any] = json.loads(self._process.stdout.readline())
        return seen

    def until(self, true: Callable[[dict[str, Any]], object], seconds: float = 10) -> dict[str, Any]:
        """The first look of which something is true."""
        end = time.monotonic() + seconds
        while not true(seen := self.look()):
            assert time.monotonic() < end, seen
            time.sleep(0.05)
        return seen

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def looking(demo_server: Session) -> Any:
    looks = Looking(demo_server)
    yield looks
    looks.close()


def _visit(seen: dict[str, Any], remote: str) -> list[Any]:
    [found] = [visit for visit in seen["visits"] if visit[2].endswith(remote)]
    return list(found)


def _says(remote: str, word: str, seen: dict[str, Any]) -> bool:
    return word in _visit(seen, remote)[7]


def _admits(server: Session, daemon: str, address: str) -> str:
    """What the real libwrap's own tool says."""
    told = server.run("tcpdmatch", daemon, address).stdout
    found = re.search(r"^access: +(\w+)", told, re.M)
    assert found, told
    return found[1]


def test_who_is_connected_and_which_rule_lets_him_in(demo_server: Session, looking: Looking) -> None:
    before = time.time()
    demo_server.visit("198.51.100.21", FTP)
    demo_server.visit("2001:db8:10::22", SSH)
    demo_server.visit("192.0.2.31", BACKUP)
    seen = looking.until(lambda seen: len(seen["visits"]) == 4 and all(each[3] for each in seen["visits"]))

    service, guard, _, process, verdict, file, line, why, since, _ = _visit(seen, "198.51.100.21")
    assert (service, guard, process) == ("ftp", "xinetd", "in.ftpd")
    assert (verdict, file, line) == ("granted", "/etc/hosts.allow", 9)
    assert "in.ftpd: 198.51.100." in why
    assert before - 1 < since < time.time() + 1
    assert _admits(demo_server, "in.ftpd", "198.51.100.21") == "granted"

    assert _visit(seen, "2001:db8:10::22")[:2] == ["sshd", "standalone"]
    assert _visit(seen, "192.0.2.7")[4:7] == ["granted", "/etc/hosts.allow", 6]
    assert _visit(seen, "192.0.2.31")[4:7] == ["granted", None, None]

    # Nothing changes: the same picture, until somebody leaves.
    looking.until(lambda seen: seen["same"])
    demo_server.dismiss_guests()
    seen = looking.until(lambda seen: len(seen["visits"]) == 1)
    assert _visit(seen, "192.0.2.7")[0] == "sshd"


def test_a_new_rule_changes_the_verdict_on_who_is_there(demo_server: Session, looking: Looking) -> None:
    demo_server.visit("198.51.100.22", FTP)
    demo_server.visit("192.0.2.31", BACKUP)
    looking.until(lambda seen: len(seen["visits"]) == 3)
    allow = demo_server.read("/etc/hosts.allow")
    demo_server.write("/etc/hosts.allow", b"in.ftpd: 198.51.100.22: deny\n" + allow)
    seen = looking.until(lambda seen: _visit(seen, "198.51.100.22")[4] == "denied")
    assert _visit(seen, "198.51.100.22")[5:7] == ["/etc/hosts.allow", 1]
    assert _admits(demo_server, "in.ftpd", "198.51.100.22") == "denied"

    path = "/etc/xinetd.d/backup"
    only = b"only_from\t= 192.0.2.0/24 "
    line = demo_server.read(path)[: demo_server.read(path).index(only)].count(b"\n") + 1
    demo_server.write(path, demo_server.read(path).replace(only, b"only_from\t= "))
    demo_server.reload()
    seen = looking.until(lambda seen: _visit(seen, "192.0.2.31")[4] == "denied")
    assert _visit(seen, "192.0.2.31")[5:7] == [path, line]
    assert demo_server.hit("192.0.2.31", BACKUP).heard == b""


def test_where_only_ident_or_a_command_could_tell_there_is_no_verdict(
    demo_server: Session, looking: Looking
) -> None:
    demo_server.visit("198.51.100.22", FTP)
    allow = demo_server.read("/etc/hosts.allow")
    for rule, word in (
        (b"in.ftpd: bob@198.51.100.22: deny", "ident"),
        (b"in.ftpd: ALL: aclexec x", "aclexec"),
    ):
        demo_server.write("/etc/hosts.allow", rule + b"\n" + allow)
        says = partial(_says, "198.51.100.22", word)
        seen = looking.until(says)
        assert _visit(seen, "198.51.100.22")[4] is None
        assert _visit(seen, "192.0.2.7")[4] == "granted"
    demo_server.write("/etc/hosts.allow", b"in.ftpd: bob@192.0.2.99: deny\n" + allow)
    looking.until(lambda seen: _visit(seen, "198.51.100.22")[4:7] == ["granted", "/etc/hosts.allow", 10])


def test_how_close_a_service_is_and_who_was_refused(demo_server: Session, looking: Looking) -> None:
    for source in ("198.51.100.21", "198.51.100.21", "198.51.100.22"):
        demo_server.visit(source, FTP)
    looking.look()  # before the last two: the others are read back from the log
    demo_server.visit("198.51.100.21", FTP)
    assert demo_server.visit("198.51.100.23", FTP).gone
    demo_server.wait_for("FAIL: ftp service_limit")
    seen = looking.until(lambda seen: seen["services"]["ftp"][6])
    state, running, busiest, most, _, rate, refused = seen["services"]["ftp"]
    assert (state, running, busiest, most) == ("active", 4, "198.51.100.21", 3)
    assert refused == [["service_limit", 1]]
    assert rate == 5
    assert running == demo_server.dump().count("ftp server\npid")


def test_a_pause_by_cps_is_seen_with_its_end(demo_server: Session, looking: Looking) -> None:
    looking.look()
    while not demo_server.hit("198.51.100.50", FINGER, wait=0.2).problem:
        pass
    demo_server.wait_for("Deactivating service finger")
    now = time.time()
    seen = looking.until(lambda seen: seen["services"]["finger"][0] == "paused")
    assert now + 10 < seen["services"]["finger"][4] < now + 21
    assert ["connections per second", 1] in seen["services"]["finger"][6]


def test_the_trap_fills_the_list(demo_server: Session, looking: Looking) -> None:
    demo_server.visit("203.0.113.77", FTP)
    assert looking.until(lambda seen: len(seen["visits"]) == 2)["no_access"] == []
    demo_server.hit("203.0.113.77", TELNET)
    seen = looking.until(lambda seen: seen["no_access"])
    assert seen["no_access"] == [["::ffff:203.0.113.77", "telnet"]]
    assert seen["certain"]
    # Who is there stays; the list would refuse him now, as the daemon does with his next connection.
    seen = looking.until(lambda seen: _visit(seen, "203.0.113.77")[4] == "denied")
    assert "is on the list" in _visit(seen, "203.0.113.77")[7]
    assert demo_server.hit("203.0.113.77", FTP).heard == b""


def test_a_killed_daemon_and_missing_files_are_said(demo_server: Session, looking: Looking) -> None:
    seen = looking.look()
    assert seen["daemon"] == demo_server.daemon()
    assert seen["notes"] == []
    demo_server.signal("KILL")
    demo_server.run("rm", "/etc/hosts.allow")
    seen = looking.until(lambda seen: not seen["daemon"])
    assert {state for state, *_ in seen["services"].values()} == {"unknown", "off"}
    assert any("No xinetd runs here" in note for note in seen["notes"])
    assert any("There is no /etc/hosts.allow" in note for note in seen["notes"])


def test_a_reload_is_asked_for_and_answered(demo_server: Session) -> None:
    code = (
        "from wraptui.system import xinetd; from wraptui.system.machine import LocalMachine;"
        "m = LocalMachine(); d = xinetd.find(m); print(xinetd.ask_for_reload(m, d));"
        "dump = xinetd.ask_for_dump(m, d); print(len(dump.services), dump.version)"
    )
    told = demo_server.run(sys.executable, "-c", code)
    active = demo_server.dump().count("\nService = ")
    assert told.stdout == f"SIGHUP to process {demo_server.daemon()}\n{active} 2.3.15.3\n", told.stderr
    demo_server.wait_for("Reconfigured:")


def test_connections_and_rules_as_text_and_json(demo_server: Session) -> None:
    demo_server.visit("198.51.100.21", FTP)
    told = demo_server.wraptui("connections")
    assert re.search(
        r"^ftp +198\.51\.100\.21:\d+ +established +\d+s +in\.ftpd \d+ +granted", told.stdout, re.M
    )
    records = json.loads(demo_server.wraptui("connections", "--json").stdout)
    assert {(each["service"], each["verdict"], each["line"]) for each in records} == {
        ("ftp", "granted", 9),
        ("sshd", "granted", 6),
    }
    rules = json.loads(demo_server.wraptui("rules", "--json").stdout)
    assert {(each["first"], each["line"]) for each in rules} >= {(5, 6), (9, 9), (12, 12)}
    demo_server.write("/etc/hosts.allow", b"\x1bc\x07\xff: ALL\n")
    told = demo_server.wraptui("rules")
    assert "\\x1bc\\x07\\xff" in told.stdout
    assert told.stdout.isascii() and told.stdout.replace("\n", "").isprintable()
