"""Recorded answers of the real libwrap, and what no library can be asked without crashing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from wraptui.policy.tables.access import Decision, Table, Tables, Visitor, decide, read_table
from wraptui.syntax.tree import to_bytes
from wraptui.system.files import Tree

RECORDED = sorted((Path(__file__).parent.parent / "cases" / "libwrap").glob("*.jsonl"))


def decision(folder: Path, allow: str, deny: str, visitor: Visitor, **how: bool) -> Decision:
    tables = Tables(
        read_table(f"{folder}/hosts.allow", allow), read_table(f"{folder}/hosts.deny", deny), Tree("/")
    )
    return decide(tables, visitor, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_recorded_answers(path: Path, tmp_path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines()):
        folder = tmp_path / str(number)
        case = json.loads(line.replace("FOLDER", str(folder)))
        for name, text in case["files"].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(to_bytes(text))
        ours = asdict(decision(folder, case["allow"], case["deny"], Visitor(**case["visitor"])))
        del ours["trace"]
        ours["messages"] = list(ours["messages"])
        assert ours == case["answer"], f"{path.name}, line {number + 1}"


@pytest.mark.parametrize("trace", [False, True])
def test_a_file_that_includes_itself_ends_the_process_that_asks(tmp_path: Path, trace: bool) -> None:
    (tmp_path / "a").write_text(f"10.0.0.9 {tmp_path}/b")
    (tmp_path / "b").write_text(f"{tmp_path}/a")
    rule = f"sshd: {tmp_path}/a\n"
    assert decision(tmp_path, rule, "", Visitor("sshd", "10.0.0.9"), trace=trace).verdict == "granted"
    assert decision(tmp_path, rule, "", Visitor("ftpd", "10.0.0.1"), trace=trace).verdict == "granted"
    crash = decision(tmp_path, rule, "", Visitor("sshd", "10.0.0.1"), trace=trace)
    assert (crash.verdict, crash.reason, crash.line) == ("exit", "exit", 1)
    assert crash.messages[0].endswith("includes itself without end: the process that asks crashes")


def test_a_long_chain_of_files_is_followed_without_recursion(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / str(number)).write_text(f"{tmp_path}/{number + 1}")
    (tmp_path / "500").write_text("10.0.0.1")
    rule = f"sshd: {tmp_path}/0\n"
    assert decision(tmp_path, rule, "ALL: ALL\n", Visitor("sshd", "10.0.0.1")).verdict == "granted"
    assert decision(tmp_path, rule, "ALL: ALL\n", Visitor("sshd", "10.0.0.2")).verdict == "denied"


@pytest.mark.parametrize(("length", "verdict"), [(8191, "granted"), (8192, "exit")])
def test_a_word_that_overflows_libwraps_buffer(tmp_path: Path, length: int, verdict: str) -> None:
    (tmp_path / "f").write_text("x" * length + " 10.0.0.1")
    answer = decision(tmp_path, f"sshd: {tmp_path}/f\n", "ALL: ALL\n", Visitor("sshd", "10.0.0.1"))
    assert answer.verdict == verdict


def test_an_exponential_pattern_is_answered_at_once(tmp_path: Path) -> None:
    pattern = "*a" * 60 + "b"
    answer = decision(tmp_path, f"sshd: {pattern}\n", "", Visitor("sshd", "10.0.0.1", name="a" * 127))
    assert answer.reason == "default"


def test_a_name_is_looked_up_only_when_a_rule_asks_for_it(tmp_path: Path) -> None:
    asked: list[str] = []

    def look_up(address: str) -> tuple[str, tuple[str, ...]]:
        asked.append(address)
        return "host.example.com", ("host name/name mismatch",)

    def ask(allow: str) -> Decision:
        tables = Tables(read_table("/a", allow), Table("/d", "", read_table("/d", "").rules), Tree("/"))
        return decide(tables, Visitor("sshd", "10.0.0.1", name=""), look_up=look_up)

    assert ask("sshd: 10. 1.2.3.0/24: spawn x %h\n").messages == ("option:   spawn x 10.0.0.1",)
    assert asked == []
    assert ask("sshd: .example.com: spawn x %h\n").messages == (
        "warning: /a, line 1: host name/name mismatch",
        "option:   spawn x host.example.com",
    )
    assert asked == ["10.0.0.1"]
    assert (
        ask("sshd: ALL: spawn x %n %h\n").messages[-1]
        == "option:   spawn x host.example.com host.example.com"
    )


def test_the_trace_says_why(tmp_path: Path) -> None:
    allow = "ftpd: ALL\nsshd: 10. EXCEPT 10.0.0.1\nno colon\nsshd: 10.0.0.1\n"
    steps = decision(tmp_path, allow, "", Visitor("sshd", "10.0.0.1"), trace=True).trace
    assert [(step.line, step.why) for step in steps] == [
        (1, "the daemon list does not match sshd"),
        (2, "the client list matches 10.0.0.1 by 10., but excepts it again"),
        (3, 'missing ":" separator'),
        (4, "matches sshd and 10.0.0.1"),
    ]
