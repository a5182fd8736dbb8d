"""The diff is the one that `diff -u` and `patch` know; edits of two writers both survive."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wraptui.policy.change.diff import differences, merge, rebase, together, unified
from wraptui.syntax.tree import Document, Edit

LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "c\n", "\n", "sshd: ALL\n", "x: y \\\n", "\xe9\x00\n"]), max_size=12
)
TEXTS = st.builds(
    lambda lines, tail: Document("".join(lines) + tail), LINES, st.sampled_from(["", "end", "a"])
)


@given(TEXTS, TEXTS)
def test_differences_make_the_new_text_of_the_old_and_are_ascending(old: Document, new: Document) -> None:
    edits = differences("/f", old, new)
    assert together(old, edits) == new
    ends = [(edit.first, edit.first + len(edit.old)) for edit in edits]
    assert all(end < first for (_, end), (first, _) in itertools.pairwise(ends))
    assert bool(edits) == (old != new)


@given(TEXTS, TEXTS, TEXTS)
def test_a_merge_without_conflict_has_every_line_of_both_writers(
    base: Document, mine: Document, theirs: Document
) -> None:
    merged = merge("/f", base, mine, theirs)
    assert merge("/f", base, base, theirs).document == theirs
    assert merge("/f", base, mine, base).document == mine
    if not merged.conflicts:
        added = [line for edit in differences("/f", base, mine) for line in edit.new]
        added += [line for edit in differences("/f", base, theirs) for line in edit.new]
        assert set(added) <= set(merged.document.lines)


def test_two_appenders_lose_nothing_theirs_first() -> None:
    base = Document("one\n")
    merged = merge("/f", base, Document("one\nmine\n"), Document("one\ntheirs\n"))
    assert merged.document.text == "one\ntheirs\nmine\n" and merged.conflicts == ()


def test_the_same_line_changed_twice_is_a_conflict_and_stays_theirs() -> None:
    merged = merge("/f", Document("a\nb\nc\n"), Document("a\nB\nc\n"), Document("a\nbb\nc\n"))
    assert merged.document.text == "a\nbb\nc\n"
    assert [edit.new for edit in merged.conflicts] == [("B\n",)]


def test_the_same_change_made_by_both_is_no_conflict() -> None:
    edit = Edit("/f", 1, ("b\n",), ("B\n",))
    rebased = rebase([edit], [edit])
    assert rebased.done == (edit,) and not rebased.edits and not rebased.conflicts and not rebased.theirs


@pytest.mark.skipif(not shutil.which("patch"), reason="needs the program patch")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\n", "a\nb\n"),
        ("a", "a\nb\n"),
        ("a\nb", "a\nb\n"),
        (
            "".join(f"{n}\n" for n in range(40)),
            "".join(f"{n}\n" for n in range(40) if n not in (3, 4, 20, 39)),
        ),
        ("a\nb\n", ""),
    ],
)
def test_patch_understands_our_diffs(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "f").write_text(old)
    subprocess.run(
        ["patch", "-s", "-p0", "f"],
        cwd=tmp_path,
        input=unified("f", Document(old), Document(new)).encode(),
        check=True,
    )
    left = (tmp_path / "f").read_text() if (tmp_path / "f").exists() else ""
    assert left == new


def test_a_hundred_thousand_lines_differ_quickly_and_in_two_places() -> None:
    lines = [f"sshd: 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(100_000)]
    new = list(lines)
    new[10] = "changed\n"
    new[99_000:99_001] = []
    edits = differences("/f", Document("".join(lines)), Document("".join(new)))
    assert [(edit.first, len(edit.old), len(edit.new)) for edit in edits] == [(10, 1, 1), (99_000, 1, 0)]
