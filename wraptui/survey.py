"""Knows what listens on the machine, and asks policy whether hosts.allow and hosts.deny guard it."""

from __future__ import annotations

from wraptui.policy.coverage import Coverage, Listener, Use, judge
from wraptui.policy.services import Configuration
from wraptui.system.machine import Machine


def coverage(machine: Machine, configuration: Configuration, daemon: int) -> tuple[Coverage, ...]:
    """Every listening socket with its guard, by port; `daemon` is xinetd's pid, 0 for none."""
    return judge(listeners(machine, daemon), configuration, machine)


def listeners(machine: Machine, daemon: int) -> tuple[Listener, ...]:
    """Every listening TCP socket and every unconnected UDP socket that has a port, by port and protocol."""
    tcp = machine.sockets(("tcp", "tcp6"), ("LISTEN",))
    udp = machine.sockets(("udp", "udp6"), ("CLOSE",))
    sockets = [each for each in (*tcp, *udp) if each.local_port]
    owners = machine.owners({each.inode for each in sockets}, (daemon,) if daemon else ())
    found = []
    for each in sorted(sockets, key=lambda each: (each.local_port, each.protocol, each.local)):
        pid = owners.get(each.inode, 0)
        process = machine.process(pid) if pid else None
        program = machine.program(pid) if pid else ""
        found.append(
            Listener(
                each.protocol,
                each.local,
                each.local_port,
                pid,
                program,
                process.argv0 or process.name if process else "",
                _use(machine, pid, program),
                by_xinetd=bool(daemon) and pid == daemon,
            )
        )
    return tuple(found)


def _use(machine: Machine, pid: int, program: str) -> Use:
    """How libwrap stands in a process: first its memory, then what its program file names."""
    if not pid:
        return "unknown"
    try:
        if any(name.rpartition("/")[2].startswith("libwrap.so") for name in machine.libraries(pid)):
            return "loaded"
        seen = True
    except OSError:
        seen = False
    try:
        # The name stands in the file whether it is linked (DT_NEEDED) or opened later (dlopen).
        data = machine.read(program) if program else b""
    except OSError:
        data = b""
    if b"libwrap.so" in data:
        return "named"
    if b"/etc/hosts.deny\0" in data:
        return "built-in"
    return "none" if seen or data else "unknown"
