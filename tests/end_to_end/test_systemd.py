"""A host that a real systemd runs: guard, boot unit, xinetd as a unit, and journald as the only log.

Each test boots a machine of its own in private namespaces (see tests/booted.py), which takes half a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.booted import Booted, NotHere, booted, furnish
from tests.conftest import lacking
from wraptui.cli import FINE
from wraptui.demo.binaries import Binaries

ALLOW, DENY, MAIN = "/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.conf"
UNIT, WANTED = "wraptui-recover.service", "multi-user.target.d/wraptui-recover.conf"
ECHO, TRAP, HOLD = 7, 23, 4000
GUEST, INTRUDER = "198.51.100.7", "203.0.113.77"
HOSTS_DENY = "sshd: 203.0.113.0/25\n"
_SERVICE = """service %s
{
	type = %s
	socket_type = stream
	protocol = tcp
	port = %d
	user = root
	wait = no
}
"""
XINETD_CONF = (
    "defaults\n{\n\tinstances = 30\n\tlog_type = SYSLOG daemon info\n\tlog_on_failure = HOST\n}\n"
    + _SERVICE % ("echo", "INTERNAL", ECHO)
    + _SERVICE % ("trap", "UNLISTED\n\tflags = SENSOR\n\tdeny_time = 60\n\tserver = /bin/false", TRAP)
    + _SERVICE % ("hold", "UNLISTED\n\tserver = /bin/cat", HOLD)
)
# As Fedora, Arch and others ship it; Debian has an init script, of which systemd makes a unit by itself.
NATIVE = """[Unit]
Description=Xinetd A Powerful Replacement For Inetd
After=network.target

[Service]
Type=forking
PIDFile=/run/xinetd.pid
ExecStart={0} -stayalive -pidfile /run/xinetd.pid
ExecReload=/bin/kill -HUP $MAINPID
"""


@dataclass(frozen=True)
class Disk:
    """What outlives a power cut: /etc and /var of a machine, and how it boots."""

    etc: Path
    var: Path
    real: Binaries
    scratch: Path

    @contextmanager
    def boot(self) -> Iterator[Booted]:
        """The machine, running."""
        try:
            with booted(self.etc, self.var, self.scratch, self.real) as machine:
                yield machine
        except NotHere as error:
            pytest.skip(f"no private systemd here: {error}")


def disk(folder: Path, real: Binaries, xinetd: str = "unit") -> Disk:
    """A new disk; xinetd is started by a unit of its own, by Debian's init `script`, or by `nobody`."""
    etc, var = folder / "etc", folder / "var"
    for path in (etc, var / "log/journal", var / "lib", var / "tmp"):
        path.mkdir(parents=True)
    (var / "run").symlink_to("/run")
    files = {
        "hosts.allow": "sshd: 192.0.2.7\n",
        "hosts.deny": HOSTS_DENY,
        "xinetd.conf": XINETD_CONF,
        "services": "echo 7/tcp\n",
        "protocols": "tcp 6 TCP\nudp 17 UDP\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nservices: files\nprotocols: files\nhosts: files\n",
        "systemd/journald.conf": "[Journal]\nSystemMaxFileSize=1M\nRuntimeMaxFileSize=1M\n",
    }
    if real.libraries:
        files["systemd/system.conf"] = f"[Manager]\nDefaultEnvironment=LD_LIBRARY_PATH={real.libraries}\n"
    links = {}
    if xinetd == "unit":
        files["systemd/system/xinetd.service"] = NATIVE.format(real.xinetd)
        links["systemd/system/multi-user.target.wants/xinetd.service"] = "../xinetd.service"
    elif xinetd == "script":
        script, defaults = (Path(real.root, f"etc/{name}/xinetd") for name in ("init.d", "default"))
        if not script.exists():
            lacking(f"Debian's xinetd has an init script, and {script} is not there")
        files["init.d/xinetd"] = script.read_text().replace("DAEMON=/usr/sbin/$NAME", f"DAEMON={real.xinetd}")
        files["default/xinetd"] = defaults.read_text()
        links |= {f"rc{level}.d/S01xinetd": "../init.d/xinetd" for level in "2345"}
    furnish(etc, files)
    for name, target in links.items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).symlink_to(target)
    return Disk(etc, var, real, folder / "scratch")


@pytest.fixture
def machine(real: Binaries, tmp_path: Path) -> Iterator[Booted]:
    """A machine whose xinetd is a unit."""
    with disk(tmp_path, real).boot() as machine:
        yield machine


def until(true: Callable[[], Any], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.1)


def applied(machine: Booted, *words: str) -> dict[str, Any]:
    """The receipt of a change."""
    told = machine.wraptui("apply", *words, "--json")
    assert told.returncode == FINE, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)["receipt"]
    return found


def last(machine: Booted) -> dict[str, Any]:
    """The newest change in the history, {} when there is none."""
    found: list[dict[str, Any]] = json.loads(machine.wraptui("history", "--json").stdout)
    return found[0] if found else {}


def python(machine: Booted, script: str) -> Any:
    """What a script run inside prints, which is JSON."""
    told = machine.run(sys.executable, "-c", script)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


NEAR = """
from wraptui.system.checkpoints import History
from wraptui.system.machine import LocalMachine
machine = LocalMachine()
history = History(machine)
history.record(history.unfinished()[0], deadline=machine.now() + 0.5)
print("true")
"""
"""Draws the deadline near, so that no test depends on being done before it."""


def guards(machine: Booted) -> list[str]:
    """The guards' units that systemd knows, running or not."""
    told = machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "wraptui-guard-*")
    return [line.split()[0] for line in told.stdout.splitlines()]


def loaded(machine: Booted) -> bool:
    """Whether anything is left that the next boot would do."""
    folder = Path(machine.path("/etc/systemd/system"))
    return (folder / UNIT).exists() or (folder / WANTED).exists()


def test_the_guard_outlives_the_session_with_all_its_processes(machine: Booted) -> None:
    # As pam_systemd makes one of a login; with KillUserProcesses=yes its end is the end of all in it.
    script = '"$@"; exec sleep 1000'
    change = (
        sys.executable,
        "-m",
        "wraptui",
        "apply",
        "--deny",
        "ALL: 203.0.113.200",
        "--confirm-within",
        "900",
    )
    login = ("systemd-run", "--scope", "--quiet", "--unit=session-1", "--slice=user.slice")
    session = subprocess.Popen(
        machine.inside(*login, "sh", "-c", script, "sh", *change),
        env=machine.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: last(machine).get("state") == "pending", "the change is made")
        changed = machine.read(DENY)
        assert changed == HOSTS_DENY.encode() + b"ALL: 203.0.113.200\n"
        (guard,) = guards(machine)
        assert machine.show(guard, "ControlGroup") == f"/system.slice/{guard}"
        assert machine.show("session-1.scope", "ControlGroup") == "/user.slice/session-1.scope"
        machine.run("systemctl", "kill", "--signal=SIGKILL", "session-1.scope").check_returncode()
        session.wait(60)
    finally:
        session.kill()
        session.wait()
    assert machine.show(guard, "ActiveState") == "active" and machine.read(DENY) == changed
    # Even killed itself it comes back: the out-of-memory killer asks nobody.
    machine.run("systemctl", "kill", "--signal=SIGKILL", guard).check_returncode()
    until(lambda: machine.show(guard, "NRestarts") == "1", "the guard is there again")
    assert machine.read(DENY) == changed
    assert python(machine, NEAR)
    until(lambda: last(machine)["state"] == "rolled-back", "the deadline")
    assert last(machine)["steps"][-1] == "rolled back: nobody confirmed it in time"
    assert machine.read(DENY) == HOSTS_DENY.encode()
    until(lambda: not guards(machine), "the guard's unit goes")
    assert not loaded(machine)


def test_a_daemon_of_no_unit_that_the_guard_starts_again_lives_on(real: Binaries, tmp_path: Path) -> None:
    with disk(tmp_path, real, "nobody").boot() as machine:
        machine.run(real.xinetd, "-stayalive", "-pidfile", "/run/xinetd.pid").check_returncode()
        until(lambda: "Started working" in machine.journal(), "xinetd is up")
        before = machine.daemon()
        receipt = applied(machine, "--set", "hold.port=4001", "--confirm-within", "900")
        assert f"xinetd has reloaded (SIGHUP to process {before}): " in "\n".join(receipt["steps"])
        machine.run("sh", "-c", 'kill -9 "$1"', "sh", str(before)).check_returncode()
        assert python(machine, NEAR)
        until(lambda: last(machine)["state"] == "rolled-back", "the deadline")
        # The unit's end is the moment in which systemd would have killed what is left in it.
        guard = f"wraptui-guard-{receipt['id']}.service"
        until(lambda: machine.show(guard, "ActiveState") == "inactive", "the guard's unit ends")
        assert any(each.startswith("started again: ") for each in last(machine)["steps"])
        assert machine.daemon() != before and machine.hit(GUEST, HOLD, wait=0.2).problem == ""


def test_a_target_that_is_started_again_is_no_boot(machine: Booted) -> None:
    applied(machine, "--deny", "ALL: 203.0.113.200", "--confirm-within", "900")
    machine.run("systemctl", "daemon-reload").check_returncode()
    machine.run("systemctl", "start", "multi-user.target").check_returncode()
    until(lambda: f"Finished {UNIT}" in machine.journal("--output=cat"), "the boot unit has run")
    assert last(machine)["state"] == "pending" and loaded(machine)
    assert machine.wraptui("rollback").returncode == FINE
    assert machine.read(DENY) == HOSTS_DENY.encode() and not loaded(machine)


def test_what_is_confirmed_leaves_no_unit(machine: Booted) -> None:
    receipt = applied(machine, "--deny", "ALL: 203.0.113.200", "--confirm-within", "900")
    assert guards(machine) == [f"wraptui-guard-{receipt['id']}.service"] and loaded(machine)
    verified = machine.run("systemd-analyze", "verify", f"/etc/systemd/system/{UNIT}")
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    assert machine.wraptui("confirm").returncode == FINE
    until(lambda: not guards(machine), "the guard's unit goes")
    assert not loaded(machine)
    assert machine.read(DENY).endswith(b"ALL: 203.0.113.200\n")


def test_what_a_power_cut_leaves_is_taken_back_before_xinetd_starts(real: Binaries, tmp_path: Path) -> None:
    kept = disk(tmp_path, real)
    with kept.boot() as machine:
        words = ("--set", "hold.port=4001", "--deny", "ALL: 203.0.113.200", "--confirm-within", "900")
        applied(machine, *words)
        assert machine.hit(GUEST, HOLD + 1, wait=0.2).problem == ""
        machine.cut_power()
    assert (kept.etc / "hosts.deny").read_text() != HOSTS_DENY
    assert (kept.etc / "xinetd.conf").read_text() != XINETD_CONF
    with kept.boot() as machine:
        assert (kept.etc / "hosts.deny").read_text() == HOSTS_DENY
        assert (kept.etc / "xinetd.conf").read_text() == XINETD_CONF
        assert machine.hit(GUEST, HOLD, wait=0.2).problem == ""
        told = machine.journal("--output=cat")  # of both boots, which are one to the kernel
        assert told.rindex(f"Finished {UNIT} ") < told.rindex("Starting xinetd.service ")
        assert told.count("Starting xinetd.service ") == 2
        assert last(machine)["state"] == "rolled-back"
        assert last(machine)["steps"][-1] == "rolled back: the machine went down"
        assert not loaded(machine) and not guards(machine)
        assert machine.run("systemctl", "is-system-running").stdout == "running\n"


def test_who_shuts_the_machine_down_has_not_confirmed(real: Binaries, tmp_path: Path) -> None:
    kept = disk(tmp_path, real)
    with kept.boot() as machine:
        applied(machine, "--set", "hold.port=4001", "--deny", "ALL: 203.0.113.200", "--confirm-within", "900")
        machine.run("systemctl", "--no-block", "poweroff")
        machine.gone()
    assert (kept.etc / "hosts.deny").read_text() == HOSTS_DENY
    assert (kept.etc / "xinetd.conf").read_text() == XINETD_CONF
    with kept.boot() as machine:
        assert last(machine)["state"] == "rolled-back" and not loaded(machine)
        assert last(machine)["steps"][-1] == "rolled back: the machine goes down"
        assert not any("started again" in each for each in last(machine)["steps"])


RESTART = """
import json
from wraptui.system import restart, xinetd
from wraptui.system.machine import LocalMachine
machine = LocalMachine()
daemon = xinetd.find(machine)
way = restart.way(machine, daemon)
done = restart.restart(machine, daemon)
print(json.dumps([way.how, way.ends_servers, done.how, daemon.pid, done.daemon.pid, done.missing]))
"""


@pytest.mark.parametrize(("kind", "ends_servers"), [("unit", True), ("script", False)])
def test_xinetd_is_reloaded_and_restarted_as_its_unit(
    real: Binaries, tmp_path: Path, kind: str, ends_servers: bool
) -> None:
    with disk(tmp_path, real, kind).boot() as machine:
        receipt = applied(machine, "--set", "hold.port=4001", "--no-confirm")
        # Only journald has its answer.
        assert "xinetd has reloaded (systemctl reload xinetd.service): " in "\n".join(receipt["steps"])
        assert "as foreseen" in receipt["steps"]
        held = machine.visit(GUEST, HOLD + 1, wait=0.2)
        assert held.say(b"one\n", wait=10).heard == b"one\n"
        how, ends, done, before, after, missing = python(machine, RESTART)
        assert how == done == "systemctl restart xinetd.service" and ends == ends_servers
        assert before != after == machine.daemon() and not missing
        assert machine.show("xinetd.service", "ActiveState") == "active"
        said = held.say(b"two\n", wait=10)
        assert (said.gone, said.heard) == ((True, b"") if ends_servers else (False, b"two\n"))


def test_a_restart_by_the_script_that_started_nothing_is_asked_for_again(
    real: Binaries, tmp_path: Path
) -> None:
    with disk(tmp_path, real, "script").boot() as machine:
        until(lambda: "Started working" in machine.journal(), "xinetd is up")
        before = machine.daemon()

        def told(name: str) -> None:
            machine.run("sh", "-c", 'kill -s "$1" "$2"', "sh", name, str(before)).check_returncode()

        told("STOP")  # so that its end takes longer than Debian's script waits, which is not at all
        words = machine.inside(sys.executable, "-c", RESTART)
        asked = subprocess.Popen(words, env=machine.environment, stdout=subprocess.PIPE, text=True)
        try:
            started = "Started xinetd.service"
            until(lambda: machine.journal("--output=cat").count(started) == 2, "the script is done")
            told("CONT")
            assert json.loads(asked.communicate(timeout=60)[0])[4] == machine.daemon() != before
        finally:
            asked.kill()
            asked.communicate()
        assert machine.hit(GUEST, HOLD, wait=0.2).problem == ""


def listed(machine: Booted) -> dict[str, Any]:
    """xinetd's list as `wraptui no-access` tells it, and under `said` what it says besides."""
    told = machine.wraptui("no-access", "--json")
    assert told.returncode == FINE, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return {**found, "said": told.stderr}


EMPTY = {"entries": [], "certain": True, "clients": {}, "said": ""}


def test_the_list_is_rebuilt_from_the_journal(real: Binaries, tmp_path: Path) -> None:
    kept = disk(tmp_path, real)
    # What a syslog daemon that is no more has left behind has nothing of this xinetd.
    old = kept.var / "log/syslog"
    old.write_text("Nov 24 01:35:22 server xinetd[4711]: Started working: 1 available service\n")
    os.utime(old, (1, 1))
    with kept.boot() as machine:
        until(lambda: "Started working: 3" in machine.journal(), "xinetd is up")
        assert listed(machine) == EMPTY
        machine.hit(INTRUDER, TRAP)
        until(lambda: "FAIL: trap address" in machine.journal("--identifier=xinetd"), "the sensor's lines")
        assert machine.hit(INTRUDER, ECHO).gone
        # What anybody says under xinetd's name is not the daemon's word.
        said = "9 {process_sensor} Adding ::ffff:192.0.2.7 to the global_no_access list for 60 minutes"
        machine.run("logger", "--tag", "xinetd", said).check_returncode()
        until(lambda: "192.0.2.7" in machine.journal("--identifier=xinetd"), "the lie")
        found = listed(machine)
        assert found["certain"]
        assert [(each["address"], each["sensor"], each["minutes"]) for each in found["entries"]] == [
            (f"::ffff:{INTRUDER}", "trap", 60)
        ]
        receipt = applied(machine, "--set", "hold.port=4001", "--no-confirm")
        assert "as foreseen" in receipt["steps"]
        assert listed(machine)["entries"] == found["entries"], "a reload keeps the list"
        assert python(machine, RESTART)
        assert listed(machine) == EMPTY


FLOOD = """
import socket
for _ in range(200):
    with socket.socket() as visit:
        visit.bind(("203.0.113.77", 0))
        visit.connect(("192.0.2.10", 7))
        visit.recv(1)
"""


def test_lines_that_journald_did_not_take_make_the_list_uncertain(real: Binaries, tmp_path: Path) -> None:
    kept = disk(tmp_path, real)
    free = "defaults\n{\n\tcps = 100000 1\n"
    (kept.etc / "xinetd.conf").write_text(XINETD_CONF.replace("defaults\n{\n", free))
    with (kept.etc / "systemd/journald.conf").open("a") as file:
        file.write("RateLimitIntervalSec=2s\nRateLimitBurst=4\n")
    with kept.boot() as machine:
        machine.hit(INTRUDER, TRAP)
        until(lambda: "FAIL: trap address" in machine.journal("--identifier=xinetd"), "the sensor's lines")
        assert listed(machine)["certain"]
        machine.run(sys.executable, "-c", FLOOD).check_returncode()

        def told() -> bool:
            machine.hit(INTRUDER, ECHO, wait=0.2)  # journald tells of a loss with the next line that it takes
            return "Suppressed " in machine.journal("--identifier=systemd-journald")

        until(told, "journald tells")
        found = listed(machine)
        assert not found["certain"] and "lines less than xinetd wrote" in found["said"]
        assert [each["address"] for each in found["entries"]] == [f"::ffff:{INTRUDER}"]
