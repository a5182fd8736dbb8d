"""`wraptui check` as a command: exit codes, words, JSON, and fixes that land in the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[str]"]


def tree(root: Path, **files: str) -> Path:
    """A root with these files in etc (`hosts_allow` is hosts.allow)."""
    (root / "etc").mkdir(exist_ok=True)
    for name, text in files.items():
        path = root / "etc" / name.replace("_", ".", 1)
        path.write_bytes(text.encode("latin-1"))
        path.chmod(0o644)
    return root


def test_clean(tmp_path: Path, wraptui: Run) -> None:
    ran = wraptui(
        "check", "--root", str(tree(tmp_path, hosts_allow="sshd: 192.0.2.\n", hosts_deny="ALL: ALL\n"))
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    told = json.loads(wraptui("check", "--root", str(tmp_path), "--json").stdout)
    assert told == {"findings": [], "unreadable": False}


def test_findings_are_two_lines_each(tmp_path: Path, wraptui: Run) -> None:
    ran = wraptui("check", "--root", str(tree(tmp_path, hosts_deny="sshd: \x1b[2J 10.0.0.1/8\nALL: ALL")))
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert len(lines) == 2 * sum(not line.startswith("    ") for line in lines)
    assert "\x1b" not in ran.stdout
    place = next(line for line in lines if "no-final-newline" in line)
    assert " error " in place and "/etc/hosts.deny:2" in place and "fix: end the last line" in place
    assert "errors" in ran.stderr


def test_json_tells_the_fix(tmp_path: Path, wraptui: Run) -> None:
    ran = wraptui("check", "--json", "--root", str(tree(tmp_path, hosts_deny="sshd: 10.0.0.1/8\n")))
    (finding,) = json.loads(ran.stdout)["findings"]
    assert (finding["code"], finding["severity"], finding["line"], finding["column"]) == (
        "host-bits",
        "error",
        1,
        7,
    )
    assert finding["fix"][0]["new"] == ["sshd: 10.0.0.0/8\n"]
    assert finding["needs_choice"] is False


def test_unreadable(tmp_path: Path, wraptui: Run) -> None:
    assert wraptui("check", "--root", str(tmp_path / "none")).returncode == 2
    tree(tmp_path)
    os.symlink("hosts.deny", tmp_path / "etc" / "hosts.deny")  # a loop: no user, root included, can open it
    ran = wraptui("check", "--root", str(tmp_path))
    assert ran.returncode == 2
    assert "table-unreadable" in ran.stdout


@pytest.mark.parametrize(("before", "after", "left"), [
    ("ALL: ALL", "ALL: ALL\n", 0),
    ("sshd: 10.0.0.1\nsshd: 10.0.0.1\nALL: LOCAL\n", "sshd: 10.0.0.1\nALL: LOCAL\n", 0),
    ("sshd: 206.182.68.0\nsshd: 2001:db8::1", "sshd: 206.182.68.0\nsshd: [2001:db8::1]\n", 1),
])  # fmt: skip
def test_fix_writes_through_the_change_path(
    tmp_path: Path, wraptui: Run, before: str, after: str, left: int
) -> None:
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    tree(root, hosts_deny=before)
    ran = wraptui("check", "--fix", "--root", str(root), "--state", str(state))
    assert ran.returncode == left, ran.stderr
    assert (root / "etc" / "hosts.deny").read_bytes() == after.encode()
    history = wraptui("history", "--root", str(root), "--state", str(state), "--json")
    assert "/etc/hosts.deny" in history.stdout
    again = wraptui("check", "--fix", "--root", str(root), "--state", str(state))
    assert again.returncode == left
    assert (root / "etc" / "hosts.deny").read_bytes() == after.encode()


def test_xinetd_findings_tell_the_consequence(tmp_path: Path, wraptui: Run) -> None:
    tree(tmp_path, xinetd_conf="defaults\n{\n\tinstances=50\n}\nservice x\n{\n\tcolour = red\n}\n")
    ran = wraptui("check", "--root", str(tmp_path), "--json")
    assert ran.returncode == 1
    found = {finding["code"]: finding for finding in json.loads(ran.stdout)["findings"]}
    assert found["xinetd-space"]["line"] == 3
    assert found["xinetd-space"]["fix"][0]["new"] == ["\tinstances =50\n"]
    assert "xinetd-stray-line" in found


def test_it_loads_nothing_heavy() -> None:
    script = "import sys, wraptui.cli.check, wraptui.policy.lint.tables; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not {"textual", "psutil", "pyparsing", "netaddr"} & set(ran.stdout.split())
