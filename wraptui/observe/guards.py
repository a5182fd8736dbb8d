"""Knows what stands before each listening socket: xinetd, a program that asks libwrap itself, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wraptui.observe import survey
from wraptui.observe.kept import Kept
from wraptui.observe.snapshot import Daemon
from wraptui.policy.live.admission import libwrap_name
from wraptui.policy.live.coverage import Coverage, Listener, judge
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.system.machine import Machine
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
        self._listening: tuple[object, ...] = ()
        self._listeners: tuple[Listener, ...] = ()
        self._configuration = Configuration(starts=True)
        self._coverage = Kept(lambda files: judge(self._listeners, self._configuration, files))
        self._made_from: tuple[object, ...] = ()
        self._guards: tuple[Guard, ...] = ()

    def look(
        self,
        listening: Sequence[Connection],
        owners: Mapping[int, int],
        configuration: Configuration,
        daemon: Daemon,
    ) -> tuple[tuple[Guard, ...], tuple[Coverage, ...]]:
        """What stands before each of these listeners, and before services whose listener is gone; and whether
        each listener (UDP too) asks libwrap."""
        now = (tuple(listening), tuple(owners.get(each.inode, 0) for each in listening), daemon)
        if now != self._listening:
            self._listeners = survey.listeners(self._machine, daemon.pid)
            self._listening = now
        self._configuration = configuration
        coverage = self._coverage.get(self._machine, (self._listeners, id(configuration)))
        made_from = (coverage, id(configuration), daemon)
        if made_from != self._made_from:
            self._guards = tuple(_guards(coverage, configuration, daemon))
            self._made_from = made_from
        return self._guards, coverage


def _guards(coverage: Sequence[Coverage], configuration: Configuration, daemon: Daemon) -> Iterator[Guard]:
    heard = set()
    for each in coverage:
        if each.listener.protocol.startswith("tcp"):
            heard.add(each.listener.port)
            yield _guard(each, configuration, daemon)
    for service in configuration.services:
        # A service that cps stopped has no socket; its visitors are still there.
        port = port_of(service)
        if daemon.pid and service.active and port and port not in heard:
            yield replace(
                _through_xinetd(service), protocol="tcp6", address="::", port=port, pid=daemon.pid, open=False
            )


def _guard(coverage: Coverage, configuration: Configuration, daemon: Daemon) -> Guard:
    listener = coverage.listener
    place = (listener.protocol, listener.address, listener.port)
    service = service_at(configuration, listener)
    asked = coverage.daemons[0] if coverage.honours == "yes" and coverage.daemons else ""
    if service and daemon.pid and listener.pid in (daemon.pid, 0):
        found = _through_xinetd(service)
        if asked and not found.daemon:  # through tcpd, as inetd did it
            found = replace(found, daemon=asked, why=_sentence(coverage.why))
        return replace(found, protocol=place[0], address=place[1], port=place[2], pid=daemon.pid)
    if not listener.pid:
        return Guard(
            *place, "unknown", f"port {listener.port}", "", "Who listens cannot be seen without root."
        )
    name = (coverage.daemons or (listener.argv0,))[0]
    kind = "standalone" if asked else "unknown" if coverage.honours == "unknown" else ""
    return Guard(*place, kind, name, asked, _sentence(coverage.why), listener.pid)


def _sentence(text: str) -> str:
    """The reason as a sentence; a program's name keeps its case."""
    begins = text.startswith(("its ", "service "))
    return f"{text[:1].upper() if begins else text[:1]}{text[1:]}."


def _through_xinetd(service: Service) -> Guard:
    daemon = libwrap_name(service)
    why = f"xinetd asks libwrap about it, as {daemon}." if daemon else "xinetd does not ask libwrap about it."
    return Guard("", "", 0, "xinetd", service.id, daemon, why)


def port_of(service: Service) -> int:
    """The service's port, 0 when it has none."""
    port = service.attributes.get("port", 0)
    return port if isinstance(port, int) else 0


def service_at(configuration: Configuration, listener: Listener) -> Service | None:
    """The active stream service on a listener's port; the one bound to its address if there are several."""
    found = [
        each
        for each in configuration.services
        if each.active
        and port_of(each) == listener.port
        and each.attributes.get("socket_type", "stream") == "stream"
    ]
    bound = [each for each in found if each.attributes.get("bind") == listener.address]
    return next(iter(bound or found), None)
