"""Who gets in, as `policy/live/admission.py` tells it layer by layer, against real visits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests import trees, xinetd
from tests.client import Client, beside, daemon_user
from wraptui.demo.binaries import Binaries
from wraptui.policy.live.admission import Admission, Live, admit
from wraptui.policy.live.limits import connection_times, cps_state, number, pause
from wraptui.policy.live.logbook import Clock, Event, parse_all
from wraptui.policy.live.sensor import rebuild
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service, read_configuration
from wraptui.syntax.tree import byte_text
from wraptui.system.files import Tree

SOURCES = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.0.9", "::1")
FIRST_PORT = 18000
HOSTS = b"127.0.0.1 localhost\n::1 localhost\n127.0.0.2 two.test two\n127.0.0.3 three.test\n"
NAMES = {"127.0.0.1": "localhost", "::1": "localhost", "127.0.0.2": "two.test", "127.0.0.3": "three.test"}
DEFAULTS = """defaults
{
	log_type = FILE /lab/out/log
	log_on_success = HOST PID
	log_on_failure = HOST
}
"""
KINDS = {
    "external": "server = /usr/bin/echo\n\tserver_args = in",
    "named": "flags = NAMEINARGS\n\tserver = /usr/bin/echo\n\tserver_args = /x/fancy.d in",
    "wrapped": "libwrap = wrapname\n\tserver = /usr/bin/echo\n\tserver_args = in",
    "free": "flags = NOLIBWRAP\n\tserver = /usr/bin/echo\n\tserver_args = in",
    "held": "server = /usr/bin/yes",
    "redirected": "redirect = 127.0.0.1 9",
    "sensor": "flags = SENSOR\n\tserver = /usr/bin/true\n\tdeny_time = 2",
}
DAEMONS = ("ALL", "echo", "yes", "fancy.d", "wrapname", "daytime", "svc0", "svc1", "svc2", "id1", "true")
CLIENTS = ("ALL", "127.0.0.2", "127.", "127.0.0.", "[::1]", "two.test", ".test", "LOCAL", "UNKNOWN", "KNOWN")
ADDRESSES = (
    "127.0.0.1", "127.0.0.2", "127.0.0.0", "127.1.0.0", "127.0.0.0/24", "127.0.0.2/31", "127.0.0.{2,3}",
    "::1", "::/0", "0.0.0.0", "::ffff:127.0.0.3", "::ffff:127.0.0.0/120", "10.0.0.0", "two.test",
    "three.test", ".test", "127.0.{1,3}", "127.{1,2}", "127.0.{0,0}", "127.{0}",
)  # fmt: skip
_words = st.lists(st.sampled_from(ADDRESSES), max_size=3).map(" ".join)
_rules = st.lists(st.tuples(st.sampled_from(DAEMONS), st.sampled_from(CLIENTS)), max_size=3)


def _times(open_now: bool) -> str:
    hour = datetime.now(UTC).hour
    return "0:00-23:59" if open_now else f"{(hour + 3) % 23}:00-{(hour + 3) % 23}:30"


@st.composite
def entries(draw: st.DrawFn, place: int) -> str:
    """One service: mostly without limits, so that the later layers are reached."""
    kind = draw(st.sampled_from([*KINDS, "internal", "external", "held"]))
    name = "daytime" if kind == "internal" else f"svc{place}"
    lines = [
        f"id = id{place}",
        "socket_type = stream",
        "protocol = tcp",
        f"port = {FIRST_PORT + place}",
        "wait = no",
        f"user = {daemon_user()}",
        f"type = {'INTERNAL UNLISTED' if kind == 'internal' else 'UNLISTED'}",
        *([KINDS[kind]] if kind in KINDS else []),
    ]
    family = draw(st.sampled_from(["", "", "flags = IPv4", "v6only = yes", "bind = 127.0.0.1"]))
    if family.startswith("flags"):
        known = [line for line in lines if line.startswith("flags")]
        lines = [line.replace("flags =", "flags = IPv4", 1) for line in lines] if known else [*lines, family]
    elif family:
        lines.append(family)
    for attribute, values in (
        ("only_from", _words),
        ("no_access", _words),
        ("instances", st.sampled_from(["0", "1", "2", "UNLIMITED"])),
        ("per_source", st.sampled_from(["0", "1", "2"])),
        ("cps", st.sampled_from(["1 100", "2 100", "0 9", "4 100"])),
        ("max_load", st.sampled_from(["-5", "1000"])),  # there is no /proc in the test's root: the load is -1
        ("access_times", st.booleans().map(_times)),
    ):
        rare = attribute in ("max_load", "access_times")
        if draw(st.integers(0, 7 if rare else 3)) == 0:
            lines.append(f"{attribute} = {draw(values)}")
    return f"service {name}\n{{\n\t" + "\n\t".join(lines) + "\n}\n"


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, bytes]:
    shared = f"\tper_source = {draw(st.sampled_from(['1', '2']))}\n}}\n" if draw(st.booleans()) else "}\n"
    blocked = f"\tno_access = {draw(_words)}\n" if draw(st.integers(0, 4)) == 0 else ""
    conf = DEFAULTS[:-2] + blocked + shared + "".join(draw(entries(place)) for place in range(3))
    allow, deny = ("".join(f"{daemon}: {who}\n" for daemon, who in draw(_rules)) for _ in ("allow", "deny"))
    return {
        "/etc/xinetd.conf": conf.encode(),
        "/etc/hosts.allow": allow.encode(),
        "/etc/hosts.deny": deny.encode(),
    }


VISITS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(SOURCES)), min_size=5, max_size=25)


@dataclass
class World:
    """A daemon that serves a tree, what we read of the tree, and who holds a connection to which service."""

    root: Path
    pid: int
    visitor: Client
    configuration: Configuration
    tables: Tables
    held: list[tuple[str, str]] = field(default_factory=list)

    def events(self) -> list[Event]:
        lines = (self.root / "lab/out/log").read_text("latin-1").split("\n")
        return list(parse_all(lines, Clock(time.time(), UTC)))

    def settle(self) -> None:
        """Waits until the daemon has reaped all servers but those that hold a connection."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        for _ in range(500):
            if len(children.read_text().split()) <= len(self.held):
                return
            time.sleep(0.004)
        raise AssertionError("servers do not end")

    def expect(self, service: Service, source: str, now: float) -> Admission:
        """Our verdict, with what our own modules make of the daemon's log."""
        events = self.events()
        cps = service.attributes["cps"]
        assert isinstance(cps, tuple)
        times = connection_times(events, service.id, forks=_forks(service))
        sharing = sum(other.name == service.name for other in self.configuration.services)
        stopped = pause(events, service, now, sharing=sharing)
        live = Live(
            now=now,
            running=sum(held[0] == service.id for held in self.held),
            from_client=self.held.count((service.id, source)),
            load=-1.0,
            cps=cps_state(times, number(cps[0])),
            paused_until=stopped.returns if stopped else None,
            no_access=rebuild(events, now, pid=self.pid),
        )
        name = NAMES.get(source, "unknown")
        return admit(
            service,
            source,
            self.tables,
            configuration=self.configuration,
            live=live,
            name=name,
            mapped_name="unknown",  # /etc/hosts, all that there is here, knows no mapped addresses
        )

    def visit(self, service: Service, source: str) -> str:
        """What the daemon did: the reason that it logged, `granted`, or `closed`."""
        port = number(service.attributes["port"])
        before = len(self.events())
        holds = service.attributes.get("server") == "/usr/bin/yes"
        said = (self.visitor.hold if holds else self.visitor.tcp)(source, port)
        if said is None:
            return "closed"
        fresh = self.events()[before:]
        reasons = [event.detail for event in fresh if event.kind == "fail" and event.service == service.id]
        if reasons:
            return reasons[0]
        if holds:
            assert said, "a server that says nothing"
            self.held.append((service.id, source))
        return "granted"


def _forks(service: Service) -> bool:
    flags, types = service.attributes.get("flags", ()), service.attributes.get("type", ())
    return "SENSOR" not in str(flags) and "INTERNAL" not in str(types)


@contextmanager
def world(root: Path, real: Binaries, files: Mapping[str, bytes]) -> Iterator[World]:
    # The machine's own programs are mounted over these, where only the daemon sees them.
    programs = [f"/usr/bin/{name}" for name in ("echo", "yes", "true")]
    xinetd.furnish(
        xinetd.fresh(root), {**trees.BASE, "/etc/hosts": HOSTS, **files, **dict.fromkeys(programs, b"")}
    )
    for program in programs:
        (root / program.lstrip("/")).chmod(0o755)
    log = root / "lab/out/log"
    tree = Tree(str(root))
    allow, deny = (
        read_table(path, byte_text(files[path])) for path in ("/etc/hosts.allow", "/etc/hosts.deny")
    )
    tables = Tables(allow, deny, tree)
    with xinetd.running(root, real) as daemon:
        while not log.exists() or b"Started working" not in log.read_bytes():
            assert daemon.poll() is None, log.read_text() if log.exists() else "no log"
            time.sleep(0.005)
        with beside(daemon.pid) as visitor:
            yield World(root, daemon.pid, visitor, read_configuration(tree), tables)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def disagreements(here: World, visits: list[tuple[int, str]]) -> Iterator[str]:
    services = {service.id: service for service in here.configuration.services}
    for place, source in visits:
        service = services[f"id{place}"]
        if len(here.held) > 4:
            here.visitor.release()
            here.held.clear()
        here.settle()
        if time.time() % 1 > 0.9:
            time.sleep(1.01 - time.time() % 1)  # one visit, one second: cps counts by it
        ours = here.expect(service, source, time.time())
        theirs = here.visit(service, source)
        mine = "granted" if ours.granted else (ours.refusal.reason or "closed") if ours.refusal else "?"
        if mine != theirs or not ours.certain:
            yield f"{service.id} from {source}: ours {mine}, theirs {theirs}: {ours.refusal or ours.layers}"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=worlds(), visits=VISITS)
def test_generated_services(
    real: Binaries,
    namespaces: None,
    utc: None,
    tmp_path: Path,
    files: dict[str, bytes],
    visits: list[tuple[int, str]],
) -> None:
    note(files["/etc/xinetd.conf"].decode())
    note(f"allow: {files['/etc/hosts.allow']!r} deny: {files['/etc/hosts.deny']!r}")
    with world(tmp_path / "root", real, files) as here:
        assert not list(disagreements(here, visits))


WAITING = """service {0}
{{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = {1}
	wait = yes
	user = {3}
	server = /usr/bin/true
	cps = 3 100
	{2}
}}
"""


@pytest.mark.parametrize(
    ("lists", "deny"),
    [
        ("", ""),
        ("only_from = 0.0.0.0/0", ""),
        ("only_from = ::/0 two.test", ""),
        ("no_access = 0.0.0.0/0 ::/0", ""),
        ("", "ALL: ALL"),
        ("", "ALL: 127.0.0.1"),
        ("", "ALL: UNKNOWN"),
        ("", "ALL: KNOWN"),
    ],
)
def test_a_stream_service_that_waits_knows_no_addresses(
    real: Binaries, namespaces: None, utc: None, tmp_path: Path, lists: str, deny: str
) -> None:
    files = {
        "/etc/xinetd.conf": (DEFAULTS + WAITING.format("svc0", FIRST_PORT, lists, daemon_user())).encode(),
        "/etc/hosts.allow": b"",
        "/etc/hosts.deny": f"{deny}\n".encode(),
    }
    with world(tmp_path / "root", real, files) as here:
        (service,) = here.configuration.services
        ours = here.expect(service, "127.0.0.1", time.time())
        here.visitor.udp("127.0.0.1", 9)  # the client is there
        here.visitor.tcp("127.0.0.1", FIRST_PORT)  # the server never accepts: cps ends it
        kinds = [(event.kind, event.detail) for event in here.events() if event.service == "svc0"]
        reasons = [detail for kind, detail in kinds if kind == "fail" and detail != "connections per second"]
    assert kinds
    assert ours.granted == (not reasons), (ours.layers, kinds)
    if ours.refusal:
        assert {ours.refusal.reason} == set(reasons)
