"""Who could be concerned: the people at work by the login records, the clients that the logs name."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from wraptui.changes.proposals import propose, weighed
from wraptui.observe import Snapshot, Visit
from wraptui.observe.clients import everybody, new_login
from wraptui.policy.live.coverage import Coverage, Listener
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import Document
from wraptui.system.machine import LocalMachine
from wraptui.system.processes import Process
from wraptui.system.sessions import Session, read_utmp, sessions, this_session
from wraptui.system.sockets import Connection
from wraptui.workspace import FileChange

SSHD = Coverage(
    Listener("tcp", "0.0.0.0", 22, 7, "/usr/sbin/sshd", "sshd", "loaded", by_xinetd=False),
    "yes",
    ("sshd",),
    "its libwrap is loaded",
)


def record(kind: int, user: str, line: str, host: str, address: bytes, pid: int = 4711) -> bytes:
    return struct.pack(
        "=h2xi32s4s32s256shhiii16s20s",
        kind, pid, line.encode(), b"ts/0", user.encode(), host.encode(), 0, 0, 0, 0, 0, address, b"",
    )  # fmt: skip


class Here(LocalMachine):
    """The files below a folder, as if they were this machine's."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))

    def host_name(self, address: str) -> str:
        return "unknown"


@pytest.fixture
def machine(tmp_path: Path) -> Here:
    (tmp_path / "etc").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "var/log").mkdir(parents=True)
    return Here(tmp_path)


def put(machine: Here, name: str, lines: Iterable[str]) -> None:
    Path(machine.root, name).write_text("".join(f"{line}\n" for line in lines))


def test_login_records_name_people_with_their_addresses() -> None:
    data = record(7, "anna", "pts/0", "192.0.2.7", bytes([192, 0, 2, 7]) + bytes(12))
    data += record(8, "gone", "pts/1", "192.0.2.8", bytes(16))
    data += record(7, "berta", "pts/2", "a.host.example", bytes.fromhex("20010db8") + bytes(11) + b"\x07")
    data += record(7, "carl", "tty1", "", bytes(16))
    data += record(7, "\x1b[31m", "pts/9", "::ffff:192.0.2.9", bytes(16))[:-3]  # cut short
    found = list(read_utmp(data))
    assert [(each.user, each.terminal, each.peer) for each in found] == [
        ("anna", "pts/0", "192.0.2.7"),
        ("berta", "pts/2", "2001:db8::7"),
        ("carl", "tty1", ""),
    ]


def test_this_session_knows_its_peer(machine: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.10 2222")
    monkeypatch.setenv("SUDO_USER", "anna")
    own = this_session(machine)
    assert (own.peer, own.port, own.sudo, own.pid) == ("192.0.2.7", 2222, "anna", os.getpid())
    assert "sudo by anna" in str(own) and "from 192.0.2.7" in str(own)
    monkeypatch.setenv("SSH_CONNECTION", "nonsense 1 2")
    assert this_session(machine).peer == ""


def test_operators_are_the_clients_they_would_be_again(
    machine: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.10 22")
    Path(machine.root, "run/utmp").write_bytes(record(7, "berta", "pts/2", "192.0.2.8", bytes(16)))
    assert [each.user for each in sessions(machine)] == ["berta"]
    found = everybody(machine, Snapshot(coverage=(SSHD,)), days=0)
    assert [(each.address, each.daemon, each.server_port) for each in found.operators] == [
        ("192.0.2.7", "sshd", 22),
        ("192.0.2.8", "sshd", 22),
    ]
    unguarded = everybody(machine, Snapshot(), days=0)
    assert unguarded.operators == () and len(unguarded.notes) == 2


def test_another_operator_is_not_locked_out_either(machine: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    Path(machine.root, "run/utmp").write_bytes(record(7, "berta", "pts/2", "192.0.2.8", bytes(16)))
    change = FileChange("/etc/hosts.deny", None, Document("sshd: 192.0.2.8\n"))
    snapshot = Snapshot(coverage=(SSHD,))
    proposal = weighed(machine, (change,), snapshot, 0, lambda done, total: None, False)
    assert [text for text in proposal.refusals if "berta" in text and "/etc/hosts.deny:1" in text]
    other = FileChange("/etc/hosts.deny", None, Document("sshd: 192.0.2.9\n"))
    assert weighed(machine, (other,), snapshot, 0, lambda done, total: None, False).refusals == ()


def test_a_deny_file_that_cannot_be_read_to_its_end_is_refused(machine: Here) -> None:
    change = FileChange("/etc/hosts.deny", None, Document("ftpd: 192.0.2.9"))
    proposal = weighed(machine, (change,), Snapshot(), 0, lambda done, total: None, False)
    assert any("deny everybody" in text for text in proposal.refusals)


def test_the_logs_name_clients_of_these_days_only(machine: Here) -> None:
    service = Service(
        "ftp", "ftp", "/etc/xinetd.d/ftp", 1, 9, True, attributes={"log_type": ("SYSLOG", "daemon")}
    )
    now = time.time()

    def stamp(at: float) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))

    put(
        machine,
        "var/log/syslog",
        [
            f"{stamp(now - 60)} host xinetd[9]: START: ftp pid=1 from=::ffff:198.51.100.7",
            f"{stamp(now - 50)} host xinetd[9]: FAIL: ftp per_source_limit from=::ffff:198.51.100.7",
            f"{stamp(now - 40)} host xinetd[9]: START: gone pid=1 from=198.51.100.8",
            f"{stamp(now - 30)} host other[9]: START: from the beginning",
        ],
    )
    put(
        machine,
        "var/log/syslog.1",
        [f"{stamp(now - 9 * 86400)} host xinetd[9]: START: ftp pid=1 from=198.51.100.9"],
    )
    old = now - 9 * 86400
    os.utime(Path(machine.root, "var/log/syslog.1"), (old, old))
    put(
        machine,
        "var/log/auth.log",
        [
            f"{stamp(now)} host sshd[5]: Accepted publickey for anna from 192.0.2.7 port 50000 ssh2: RSA x",
            f"{stamp(now)} host sshd[5]: Failed password for root from 203.0.113.7 port 50000 ssh2",
        ],
    )
    snapshot = Snapshot(configuration=Configuration(True, (service,)), coverage=(SSHD,))
    found = everybody(machine, snapshot, days=7)
    assert [(each.service, each.address, each.times) for each in found.logged] == [
        ("ftp", "198.51.100.7", 2),
        ("sshd", "192.0.2.7", 1),
    ]


def test_a_new_login_of_the_same_peer_is_noticed(machine: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.10 22")

    titles = {10: "sshd: root@pts/0", 11: "sshd: [accepted]", 12: "sshd: anna [priv]", 13: "sshd: anna [net]"}
    titles |= {14: "sshd-session: anna [priv]", 15: "sshd-session: anna@notty"}
    monkeypatch.setattr(machine, "command", lambda pid: (titles[pid],))
    below = {12: (Process(13, 12, "sshd"),), 14: (Process(15, 14, "sshd-session"),)}
    monkeypatch.setattr(machine, "children", lambda pid: below.get(pid, ()))

    def visit(pid: int, began: float, remote: str = "192.0.2.7", state: str = "ESTABLISHED") -> Visit:
        connection = Connection("tcp6", "::ffff:192.0.2.10", 22, remote, 50001, state)
        process = Process(pid, 7, "sshd", titles[pid].partition(":")[0], started=began)
        return Visit(connection, "sshd", "standalone", process, None, "", began)

    refused, unknown = visit(11, 200.0), visit(12, 200.0)  # libwrap keeps it; nobody has a password yet
    others = (visit(10, 50.0), visit(10, 200.0, "192.0.2.8"), visit(10, 200.0, state="TIME_WAIT"))
    assert new_login(machine, Snapshot(visits=(*others, refused, unknown)), 100.0) is None
    for pid in (10, 14):
        proof = visit(pid, 200.0, "::ffff:192.0.2.7")
        found = new_login(machine, Snapshot(visits=(*others, proof)), 100.0)
        assert found and (found.connection, found.peer) == (proof.connection, "192.0.2.7")
    monkeypatch.delenv("SSH_CONNECTION")
    assert str(Session("root", pid=1)) == "root, process 1"


@pytest.mark.parametrize(
    "name",
    [
        "//etc/hosts.allow",
        "/etc/../etc/hosts.allow",
        "/etc/shared",
        "/etc/./office",
        "/link/office",
        "/etc/office",
    ],
)
def test_a_file_is_the_same_by_whatever_name(
    machine: Here, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.10 22")
    etc = Path(machine.root, "etc")
    (etc / "shared").write_text("sshd: /etc/office\n")
    (etc / "hosts.allow").symlink_to("shared")
    (etc / "office").write_text("192.0.2.7\n")
    (etc / "hosts.deny").write_text("ALL: ALL\n")
    Path(machine.root, "link").symlink_to("etc")
    snapshot = Snapshot(coverage=(SSHD,), tables=None)
    before = Document.from_bytes(machine.read(name))
    proposal = propose(machine, [FileChange(name, before, Document("# gone\n"))], snapshot, days=0)
    assert any("could not come in again" in text for text in proposal.refusals)
    expected = "/etc/office" if "office" in name and "link" not in name else name
    assert [each.path for each in proposal.changes] == [
        "/etc/hosts.allow" if "office" not in name else expected
    ]
    twice = [FileChange(each, before, Document("")) for each in (name, f"/etc/../{name}")]
    with pytest.raises(OSError, match="are one file"):
        propose(machine, twice, snapshot, days=0)
