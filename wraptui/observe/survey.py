"""Knows what listens on the machine and what its packet filter does, and asks policy what that means."""

from __future__ import annotations

import re
from collections.abc import Callable

from wraptui.policy.hardening import packet_filter
from wraptui.policy.hardening.packet_filter import PacketFilter
from wraptui.policy.live.coverage import Coverage, Listener, Use, judge
from wraptui.policy.xinetd.services import Configuration
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
                use_of(machine, pid, program),
                by_xinetd=bool(daemon) and pid == daemon,
            )
        )
    return tuple(found)


# Where OpenSSH from 9.8 on has what serves a connection; Debian's asks libwrap there, as sshd
# (its patch restore-tcp-wrappers).
_SESSION = re.compile(rb"(/[\w./+-]+/sshd-session)\0")


def use_of(machine: Machine, pid: int, program: str) -> Use:
    """How libwrap stands in a process: first its memory, then what its program file names, and what sshd
    starts for each connection."""
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
        if program.endswith("/sshd") and (session := _SESSION.search(data)):
            data += machine.read(session[1].decode())
    except OSError:
        data = b""
    if b"libwrap.so" in data:
        return "named"
    if b"/etc/hosts.deny\0" in data:
        return "built-in"
    return "none" if seen or data else "unknown"


# What one of them shows as dropped is dropped: the kernel asks them all. Of the names in a group the first
# that is installed is asked; nft alone does not tell all that iptables-nft has put there.
_Reader = Callable[[str], PacketFilter]
_FILTERS: tuple[tuple[tuple[tuple[str, ...], ...], _Reader], ...] = (
    ((("nft", "-j", "list", "ruleset"),), packet_filter.from_nft),
    ((("iptables-nft-save",), ("iptables-save",)), packet_filter.from_iptables),
    (
        (("ip6tables-nft-save",), ("ip6tables-save",)),
        lambda text: packet_filter.from_iptables(text, ipv6=True),
    ),
    ((("iptables-legacy-save",),), packet_filter.from_iptables),
    ((("ip6tables-legacy-save",),), lambda text: packet_filter.from_iptables(text, ipv6=True)),
)


def packet_filters(machine: Machine) -> tuple[tuple[PacketFilter, ...], tuple[str, ...]]:
    """The packet filters that could be read, and a sentence for each tool that failed. A tool that is not
    installed is no failure, unless none is."""
    found: list[PacketFilter] = []
    notes: list[str] = []
    for names, read in _FILTERS:
        for command in names:
            try:
                ran = machine.run(command)
                if ran.code:
                    raise ValueError(ran.errors.decode("utf-8", "replace").strip() or f"exit code {ran.code}")
                found.append(read(ran.output.decode("utf-8", "replace")))
            except FileNotFoundError:
                continue
            except PermissionError:
                notes.append(f"{command[0]} may not be run without root")
            except OSError as error:
                notes.append(f"{command[0]}: {error}")
            except ValueError as error:
                notes.append(f"{command[0]} could not be understood: {error}")
            break
    if not found and not notes:
        notes.append("neither nft nor iptables is installed, so nothing is blocked before libwrap")
    return tuple(found), tuple(notes)
