"""A workspace's candidate is its base with its steps made; undo, redo, saving and rebasing keep that true."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wraptui.syntax.tree import Document, Edit
from wraptui.workspace import Workspace, loaded, saved

PATHS = ["/etc/hosts.allow", "/etc/hosts.deny"]
LINE = st.sampled_from(["a\n", "b\n", "sshd: ALL\n", "x \\\n", "\xff\n"])
ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("edit"),
            st.sampled_from(PATHS),
            st.integers(0, 9),
            st.integers(0, 3),
            st.lists(LINE, max_size=3),
        ),
        st.sampled_from([("undo",), ("redo",)]),
    ),
    max_size=12,
)


def played(workspace: Workspace, actions: list[tuple[object, ...]]) -> Workspace:
    for action in actions:
        if action[0] == "undo":
            workspace = workspace.undo()
        elif action[0] == "redo":
            workspace = workspace.redo()
        else:
            _, path, at, count, new = action
            assert isinstance(path, str) and isinstance(at, int) and isinstance(count, int)
            assert isinstance(new, list)
            lines = workspace.document(path).lines
            first = min(at, len(lines))
            workspace = workspace.do("edit", Edit(path, first, lines[first : first + count], tuple(new)))
    return workspace


def opened(allow: bytes | None, deny: bytes | None) -> Workspace:
    return Workspace().with_file(PATHS[0], allow).with_file(PATHS[1], deny)


CONTENT = st.one_of(st.none(), st.lists(LINE, max_size=8).map(lambda lines: "".join(lines).encode("latin-1")))


@given(CONTENT, CONTENT, ACTIONS)
def test_undoing_everything_is_the_base_and_redoing_is_the_candidate(
    allow: bytes | None, deny: bytes | None, actions: list[tuple[object, ...]]
) -> None:
    workspace = played(opened(allow, deny), actions)
    back = workspace
    while back.undoable:
        back = back.undo()
    assert dict(back.documents) == dict(workspace.base) and back.changes == () and back.diff == ""
    while back.done < workspace.done:
        back = back.redo()
    assert dict(back.documents) == dict(workspace.documents)


@given(CONTENT, CONTENT, ACTIONS)
def test_saved_edits_come_back_whole(
    allow: bytes | None, deny: bytes | None, actions: list[tuple[object, ...]]
) -> None:
    workspace = played(opened(allow, deny), actions)
    again = loaded(saved(workspace))
    assert (dict(again.base), dict(again.documents), again.steps, again.done) == (
        dict(workspace.base),
        dict(workspace.documents),
        workspace.steps,
        workspace.done,
    )


@given(CONTENT, CONTENT, ACTIONS)
def test_rebasing_onto_the_same_version_changes_nothing(
    allow: bytes | None, deny: bytes | None, actions: list[tuple[object, ...]]
) -> None:
    workspace = played(opened(allow, deny), actions)
    rebased, conflicts = workspace.rebased({PATHS[0]: allow, PATHS[1]: deny})
    assert not conflicts
    assert dict(rebased.documents) == dict(workspace.documents)


@given(CONTENT, CONTENT, ACTIONS, ACTIONS)
def test_a_rebased_workspace_fits_the_other_writers_version_and_can_be_undone_to_it(
    allow: bytes | None, deny: bytes | None, mine: list[tuple[object, ...]], theirs: list[tuple[object, ...]]
) -> None:
    workspace = played(opened(allow, deny), mine)
    other = {path: played(opened(allow, deny), theirs).document(path).data for path in PATHS}
    rebased, _ = workspace.rebased(other)
    assert {path: rebased.base[path] for path in PATHS} == {
        path: Document.from_bytes(data) for path, data in other.items()
    }
    assert rebased.done <= workspace.done
    assert len(rebased.steps) <= len(workspace.steps)
    for _ in range(rebased.done):
        rebased = rebased.undo()
    assert [rebased.document(path).data for path in PATHS] == list(other.values())
    while rebased.redoable:
        rebased = rebased.redo()
