"""The real xinetd is asked about the files before they stand, and the running one notices nothing of it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from wraptui.demo.session import Session

NEW_TRAP = "service telnets\n{\n\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = /bin/cat\n}\n"


def proposal(server: Session, *words: str) -> dict[str, object]:
    told = json.loads(server.wraptui("diff", "--json", *words).stdout)
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize(
    ("words", "services", "says"),
    [
        (["--set", "ftp.per_source=1"], 6, ""),
        (["--set", "ftp.disable=yes"], 5, ""),
        (["--set", "ftp.instances=many"], 5, "Number of instances is invalid: many"),
        (["--replace", "/etc/xinetd.d/ftp=/dev/null"], 5, ""),
    ],
)
def test_it_says_what_it_would_start_and_what_it_finds_wrong(
    demo_server: Session, words: list[str], services: int, says: str
) -> None:
    log = demo_server.log()
    notes = proposal(demo_server, *words)["notes"]
    assert isinstance(notes, list)
    assert f"The real xinetd, tried on these files, starts {services} services." in notes
    assert any(says in note for note in notes if note.startswith("It says")) == bool(says)
    assert demo_server.log() == log  # the running one was not disturbed
    assert not [name for name in os.listdir(demo_server.path("/tmp")) if name.startswith("wraptui-trial")]


def test_a_new_file_stands_in_its_folder_for_the_trial_and_nowhere_else(
    demo_server: Session, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text(NEW_TRAP)
    before = os.listdir(demo_server.path("/etc/xinetd.d"))
    told = proposal(demo_server, "--replace", f"/etc/xinetd.d/telnets={tmp_path}/new")
    notes = told["notes"]
    assert isinstance(notes, list)
    assert "The real xinetd, tried on these files, starts 7 services." in notes
    assert told["warnings"] == []
    assert os.listdir(demo_server.path("/etc/xinetd.d")) == before


def test_files_that_end_the_daemon_are_found_by_the_daemon_itself(demo_server: Session) -> None:
    code = (
        "import json; from wraptui.system.machine import LocalMachine; from wraptui.system import xinetd;"
        "from wraptui.system.scratch import trial; m = LocalMachine(); p = '/etc/xinetd.conf';"
        "t = trial(m, xinetd.find(m), {p: m.read(p).replace(b'= 30', b'= many')});"
        "print(json.dumps([t.ran, t.ends, t.said]))"
    )
    ran, ends, said = json.loads(demo_server.run(sys.executable, "-c", code).stdout)
    assert (ran, ends) == (True, True)
    assert any("fatal error" in text for text in said)
