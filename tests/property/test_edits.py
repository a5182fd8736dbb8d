"""An edit of a hosts file changes its own lines, keeps every other byte, can be undone, reads as meant."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wraptui.policy.change.edits import (
    LIMIT,
    BadText,
    Edits,
    add_rule,
    change_rule,
    delete,
    disable,
    duplicate,
    enable,
    finish,
    move,
    replace_text,
    rule_lines,
)
from wraptui.syntax.tree import Document, Edit

PATH = "/etc/hosts.deny"
PIECES = st.sampled_from(
    [
        "sshd: 192.0.2.1\n",
        "ALL: [2001:db8::]/32\n",
        "# remark\n",
        "#sshd: .example.org\n",
        "# cut: here\n",
        "\n",
        "  \t\n",
        "ftpd: 192.0.2.0/24, \\\n",
        "  198.51.100.7\n",
        "# swallowed \\\n",
        " sshd: ALL\r\n",
        "\xc3\xa9\xff: ALL\n",
        "x: y: spawn (echo a\\:b)\n",
    ]
)
TAILS = st.sampled_from(["", "", "", "last: line", "last: line \\", "\\\n", "# end"])
DOCUMENTS = st.builds(
    lambda pieces, tail: Document("".join(pieces) + tail), st.lists(PIECES, max_size=9), TAILS
)
RULES = st.sampled_from(
    ["ALL: 198.51.100.0/24", "sshd: 192.0.2.9 \\\n  192.0.2.10", "# note", "x: [::1]: deny\n"]
)


def logical(document: Document) -> list[str]:
    found = []
    line = 1
    while line <= len(document.lines):
        first, last = rule_lines(document, line)
        found.append("".join(document.lines[first - 1 : last]))
        line = last + 1
    return found


def made(document: Document, edits: Edits) -> Document:
    for edit in edits:
        document = edit.apply(document)
    return document


def undone(document: Document, edits: Edits) -> Document:
    for edit in reversed(edits):
        document = edit.inverse.apply(document)
    return document


def whole(texts: list[str]) -> list[str]:
    """Logical lines without their ends, blank ones left out."""
    return [text.rstrip("\n\\") for text in texts if text.strip(" \t\r\n\\")]


def a_line(document: Document, number: int) -> int:
    assume(document.lines)
    return number % len(document.lines) + 1


@given(DOCUMENTS, RULES, st.integers(-1, 30))
def test_adding_puts_one_whole_rule_and_leaves_all_others(document: Document, rule: str, after: int) -> None:
    after = min(after, len(document.lines))
    edits = add_rule(PATH, document, rule, after)
    new = made(document, edits)
    assert undone(new, edits) == document
    rule = rule.removesuffix("\n") + "\n"
    rules = logical(new)
    assert rules.count(rule) == logical(document).count(rule) + 1
    rules.remove(rule)
    # At most the unfinished last line was finished.
    assert whole(rules) == whole(logical(document))
    if after == -1:
        assert new.text.endswith(rule)


@given(DOCUMENTS, st.integers(0, 30))
def test_deleting_takes_exactly_one_logical_line(document: Document, number: int) -> None:
    line = a_line(document, number)
    first, last = rule_lines(document, line)
    edits = delete(PATH, document, line)
    new = made(document, edits)
    assert new.lines == document.lines[: first - 1] + document.lines[last:]
    assert undone(new, edits) == document


@given(DOCUMENTS, st.integers(0, 30))
def test_disabling_makes_a_remark_and_enabling_gives_the_bytes_back(document: Document, number: int) -> None:
    line = a_line(document, number)
    first, last = rule_lines(document, line)
    text = "".join(document.lines[first - 1 : last])
    assume(not text.startswith("#") and ":" in text)
    edits = disable(PATH, document, line)
    new = made(document, edits)
    assert rule_lines(new, line) == (first, last)
    assert all(piece.startswith("# ") for piece in new.lines[first - 1 : last])
    assert new.lines[: first - 1] == document.lines[: first - 1] and new.lines[last:] == document.lines[last:]
    assert disable(PATH, new, line) == ()
    assert made(new, enable(PATH, new, line)) == document


@given(DOCUMENTS, st.integers(0, 30), st.sampled_from([-1, 1]))
def test_moving_keeps_every_logical_line_and_swaps_two_rules(
    document: Document, number: int, by: int
) -> None:
    line = a_line(document, number)
    edits = move(PATH, document, line, by)
    new = made(document, edits)
    assert undone(new, edits) == document
    assert sorted(whole(logical(new))) == sorted(whole(logical(document)))


@given(DOCUMENTS, st.integers(0, 30))
def test_a_duplicate_stands_right_behind_its_rule(document: Document, number: int) -> None:
    line = a_line(document, number)
    first, last = rule_lines(document, line)
    edits = duplicate(PATH, document, line)
    new = made(document, edits)
    size = last - first + 1
    copy = new.lines[len(new.lines) - (len(document.lines) - last) - size :][:size]
    original = document.lines[first - 1 : last]
    if original[-1].endswith("\n") and not original[-1].endswith("\\\n"):
        assert copy == original
    assert undone(new, edits) == document


@given(DOCUMENTS, RULES, st.integers(0, 30))
def test_changing_replaces_the_rule_and_nothing_else(document: Document, rule: str, number: int) -> None:
    line = a_line(document, number)
    first, last = rule_lines(document, line)
    edits = change_rule(PATH, document, line, rule)
    new = made(document, edits)
    assert new.lines == (
        document.lines[: first - 1] + Document(rule.removesuffix("\n") + "\n").lines + document.lines[last:]
    )
    assert undone(new, edits) == document


@given(DOCUMENTS)
def test_finishing_ends_the_last_line_and_does_no_more(document: Document) -> None:
    new = made(document, finish(PATH, document))
    assert new.text.startswith(document.text)
    assert not new.text or (new.text.endswith("\n") and not new.text.endswith("\\\n"))
    assert finish(PATH, new) == ()


@given(DOCUMENTS, DOCUMENTS)
def test_replacing_the_text_gives_that_text(document: Document, other: Document) -> None:
    assert made(document, replace_text(PATH, document, other.text)) == other


@pytest.mark.parametrize(
    "text", ["a: b\nc: d", "a: b\\", "a: \0", "a: " + "x" * LIMIT, "a: \\\n" + "x" * LIMIT]
)
def test_what_libwrap_would_misread_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        add_rule(PATH, Document(""), text)


def test_the_longest_line_that_libwrap_reads_is_accepted_but_not_as_a_remark() -> None:
    text = "ALL: " + "1" * (LIMIT - 5) + "\n"
    document = made(Document(""), add_rule(PATH, Document(""), text))
    assert document.text == text
    with pytest.raises(BadText, match="longer than libwrap"):
        disable(PATH, document, 1)


def test_a_rule_moves_over_remarks_with_its_continuation_lines() -> None:
    document = Document("a: 1\n# about b\nb: 2, \\\n  3\n\nc: 4")
    up = made(document, move(PATH, document, 4, -1))
    assert up.text == "b: 2, \\\n  3\na: 1\n# about b\n\nc: 4"
    down = made(document, move(PATH, document, 3, 1))
    assert down.text == "a: 1\n# about b\n\nc: 4\nb: 2, \\\n  3\n"
    assert move(PATH, document, 1, -1) == () and move(PATH, document, 6, 1) == ()


def test_a_remark_is_not_made_a_rule() -> None:
    with pytest.raises(BadText, match="remark"):
        enable(PATH, Document("# nothing here\n"), 1)


def test_an_edit_for_another_text_does_not_fit() -> None:
    edit = delete(PATH, Document("a: b\n"), 1)[0]
    assert isinstance(edit, Edit)
    with pytest.raises(ValueError, match="line 1"):
        edit.apply(Document("c: d\n"))
