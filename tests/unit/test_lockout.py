"""Who works here could come in again, or not, or it is not certain: by rules' options, by the service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wraptui.policy.change.lockout import again, altered, lasting
from wraptui.policy.live.verdicts import GRANTED, REFUSED, UNKNOWN, Client, Judge, Policy
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.xinetd.services import Configuration, read_configuration
from wraptui.system.files import Tree

OPERATOR = Client("sshd", "192.0.2.7", "sshd", "192.0.2.10", 22, "admin.example.net", operator="root")
SERVICE = """service telnet
{
	socket_type = stream
	wait = no
	user = root
	port = 23
	type = UNLISTED
	protocol = tcp
	server = /usr/sbin/in.telnetd
}
"""
CALLER = Client("telnet", "192.0.2.7", "", "192.0.2.10", 23, "admin.example.net", operator="root")


class Files(Tree):
    """xinetd.conf, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__("/nonexistent")
        self._texts = {
            "/etc/xinetd.conf": text.encode(),
            "/etc/protocols": b"tcp 6 TCP\n",
            "/etc/passwd": b"root:x:0:0::/:/bin/sh\n",
        }

    def read(self, path: str) -> bytes:
        if path in self._texts:
            return self._texts[path]
        raise FileNotFoundError(path)

    def executable(self, path: str) -> bool:
        return True


def policy(allow: str, deny: str, services: str = "") -> Policy:
    files = Files(services)
    tables = Tables(read_table("/etc/hosts.allow", allow), read_table("/etc/hosts.deny", deny), files)
    configuration = read_configuration(files, "/etc/xinetd.conf") if services else Configuration(starts=True)
    return Policy(tables, configuration)


@pytest.mark.parametrize(
    ("allow", "deny", "verdict"),
    [
        ("sshd: 192.0.2.7\n", "ALL: ALL\n", GRANTED),
        ("", "ALL: ALL\n", REFUSED),
        ("sshd: ALL: twist /bin/echo no\n", "", REFUSED),
        ("", "sshd: ALL: twist /usr/sbin/sshd -i\n", REFUSED),
        ("sshd: ALL: aclexec /usr/local/sbin/ask %a\n", "ALL: ALL\n", UNKNOWN),
        ("sshd: ALL: aclexec /usr/local/sbin/ask %a\n", "", GRANTED),  # whatever it answers
        ("sshd: ALL: aclexec /usr/local/sbin/ask %a : allow\n", "ALL: ALL\n", GRANTED),
        ("sshd: ALL: spawn /bin/sleep 999999\n", "", UNKNOWN),
        ("sshd: ALL: spawn (/bin/sleep 9 &)\n", "", GRANTED),
        ("in.ftpd: ALL: spawn /bin/sleep 9\nsshd: ALL\n", "", GRANTED),
        ("sshd: .example.org\n", "ALL: ALL\n", REFUSED),
    ],
)
def test_a_rule_that_does_something_else_than_to_let_in(allow: str, deny: str, verdict: str) -> None:
    assert again(Judge(policy(allow, deny)), OPERATOR)[0] == verdict


def test_a_name_that_nobody_knows_is_not_certain() -> None:
    assert (
        again(Judge(policy("sshd: .example.net\n", "ALL: ALL\n")), replace(OPERATOR, name=""))[0] == UNKNOWN
    )


@pytest.mark.parametrize(
    ("old", "new", "verdict", "changes"),
    [
        ("", "", GRANTED, ""),
        ("port = 23", "port = 2323", REFUSED, "port"),
        ("socket_type", "disable = yes\n\tsocket_type", REFUSED, ""),
        ("socket_type", "only_from = 198.51.100.0/24\n\tsocket_type", REFUSED, ""),
        ("socket_type", "instances = 0\n\tsocket_type", REFUSED, ""),
        ("socket_type", "instances = 5\n\tsocket_type", GRANTED, ""),
        ("in.telnetd", "in.telnet", GRANTED, "server"),
        ("socket_type", "rlimit_as = 4K\n\tsocket_type", GRANTED, "rlimit_as"),
    ],
)
def test_a_service_of_xinetd_by_which_somebody_comes(old: str, new: str, verdict: str, changes: str) -> None:
    changed = SERVICE.replace(old, new, 1) if old else SERVICE
    before, after = Judge(policy("", "", SERVICE)), Judge(policy("", "", changed))
    assert again(before, CALLER)[0] == GRANTED
    assert (again(after, CALLER)[0], altered(before, after, CALLER)) == (verdict, changes)
    assert altered(before, after, OPERATOR) == ""


def test_a_service_that_hands_over_to_a_command_may_well_be_meant() -> None:
    handed = policy("in.telnetd: ALL: twist /usr/sbin/in.telnetd -h\n", "", SERVICE)
    assert again(Judge(handed), CALLER)[0] == UNKNOWN


def test_a_rule_with_an_end_does_not_last() -> None:
    stamp = "# wraptui: until 2126-11-24T12:00:00Z\n"
    ends = policy(f"{stamp}sshd: 192.0.2.7\n", f"{stamp}in.ftpd: ALL\nALL: ALL\n")
    verdicts = [again(Judge(each), OPERATOR)[0] for each in (ends, lasting(ends))]
    assert verdicts == [GRANTED, REFUSED]
    assert lasting(ends).tables.deny.text == "ALL: ALL\n"
    stays = policy("sshd: 192.0.2.7\n", "ALL: ALL\n")
    assert lasting(stays) is stays
