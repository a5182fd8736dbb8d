"""Knows the running xinetd: its process, how it was started, what its state dump says, how it reloads.

Verified against xinetd 2.3.15.3.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from wraptui.system.machine import Machine

NAME = "xinetd"
PID_FILES = ("/run/xinetd.pid", "/var/run/xinetd.pid")
DUMP = "/var/run/xinetd.dump"
ONE_WORD = ("-f", "-filelog", "-syslog", "-limit", "-pidfile", "-cc", "-logprocs", "-shutdownprocs")


@dataclass(frozen=True, slots=True)
class Daemon:
    """The running xinetd: pid 0 when there is none, and `problem` says why. `configuration` and `log` (its
    own lines; "" when they go to syslog, facility `facility`) are paths of its machine; `started` is in
    seconds since the epoch."""

    pid: int = 0
    started: float = 0.0
    command: tuple[str, ...] = ()
    problem: str = ""
    configuration: str = "/etc/xinetd.conf"
    log: str = ""
    facility: str = "daemon"
    inetd_compat: bool = False
    stay_alive: bool = False
    pid_file: str = ""


def find(machine: Machine, known: Daemon | None = None) -> Daemon:
    """The xinetd of this machine: by its pid file, else by its name among the processes, never one of another
    network namespace. `known` is the answer of the time before, which is checked first."""
    if not machine.live:
        return Daemon(problem="These files belong to no running machine, so there is no xinetd to ask.")
    if known and known.pid:
        process = machine.process(known.pid)
        if process and process.started == known.started and machine.command(known.pid) == known.command:
            return known
    stale = ""
    for path in PID_FILES:
        try:
            pid = int(machine.read(path).split()[0])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, IndexError):
            stale = f"{path} cannot be read"
            continue
        if is_xinetd(machine, pid):
            return _daemon(machine, pid, path)
        stale = f"{path} names process {pid}, which is no xinetd"
    for process in machine.processes():
        if process.name == NAME and is_xinetd(machine, process.pid):
            parent = machine.process(process.parent)
            if parent is None or parent.name != NAME:  # not a child that has not become its server yet
                return _daemon(machine, process.pid, "")
    return Daemon(problem=f"No xinetd runs here{f' ({stale})' if stale else ''}.")


def is_xinetd(machine: Machine, pid: int) -> bool:
    """Whether that process is an xinetd that serves the network we see."""
    process = machine.process(pid)
    if process is None or pid <= 0 or not machine.here(pid):
        return False
    program = os.path.basename(machine.program(pid).removesuffix(" (deleted)"))
    return NAME in (program, process.name)


def _daemon(machine: Machine, pid: int, pid_file: str) -> Daemon:
    process, command = machine.process(pid), machine.command(pid)
    if process is None:
        return Daemon(problem=f"xinetd (process {pid}) has just ended.")
    options = read_options(command)
    return Daemon(
        pid,
        process.started,
        command,
        "",
        _from_root(options.get("-f", "/etc/xinetd.conf")),
        _from_root(options.get("-filelog", "")),
        options.get("-syslog", "daemon"),
        "-inetd_compat" in options,
        "-stayalive" in options or "-dontfork" in options,
        pid_file or _from_root(options.get("-pidfile", "")),
    )


def read_options(command: tuple[str, ...]) -> Mapping[str, str]:
    """The options of a command line of xinetd; an unknown one is ignored, as xinetd does."""
    options: dict[str, str] = {}
    words = iter(command[1:])
    for word in words:
        options[word] = next(words, "") if word in ONE_WORD else ""
    return options


def _from_root(path: str) -> str:
    """A relative path counts from / once the daemon runs: it goes there after its start."""
    return path if path.startswith("/") or not path else f"/{path}"


# The state dump


@dataclass(frozen=True, slots=True)
class DumpedServer:
    """One running server of the dump's server table; `address` as the daemon spells it, "" for none."""

    service: str
    pid: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class DumpedService:
    """One service of the dump: `state` is Active, Suspended, Disabled (paused by cps) or Not started.
    `running` is the daemon's counter, which restarts at 0 after a cps pause: count the servers instead."""

    id: str
    state: str
    running: int = -1
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dump:
    """The daemon's state when it wrote the dump: services that started (no others), and their servers."""

    version: str = ""
    time: str = ""
    services: tuple[DumpedService, ...] = ()
    servers: tuple[DumpedServer, ...] = ()


_BLOCK = re.compile(rb"^INTERNAL STATE DUMP: .*?^END OF DUMP$", re.M | re.S)
_SERVER = re.compile(
    r"^(?P<service>[^\n]*) server\npid = (?P<pid>\d+)\n(?:(?!\S* server$)[^\n]*\n)*?"
    r"\tremote_address = (?P<remote>[^\n]*)$",
    re.M,
)


def read_dump(data: bytes) -> Dump:
    """The last complete dump in the file; an empty one when there is none."""
    start = data.rfind(b"INTERNAL STATE DUMP: ", 0, max(data.rfind(b"\nEND OF DUMP\n"), 0))
    found = _BLOCK.match(data, start) if start >= 0 else None
    if not found:
        return Dump()
    text = found[0].decode("latin-1")
    head, _, tail = text.partition("\nServer table dump:\n")
    servers = []
    for server in _SERVER.finditer(tail.partition("\nRetry table dump:\n")[0]):
        address, _, port = server["remote"].rpartition(",")
        servers.append(
            DumpedServer(server["service"], int(server["pid"]), address, int(port) if port.isdigit() else 0)
        )
    lines = head.split("\n")
    return Dump(
        lines[0].partition(": ")[2],
        lines[1].partition(": ")[2],
        tuple(_dumped_services(head)),
        tuple(servers),
    )


def _dumped_services(text: str) -> Iterator[DumpedService]:
    for block in text.split("\nService = ")[1:]:
        fields: dict[str, str] = {}
        for line in block.split("\n")[1:]:
            name, separator, value = line.strip().partition(" = ")
            if not separator:
                name, separator, value = line.strip().partition(": ")
            if separator:
                fields.setdefault(name, value.strip())
        running = fields.get("running servers", "")
        yield DumpedService(
            fields.get("id", block.partition("\n")[0]),
            fields.get("State", ""),
            int(running) if running.isdigit() else -1,
            fields,
        )


def ask_for_dump(machine: Machine, daemon: Daemon, timeout: float = 3.0) -> Dump:
    """Has the daemon append its state to /var/run/xinetd.dump, and reads it; `OSError` has a sentence."""
    before = _size(machine, DUMP)
    machine.signal(daemon.pid, signal.SIGUSR1)
    ends = time.monotonic() + timeout
    while time.monotonic() < ends:
        time.sleep(0.02)
        if _size(machine, DUMP) > before:
            data = machine.read(DUMP)
            if data.endswith(b"\nEND OF DUMP\n") or data.rstrip().endswith(b"END OF DUMP"):
                return read_dump(data)
    raise TimeoutError(f"xinetd wrote no state to {DUMP} within {timeout:g} s")


def _size(machine: Machine, path: str) -> int:
    try:
        return machine.status(path).size
    except OSError:
        return 0


# Reloading


@dataclass(frozen=True, slots=True)
class Reload:
    """How a reload is asked for on this host: `how` in words, `command` empty for a plain signal."""

    how: str
    command: tuple[str, ...] = ()


def reload_plan(machine: Machine, daemon: Daemon) -> Reload:
    """`systemctl reload` where systemd started this daemon as a unit, else SIGHUP, which is what the init
    script sends too."""
    try:
        groups = machine.read(f"/proc/{daemon.pid}/cgroup").decode("latin-1")
        machine.status("/run/systemd/system")
    except OSError:
        groups = ""
    if unit := re.search(r"/([\w.@-]*xinetd[\w.@-]*\.service)$", groups, re.M):
        return Reload(f"systemctl reload {unit[1]}", ("systemctl", "reload", unit[1]))
    return Reload(f"SIGHUP to process {daemon.pid}")


def unit(machine: Machine, pid: int) -> str:
    """The systemd unit that a process belongs to, "" where there is none."""
    try:
        groups = machine.read(f"/proc/{pid}/cgroup").decode("latin-1")
    except OSError:
        return ""
    found = re.search(r"/([^/\n]+\.(?:service|scope))$", groups, re.M)
    return found[1] if found else ""


def ask_for_reload(machine: Machine, daemon: Daemon) -> str:
    """Asks the daemon to reload and returns how; it answers `Reconfigured:` in its own log. A burst of
    requests gives one reload (verified). Raises `OSError` with a sentence, `ProcessLookupError` when it is
    no longer there."""
    if not is_xinetd(machine, daemon.pid):
        raise ProcessLookupError(f"xinetd (process {daemon.pid}) does not run any more")
    plan = reload_plan(machine, daemon)
    if plan.command:
        try:
            ran = machine.run(plan.command, 30)
        except OSError:
            ran = None
        if ran and ran.code == 0:
            return plan.how
    machine.signal(daemon.pid, signal.SIGHUP)
    return f"SIGHUP to process {daemon.pid}"
