"""Knows how xinetd is restarted here, and what its end takes with it.

Only a restart empties the SENSOR no_access list. xinetd ends by SIGTERM: what it redirects ends with it,
servers that it has started go on, also its own ones that it has forked, which ignore the signal (verified
against xinetd 2.3.15.3), unless the service manager ends them too.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from wraptui.system import xinetd
from wraptui.system.guard import spawn_apart
from wraptui.system.machine import Machine

INIT_SCRIPT, INIT_DEFAULTS = "/etc/init.d/xinetd", "/etc/default/xinetd"
TO_END, TO_START = 30.0, 15.0  # seconds: its end may take some for each server that it ends
TO_COME = 3.0  # seconds that another one may take to be there after the one before has ended


class NotRestarted(Exception):
    """The restart did not succeed; the sentence says what runs now and what to do."""


@dataclass(frozen=True, slots=True)
class Way:
    """How this xinetd is restarted: `how` in words, `command` empty where it gets SIGTERM and is started
    again with its own command line. `ends_servers`: the service manager ends all its servers with it."""

    how: str
    command: tuple[str, ...] = ()
    ends_servers: bool = False


@dataclass(frozen=True, slots=True)
class Restarted:
    """A restart that succeeded: how it was done, the daemon that runs now, and the TCP ports that the one
    before listened on and this one does not."""

    how: str
    daemon: xinetd.Daemon
    missing: tuple[int, ...] = ()


def way(machine: Machine, daemon: xinetd.Daemon) -> Way:
    """How the host restarts this daemon: its systemd unit, the init script that starts it with these very
    words, else by hand."""
    plan = xinetd.reload_plan(machine, daemon)
    if plan.command:
        unit = plan.command[-1]
        return Way(f"systemctl restart {unit}", ("systemctl", "restart", unit), _ends_all(machine, unit))
    if _by_script(machine, daemon):
        return Way(f"{INIT_SCRIPT} restart", (INIT_SCRIPT, "restart"))
    return Way("SIGTERM, then the same command line again")


def _ends_all(machine: Machine, unit: str) -> bool:
    """Whether systemd ends the whole control group with the unit (its default), not only the daemon."""
    try:
        ran = machine.run(("systemctl", "show", "--property=KillMode", unit))
    except OSError:
        return True
    return ran.output.strip() not in (b"KillMode=process", b"KillMode=none")


def _by_script(machine: Machine, daemon: xinetd.Daemon) -> bool:
    """Whether the init script names the program and every word that this daemon was started with: a script
    that would start it otherwise is not its own."""
    try:
        machine.status("/run/systemd/system")
        return False  # there the script would make a unit of a daemon that is none
    except OSError:
        pass
    try:
        text = machine.read(INIT_SCRIPT)
    except OSError:
        return False
    with suppress(OSError):
        text += machine.read(INIT_DEFAULTS)
    words = (machine.program(daemon.pid), *daemon.command[1:])
    return machine.executable(INIT_SCRIPT) and all(os.fsencode(word) in text for word in words)


def restart(machine: Machine, daemon: xinetd.Daemon) -> Restarted:
    """Restarts the daemon and waits until another one listens where it did. Raises `NotRestarted` with a
    sentence, and `ProcessLookupError` when there is no such daemon (nothing was done then)."""
    if not machine.live or not _same(machine, daemon):
        raise ProcessLookupError("that xinetd does not run any more")
    if daemon.pid == 1:
        raise NotRestarted("xinetd is the first process of this container, which would end with it.")
    ports = _ports(machine, daemon.pid)
    chosen = way(machine, daemon)
    if chosen.command:
        _by_command(machine, chosen)
    else:
        _by_hand(machine, daemon)
    # Debian's init script does not wait for the end of the one before, and starts none while it lives: no
    # xinetd at all runs then, and everybody is told that all went well. So it is asked once more.
    once_more = bool(chosen.command)
    until = (gone := time.monotonic()) + TO_START
    after, missing = xinetd.Daemon(), ports
    while (now := time.monotonic()) < until:
        after = xinetd.find(machine)
        if after.pid and (after.pid, after.started) != (daemon.pid, daemon.started):
            missing = ports - _ports(machine, after.pid)
            if not missing:
                return Restarted(chosen.how, after)
        elif after.pid:
            gone = now
        elif once_more and now > gone + TO_COME:
            _by_command(machine, chosen)
            once_more, until = False, time.monotonic() + TO_START
        time.sleep(0.05)
    if after.pid and (after.pid, after.started) != (daemon.pid, daemon.started):
        return Restarted(chosen.how, after, tuple(sorted(missing)))
    if _same(machine, daemon):
        raise NotRestarted(f"xinetd (process {daemon.pid}) has not ended ({chosen.how}); its list stands.")
    again = " ".join(chosen.command or daemon.command)
    raise NotRestarted(f"xinetd has ended and did not start again; its log says why. Start it with: {again}")


def _by_command(machine: Machine, chosen: Way) -> None:
    try:
        ran = machine.run(chosen.command, TO_END + TO_START)
    except OSError as error:
        raise NotRestarted(f"{chosen.how}: {error}.") from error
    if ran.code:
        said = ran.errors.decode("utf-8", "replace").strip()
        raise NotRestarted(f"{chosen.how} failed: {said or f'exit code {ran.code}'}.")


def _by_hand(machine: Machine, daemon: xinetd.Daemon) -> None:
    """Ends it and starts it again as it was started: same program, words and environment, in `/`."""
    program = machine.program(daemon.pid)
    if not program or program.endswith(" (deleted)") or not machine.executable(program):
        raise NotRestarted(
            f"The program of xinetd ({program or 'not visible'}) could not be started again; "
            "nothing was done."
        )
    environment = _environment(machine, daemon.pid)
    machine.signal(daemon.pid, signal.SIGTERM)
    until = time.monotonic() + TO_END
    while _same(machine, daemon):
        if time.monotonic() > until:
            raise NotRestarted(f"xinetd (process {daemon.pid}) has not ended by SIGTERM; its list stands.")
        time.sleep(0.02)
    # One that stays in the foreground may belong to a supervisor, who starts it again himself.
    until = time.monotonic() + (2.0 if "-dontfork" in daemon.command else 0.0)
    while time.monotonic() < until:
        if xinetd.find(machine).pid:
            return
        time.sleep(0.05)
    spawn_apart([program, *daemon.command[1:]], environment)


def _environment(machine: Machine, pid: int) -> dict[str, str]:
    """What the daemon was started with: it hands it on to its servers, and ours is none of their business."""
    pairs = (os.fsdecode(each).partition("=") for each in machine.read(f"/proc/{pid}/environ").split(b"\0"))
    return {name: value for name, equals, value in pairs if equals}


def _same(machine: Machine, daemon: xinetd.Daemon) -> bool:
    """Whether that very daemon still runs (one that has ended and waits for its parent has no command)."""
    process = machine.process(daemon.pid)
    return bool(process and abs(process.started - daemon.started) < 1 and machine.command(daemon.pid))


def _ports(machine: Machine, pid: int) -> set[int]:
    """The TCP ports on which a process listens."""
    sockets = machine.sockets(("tcp", "tcp6"), ("LISTEN",))
    owners = machine.owners({each.inode for each in sockets}, (pid,))
    return {each.local_port for each in sockets if owners.get(each.inode) == pid}
