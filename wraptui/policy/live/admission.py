"""Knows whom xinetd lets in: its checks in the daemon's own order, libwrap last, the first refusal decides.

Verified against xinetd 2.3.15.3, by real connections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from wraptui.policy.live.limits import CpsState, cps_step, cps_words, number
from wraptui.policy.live.sensor import NoAccess, holding
from wraptui.policy.tables.access import Decision, Tables, Visitor, decide
from wraptui.policy.tables.expansion import LookUp
from wraptui.policy.xinetd.addresses import Address, matching, numeric_address, read_addresses
from wraptui.policy.xinetd.databases import Databases
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import shown, typed

Verdict = Literal["passes", "refuses", "unknown"]
Socket = Literal["ipv4", "dual", "ipv6"]


LIBWRAP = ("libwrap", "tcpd")
"""The layers that hosts.allow and hosts.deny decide."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One check: name, verdict, and why, in a sentence. `reason` is the word of the daemon's FAIL line
    ("" where it logs none); `file` and `line` are those of the attribute or rule ("" and 0: built in)."""

    name: str
    verdict: Verdict
    why: str
    reason: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Live:
    """What the running daemon has at this moment. `running` and `from_client` count children of the service,
    and those of them that serve the client; `cps` is the service's window; `paused_until` is when it comes
    back; `processes` counts all servers against the option -limit (`process_limit` 0: none)."""

    now: float
    running: int = 0
    from_client: int = 0
    load: float = 0.0
    cps: CpsState | None = None
    paused_until: float | None = None
    no_access: NoAccess | None = None
    processes: int = 0
    process_limit: int = 0


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on one client of one service. `refusal` is the first layer that refuses, None when it gets
    in; `certain` is False when some layer up to the deciding one could not be told."""

    service: str
    client: str
    layers: tuple[Layer, ...]
    granted: bool
    certain: bool
    refusal: Layer | None = None
    decision: Decision | None = None


def admit(
    service: Service,
    client: str,
    tables: Tables,
    *,
    configuration: Configuration | None = None,
    live: Live | None = None,
    name: str = "",
    mapped_name: str = "",
    user: str = "unknown",
    server_address: str = "unknown",
    server_name: str = "unknown",
    look_up: LookUp = lambda address: ("unknown", ()),
) -> Admission:
    """Whether `service` lets `client` (a numeric address) in, layer by layer.

    `name` is the client's host name as reverse DNS gives it: "" when it has not been looked up, `unknown`
    when it has none. `mapped_name` is the same for the mapped address: that is what the daemon looks up for
    its own lists when an IPv4 client reaches a dual-stack socket; DNS gives the same name, /etc/hosts none
    (verified), so without it a name that decides is doubtful. Without `live` nobody else is connected,
    and the load and the time are not known. Raises `ValueError` when the client is no address."""
    case = _Case(service, _address(client), configuration, live, name, mapped_name, tables)
    layers = [case.socket()]
    if layers[0].verdict != "refuses":
        layers += [
            case.cps(),
            case.max_load(),
            case.access_times(),
            case.instances(),
            case.per_source(),
            case.process_limit(),
            case.sensor(),
            case.no_access_list(),
            case.addresses(),
        ]
    decision: Decision | None = None
    if layers[0].verdict != "refuses":
        visitor = Visitor(
            daemon=typed(libwrap_name(service)),
            address=case.libwrap_address(),
            name=name if not case.nameless else "unknown",
            user=user,
            server_address=server_address,
            server_name=server_name,
            server_port=number(service.attributes.get("port", 0)),
        )
        layer, decision = _libwrap(service, visitor, tables, look_up)
        layers.append(layer)
        wrapped = tcpd_name(service)
        if wrapped and layer.verdict != "refuses" and not (decision and wrapped == libwrap_name(service)):
            layer, decision = _asked("tcpd", replace(visitor, daemon=typed(wrapped)), tables, look_up)
            layers.append(replace(layer, reason=""))
    kept = tuple(layer for layer in layers if layer.why)
    refusal = next((layer for layer in kept if layer.verdict == "refuses"), None)
    looked_at = kept[: kept.index(refusal)] if refusal else kept
    certain = all(layer.verdict != "unknown" for layer in looked_at)
    return Admission(service.id, client, kept, refusal is None, certain, refusal, decision)


def libwrap_name(service: Service) -> str:
    """The daemon name under which xinetd asks libwrap for this service; "" when it does not ask.

    The attribute libwrap; else the service's *name* (not its id) for redirected and internal services; else
    the base name of the server, or with NAMEINARGS of its first argument."""
    attributes = service.attributes
    if not asks_libwrap(service):
        return ""
    libwrap = attributes.get("libwrap")
    if isinstance(libwrap, str) and libwrap:
        return libwrap
    if "redirect" in attributes or "INTERNAL" in _words(service, "type"):
        return service.name
    arguments = _words(service, "server_args")
    if "NAMEINARGS" in _words(service, "flags"):
        return arguments[0].rpartition("/")[2] if arguments else ""
    server = attributes.get("server")
    return server.rpartition("/")[2] if isinstance(server, str) and server else service.name


def tcpd_name(service: Service) -> str:
    """The daemon name under which tcpd, where xinetd runs that as the server, asks libwrap by itself: the
    base name of its argv[0] (tcpd(8)); "" without tcpd."""
    server, arguments = service.attributes.get("server"), _words(service, "server_args")
    if not isinstance(server, str) or server.rpartition("/")[2] != "tcpd" or not arguments:
        return ""
    return arguments[0].rpartition("/")[2] if "NAMEINARGS" in _words(service, "flags") else ""


def names_of(service: Service) -> tuple[str, ...]:
    """Every daemon name under which libwrap is asked when a client comes to this service."""
    asked = (libwrap_name(service) if asks_libwrap(service) else "", tcpd_name(service))
    return tuple(dict.fromkeys(name for name in asked if name))


def asks_libwrap(service: Service) -> bool:
    """Whether xinetd asks hosts.allow and hosts.deny for this service at all."""
    if "NOLIBWRAP" in _words(service, "flags"):
        return False
    return not ("RPC" in _words(service, "type") and service.attributes.get("socket_type") == "stream")


def socket_of(service: Service) -> Socket:
    """The family of the service's socket: IPv4, IPv6 that takes IPv4 too (mapped), or IPv6 alone."""
    flags, bind = _words(service, "flags"), service.attributes.get("bind", "")
    if "IPv4" in flags and "IPv6" not in flags:
        return "ipv4"
    if isinstance(bind, str) and bind.count(".") == 3 and ":" not in bind:
        return "ipv4"
    if isinstance(bind, str) and ":" in bind and bind != "::":
        return "ipv6"
    # Any value of v6only on the service itself switches it on, in defaults none does.
    own = service.origin.get("v6only", "built-in") not in ("built-in", "defaults")
    return "ipv6" if "v6only" in service.attributes and own else "dual"


def is_sensor(service: Service) -> bool:
    """Whether the service is a trap."""
    return "SENSOR" in _words(service, "flags")


def place(service: Service, attribute: str, configuration: Configuration | None = None) -> tuple[str, int]:
    """File and line where an attribute of the service is set; ("", 0) when it is built in."""
    origin = service.origin.get(attribute, "built-in")
    if origin == "defaults":
        for entry in configuration.default_entries if configuration else ():
            for lines in entry.lines.get(attribute, ()):
                return entry.file, lines[0]
        return "", 0
    file, colon, line = origin.rpartition(":")
    return (file, int(line)) if colon and line.isdigit() else ("", 0)


@dataclass(frozen=True, slots=True)
class _Case:
    service: Service
    client: IPv4Address | IPv6Address
    configuration: Configuration | None
    live: Live | None
    name: str
    mapped_name: str
    tables: Tables

    @property
    def nameless(self) -> bool:
        """TCP with wait = yes: the server accepts the connection itself, so xinetd knows no address."""
        attributes = self.service.attributes
        return attributes.get("wait") == "yes" and attributes.get("socket_type", "stream") == "stream"

    def libwrap_address(self) -> str:
        return "unknown" if self.nameless else str(self.client)

    def layer(self, name: str, verdict: Verdict, why: str, reason: str = "", attribute: str = "") -> Layer:
        file, line = place(self.service, attribute or name, self.configuration)
        return Layer(name, verdict, why, reason if verdict == "refuses" else "", file, line)

    def socket(self) -> Layer:
        service, family = self.service, socket_of(self.service)
        if not service.active:
            why = service.why_not.rstrip(".")
            return Layer(
                "service", "refuses", f"{service.id} does not run: {why}.", "", service.file, service.first
            )
        if family == "ipv4" and self.client.version == 6:
            return self.layer("socket", "refuses", "The service listens on IPv4 alone.", attribute="flags")
        if family == "ipv6" and self.client.version == 4:
            attribute = "v6only" if "v6only" in service.attributes else "bind"
            return self.layer("socket", "refuses", "The service listens on IPv6 alone.", attribute=attribute)
        return Layer("socket", "passes", "")

    def cps(self) -> Layer:
        cps = self.service.attributes.get("cps", ())
        if not isinstance(cps, tuple) or len(cps) != 2 or not cps[0]:
            return Layer("cps", "passes", "")
        most, wait = int(cps[0]), int(cps[1])
        live = self.live
        if live is not None and live.paused_until is not None and live.paused_until > live.now:
            back = datetime.fromtimestamp(live.paused_until).strftime("%H:%M:%S")
            return self.layer(
                "cps", "refuses", f"The service is paused by cps: its socket is closed until {back}."
            )
        if live is None or live.cps is None:
            return self.layer("cps", "passes", cps_words(most, wait))
        if cps_step(live.cps, live.now, most)[1]:
            why = f"One more connection this second is over the limit, and pauses the service for {wait} s."
            return self.layer("cps", "refuses", why, "connections per second")
        return self.layer("cps", "passes", cps_words(most, wait))

    def max_load(self) -> Layer:
        most = self.service.attributes.get("max_load")
        if not isinstance(most, (int, float)) or not most:
            return Layer("max_load", "passes", "")
        if self.live is None:
            return self.layer("max_load", "unknown", f"From a load of {most:g} on everyone is refused.")
        if self.live.load >= most:
            why = f"The load is {self.live.load:.2f}: from {most:g} on everyone is refused."
            return self.layer("max_load", "refuses", why, "load")
        return self.layer("max_load", "passes", f"The load is {self.live.load:.2f}, the limit {most:g}.")

    def access_times(self) -> Layer:
        times = _words(self.service, "access_times")
        if not times:
            return Layer("access_times", "passes", "")
        if self.live is None:
            return self.layer("access_times", "unknown", f"The service is open at {', '.join(times)}.")
        clock = datetime.fromtimestamp(self.live.now)
        minute = clock.hour * 60 + clock.minute
        for interval in times:
            start, _, end = interval.partition("-")
            if _minutes(start) <= minute <= _minutes(end):
                return self.layer(
                    "access_times", "passes", f"It is {clock:%H:%M}: the service is open at {interval}."
                )
        why = f"It is {clock:%H:%M}: the service is open at {', '.join(times)} alone."
        return self.layer("access_times", "refuses", why, "time")

    def instances(self) -> Layer:
        return self._counted("instances", "service_limit", "run", self.live.running if self.live else None)

    def per_source(self) -> Layer:
        if self.nameless:
            return Layer("per_source", "passes", "")
        used = self.live.from_client if self.live else None
        return self._counted("per_source", "per_source_limit", f"serve {self.client}", used)

    def _counted(self, limit: str, reason: str, what: str, used: int | None) -> Layer:
        most = number(self.service.attributes.get(limit, "UNLIMITED"))
        if most < 0 or (most and is_sensor(self.service)):  # a sensor has no servers to be counted
            return Layer(limit, "passes", "")
        if most == 0:
            return self.layer(limit, "refuses", "A limit of 0 refuses everyone.", reason)
        if used is None:
            return self.layer(limit, "passes", f"Once {most} servers {what}, the next one is refused.")
        verdict: Verdict = "refuses" if used >= most else "passes"
        return self.layer(limit, verdict, f"{used} of at most {most} servers {what}.", reason)

    def process_limit(self) -> Layer:
        live = self.live
        if live is None or not live.process_limit:
            return Layer("-limit", "passes", "")
        verdict: Verdict = "refuses" if live.processes + 1 > live.process_limit else "passes"
        why = f"{live.processes} of at most {live.process_limit} servers run."
        return Layer("-limit", verdict, why, "process_limit" if verdict == "refuses" else "")

    def sensor(self) -> Layer:
        if not is_sensor(self.service):
            return Layer("sensor", "passes", "")
        minutes = number(self.service.attributes.get("deny_time", 0))
        if minutes == 0:
            what = "it only logs"
        elif minutes == -1:
            what = "it puts the client on the no_access list for ever"
        else:
            what = f"it puts the client on the no_access list for {minutes} minutes"
        return self.layer("sensor", "refuses", f"A sensor refuses everyone: {what}.", "address", "flags")

    def no_access_list(self) -> Layer:
        if self.nameless:
            return Layer("no_access list", "passes", "The list never bites a stream service with wait = yes.")
        if self.live is None or self.live.no_access is None:
            return Layer("no_access list", "passes", "")
        listed = self.live.no_access
        entry = holding(listed, str(self.client), dual=socket_of(self.service) != "ipv4")
        if entry is None:
            if listed.certain:
                return Layer("no_access list", "passes", "The client is not on the list.")
            return Layer(
                "no_access list", "unknown", f"The client is not known to be on the list ({listed.why})."
            )
        by = f" by {entry.sensor}" if entry.sensor else ""
        until = "for ever"
        if entry.release is not None:
            until = f"until {datetime.fromtimestamp(entry.release):%Y-%m-%d %H:%M:%S}"
        why = f"{entry.covers} is on the list{by}, {until}."
        if not entry.certain:
            return Layer("no_access list", "unknown", why)
        return Layer("no_access list", "refuses", why, "address")

    def addresses(self) -> Layer:
        blocked, b = self._matched("no_access")
        allowed, a = self._matched("only_from")
        has_only = "only_from" in self.service.attributes
        if blocked and allowed:
            both = f"only_from ({shown(allowed.text)}) and no_access ({shown(blocked.text)})"
            why = f"{both} both match, and xinetd knows no better match: it refuses."
            return self.layer("addresses", "refuses", why, "address", "no_access")
        if blocked:
            return self.layer(
                "addresses", "refuses", f"no_access has {shown(blocked.text)}.", "address", "no_access"
            )
        doubt = "The client's host name decides, and it is not known."
        if b:
            return self.layer("addresses", "unknown", doubt, "", "no_access")
        if has_only and not allowed:
            if a:
                return self.layer("addresses", "unknown", doubt, "", "only_from")
            why = "only_from does not name the client."
            if self.nameless:
                why = "A stream service with wait = yes knows no addresses, so only_from refuses everyone."
            elif not _words(self.service, "only_from"):
                why = "An empty only_from refuses everyone."
            return self.layer("addresses", "refuses", why, "address", "only_from")
        if allowed:
            return self.layer("addresses", "passes", f"only_from has {shown(allowed.text)}.", "", "only_from")
        if "no_access" in self.service.attributes:
            return self.layer("addresses", "passes", "no_access does not name the client.", "", "no_access")
        return Layer("addresses", "passes", "")

    def _matched(self, attribute: str) -> tuple[Address | None, bool]:
        """The element that names the client, and whether the client's unknown name could change that."""
        if self.nameless:
            return None, False
        elements = [element(typed(word), self.tables) for word in _words(self.service, attribute)]
        client, version = int(self.client), self.client.version
        if version == 4 and socket_of(self.service) != "ipv4":
            client, version = client | 0xFFFF << 32, 6
        found = matching(elements, client, version)
        named = [each for each in elements if each.kind == "host" and each.name]
        if found or not named:
            return found, False
        name = self.name
        if self.client.version == 4 and version == 6:
            name = self.mapped_name
            if not name and self.name and not matching(named, client, version, typed(self.name)):
                return None, False  # whichever of the two it is, it is not listed
        if not name:
            return None, True
        return matching(named, client, version, "" if name == "unknown" else typed(name)), False


def _libwrap(
    service: Service, visitor: Visitor, tables: Tables, look_up: LookUp
) -> tuple[Layer, Decision | None]:
    if not asks_libwrap(service):
        file, line = place(service, "flags")
        return Layer(
            "libwrap", "passes", "hosts.allow and hosts.deny are not asked (NOLIBWRAP).", "", file, line
        ), None
    if not visitor.daemon:
        why = "There is no server name to ask libwrap for, so it refuses."
        return Layer("libwrap", "refuses", why, "libwrap"), None
    return _asked("libwrap", visitor, tables, look_up)


def _asked(name: str, visitor: Visitor, tables: Tables, look_up: LookUp) -> tuple[Layer, Decision]:
    decision = decide(tables, visitor, look_up=look_up)
    file, line = decision.file or "", decision.line or 0
    as_whom = f"as daemon {shown(visitor.daemon)}"
    where = f"{file} line {line}" if file else ""
    verdict: Verdict = "passes" if decision.verdict == "granted" else "refuses"
    if decision.verdict == "delegated":
        why = f"{where} answers with a command of its own ({as_whom})."
    elif decision.verdict == "exit":
        why = f"{where} ends the process ({as_whom})."
    elif decision.reason == "default":
        why = f"No rule of hosts.allow or hosts.deny matches ({as_whom})."
    elif decision.reason == "rule":
        why = f"{where} {'grants' if verdict == 'passes' else 'denies'} ({as_whom})."
    else:
        why = f"{where or 'A table that cannot be read'} denies by an error ({as_whom})."
    return Layer(name, verdict, why, "libwrap" if verdict == "refuses" else "", file, line), decision


def element(word: str, tables: Tables) -> Address:
    """What a word of only_from or no_access stands for; names were resolved when the daemon loaded them."""
    if "/" in word or numeric_address(word) is not None:
        found = read_addresses(word, Databases(tables.files), lambda level, text: None)
        if found:
            return found[0]
    return Address("host", 0, name=word)


def _words(service: Service, attribute: str) -> Sequence[str]:
    value = service.attributes.get(attribute, ())
    return [str(word) for word in value] if isinstance(value, tuple) else []


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour or 0) * 60 + int(minute or 0)


def _address(client: str) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(client.strip("[]").partition("%")[0])
    except ValueError:
        raise ValueError(f"{client!r} is no IPv4 or IPv6 address") from None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
