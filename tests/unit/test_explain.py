"""`wraptui explain`: one question for people or as JSON, batches, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from wraptui.cli import FINE, FOUND, UNREADABLE, main
from wraptui.cli.explain import numeric

ALLOW = """# the office
sshd: 10.0.0.1 : spawn /bin/echo %u@%h : allow
vsftpd: 10.0. EXCEPT 10.0.0.2
in.telnetd: /etc/trusted
popd: ALL : twist /bin/echo go away %h
imapd: ALL : aclexec /bin/check %a
"""
DENY = "ALL: ALL\n"


@pytest.fixture
def root(tmp_path: Path) -> str:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "hosts.allow").write_text(ALLOW)
    (etc / "hosts.deny").write_text(DENY)
    (etc / "trusted").write_text("192.168.0.0/16\n")
    return str(tmp_path)


def explain(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["explain", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def batch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: bytes, *words: str
) -> tuple[int, list[dict[str, object]], str]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    code, out, err = explain(capsys, "--batch", *words)
    return code, [json.loads(line) for line in out.splitlines()], err


def test_a_granted_client_with_its_cause_and_what_would_run(
    root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = explain(capsys, "--root", root, "--name", "unknown", "sshd", "joe@10.0.0.1")
    assert (code, err) == (FINE, "")
    assert out.splitlines()[:4] == [
        "sshd from joe@10.0.0.1 (unknown): granted",
        "  by /etc/hosts.allow line 2",
        "  spawn would run: /bin/echo joe@10.0.0.1",
        "  option allow",
    ]


def test_a_denied_client_and_why_the_rules_before_did_not_match(
    root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = explain(capsys, "--root", root, "--name", "unknown", "vsftpd", "10.0.0.2")
    assert code == FOUND
    assert "by /etc/hosts.deny line 1" in out
    assert "the client list matches 10.0.0.2 by 10.0., but excepts it again" in out


def test_files_named_by_rules_are_those_of_the_root(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, "--root", root, "--name", "unknown", "in.telnetd", "192.168.7.7")[0] == FINE
    assert explain(capsys, "--root", root, "--name", "unknown", "in.telnetd", "172.16.7.7")[0] == FOUND


def test_json_holds_verdict_and_trace(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explain(capsys, "--root", root, "--json", "--name", "host.example.com", "popd", "[::1]")
    answer = json.loads(out)
    assert code == FOUND
    assert (answer["verdict"], answer["file"], answer["line"]) == ("delegated", "/etc/hosts.allow", 5)
    assert answer["messages"] == ["option:   twist /bin/echo go away host.example.com"]
    assert [step["line"] for step in answer["trace"]] == [2, 3, 4, 5]


def test_an_aclexec_may_be_said_to_fail(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--root", root, "--name", "unknown", "imapd", "10.0.0.1")
    assert explain(capsys, *words)[0] == FINE
    code, out, _ = explain(capsys, "--aclexec-fails", *words)
    assert code == FOUND
    assert "by /etc/hosts.deny line 1" in out


def test_what_cannot_be_asked(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, "--root", root, "sshd")[0] == UNREADABLE
    assert explain(capsys, "--root", f"{root}/nowhere", "sshd", "10.0.0.1")[0] == UNREADABLE
    code, _, err = explain(capsys, "--root", root, "--timeout", "5", "sshd", "no such host")
    assert code == UNREADABLE
    assert err == "wraptui: no such host: no such host, or no answer within 5 s\n"


def test_a_batch_answers_line_by_line(
    root: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = b"""{"id": 1, "daemon": "sshd", "address": "10.0.0.1"}

{"id": "b", "daemon": "sshd", "address": "10.0.0.9", "name": null, "user": ""}
no question
{"id": 3, "daemon": "vsftpd", "address": "10.0.0.9", "server_port": 21}
"""
    code, answers, err = batch(monkeypatch, capsys, questions, "--root", root)
    assert code == UNREADABLE
    assert err.startswith("wraptui: line 4 is no question")
    messages = ["option:   spawn /bin/echo unknown@10.0.0.1", "option:   allow "]
    rule = {"reason": "rule", "messages": []}
    refused = answers.pop(2)
    assert "error" in refused
    assert {refused[key] for key in ("id", "verdict", "file", "line", "reason")} == {None}
    assert answers == [
        {"id": 1, "verdict": "granted", "file": "/etc/hosts.allow", "line": 2, "reason": "rule"}
        | {"messages": messages},
        {"id": "b", "verdict": "denied", "file": "/etc/hosts.deny", "line": 1} | rule,
        {"id": 3, "verdict": "granted", "file": "/etc/hosts.allow", "line": 3} | rule,
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b"null",
        b'"text"',
        b"{",
        b'{"id": 7, "daemon": ["sshd"]}',
        b'{"id": 7, "daemon": "sshd", "address": true}',
        b'{"id": 7, "daemon": "sshd", "user": "\\ud800"}',
        b'{"id": 7, "daemon": "sshd", "server_port": 65536}',
        b'{"id": 7, "daemon": "sshd", "server_port": 1e999}',
        b'{"id": 7, "daemon": "sshd", "server_port": [22]}',
        b"[" * 100_000,
        b"\xff",
        b"\0",
    ],
)
def test_every_line_of_a_batch_gets_an_answer(
    line: bytes, root: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    question = b'{"id": {"any": [null, 1.5]}, "daemon": "sshd", "address": "10.0.0.9"}'
    code, answers, _ = batch(monkeypatch, capsys, line + b"\r\n" + question, "--root", root)
    assert code == UNREADABLE
    assert [answer["verdict"] for answer in answers] == [None, "denied"]
    assert [answer["id"] for answer in answers] == [7 if b"7" in line else None, {"any": [None, 1.5]}]
    assert answers[0]["error"]


def test_bytes_that_are_no_text_are_asked_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hosts.deny").write_bytes(b"d\xff: ALL\n")
    questions = (
        b'{"daemon": "d\xff"}\n{"daemon": "d\\udcff"}\n{"daemon": "d\xc3\xbf"}\n{"daemon": "d\\u00ff"}\n'
    )
    code, answers, _ = batch(monkeypatch, capsys, questions, "--root", str(tmp_path))
    assert code == FINE
    assert [answer["verdict"] for answer in answers] == ["denied", "denied", "granted", "granted"]


def test_a_question_is_answered_before_the_next_is_asked(root: str) -> None:
    command = [sys.executable, "-m", "wraptui", "explain", "--batch", "--root", root]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write(b'{"id": %d, "daemon": "sshd", "address": "10.0.0.1"}\n' % number)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == FINE


def test_a_batch_without_tables_grants_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    question = b'{"id": 1, "daemon": "sshd", "address": "10.0.0.1"}'
    code, answers, _ = batch(monkeypatch, capsys, question, "--root", str(tmp_path))
    nothing: dict[str, object] = {"file": None, "line": None, "reason": "default", "messages": []}
    assert (code, answers) == (FINE, [{"id": 1, "verdict": "granted"} | nothing])


def test_a_table_that_cannot_be_opened_is_an_error(
    root: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deny = Path(root, "etc", "hosts.deny")
    deny.unlink()
    deny.symlink_to("hosts.deny")
    _, answers, _ = batch(
        monkeypatch, capsys, b'{"id": 1, "daemon": "x", "address": "1.2.3.4"}', "--root", root
    )
    assert (answers[0]["verdict"], answers[0]["reason"], answers[0]["file"]) == (
        "denied",
        "table-error",
        None,
    )
    assert answers[0]["messages"] == [
        "warning: cannot open /etc/hosts.deny: Too many levels of symbolic links"
    ]


def test_hostile_bytes_do_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hosts.deny").write_bytes(b"ALL: ALL: spawn \x1b]0;x\x07\xff\n")
    _, out, _ = explain(capsys, "--root", str(tmp_path), "--name", "a\x1b[2J", "sshd", "10.0.0.1")
    assert "\x1b" not in out
    assert "\x07" not in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("::FFFF:10.0.0.1", "::ffff:10.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("10.0.0.1%eth0", ""),
        ("host.example.com", ""),
    ],
)
def test_addresses_are_written_as_daemons_write_them(text: str, expected: str) -> None:
    assert numeric(text) == expected


def test_a_long_trace_loses_its_middle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "etc").mkdir()
    rules = [f"{daemon}: 10.0.{number}.1\n" for number in range(50) for daemon in ("sshd", "vsftpd")]
    (tmp_path / "etc" / "hosts.deny").write_text("".join(rules))
    words = ("--root", str(tmp_path), "--name", "unknown", "sshd", "10.0.49.1")
    lines = explain(capsys, *words)[1].splitlines()
    assert "    ... 75 more that do not decide ..." in lines
    assert lines[-1] == "    /etc/hosts.deny line 99: sshd: 10.0.49.1 - matches sshd and 10.0.49.1"
    answer = json.loads(explain(capsys, "--json", *words)[1])
    assert (len(answer["trace"]), answer["left_out"], answer["trace"][-1]["line"]) == (24, 75, 99)
