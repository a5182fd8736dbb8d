"""The commands that change files: what they print, what they write, and the exit code that tells the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wraptui.cli import main

Run = Callable[..., tuple[int, str, str]]
SERVICE = """service ftp
{
\tdisable\t\t= no
\ttype\t\t= UNLISTED
\tsocket_type\t= stream
\tprotocol\t= tcp
\tport\t\t= 2121
\twait\t\t= no
\tuser\t\t= root
\tserver\t\t= /bin/cat
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "etc/hosts.allow": "sshd: 192.0.2.0/24\n",
        "etc/hosts.deny": "# who may not\nALL: 198.51.100.1\n",
        "etc/xinetd.conf": "includedir /etc/xinetd.d\n",
        "etc/xinetd.d/ftp": SERVICE,
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "etc/protocols": "tcp 6 TCP\n",
        "etc/services": "ftp 21/tcp\n",
        "bin/cat": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "bin/cat").chmod(0o755)
    return tmp_path


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(command: str, *words: str) -> tuple[int, str, str]:
        code = main([command, "--root", str(root), *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_diff_shows_what_apply_then_writes(root: Path, run: Run) -> None:
    words = ("--deny", "ALL: 203.0.113.0/24", "--set", "ftp.per_source=2", "--delete", "/etc/hosts.allow:1")
    code, shown, _ = run("diff", *words)
    assert "+ALL: 203.0.113.0/24\n" in shown and "+\tper_source\t= 2\n" in shown
    assert "-sshd: 192.0.2.0/24\n" in shown
    assert not (root / "var").exists() and code in (0, 1)
    code, _, _ = run("apply", *words, "-m", "because")
    assert code == 0
    assert (root / "etc/hosts.deny").read_text() == "# who may not\nALL: 198.51.100.1\nALL: 203.0.113.0/24\n"
    assert (root / "etc/hosts.allow").read_text() == ""
    assert "\tper_source\t= 2\n}" in (root / "etc/xinetd.d/ftp").read_text()


def test_json_has_the_proposal_and_the_receipt(run: Run) -> None:
    code, shown, _ = run("apply", "--json", "--deny", "ALL: 203.0.113.9")
    told = json.loads(shown)
    assert code == 0 and told["receipt"]["state"] == "kept"
    assert told["proposal"]["files"] == told["receipt"]["files"] == ["/etc/hosts.deny"]
    assert told["proposal"]["diff"].startswith("--- /etc/hosts.deny\n")


def test_history_lists_shows_compares_and_restores(root: Path, run: Run) -> None:
    before = (root / "etc/hosts.deny").read_bytes()
    run("apply", "--deny", "ALL: 203.0.113.9", "-m", "first \x1b[31m")
    run("apply", "--disable", "/etc/hosts.deny:2", "-m", "second")
    entries = json.loads(run("history", "--json")[1])
    assert [entry["message"] for entry in entries] == ["second", "first \x1b[31m"]
    code, listed, _ = run("history")
    assert code == 0 and "\x1b" not in listed and "second" in listed
    first = entries[1]["id"]
    code, shown, _ = run("history", "show", first)
    assert code == 0 and "+ALL: 203.0.113.9\n" in shown and "\x1b" not in shown
    code, shown, _ = run("history", "compare", first)
    assert "+ALL: 198.51.100.1\n" in shown and "-# ALL: 198.51.100.1\n" in shown
    assert run("restore", first)[0] == 0
    assert (root / "etc/hosts.deny").read_bytes() == before
    assert run("restore", first, "--after")[0] == 0
    assert (root / "etc/hosts.deny").read_bytes() == before + b"ALL: 203.0.113.9\n"
    assert run("history", "show", "nonsense")[0] == 2 and run("restore", "../../etc")[0] == 2


def test_a_new_file_and_standard_input(root: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("ALL: 192.0.2.9\n")
    assert run("apply", "--replace", f"/etc/hosts.deny={tmp_path}/new")[0] == 0
    assert (root / "etc/hosts.deny").read_text() == "ALL: 192.0.2.9\n"


def test_defaults_are_set_and_unset(root: Path, run: Run) -> None:
    assert run("apply", "--set", "defaults.instances=60")[0] == 0
    assert (root / "etc/xinetd.conf").read_text().startswith("defaults\n{\n\tinstances = 60\n}\n")
    assert run("apply", "--unset", "defaults.instances", "--unset", "ftp.disable")[0] == 0
    assert "instances" not in (root / "etc/xinetd.conf").read_text()
    assert "disable" not in (root / "etc/xinetd.d/ftp").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--set", "nothing.port=1"), "no service nothing; there are: ftp"),
        (("--set", "ftp.instances"), "SERVICE.ATTRIBUTE=VALUE"),
        (("--unset", "ftp"), "SERVICE.ATTRIBUTE"),
        (("--delete", "/etc/hosts.deny"), "FILE:LINE"),
        (("--delete", "/etc/hosts.deny:99"), "no line 99"),
        (("--enable", "/etc/hosts.deny:1"), "remark"),
        (("--replace", "hosts.deny"), "/FILE=NEWFILE"),
        (("--replace", "/etc/hosts.deny=/no/such/file"), "No such file"),
        (("--deny", "ALL: 192.0.2.1\nALL: ALL"), "one line"),
        (("--deny", "ALL: 192.0.2.1", "--for", "ever"), "is no time"),
        ((), "nothing to change"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_nothing_is_written(
    root: Path, run: Run, words: tuple[str, ...], says: str
) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    code, _, error = run("apply", *words)
    assert code == 2 and says in error and error.startswith("wraptui: ")
    assert {path: path.read_bytes() for path in (root / "etc").rglob("*") if path.is_file()} == {
        path: data for path, data in before.items() if "/etc/" in str(path)
    }


def test_a_text_that_would_deny_everybody_is_refused_without_the_word(root: Path, run: Run) -> None:
    (root / "bad").write_text("ftpd: 192.0.2.1")
    words = ("--replace", f"/etc/hosts.deny={root}/bad")
    code, shown, _ = run("diff", *words)
    assert code == 3 and "REFUSED" in shown
    code, _, error = run("apply", *words)
    assert code == 3 and "deny everybody" in error
    assert run("apply", *words, "--even-if-locked-out")[0] == 0


def test_pending_confirm_and_rollback_say_when_there_is_nothing(run: Run) -> None:
    assert run("pending") == (0, "Nothing waits.\n", "")
    assert run("confirm")[0] == 1 and run("rollback")[0] == 1
    assert "No change waits" in run("confirm")[2]


def test_a_change_with_a_deadline_in_another_tree_comes_back_too(root: Path, run: Run) -> None:
    before = (root / "etc/hosts.deny").read_bytes()
    code, shown, _ = run("apply", "--deny", "ALL: 203.0.113.9", "--confirm-within", "1", "--wait")
    assert code == 4 and "rolled back" in shown
    assert (root / "etc/hosts.deny").read_bytes() == before


def test_a_file_that_is_none_is_refused(root: Path, run: Run) -> None:
    (root / "etc/hosts.deny").unlink()
    (root / "etc/hosts.deny").mkdir()
    code, _, error = run("apply", "--deny", "ALL: 203.0.113.9")
    assert code == 2 and "irectory" in error
