"""What is told to decide nothing, decides nothing in the real libwrap: asked with and without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import lint_cases as cases
from tests.libwrap import Libwrap, Question
from wraptui.demo.binaries import Binaries
from wraptui.policy.change.edits import delete
from wraptui.policy.lint.fixes import made
from wraptui.policy.lint.tables import MEANT, RESTORING, check_tables
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.tables.c_library import dotted_quad, mapped, numeric_ipv6
from wraptui.policy.tables.compaction import compacted
from wraptui.policy.tables.effective import daemons_named, effective_policy
from wraptui.policy.tables.ranges import UNKNOWN, V4_LAST, V6_FIRST
from wraptui.policy.tables.taken import ANY_OTHER
from wraptui.syntax.tree import Document
from wraptui.system.files import Tree

DEAD = frozenset(
    ("duplicate", "unreachable", "redundant", "contradiction", "overridden", "redundant-pattern")
)
VISITORS = cases.visitors()
RANDOM = st.randoms(use_true_random=False)
MANY = settings(
    max_examples=60 if os.environ.get("CI") else 15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def libwrap(real: Binaries) -> Iterator[Libwrap]:
    with Libwrap(real.libwrap) as library:
        yield library


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reach")
    for path, data in cases.FILES.files.items():
        (folder / os.path.basename(path)).write_bytes(data)
    return folder


def tables_of(folder: Path, allow: str, deny: str) -> Tables:
    """Both tables in the machine's own files, so that libwrap and we read the same."""
    found = []
    for name, text in (("hosts.allow", allow), ("hosts.deny", deny)):
        (folder / name).write_bytes(text.encode("latin-1"))
        found.append(read_table(str(folder / name), text))
    return Tables(found[0], found[1], Tree("/"))


def asked(libwrap: Libwrap, tables: Tables) -> list[str]:
    return [
        libwrap.ask(Question(tables.allow.path, tables.deny.path, visitor)).verdict for visitor in VISITORS
    ]


def drawn(random: Random, folder: Path) -> tuple[str, str]:
    texts = [cases.table(random).replace("/etc/", f"{folder}/") for _ in range(2)]
    return texts[0], texts[1]


@given(RANDOM)
@MANY
def test_dead_rules_decide_nothing_in_the_real_library(
    libwrap: Libwrap, folder: Path, random: Random
) -> None:
    allow, deny = drawn(random, folder)
    tables = tables_of(folder, allow, deny)
    documents = {tables.allow.path: Document(allow), tables.deny.path: Document(deny)}
    findings = [each for each in check_tables(tables) if each.code in DEAD]
    before = asked(libwrap, tables)
    for finding in findings:
        edits = finding.fix or delete(finding.file, documents[finding.file], finding.line)
        after = made(documents, list(edits))
        shorter = tables_of(folder, after[tables.allow.path].text, after[tables.deny.path].text)
        assert asked(libwrap, shorter) == before, finding
    together = made(
        documents, [edit for each in findings if each.code != "redundant-pattern" for edit in each.fix]
    )
    shortest = tables_of(folder, together[tables.allow.path].text, together[tables.deny.path].text)
    assert asked(libwrap, shortest) == before


@given(RANDOM)
@MANY
def test_other_fixes_keep_the_real_verdicts(libwrap: Libwrap, folder: Path, random: Random) -> None:
    allow, deny = drawn(random, folder)
    tables = tables_of(folder, allow, deny)
    documents = {tables.allow.path: Document(allow), tables.deny.path: Document(deny)}
    edits = [
        edit
        for each in check_tables(tables)
        if each.code not in DEAD | RESTORING | MEANT
        for edit in each.fix
    ]
    before = asked(libwrap, tables)
    after = made(documents, edits)
    mended = tables_of(folder, after[tables.allow.path].text, after[tables.deny.path].text)
    assert asked(libwrap, mended) == before


@given(RANDOM)
@MANY
def test_a_compacted_table_decides_alike(libwrap: Libwrap, folder: Path, random: Random) -> None:
    deny = cases.table(random, longest=20, exact=random.random() < 0.7).replace("/etc/", f"{folder}/")
    tables = tables_of(folder, "", deny)
    before = asked(libwrap, tables)
    shorter = compacted(tables.deny, tables.files)
    assert shorter.after <= shorter.before
    assert asked(libwrap, tables_of(folder, "", shorter.text)) == before


@given(RANDOM)
@MANY
def test_the_effective_policy_is_what_the_library_decides(
    libwrap: Libwrap, folder: Path, random: Random
) -> None:
    tables = tables_of(folder, *drawn(random, folder))
    named = daemons_named(tables)
    for visitor in VISITORS:
        policy = effective_policy(tables, visitor.daemon if visitor.daemon in named else ANY_OTHER)
        number = _number(visitor.address)
        expected = {outcome for outcome, ranges in policy.outcomes.items() if _inside(number, ranges)}
        assert len(expected) == 1
        expected |= {each.outcome for each in policy.conditions if _inside(number, each.ranges)}
        if "depends" not in expected:
            question = Question(tables.allow.path, tables.deny.path, visitor)
            assert libwrap.ask(question).verdict in expected, visitor


def _inside(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(start <= number <= end for start, end in ranges)


def _number(address: str) -> int:
    address = mapped(address)
    if address == "unknown":
        return UNKNOWN
    if address == "255.255.255.255":
        return V4_LAST
    quad = dotted_quad(address)
    return quad if quad is not None else V6_FIRST + (numeric_ipv6(address) or 0)
