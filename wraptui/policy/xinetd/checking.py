"""Knows how xinetd completes an entry that it has read, and for which faults it drops it then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wraptui.policy.xinetd.addresses import Crashed
from wraptui.policy.xinetd.attributes import ORDER
from wraptui.policy.xinetd.draft import UNLIMITED, Complain, Draft, World
from wraptui.policy.xinetd.settings import resolved_as
from wraptui.syntax.xinetd import folded

BUILT_IN = frozenset(
    [
        (name, kind)
        for name in ("echo", "discard", "time", "daytime", "chargen", "sensor")
        for kind in ("stream", "dgram")
    ]
    + [("tcpmux", "stream")]
)
IDENTITY = (113, 6)


class Dropped(Exception):
    """The service does not run; the last message tells why."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Filling from defaults, then the checks of a whole entry."""

    defaults: Draft
    world: World
    say: Complain

    def _drop(self, text: str) -> Dropped:
        self.say("ERROR", text)
        return Dropped(text)

    # -- filling

    def fill(self, draft: Draft) -> None:
        """Complete an entry from defaults and built-in values. Raises `Dropped`."""
        if draft.redirect is not None:
            draft.server = "/bin/true"
            self._specify(draft, "server", "built-in")
        if "INTERNAL" not in draft.types:
            self._arguments(draft)
        self._limits(draft)
        self._bind(draft)
        if not draft.flags & {"IPv4", "IPv6"}:
            draft.flags.add("IPv4" if draft.bind is not None and draft.bind[0] == 4 else "IPv6")
        self._bind_name(draft)
        self._protocol(draft)
        self._port(draft)
        self._logging(draft)

    def _specify(self, draft: Draft, name: str, origin: str) -> None:
        draft.specified.add(name)
        draft.origin[name] = origin

    def _arguments(self, draft: Draft) -> None:
        if not draft.server:
            raise self._drop(f"Must specify a server in {draft.name}")
        if "NAMEINARGS" in draft.flags and "server_args" not in draft.specified:
            raise self._drop("Must specify server args if using NAMEINARGS flag")

    def _limits(self, draft: Draft) -> None:
        given = self.defaults
        for name in ("instances", "per_source", "groups", "umask", "v6only"):
            if name not in draft.specified:
                if name in given.specified:
                    draft.plain[name] = given.plain[name]
                    draft.origin[name] = "defaults"
                elif name in ("instances", "per_source"):
                    draft.plain[name] = UNLIMITED
                elif name == "groups":
                    draft.plain[name] = False
                else:
                    draft.plain.pop(name, None)
        if "cps" not in draft.specified:
            draft.cps = (50, 10)
            if "cps" in given.specified:
                draft.cps = given.cps
                draft.origin["cps"] = "defaults"
        if "max_load" not in draft.specified:
            draft.max_load = 0.0
            if "max_load" in given.specified:
                draft.max_load = given.max_load
                draft.origin["max_load"] = "defaults"
        if "deny_time" not in draft.specified:
            draft.plain["deny_time"] = 0

    def _bind(self, draft: Draft) -> None:
        given = self.defaults
        if draft.bind is None:
            draft.specified.discard("bind")
        if "bind" not in draft.specified and not draft.bind_name:
            if given.bind is None and "bind" in given.specified:
                raise Crashed("a line is wrong after a bind to a host of several addresses: xinetd crashes")
            if given.bind is not None and "bind" in given.specified:
                draft.bind = given.bind
                self._specify(draft, "bind", "defaults")
            elif given.bind_name:
                draft.bind_name = given.bind_name
                draft.origin["bind"] = "defaults"

    def _bind_name(self, draft: Draft) -> None:
        if not draft.bind_name:
            return
        version = 6 if "IPv6" in draft.flags else 4
        draft.bind = resolved_as(draft.bind_name, version, self.world)
        if draft.bind is None:
            raise self._drop(f"bad address given for: {draft.name}")
        draft.specified.add("bind")

    def _protocol(self, draft: Draft) -> None:
        protocols = {"stream": "tcp", "dgram": "udp"}
        if "protocol" not in draft.specified and "socket_type" in draft.specified:
            name = protocols.get(draft.socket_type, "")
            number = self.world.databases.protocol_number(name) if name else None
            if number is not None:
                draft.protocol, draft.protocol_number = name, number
                self._specify(draft, "protocol", "built-in")
        if "protocol" in draft.specified and "socket_type" not in draft.specified:
            for kind, name in protocols.items():
                if folded(draft.protocol) == name:
                    draft.socket_type = kind
                    self._specify(draft, "socket_type", "built-in")

    def _port(self, draft: Draft) -> None:
        if "port" in draft.specified or draft.types & {"TCPMUX", "TCPMUXPLUS", "RPC"}:
            return
        if "UNLISTED" in draft.types:
            raise self._drop(f"Unlisted service: {draft.name} must have a port entry")
        if "protocol" not in draft.specified:
            raise self._drop(f"Port not specified for service: {draft.name} and no protocol given")
        port = self.world.databases.service_port(draft.name, draft.protocol)
        if port is None:
            raise self._drop(f"Port not specified and can't find service: {draft.name} with getservbyname")
        draft.port = port
        self._specify(draft, "port", "/etc/services")

    def _logging(self, draft: Draft) -> None:
        given = self.defaults
        if "log_on_success" not in draft.specified and "log_on_success" in given.specified:
            draft.on_success = set(given.on_success)
            self._specify(draft, "log_on_success", "defaults")
        if "log_on_failure" not in draft.specified and "log_on_failure" in given.specified:
            draft.on_failure = set(given.on_failure)
            self._specify(draft, "log_on_failure", "defaults")
        if "log_type" not in draft.specified and "log_type" in given.specified:
            draft.log = ("COMMON", *given.log[1:]) if given.log[0] == "FILE" else given.log
            self._specify(draft, "log_type", "defaults")

    # -- checking

    def check(self, draft: Draft, passed: Sequence[Draft]) -> None:
        """Check an entry against itself and those with a bind that `passed` before. Raises `Dropped`."""
        self._unique(draft, passed)
        if "INTERCEPT" in draft.flags:
            if "INTERNAL" in draft.types:
                self.say("ERROR", f"Internal services cannot be intercepted: {draft.id} ")
                draft.flags.discard("INTERCEPT")
            if not draft.waits:
                self.say("ERROR", f"Multi-threaded services cannot be intercepted: {draft.id}")
                draft.flags.discard("INTERCEPT")
        if "SENSOR" in draft.flags:
            draft.types.add("INTERNAL")
        if "INTERNAL" in draft.types:
            name = "sensor" if "SENSOR" in draft.flags else draft.name
            if (folded(name), draft.socket_type) not in BUILT_IN:
                kind = draft.socket_type or "Unknown socket type"
                raise self._drop(f"No such internal service: {name}/{kind} - DISABLING")
        self._labeled(draft)
        self._tcpmux(draft)
        self._listed(draft)
        self._redirected(draft)
        if "NAMEINARGS" in draft.flags and "INTERNAL" in draft.types:
            raise self._drop(f"Service {draft.name} is INTERNAL and has NAMEINARGS flag set")
        self._complete(draft)
        self._intercepted(draft)
        if (draft.port, draft.protocol_number) == IDENTITY:
            for marks, name in ((draft.on_success, "log_on_success"), (draft.on_failure, "log_on_failure")):
                if "USERID" in marks:
                    self.say("WARNING", f"{draft.id} service: clearing USERID option from {name}")
                    marks.discard("USERID")

    def _unique(self, draft: Draft, passed: Sequence[Draft]) -> None:
        for other in passed:
            if (draft.port, draft.protocol_number) != (other.port, other.protocol_number):
                continue
            if draft.bind is not None and draft.bind != other.bind:
                continue
            if "RPC" in draft.types and "RPC" in other.types:
                if draft.program != other.program:
                    continue
                if draft.versions[0] > other.versions[1] or draft.versions[1] < other.versions[0]:
                    continue
            if folded(draft.id) == folded(other.id):
                raise self._drop(
                    f"service: {draft.name} id: {draft.id} not unique or is a duplicate - DISABLING"
                )
            raise self._drop(
                f"service: {draft.name} id: {draft.id} is unique but its identical to "
                f"service: {other.name} id: {other.id} - DISABLING"
            )

    def _labeled(self, draft: Draft) -> None:
        if "LABELED" not in draft.flags:
            return
        if "INTERNAL" in draft.types:
            raise self._drop(f"Internal services cannot support labeled networking: {draft.id}")
        if draft.socket_type != "stream":
            raise self._drop(f"Non-stream socket types cannot support labeled networking: {draft.id}")
        if draft.waits:
            raise self._drop(f"Tcp wait services cannot support labeled networking: {draft.id}")
        if draft.redirect is not None:
            raise self._drop(f"Redirected services cannot support labeled networking: {draft.id}")

    def _tcpmux(self, draft: Draft) -> None:
        if not draft.types & {"TCPMUX", "TCPMUXPLUS"}:
            return
        if "UNLISTED" not in draft.types:
            raise self._drop(f"Service: {draft.name} (tcpmux) should have UNLISTED in type.")
        if folded(draft.protocol) != "tcp":
            raise self._drop(f"Service: {draft.name} (tcpmux) should have tcp in protocol.")

    def _listed(self, draft: Draft) -> None:
        if "UNLISTED" in draft.types:
            return
        if "RPC" in draft.types:
            program = self.world.databases.program_number(draft.name)
            if program is None:
                raise self._drop(f"unknown RPC service: {draft.name}")
            draft.program = program
            return
        if "protocol" not in draft.specified:
            raise self._drop(f"A protocol or a socket_type must be specified for service: {draft.name}.")
        port = self.world.databases.service_port(draft.name, draft.protocol)
        if port is None:
            raise self._drop(
                f"service/protocol combination not in /etc/services: {draft.name}/{draft.protocol}"
            )
        if draft.port != port:
            raise self._drop(f"Service {draft.name} expects port {port}, not {draft.port}")

    def _redirected(self, draft: Draft) -> None:
        if "redirect" in draft.specified:
            if draft.socket_type != "stream":
                raise self._drop(f"Only tcp sockets are supported for redirected service {draft.name}")
            if draft.waits:
                raise self._drop(f"Redirected service {draft.name} must not wait")
            if "NAMEINARGS" in draft.flags:
                raise self._drop(f"Redirected service {draft.name} should not have NAMEINARGS flag set")
        elif "TRAFFIC" in draft.on_success:
            raise self._drop(
                f"Service {draft.name} should not have TRAFFIC flag set since its not redirected"
            )

    def _complete(self, draft: Draft) -> None:
        needed = {"socket_type", "wait"}
        unlisted = "UNLISTED" in draft.types
        if "INTERNAL" not in draft.types:
            needed |= {"user", "server"}
            if unlisted:
                needed |= {"protocol"} if draft.types & {"TCPMUX", "TCPMUXPLUS"} else {"protocol", "port"}
        if "RPC" in draft.types:
            needed = needed - {"port"} | {"protocol", "rpc_version"}
            if unlisted:
                needed.add("rpc_number")
        elif "redirect" in draft.specified:
            needed.discard("server")
        if draft.flags >= {"IPv4", "IPv6"}:
            self.say("INFO", f"Service {draft.name} will use IPv6 or fallback to IPv4")
            draft.flags.discard("IPv4")
        missing = [name for name in ORDER if name in needed - draft.specified]
        for name in missing:
            self.say("ERROR", f"Service {draft.id} missing attribute {name} - DISABLING")
        if missing:
            raise Dropped

    def _intercepted(self, draft: Draft) -> None:
        if "INTERCEPT" not in draft.flags:
            return
        if draft.socket_type not in ("stream", "dgram"):
            self.say("ERROR", f"special service intercept,{draft.socket_type} not supported")
            raise self._drop(f"removing service {draft.id}")
        draft.types.add("INTERNAL")
