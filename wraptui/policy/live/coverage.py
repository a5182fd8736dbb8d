"""Knows which listening sockets are guarded by hosts.allow and hosts.deny, and under which daemon name.

A rule on a name that nothing here asks for has no effect: the question asked most about TCP Wrappers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from wraptui.policy.files import Files
from wraptui.policy.live.admission import libwrap_name, tcpd_name
from wraptui.policy.xinetd.services import Configuration, Service

Honours = Literal["yes", "no", "unknown"]
Use = Literal["loaded", "named", "built-in", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket and the program behind it. `use` tells how libwrap was found in it: `loaded` (in
    the process's memory), `named` (in its program file), `built-in` (the program names the tables itself),
    `none`, or `unknown` (neither may be read)."""

    protocol: str
    address: str
    port: int
    pid: int
    program: str
    argv0: str
    use: Use
    by_xinetd: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether a listener asks hosts.allow and hosts.deny, under which names, and how that is known."""

    listener: Listener
    honours: Honours
    daemons: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class _Switch:
    """A program's own setting that turns libwrap on: `pattern` must match a line of one of `files`."""

    files: tuple[str, ...]
    pattern: str
    what: str


_SWITCHES = {
    "vsftpd": _Switch(
        ("/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf"), r"tcp_wrappers=YES", "tcp_wrappers=YES"
    ),
    "dovecot": _Switch(
        ("/etc/dovecot/dovecot.conf", "/etc/dovecot/conf.d/10-master.conf"),
        r"\s*login_access_sockets\s*=\s*tcpwrap\b.*",
        "login_access_sockets = tcpwrap",
    ),
}
# Programs that pass libwrap another name than that of their file (their own documentation).
_NAMES = {"rpc.mountd": ("mountd",), "rpc.statd": ("statd",), "rpc.rquotad": ("rquotad",)}

# Whom systemd listens for, where that is no question of the host.
_ACTIVATED = {22: ("sshd",)}


def judge(listeners: Iterable[Listener], configuration: Configuration, files: Files) -> tuple[Coverage, ...]:
    """What is known of each listener, in the given order."""
    return tuple(
        _through_xinetd(each, configuration.services) if each.by_xinetd else _standalone(each, files)
        for each in listeners
    )


def names_asked(coverage: Sequence[Coverage], configuration: Configuration) -> frozenset[str]:
    """The daemon names that libwrap is asked for here; those of services that are off count too, because a
    rule for them waits for the day when they run."""
    running = (name for each in coverage if each.honours != "no" for name in each.daemons)
    return (frozenset(running) | {libwrap_name(service) for service in configuration.services}) - {""}


def _standalone(listener: Listener, files: Files) -> Coverage:
    name = listener.program.rpartition("/")[2] or listener.argv0
    daemons = _NAMES.get(name, (listener.argv0 or name,))
    if name == "systemd" and listener.use != "unknown":
        why = "systemd listens for a unit (socket activation), and whether that one asks is not known"
        return Coverage(listener, "unknown", _ACTIVATED.get(listener.port, ()), why)
    if listener.use == "unknown":
        return Coverage(listener, "unknown", daemons, "its program may not be looked into without root")
    if listener.use == "none":
        return Coverage(listener, "no", daemons, f"{name} has not loaded libwrap and does not name it")
    found = {
        "loaded": f"{name} has loaded libwrap",
        "named": f"{name} is linked with libwrap",
        "built-in": f"{name} reads the two tables by itself",
    }[listener.use]
    switch = _SWITCHES.get(name)
    if switch is None:
        return Coverage(listener, "yes", daemons, found)
    for path in switch.files:
        try:
            text = files.read(path).decode("latin-1")
        except OSError:
            continue
        if re.search(f"^(?:{switch.pattern})$", text, re.MULTILINE):
            return Coverage(listener, "yes", daemons, f"{found}, and {path} says {switch.what}")
    return Coverage(listener, "no", daemons, f"{found}, but {' and '.join(switch.files)} lack {switch.what}")


def _through_xinetd(listener: Listener, services: Sequence[Service]) -> Coverage:
    """A socket of xinetd's: the service on its port decides."""
    kind = "dgram" if listener.protocol.startswith("udp") else "stream"
    for service in services:
        attributes = service.attributes
        if (
            service.active
            and attributes.get("port") == listener.port
            and attributes.get("socket_type") == kind
        ):
            return _of_service(listener, service)
    return Coverage(listener, "unknown", (), "xinetd listens here, but no service of its files has this port")


def _of_service(listener: Listener, service: Service) -> Coverage:
    name = libwrap_name(service)
    flags = service.attributes.get("flags")
    words = flags if isinstance(flags, tuple) else ()
    if wrapped := tcpd_name(service):
        return Coverage(listener, "yes", (wrapped,), f"service {service.id} runs {wrapped} through tcpd")
    if "SENSOR" in words:
        return Coverage(
            listener, "no", (name,), f"service {service.id} is a SENSOR: it refuses everyone anyway"
        )
    if "NOLIBWRAP" in words:
        return Coverage(listener, "no", (), f"service {service.id} has the flag NOLIBWRAP")
    if service.attributes.get("protocol") == "tcp" and service.attributes.get("wait") == "yes":
        return Coverage(
            listener,
            "no",
            (name,),
            f"service {service.id} waits (wait = yes): xinetd knows no peer to ask about",
        )
    return Coverage(listener, "yes", (name,), f"xinetd asks libwrap for service {service.id} as {name}")
