"""Knows how xinetd is made to read its files again, and whether it did: its word, its life, its sockets."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from wraptui.policy.xinetd.services import Configuration
from wraptui.system import logs, xinetd
from wraptui.system.guard import spawn_apart
from wraptui.system.machine import Machine

PATIENCE = 20.0  # seconds: a reload takes 0.03, with sessions to kill up to 0.5 for each (xinetd 2.3.15.3)

_RECONFIGURED = re.compile(r"Reconfigured: new=(\d+) old=(\d+) dropped=(\d+)")
_FAILED = re.compile(r"reconfiguration failed")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """How a reload went. `answered`: xinetd said `Reconfigured:` with these counts of services; `failed`: it
    said that it could not read its files and goes on with the old ones; `said` are its other lines."""

    alive: bool
    answered: bool = False
    failed: bool = False
    how: str = ""
    new: int = 0
    old: int = 0
    dropped: int = 0
    seconds: float = 0.0
    said: tuple[str, ...] = ()
    where: str = ""

    def __str__(self) -> str:
        if not self.alive:
            return "xinetd has ended"
        if self.failed:
            return "xinetd could not read its configuration and goes on with the old one"
        if self.answered:
            counts = f"{self.new} started, {self.old} kept, {self.dropped} dropped"
            return f"xinetd has reloaded ({self.how}): {counts}"
        return f"xinetd lives, but its answer to {self.how} was not found ({self.where or 'no log is known'})"


def reload(machine: Machine, daemon: xinetd.Daemon, patience: float = PATIENCE) -> Reloaded:
    """Has the daemon reload and waits for its answer; raises `OSError` when it cannot even be asked."""
    places = logs.places(machine, daemon.log, since=daemon.started)
    begun = machine.now()
    followers: list[logs.Follower | logs.JournalFollower] = [
        logs.JournalFollower(machine, since=begun) if path == logs.JOURNAL else logs.Follower(machine, path)
        for path in places.internal
    ]
    for follower in followers:
        follower.read()
    started = time.monotonic()
    how = xinetd.ask_for_reload(machine, daemon)
    said: list[str] = []
    result = Reloaded(True, how=how, where=places.problem or ", ".join(places.internal))
    try:
        while time.monotonic() - started < (patience if followers else 1.0):
            lines = [line for follower in followers for line in follower.read() if _by(line, daemon.pid)]
            said += [line for line in lines if not _RECONFIGURED.search(line)]
            answer = next((match for line in lines if (match := _RECONFIGURED.search(line))), None)
            took = time.monotonic() - started
            if answer:
                new, old, dropped = map(int, answer.groups())
                result = Reloaded(True, True, False, how, new, old, dropped, took, tuple(said), result.where)
                break
            if any(map(_FAILED.search, said)):
                return Reloaded(True, False, True, how, seconds=took, said=tuple(said), where=result.where)
            if not alive(machine, daemon):
                return Reloaded(False, how=how, seconds=took, said=tuple(said), where=result.where)
            time.sleep(0.02)
    finally:
        for follower in followers:
            follower.close()
    if alive(machine, daemon):
        return result
    return Reloaded(False, how=how, said=tuple(said), where=result.where)


def alive(machine: Machine, daemon: xinetd.Daemon) -> bool:
    """Whether that very daemon still runs; one that has ended and waits for its parent does not."""
    process = machine.process(daemon.pid)
    return bool(process and abs(process.started - daemon.started) < 1 and machine.command(daemon.pid))


def not_listening(machine: Machine, configuration: Configuration) -> tuple[str, ...]:
    """The ids of services that should listen on a TCP port and do not."""
    ports = {socket.local_port for socket in machine.sockets(("tcp", "tcp6"), ("LISTEN",))}
    missing = []
    for service in configuration.services:
        port = service.attributes.get("port")
        stream = service.attributes.get("socket_type") == "stream"
        if service.active and stream and isinstance(port, int) and port and port not in ports:
            missing.append(service.id)
    return tuple(missing)


def restart(machine: Machine, before: Mapping[str, object]) -> str:
    """Starts a daemon again that has ended, as it had been started; `before` is `remembered`. Says how."""
    command = before.get("command")
    unit = str(before.get("unit") or "")
    if unit:
        machine.run(["systemctl", "reset-failed", unit])  # one that has just failed may often not be started
        if machine.run(["systemctl", "restart", unit], 30).code == 0 and _comes(machine):
            return f"systemctl restart {unit}"
    if not isinstance(command, list) or not command:
        raise OSError("how xinetd had been started is not known; start it again yourself")
    program = str(before.get("program") or command[0])
    spawn_apart([program, *map(str, command[1:])])
    if _comes(machine):
        return f"started again: {' '.join(map(str, command))}"
    raise OSError(f"xinetd did not start again by: {' '.join(map(str, command))}")


def _comes(machine: Machine) -> bool:
    """Whether an xinetd is there soon."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if xinetd.find(machine).pid:
            return True
        time.sleep(0.05)
    return False


def remembered(machine: Machine, daemon: xinetd.Daemon) -> dict[str, object]:
    """What is needed to know this daemon again, and to start it anew should it end."""
    if not daemon.pid:
        return {}
    plan = xinetd.reload_plan(machine, daemon)
    return {
        "pid": daemon.pid,
        "started": daemon.started,
        "command": list(daemon.command),
        "program": machine.program(daemon.pid),
        "unit": plan.command[-1] if plan.command else "",
    }


def _by(line: str, pid: int) -> bool:
    """Whether the line is by this process, as far as it says: `xinetd[PID]`; of what journald tells only
    `"_PID":"PID"` counts, which is not the sender's word."""
    found = re.search(r'"_PID"\s*:\s*"(\d+)"' if line.startswith("{") else r"xinetd\[(\d+)\]", line)
    return found is None or found[1] == str(pid)
