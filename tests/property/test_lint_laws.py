"""The laws of findings: no bytes crash a check; a fix removes its finding and keeps every verdict."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests import lint_cases as cases
from tests.differential import libwrap_cases
from wraptui.policy.change.edits import delete
from wraptui.policy.lint.findings import Finding
from wraptui.policy.lint.fixes import made, mended
from wraptui.policy.lint.lines import line_findings
from wraptui.policy.lint.lists import Surroundings, list_findings
from wraptui.policy.lint.rules import Ordinary, RuleLine, scanned
from wraptui.policy.lint.tables import MEANT, RESTORING, check_tables
from wraptui.policy.tables.access import Tables, Visitor, decide, read_table
from wraptui.policy.tables.ranges import NEVER, pattern
from wraptui.syntax.hosts import is_blank, is_comment, option_fields
from wraptui.syntax.tree import Document, Edit
from wraptui.system.files import Tree

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
DEAD = frozenset(("duplicate", "unreachable", "redundant", "contradiction", "overridden"))
VISITORS = cases.visitors()
RANDOM = st.randoms(use_true_random=False)

Documents = Mapping[str, Document]


def tables_of(documents: Documents, files: cases.Memory | Tree) -> Tables:
    return Tables(read_table(ALLOW, documents[ALLOW].text), read_table(DENY, documents[DENY].text), files)


def verdicts(tables: Tables, visitors: list[Visitor]) -> list[str]:
    decided: list[str] = []
    for visitor in visitors:
        decision = decide(tables, visitor)
        decided.append(decision.verdict)
        asked = any(each.lower().startswith("option:   aclexec") for each in decision.messages)
        decided.append(decide(tables, visitor, aclexec=False).verdict if asked else decision.verdict)
    return decided


def applied(documents: Documents, edits: tuple[Edit, ...]) -> Documents:
    result = dict(documents)
    for edit in edits:
        result[edit.path] = edit.apply(result[edit.path])
    return result


def removed(documents: Documents, finding: Finding) -> Documents:
    """The documents with the finding mended, or with its rule deleted where it has no fix."""
    return applied(documents, finding.fix or delete(finding.file, documents[finding.file], finding.line))


def place(finding: Finding, edit: Edit | None) -> tuple[str, int, str]:
    """What tells a finding from others: its line counted before `edit`, and its kind."""
    line = finding.line
    if edit is not None and finding.file == edit.path and line > edit.first:
        behind = line - 1 >= edit.first + len(edit.new)
        line += len(edit.old) - len(edit.new) if behind else 0
    return finding.file, line, "dead" if finding.code in DEAD else finding.code


@given(RANDOM)
def test_a_fix_keeps_the_verdicts_removes_its_finding_and_adds_none(random: Random) -> None:
    documents = {ALLOW: Document(cases.table(random)), DENY: Document(cases.table(random))}
    tables = tables_of(documents, cases.FILES)
    findings = check_tables(tables)
    before = verdicts(tables, VISITORS)
    for finding in findings:
        if not finding.fix or finding.code in RESTORING | MEANT:
            continue
        (edit,) = finding.fix
        after = tables_of(applied(documents, finding.fix), cases.FILES)
        assert verdicts(after, VISITORS) == before, finding
        left = check_tables(after)
        known = {place(each, None) for each in findings}
        # What is no longer shadowed may turn out to be redundant; nothing else may appear.
        new = {each for each in left if place(each, edit) not in known and each.code != "redundant"}
        assert not new, (finding, new)
        if finding.code not in DEAD:
            assert _like(finding, left) < _like(finding, findings), finding


def _like(finding: Finding, findings: tuple[Finding, ...]) -> int:
    return sum((each.file, each.code) == (finding.file, finding.code) for each in findings)


@given(RANDOM)
def test_dead_rules_can_all_go_at_once(random: Random) -> None:
    documents = {ALLOW: Document(cases.table(random)), DENY: Document(cases.table(random))}
    tables = tables_of(documents, cases.FILES)
    edits = [edit for each in check_tables(tables) if each.code in DEAD for edit in each.fix]
    after = tables_of(made(documents, edits), cases.FILES)
    assert verdicts(after, VISITORS) == verdicts(tables, VISITORS)


@given(RANDOM)
def test_a_rule_called_dead_decides_nothing(random: Random) -> None:
    documents = {ALLOW: Document(cases.table(random)), DENY: Document(cases.table(random))}
    tables = tables_of(documents, cases.FILES)
    before = verdicts(tables, VISITORS)
    for finding in check_tables(tables):
        if finding.code in DEAD and not finding.fix:
            after = tables_of(removed(documents, finding), cases.FILES)
            assert verdicts(after, VISITORS) == before, finding


@given(RANDOM)
def test_every_dead_address_rule_is_told(random: Random) -> None:
    """Of rules with names of daemons and addresses alone, none that decides nothing is left untold."""
    text = cases.table(random, exact=True)
    table = read_table(DENY, text)
    allow = read_table(ALLOW, "")
    findings = check_tables(Tables(allow, table, cases.FILES))
    told = {each.line for each in findings if each.code in DEAD}
    never = {
        each.line for each in findings if each.code in ("host-bits", "leading-zero", "excepts-everything")
    }
    shadowed = {each.line for each in findings if each.code in ("duplicate", "unreachable")}
    visitors = [Visitor(daemon, address) for daemon in ("sshd", "vsftpd", "other") for address in cases.EDGES]
    deciding = {decide(Tables(allow, table, cases.FILES), each).line for each in visitors}
    lines = text.splitlines(keepends=True)
    kept = ["\n" if number in told else line for number, line in enumerate(lines, 1)]
    shorter = Tables(allow, read_table(DENY, "".join(kept)), cases.FILES)
    before = verdicts(shorter, visitors)
    assert before == verdicts(Tables(allow, table, cases.FILES), visitors)
    for rule in table.rules:
        if rule.line in never:
            continue
        assert (rule.line in shadowed) == (rule.line not in deciding)
        if rule.line not in told:
            without = [*kept[: rule.line - 1], "\n", *kept[rule.line :]]
            after = Tables(allow, read_table(DENY, "".join(without)), cases.FILES)
            assert verdicts(after, visitors) != before, rule


@given(RANDOM)
def test_odd_files_never_crash_a_check_and_keep_their_verdicts(random: Random) -> None:
    """The generator of libwrap's quirks: everything at once, broken lines and odd bytes among it."""
    with tempfile.TemporaryDirectory() as folder:
        world = libwrap_cases.make_world(folder, random)
        files = Tree("/")
        documents = {name: Document(libwrap_cases.table(random, world)) for name in (ALLOW, DENY)}
        tables = tables_of(documents, files)
        check_tables(tables, daemons=frozenset({"sshd"}))
        visitors = [libwrap_cases.visitor(random, world) for _ in range(30)]
        visitors = [each for each in visitors if cases.possible(each)]
        before = verdicts(tables, visitors)
        for finding in check_tables(tables):
            dead = finding.code in DEAD
            if dead or (finding.fix and finding.code not in RESTORING | MEANT):
                after = tables_of(removed(documents, finding), files)
                assert verdicts(after, visitors) == before, finding
            elif finding.fix:
                left = check_tables(tables_of(removed(documents, finding), files))
                assert finding not in left
        mended(documents, lambda now: check_tables(tables_of(now, files)))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes(allow: bytes, deny: bytes) -> None:
    documents = {ALLOW: Document.from_bytes(allow), DENY: Document.from_bytes(deny)}
    check_tables(tables_of(documents, cases.FILES))
    fixed = mended(documents, lambda now: check_tables(tables_of(now, cases.FILES)))
    left = check_tables(tables_of(fixed, cases.FILES))
    assert not any(each.code in ("no-final-newline", "byte-order-mark") and each.fix for each in left)


@given(st.text(alphabet="a:\\ []\n=#\r", max_size=40))
def test_words_and_options_are_found_where_they_stand(text: str) -> None:
    for line in scanned(read_table(DENY, text), deny=True):
        if not isinstance(line, RuleLine):
            continue
        if line.fields.has_options:
            assert [each.text for each in line.options] == option_fields(line.fields.options)
        for word in (*line.daemons, *line.clients):
            spelled = line.raw[line.offset(word.start) : line.offset(word.stop, end=True)]
            assert spelled.replace("\\\n", "") == word.text


ORDINARY = st.builds(
    "{}:{}{}.{}.{}.{}{}".format,
    st.sampled_from(("sshd", "ALL", "x-y", "except", "LOCAL", "fail", "in.ftpd", "2", "")),
    st.sampled_from((" ", "", "  ", "\t")),
    *(st.sampled_from(("0", "1", "10", "010", "255", "256", "99")) for _ in range(4)),
    st.sampled_from(("\n", "\n", "\n", " \n", "\r\n", "\\\n", ".\n", "/8\n", ": allow\n", "\0\n", "")),
)
LINES = st.lists(
    ORDINARY | st.sampled_from(("# a\n", "# a\\\n", "#\\\n", "\n", "#" + "x" * 2046 + "\n", "#\0\n"))
)


@given(LINES.map("".join))
def test_the_fast_reading_of_ordinary_lines_is_the_slow_one(text: str) -> None:
    """What the fast path takes are rules that mean what it says, and that no check of a line objects to."""
    table = read_table(DENY, text)
    fast: dict[int, tuple[str, str]] = {}
    for item in scanned(table, deny=True):
        if isinstance(item, Ordinary):
            fast.update(enumerate(item.rules, item.first))
    slow = {
        line.logical.first: line
        for line in scanned(table, deny=True, common=False)
        if isinstance(line, RuleLine)
    }
    around = Surroundings(cases.FILES)
    for number, (daemon, address) in fast.items():
        line = slow[number]
        assert ([each.text for each in line.daemons], [each.text for each in line.clients]) == (
            [daemon],
            [address],
        )
        assert line.plain
        assert pattern(address).exact and pattern(address) != NEVER
        assert not list(line_findings(line, "")) + list(list_findings(line, around))
    passed_over = set(range(1, text.count("\n") + 1)) - set(fast) - set(slow)
    kept = {item.logical.first for item in scanned(table, deny=True) if not isinstance(item, Ordinary)}
    for written in scanned(table, deny=True, common=False):
        assert not isinstance(written, Ordinary)
        if written.logical.first in passed_over - kept:
            assert is_comment(written.logical.text) or is_blank(written.logical.text)
            assert not list(line_findings(written, ""))
