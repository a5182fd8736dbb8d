"""A restart of the real daemon: its list is gone, its services are back, servers that it started go on."""

from __future__ import annotations

import json
import os
import pwd
import sys
from pathlib import Path

import pytest

from wraptui.cli import FINE
from wraptui.demo.session import Session
from wraptui.system import restart
from wraptui.system.machine import FileMachine, Ran
from wraptui.system.xinetd import Daemon

FTP, TELNET, ECHO = 21, 23, 7
FORWARD = (
    b"service forward\n{\n\ttype = UNLISTED\n\tport = 4000\n\tsocket_type = stream\n\tprotocol = tcp\n"
    b"\twait = no\n\tuser = %s\n\tredirect = 192.0.2.10 21\n}\n" % pwd.getpwuid(os.geteuid()).pw_name.encode()
)
SCRIPT = """
import json
from wraptui.system import restart, xinetd
from wraptui.system.machine import LocalMachine
machine = LocalMachine()
daemon = xinetd.find(machine)
before = machine.read(f"/proc/{daemon.pid}/environ").split(b"\\0")
done = restart.restart(machine, daemon)
after = machine.read(f"/proc/{done.daemon.pid}/environ").split(b"\\0")
print(json.dumps({"how": done.how, "before": daemon.pid, "after": done.daemon.pid, "missing": done.missing,
    "command": daemon.command[1:] == done.daemon.command[1:],
    "environment": {b for b in before if not b.startswith(b"PWD=")} <= set(after),
    "ours": any(each.startswith(b"MARK=") for each in after)}))
"""


def restarted(server: Session) -> dict[str, object]:
    told = server.run("env", "MARK=1", sys.executable, "-c", SCRIPT)
    assert told.returncode == 0, told.stderr
    found: dict[str, object] = json.loads(told.stdout)
    return found


def test_the_list_is_gone_and_the_services_are_back(demo_server: Session) -> None:
    demo_server.hit("203.0.113.77", TELNET)
    demo_server.wait_for("Adding ::ffff:203.0.113.77")
    assert demo_server.hit("203.0.113.77", FTP).heard == b""
    held = demo_server.visit("198.51.100.21", FTP)
    echoed = demo_server.visit("198.51.100.31", ECHO, wait=0.2)
    assert echoed.say(b"one\n").heard == b"one\n"

    demo_server.write("/etc/xinetd.d/forward", FORWARD)
    demo_server.reload()
    forwarded = demo_server.visit("198.51.100.32", 4000)
    assert forwarded.heard.startswith(b"220 ")

    found = restarted(demo_server)
    assert found["after"] != found["before"] and found["missing"] == []
    assert found["command"] and found["environment"] and not found["ours"]
    assert demo_server.daemon() == found["after"]

    assert demo_server.hit("203.0.113.77", FTP).heard.startswith(b"220 "), "nobody is shut out any more"
    assert held.say(b"QUIT\r\n").heard == b"221 Goodbye.\r\n", "a server of its own goes on"
    assert echoed.say(b"two\n").heard == b"two\n", "so does one that it has forked of itself"
    assert forwarded.hear().gone, "what it redirects ends with it"
    told = demo_server.wraptui("no-access", "--json")
    assert told.returncode == FINE and json.loads(told.stdout)["entries"] == []
    demo_server.hit("203.0.113.77", TELNET)
    demo_server.wait_for("Adding ::ffff:203.0.113.77", 2)


def test_one_that_has_ended_is_not_restarted(tmp_path: Path) -> None:
    with pytest.raises(ProcessLookupError):
        restart.restart(FileMachine(str(tmp_path)), Daemon(4711, 1.0, ("xinetd",)))


class Host(FileMachine):
    """A tree of files in which process 7 is an xinetd, and systemctl answers."""

    kill_mode = b"KillMode=process\n"

    def program(self, pid: int) -> str:
        return "/usr/sbin/xinetd"

    def run(self, command: object, timeout: float = 10.0, input: bytes = b"") -> Ran:
        return Ran(0, self.kill_mode)


def host(folder: Path, files: dict[str, str]) -> Host:
    for path, text in files.items():
        os.makedirs(f"{folder}{os.path.dirname(path)}", exist_ok=True)
        Path(f"{folder}{path}").write_text(text)
        os.chmod(f"{folder}{path}", 0o755)
    return Host(str(folder))


INIT = "DAEMON=/usr/sbin/xinetd\nOPTS=-stayalive\nstart -pidfile /run/xinetd.pid $OPTS\n"
DAEMON = Daemon(7, 1.0, ("/usr/sbin/xinetd", "-pidfile", "/run/xinetd.pid", "-stayalive"))


def test_the_unit_is_restarted_where_systemd_runs_it(tmp_path: Path) -> None:
    files = {
        "/proc/7/cgroup": "0::/system.slice/xinetd.service\n",
        "/run/systemd/system/x": "",
        "/etc/init.d/xinetd": INIT,
    }
    machine = host(tmp_path, files)
    command = ("systemctl", "restart", "xinetd.service")
    assert restart.way(machine, DAEMON) == restart.Way("systemctl restart xinetd.service", command)
    machine.kill_mode = b"KillMode=control-group\n"
    assert restart.way(machine, DAEMON).ends_servers


def test_the_init_script_only_where_it_starts_the_same(tmp_path: Path) -> None:
    machine = host(tmp_path, {"/etc/init.d/xinetd": INIT})
    assert restart.way(machine, DAEMON).command == ("/etc/init.d/xinetd", "restart")
    other = Daemon(7, 1.0, (*DAEMON.command, "-f", "/srv/xinetd.conf"))
    assert restart.way(machine, other).command == ()


def test_by_hand_where_nobody_else_does(tmp_path: Path) -> None:
    assert restart.way(host(tmp_path, {}), DAEMON) == restart.Way("SIGTERM, then the same command line again")
