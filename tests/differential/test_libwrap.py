"""Our decisions are the real libwrap's: verdict, file, line, reason and every message.

CI asks 20,000 random questions; `WRAPTUI_DECISIONS=1000000` asks that many. A disagreement prints the case as
a line for tests/cases/libwrap/, where all that were ever found are kept, with the real answers.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.differential import libwrap_cases as cases
from tests.libwrap import Crashed, Libwrap, Question
from wraptui.cli.explain import Inspected, load
from wraptui.demo.binaries import Binaries
from wraptui.policy.tables.access import Decision, Tables, Visitor, decide, read_table
from wraptui.syntax.tree import byte_text
from wraptui.system.files import Tree

VISITORS = 50
DECISIONS = int(os.environ.get("WRAPTUI_DECISIONS", "20000" if os.environ.get("CI") else "2000"))
KEPT = sorted((Path(__file__).parent.parent / "cases" / "libwrap").glob("*.jsonl"))


@pytest.fixture(scope="module")
def libwrap(real: Binaries) -> Iterator[Libwrap]:
    with Libwrap(real.libwrap) as library:
        yield library


@given(st.randoms(use_true_random=False))
@settings(
    max_examples=max(1, DECISIONS // VISITORS),
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_random_questions(libwrap: Libwrap, random: Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = cases.make_world(folder, random)
        allow, deny = cases.table(random, world), cases.table(random, world)
        compare(libwrap, folder, allow, deny, [cases.visitor(random, world) for _ in range(VISITORS)])


def compare(libwrap: Libwrap, folder: str, allow: str, deny: str, visitors: list[Visitor]) -> None:
    """The library, the index and the reading one by one give one answer to each visitor."""
    paths = os.path.join(folder, "hosts.allow"), os.path.join(folder, "hosts.deny")
    for path, text in zip(paths, (allow, deny), strict=True):
        cases.write(path, text)
    tables = Tables(read_table(paths[0], allow), read_table(paths[1], deny), Tree("/"))
    for visitor in visitors:
        ours = decide(tables, visitor)
        assert replace(decide(tables, visitor, trace=True), trace=()) == ours
        try:
            theirs = libwrap.ask(Question(*paths, visitor))
        except Crashed:
            assert ours.verdict == "exit"
            continue
        assert ours == theirs, as_case(folder, allow, deny, visitor, theirs)


def as_case(folder: str, allow: str, deny: str, visitor: Visitor, decision: Decision) -> str:
    """The line to keep of a question and its real answer; the folder is written `FOLDER`."""
    files = {
        str(path.relative_to(folder)): byte_text(path.read_bytes())
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not path.name.startswith("hosts.")
    }
    answer = {name: value for name, value in asdict(decision).items() if name != "trace"}
    line = json.dumps(
        {"allow": allow, "deny": deny, "files": files, "visitor": asdict(visitor), "answer": answer}
    )
    return line.replace(folder, "FOLDER")


def kept_cases() -> Iterator[tuple[str, str]]:
    for path in KEPT:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{path.stem}-{number}", line


@pytest.mark.parametrize("line", [line for _, line in kept_cases()], ids=[name for name, _ in kept_cases()])
def test_kept_case(libwrap: Libwrap, tmp_path: Path, line: str) -> None:
    case = json.loads(line.replace("FOLDER", str(tmp_path)))
    for name, text in case["files"].items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        cases.write(str(path), text)
    compare(libwrap, str(tmp_path), case["allow"], case["deny"], [Visitor(**case["visitor"])])


ACLEXEC = (
    ("ALL: ALL: aclexec /bin/COMMAND", ""),
    ("ALL: ALL: aclexec /bin/COMMAND", "ALL: ALL"),
    ("ALL: ALL: aclexec sleep 0.3; COMMAND", "ALL: ALL"),
    ("ALL: ALL: aclexec /bin/COMMAND", "ALL: ALL: severity info"),
    ("ALL: ALL: aclexec /bin/COMMAND", "ALL: ALL: severity info: deny"),
    ("ALL: ALL: aclexec /bin/COMMAND : allow", "ALL: ALL"),
    ("ALL: ALL: aclexec /bin/COMMAND : bogus", "ALL: ALL"),
    ("sshd: ALL: aclexec /bin/COMMAND %d\nALL: ALL", "ALL: ALL"),
    ("", "ALL: ALL: aclexec /bin/COMMAND\nALL: ALL"),
    ("", "ALL: ALL: aclexec /bin/COMMAND: deny"),
    ("ALL: ALL: aclexec /bin/COMMAND %d %n", "a_b: ALL"),
    ("ALL: ALL: severity info", "ALL: ALL: aclexec /bin/COMMAND"),
)


@pytest.mark.parametrize("succeeds", [True, False])
@pytest.mark.parametrize(("allow", "deny"), ACLEXEC)
def test_what_an_aclexec_decides(
    libwrap: Libwrap, tmp_path: Path, allow: str, deny: str, succeeds: bool
) -> None:
    paths = str(tmp_path / "hosts.allow"), str(tmp_path / "hosts.deny")
    command = "true" if succeeds else "false"
    texts = [text.replace("COMMAND", command) + "\n" for text in (allow, deny)]
    for path, text in zip(paths, texts, strict=True):
        cases.write(path, text)
    tables = Tables(read_table(paths[0], texts[0]), read_table(paths[1], texts[1]), Tree("/"))
    for daemon in ("sshd", "a b"):
        visitor = Visitor(daemon, "10.0.0.1")
        ours = decide(tables, visitor, aclexec=succeeds)
        assert ours == libwrap.ask(Question(*paths, visitor, live=True))


def test_a_resident_process_refuses_to_twist(libwrap: Libwrap, tmp_path: Path) -> None:
    paths = str(tmp_path / "hosts.allow"), str(tmp_path / "hosts.deny")
    text = "ALL: ALL: twist /bin/true\n"
    cases.write(paths[0], text)
    tables = Tables(read_table(paths[0], text), read_table(paths[1], ""), Tree("/"))
    visitor = Visitor("sshd", "10.0.0.1")
    ours = decide(tables, visitor, resident=True)
    assert ours == libwrap.ask(Question(*paths, visitor, live=True, resident=True))
    assert (ours.verdict, ours.reason) == ("denied", "option-error")


@pytest.mark.parametrize("kind", ["loop", "directory", "below a file", "nothing", "unreadable", "missing"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_table_that_is_no_ordinary_file(libwrap: Libwrap, tmp_path: Path, kind: str, which: int) -> None:
    odd = tmp_path / "odd"
    if kind == "loop":
        odd.symlink_to(odd)
    elif kind == "directory":
        odd.mkdir()
    elif kind == "nothing":
        odd.symlink_to("/dev/null")
    elif kind != "missing":
        odd.write_text("sshd: 10.0.0.1\n")
        if kind == "unreadable":
            odd.chmod(0)  # which root reads all the same
        else:
            odd = odd / "hosts"
    other = tmp_path / "other"
    other.write_text("ALL: 10.0.0.1\n")
    paths = [str(other), str(other)]
    paths[which] = str(odd)
    files = Inspected("/")
    tables = Tables(load(files, paths[0]), load(files, paths[1]), files)
    for address in ("10.0.0.1", "10.0.0.2"):
        visitor = Visitor("sshd", address)
        assert decide(tables, visitor) == libwrap.ask(Question(paths[0], paths[1], visitor))
