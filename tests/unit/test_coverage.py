"""Who asks where the listener is not the program that does: sshd's sessions, systemd's sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from wraptui.observe.survey import use_of
from wraptui.policy.live.coverage import Listener, judge, names_asked
from wraptui.policy.xinetd.services import Configuration
from wraptui.system.files import Tree
from wraptui.system.machine import FileMachine
from wraptui.system.processes import Processes


class Blind(FileMachine):
    """A machine into whose processes' memory nobody may look."""

    def libraries(self, pid: int) -> tuple[str, ...]:
        raise PermissionError


@pytest.mark.parametrize(
    ("sshd", "session", "use"),
    [
        (b"libwrap.so.0\0", b"", "named"),
        (b"/usr/lib/openssh/sshd-session\0", b"\0libwrap.so.0\0", "named"),
        (b"/usr/lib/openssh/sshd-session\0", b"\0libc.so.6\0", "none"),
        (b"/usr/lib/openssh/sshd-session\0", b"", "unknown"),
        (b"libc.so.6\0", b"\0libwrap.so.0\0", "none"),
    ],
)
def test_openssh_from_9_8_on_asks_in_its_sessions(
    tmp_path: Path, sshd: bytes, session: bytes, use: str
) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/sshd").write_bytes(b"\x7fELF" + sshd)
    (tmp_path / "usr/lib/openssh").mkdir(parents=True)
    if session:
        (tmp_path / "usr/lib/openssh/sshd-session").write_bytes(b"\x7fELF" + session)
    assert use_of(Blind(str(tmp_path)), 7, "/usr/sbin/sshd") == use


def test_what_systemd_listens_for_is_not_known_but_for_sshd_s_name() -> None:
    listeners = [
        Listener("tcp6", "::", port, 1, "/usr/lib/systemd/systemd", "systemd", "none") for port in (22, 111)
    ]
    found = judge(listeners, Configuration(starts=True), Tree("/nonexistent"))
    assert [(each.honours, each.daemons) for each in found] == [("unknown", ("sshd",)), ("unknown", ())]
    assert names_asked(found, Configuration(starts=True)) == {"sshd"}


class InOrder(Processes):
    """Processes as /proc lists them: by pid, init first."""

    def pids(self) -> list[int]:
        return sorted(super().pids())


def test_whom_systemd_handed_a_socket_to_is_found_before_systemd(tmp_path: Path) -> None:
    for pid in ("1", "77"):
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "fd/3").symlink_to("socket:[4711]")
    (tmp_path / "1/fd/4").symlink_to("socket:[4712]")  # for a unit that does not run yet
    assert InOrder(str(tmp_path)).owners({4711, 4712}) == {4711: 77, 4712: 1}
