"""What `check_configuration` finds in xinetd's files, with the consequence that the daemon leaves out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lint_cases import Memory
from wraptui.policy.lint.findings import Finding
from wraptui.policy.lint.services import check_configuration
from wraptui.policy.xinetd.services import read_configuration
from wraptui.syntax.tree import Document

CONF = "/etc/xinetd.conf"
BASE = {
    "/etc/services": b"echo 7/tcp\n",
    "/etc/protocols": b"tcp 6 TCP\nudp 17 UDP\n",
    "/etc/passwd": b"root:x:0:0::/:/bin/sh\n",
    "/etc/group": b"root:x:0:\n",
    "/bin/true": b"",
}
DEFAULTS = "defaults\n{\n\tlog_type = SYSLOG daemon\n}\n"
SERVICE = """service own
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = 4000
	wait = no
	user = root
	server = /bin/true
%s}
"""


def found(text: str, **more: bytes) -> tuple[Finding, ...]:
    files = Memory({**BASE, CONF: text.encode("latin-1"), **more})
    return check_configuration(read_configuration(files, CONF), files)


def test_an_ordinary_configuration_is_clean() -> None:
    assert found(DEFAULTS + SERVICE % "\tonly_from = 192.0.2.0/24\n\tinstances = 4\n") == ()


@pytest.mark.parametrize(("line", "code", "consequence"), [
    ("\tinstances=4\n", "xinetd-space", "the whole entry is dropped"),
    ("\tinstances = many\n", "xinetd-bad-value", "kills its sessions"),
    ("\tinstances := 4\n", "xinetd-operator", "the entry is dropped"),
    ("\tcolour = red\n", "xinetd-unknown-attribute", "ignored"),
    ("\tinstances = 4 # few\n", "xinetd-wrong-count", "ignored"),
    ("\tinstances = 3\n\tinstances = 4\n", "xinetd-repeated", "the first line counts"),
    ("\tinstances += 4\n", "xinetd-wrong-operator", "ignored"),
    ("\tonly_from =\n", "xinetd-only-from-empty", "nobody gets in"),
    ("\tonly_from = 192.0.2.1\n\tno_access = 192.0.2.1\n", "xinetd-both-lists", "refuses it"),
    ("\tv6only = no\n", "xinetd-v6only", "switches IPv4 off"),
    ("\tserver_args = true x\n\tflags = NAMEINARGS\n", "xinetd-nameinargs", "crash"),
    ("\tflags = SENSOR\n\tdeny_time = FOREVER\n", "xinetd-forever", "restarted"),
])  # fmt: skip
def test_attributes(line: str, code: str, consequence: str) -> None:
    findings = [each for each in found(DEFAULTS + SERVICE % line) if each.code == code]
    assert len(findings) == 1
    assert consequence in findings[0].message
    assert findings[0].file == CONF
    assert 5 <= findings[0].line <= 16


def test_the_missing_blank_is_put_in() -> None:
    text = DEFAULTS + SERVICE % "\tinstances=4\n"
    (finding,) = [each for each in found(text) if each.fix]
    assert found(finding.fix[0].apply(Document(text)).text) == ()


def test_a_bad_value_in_defaults_ends_the_daemon() -> None:
    findings = found("defaults\n{\n\tinstances = many\n\tlog_type = SYSLOG daemon\n}\n" + SERVICE % "")
    assert [(each.code, each.line) for each in findings] == [("xinetd-fatal-defaults", 3)]
    assert "exit" in findings[0].message


def test_a_swallowed_service_is_told_with_its_cause() -> None:
    findings = found("defaults\n{\n\tinstances=50\n}\n" + SERVICE % "")
    assert [each.code for each in findings[:2]] == ["xinetd-space", "xinetd-stray-line"]
    assert "the next entry is lost" in findings[1].message


def test_waiting_for_tcp_knows_no_address() -> None:
    text = DEFAULTS + (SERVICE % "\tonly_from = 192.0.2.0/24\n").replace("wait = no", "wait = yes")
    assert "xinetd-wait-only-from" in [each.code for each in found(text)]


def test_nothing_logged_without_log_type() -> None:
    assert [each.code for each in found(SERVICE % "\tlog_on_failure = HOST\n")] == ["xinetd-nothing-logged"]


def test_includes() -> None:
    assert "xinetd-relative-include" in [each.code for each in found(DEFAULTS + "include conf.d/x\n")]
    assert "xinetd-include" in [each.code for each in found(DEFAULTS + "includedir /etc/none.d\n")]


@given(st.text(alphabet="service{}\n =+-x7#defaults", max_size=120))
def test_any_text(text: str) -> None:
    for finding in found(text) + found(DEFAULTS + SERVICE % text):
        assert finding.message
        assert finding.line >= 0
