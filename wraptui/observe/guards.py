"""Knows what stands before each listening socket: xinetd, a program that asks libwrap itself, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from wraptui.observe.snapshot import Daemon
from wraptui.policy.admission import libwrap_name
from wraptui.policy.services import Configuration, Service
from wraptui.system.machine import Machine
from wraptui.system.processes import Process
from wraptui.system.sockets import Connection


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands before a listening socket: `kind` as in `Visit.guard`, `service` the id or the program's
    name, `daemon` the name that libwrap is asked for ("" when it is not asked), `why` in a sentence. `pid` is
    the listening process (0: not seen). `open` is False for a service whose listener is closed, by cps for
    one."""

    protocol: str
    address: str
    port: int
    kind: str
    service: str
    daemon: str
    why: str
    pid: int = 0
    open: bool = True

    def fits(self, connection: Connection) -> int:
        """How well this listener fits a connection's own end: 0 not at all, more for the exact address."""
        if connection.local_port != self.port:
            return 0
        if connection.local == self.address:
            return 3
        if self.address == "::":
            return 1  # also IPv4, mapped
        return 2 if self.address == "0.0.0.0" and connection.protocol == "tcp" else 0  # noqa: S104


class Listeners:
    """The listeners of one machine; looked at again only when what listens, or the configuration, changed."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._made_from: tuple[object, ...] = ()
        self._guards: tuple[Guard, ...] = ()

    def guards(
        self,
        listening: Sequence[Connection],
        owners: Mapping[int, int],
        configuration: Configuration,
        daemon: Daemon,
    ) -> tuple[Guard, ...]:
        """What stands before each of these listeners, and before services whose listener is gone."""
        holders = tuple(owners.get(each.inode, 0) for each in listening)
        made_from = (tuple(listening), holders, configuration, daemon)
        if made_from != self._made_from:
            found = [self._guard(each, owners, configuration, daemon) for each in listening]
            heard = {each.port for each in found}
            if daemon.pid:
                # A service that cps stopped, or that waits, has no socket; its visitors are still there.
                found += [
                    replace(_through_xinetd(service, "tcp6", "::", port), open=False)
                    for service in configuration.services
                    if service.active and (port := port_of(service)) and port not in heard
                ]
            self._guards = tuple(found)
            self._made_from = made_from
        return self._guards

    def _guard(
        self, listener: Connection, owners: Mapping[int, int], configuration: Configuration, daemon: Daemon
    ) -> Guard:
        pid = owners.get(listener.inode, 0)
        service = service_at(configuration, listener)
        if service and daemon.pid and pid in (daemon.pid, 0):
            found = _through_xinetd(service, listener.protocol, listener.local, listener.local_port)
            return replace(found, pid=daemon.pid)
        process = self._machine.process(pid) if pid else None
        if process is None:
            name, asked, why = f"port {listener.local_port}", "", "Who listens cannot be seen without root."
        elif pid == daemon.pid:
            name, asked, why = process.name, "", "xinetd listens here, but no service of its files does."
        else:
            name, asked, why = self._standalone(process)
        kind = "standalone" if asked else ""
        return Guard(listener.protocol, listener.local, listener.local_port, kind, name, asked, why, pid)

    def _standalone(self, process: Process) -> tuple[str, str, str]:
        name = process.argv0 or process.name
        name = name.removesuffix(":")  # sshd: /usr/sbin/sshd -D
        try:
            loaded = any("/libwrap.so" in each for each in self._machine.libraries(process.pid))
        except OSError:
            return name, "", f"Whether {name} asks libwrap cannot be seen without root."
        if loaded:
            return name, name, f"{name} has loaded libwrap"
        return name, "", f"{name} does not use libwrap: hosts.allow and hosts.deny do not concern it."


def _through_xinetd(service: Service, protocol: str, address: str, port: int) -> Guard:
    daemon = libwrap_name(service)
    why = (
        f"xinetd asks libwrap about it, as {daemon}."
        if daemon
        else "xinetd does not ask libwrap about it (NOLIBWRAP)."
    )
    return Guard(protocol, address, port, "xinetd", service.id, daemon, why)


def port_of(service: Service) -> int:
    """The service's port, 0 when it has none."""
    port = service.attributes.get("port", 0)
    return port if isinstance(port, int) else 0


def service_at(configuration: Configuration, listener: Connection) -> Service | None:
    """The active stream service on a listener's port; the one bound to its address if there are several."""
    found = [
        each
        for each in configuration.services
        if each.active
        and port_of(each) == listener.local_port
        and each.attributes.get("socket_type", "stream") == "stream"
    ]
    bound = [each for each in found if each.attributes.get("bind") == listener.local]
    return next(iter(bound or found), None)
