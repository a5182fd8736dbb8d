"""Knows a few machines as snapshots: a busy one, a hostile one, an empty one."""

from __future__ import annotations

from wraptui.observe import Daemon, Refusals, ServiceState, Snapshot, Visit
from wraptui.policy.files import FileStatus
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.live.sensor import Entry, NoAccess
from wraptui.policy.tables.access import Decision, Table, Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service, Value
from wraptui.system.processes import Process
from wraptui.system.sockets import Connection

NOW = 1_700_000_000.0
ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
HOSTILE = (
    "[fe80::1]/10 end",
    "[bold]loud[/bold]",
    "\x1b]0;evil\x07",
    "a\u202eb",
    "\udcff\udcfe",
    "tab\there",
)


class NoFiles:
    """Files of a machine that has none."""

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def names(self, path: str) -> list[str]:
        raise FileNotFoundError(path)

    def status(self, path: str) -> FileStatus:
        raise FileNotFoundError(path)

    def executable(self, path: str) -> bool:
        return False


def visit(
    service: str,
    client: str,
    port: int,
    age: float,
    *,
    pid: int = 0,
    line: int | None = 1,
    guard: str = "xinetd",
    local: str = "192.0.2.10",
    local_port: int = 21,
) -> Visit:
    """One live connection."""
    decision = Decision("granted", ALLOW if line else None, line, "rule" if line else "default")
    why = (
        f"hosts.allow line {line} lets it in: in.{service}: 198.51.100.0/24"
        if line
        else "No rule names it, so it is let in."
    )
    return Visit(
        Connection("tcp", local, local_port, client, port, "ESTABLISHED", inode=pid),
        service,
        guard,
        Process(pid, 700, f"in.{service}"[:15], f"in.{service}", 0, NOW - age, 12 << 20, 0.4),
        decision if guard else None,
        why,
    )


def service(name: str, first: int = 1, *, active: bool = True, **attributes: Value) -> Service:
    """One xinetd service."""
    return Service(
        name,
        name,
        f"/etc/xinetd.d/{name}",
        first,
        first + 12,
        active,
        "" if active else "disable = yes",
        {"cps": ("50", "10"), "instances": "UNLIMITED", "per_source": "UNLIMITED", **attributes},
    )


FTP = service("ftp", instances=4, per_source=2, cps=("25", "30"), rlimit_as=64 << 20, rlimit_cpu=20)
ECHO = service("echo")
SLOW = service("slow", instances=10, max_load=4.0)
TELNET = service("telnet", flags=("SENSOR",), deny_time=30)
TIME = service("time", active=False)
SERVICES = (FTP, ECHO, SLOW, TELNET, TIME)


def rules(path: str, *texts: str) -> Table:
    """A table of these lines."""
    return read_table(path, "".join(text + "\n" for text in texts))


TABLES = Tables(
    rules(
        ALLOW,
        "in.ftpd: 198.51.100.0/24",
        "sshd: 192.0.2.0/24 [2001:db8::]/32",
        "in.echod: ALL EXCEPT 203.0.113.0/24",
    ),
    rules(DENY, "ALL: 203.0.113.66 : spawn /bin/echo %h", "in.slowd: .example.net", "sshd: ALL"),
    NoFiles(),
)
FINDINGS = (
    Finding(Severity.WARNING, "name-pattern", "The client chooses its own host name.", DENY, 2),
    Finding(Severity.ERROR, "bare-ipv6", "This IPv6 address has no brackets and never matches.", ALLOW, 2, 7),
)

BUSY = Snapshot(
    visits=(
        visit("ftp", "198.51.100.7", 40112, 312, pid=811),
        visit("ftp", "198.51.100.7", 40114, 15, pid=812),
        visit("ftp", "198.51.100.23", 51820, 4000, pid=813),
        visit("ssh", "192.0.2.55", 60001, 86400 * 2, pid=640, line=2, guard="standalone", local_port=22),
        visit(
            "ssh",
            "2001:db8::42",
            60022,
            733,
            pid=641,
            line=2,
            guard="standalone",
            local="2001:db8::1",
            local_port=22,
        ),
        visit("echo", "192.0.2.200", 33444, 2, pid=900, line=3, local_port=7),
        visit("http", "203.0.113.80", 50800, 9, pid=1000, guard="", local_port=80),
    ),
    no_access=NoAccess(
        (
            Entry(
                "203.0.113.66",
                "203.0.113.66",
                "telnet",
                NOW - 420,
                30,
                NOW + 1380,
                NOW + 1400,
                ("ipv4",),
                True,
                5,
            ),
            Entry(
                "203.0.113.0",
                "203.0.113.0/24",
                "telnet",
                NOW - 1750,
                30,
                NOW + 50,
                NOW + 65,
                ("ipv4",),
                True,
                1,
            ),
            Entry("2001:db8:bad::1", "2001:db8:bad::1", "telnet", NOW - 60, -1, None, None, ("ipv6",), False),
        )
    ),
    services=(
        ServiceState(
            FTP,
            "active",
            "3 of 4 instances run",
            3,
            "198.51.100.7",
            2,
            None,
            12 << 20,
            3.5,
            tuple([0, 1, 0, 2, 0, 0, 1, 3, 5, 2, 1, 0] * 5),
            2,
            (Refusals("ftp", "per_source_limit", 12, (("198.51.100.7", 11), ("198.51.100.9", 1))),),
        ),
        ServiceState(ECHO, "active", "", 1, "192.0.2.200", 1, rate=(0,) * 50 + (1,) * 10, cps_count=1),
        ServiceState(SLOW, "paused", "cps: 11 connections in one second from 203.0.113.80", returns=NOW + 28),
        ServiceState(TELNET, "active", "a sensor: whoever connects is refused everywhere for 30 min"),
        ServiceState(TIME, "off", "disable = yes"),
    ),
    configuration=Configuration(True, SERVICES),
    tables=TABLES,
    findings=FINDINGS,
    daemon=Daemon(700, NOW - 3 * 86400 - 5 * 3600, ("/usr/sbin/xinetd", "-stayalive")),
    load=0.42,
    number=1,
    taken_at=NOW,
)

EMPTY = Snapshot(
    tables=Tables(rules(ALLOW), rules(DENY), NoFiles()),
    daemon=Daemon(problem=""),
    notes=("hosts.deny does not exist: nothing is denied.",),
    number=1,
    taken_at=NOW,
)


def hostile() -> Snapshot:
    """A machine on which every string from outside was written by an enemy."""
    visits = tuple(visit(text, "fe80::1%" + text, 1, 1, pid=number) for number, text in enumerate(HOSTILE, 1))
    entries = tuple(
        Entry(text, text, text, NOW, 5, NOW + 300, NOW + 300, ("ipv4",), True) for text in HOSTILE
    )
    states = tuple(ServiceState(service(text, instances=1), "active", text, 1, text, 1) for text in HOSTILE)
    lines = tuple(text.encode("utf-8", "surrogateescape").decode("latin-1") for text in HOSTILE)
    return Snapshot(
        visits=visits,
        no_access=NoAccess(entries, False, HOSTILE[2]),
        services=states,
        configuration=Configuration(True, tuple(each.service for each in states)),
        tables=Tables(rules(ALLOW, *(f"ALL: {line}" for line in lines)), rules(DENY), NoFiles()),
        findings=tuple(Finding(Severity.ERROR, "x", text, ALLOW, n) for n, text in enumerate(HOSTILE, 1)),
        daemon=Daemon(1, NOW, (), HOSTILE[1]),
        notes=HOSTILE,
        number=1,
        taken_at=NOW,
    )
