"""Knows the open files and the edits that wait: undo, redo, difference, rebasing onto others' versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType

from wraptui.policy.change.diff import differences, forgotten, rebase, unified
from wraptui.policy.change.overlay import overlay
from wraptui.policy.files import Files
from wraptui.syntax.tree import Document, Edit, EditDoesNotFit


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after; None is a file that is not there."""

    path: str
    before: Document | None
    after: Document | None

    @property
    def diff(self) -> str:
        """The unified diff, byte text."""
        return unified(self.path, self.before, self.after)


@dataclass(frozen=True, slots=True)
class Step:
    """What the operator did once, in one or more files: the unit of undo and redo."""

    summary: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A step's edit that another writer's version left no place for; the step was dropped."""

    path: str
    summary: str
    edit: Edit


_NOTHING: Mapping[str, Document | None] = MappingProxyType({})


@dataclass(frozen=True)
class Workspace:
    """Files as they were read (`base`) and as they would become (`documents`). None is a missing file.

    `steps[:done]` are made, `steps[done:]` can be made again.
    """

    base: Mapping[str, Document | None] = field(default_factory=lambda: _NOTHING)
    documents: Mapping[str, Document | None] = field(default_factory=lambda: _NOTHING)
    steps: tuple[Step, ...] = ()
    done: int = 0

    def with_file(self, path: str, data: bytes | None) -> Workspace:
        """This workspace with one more file open, as just read; a file already open stays as it is."""
        if path in self.base:
            return self
        document = None if data is None else Document.from_bytes(data)
        return replace(self, base={**self.base, path: document}, documents={**self.documents, path: document})

    def document(self, path: str) -> Document:
        """The candidate text of an open file; a missing file reads as empty."""
        return self.documents.get(path) or Document("")

    def do(self, summary: str, *edits: Edit) -> Workspace:
        """This workspace with `edits` made, one after the other; what was undone before is forgotten.

        Raises `EditDoesNotFit` when an edit was made for another text.
        """
        if not edits:
            return self
        step = Step(summary, edits)
        return replace(
            self,
            documents=_made(self.documents, edits),
            steps=(*self.steps[: self.done], step),
            done=self.done + 1,
        )

    def undo(self) -> Workspace:
        """This workspace without its last step; itself when there is none."""
        if not self.done:
            return self
        edits = [edit.inverse for edit in reversed(self.steps[self.done - 1].edits)]
        documents = _made(self.documents, edits)
        for path, original in self.base.items():
            if (
                original is None
                and documents[path] == Document("")
                and not self._touched(path, self.done - 1)
            ):
                documents[path] = None
        return replace(self, documents=documents, done=self.done - 1)

    def redo(self) -> Workspace:
        """This workspace with the step made again that was undone last; itself when there is none."""
        if self.done == len(self.steps):
            return self
        return replace(self, documents=_made(self.documents, self.steps[self.done].edits), done=self.done + 1)

    @property
    def undoable(self) -> str:
        """What `undo` would take back, "" for nothing."""
        return self.steps[self.done - 1].summary if self.done else ""

    @property
    def redoable(self) -> str:
        """What `redo` would make again, "" for nothing."""
        return self.steps[self.done].summary if self.done < len(self.steps) else ""

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """The files whose candidate differs from what was read."""
        return tuple(
            FileChange(path, before, self.documents[path])
            for path, before in sorted(self.base.items())
            if self.documents[path] != before
        )

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths of the files that differ."""
        return tuple(change.path for change in self.changes)

    @property
    def diff(self) -> str:
        """One unified diff over all files, byte text; "" when nothing differs."""
        return "".join(change.diff for change in self.changes)

    def candidate(self, files: Files) -> Files:
        """`files` as they would be with the edits made: what policy evaluates."""
        return overlay(files, self.documents)

    def rebased(self, current: Mapping[str, bytes | None]) -> tuple[Workspace, tuple[Conflict, ...]]:
        """The same steps on the version that stands on disk now, step by step so that undo still works.

        A step with an edit that conflicts is dropped as a whole and named. Files not in `current` keep
        their base.
        """
        base = dict(self.base)
        for path, data in current.items():
            if path in base:
                base[path] = None if data is None else Document.from_bytes(data)
        theirs = {
            path: differences(path, old or Document(""), base[path] or Document(""))
            for path, old in self.base.items()
            if base[path] != old
        }
        rebased = Workspace(base, dict(base))
        conflicts: list[Conflict] = []
        for index, step in enumerate(self.steps):
            edits, clashes, theirs = _step_on(step, theirs)
            if clashes:
                conflicts += [Conflict(edit.path, step.summary, edit) for edit in clashes]
            elif edits and index < self.done:
                rebased = rebased.do(step.summary, *edits)
            elif edits:
                rebased = replace(rebased, steps=(*rebased.steps, Step(step.summary, edits)))
        return rebased, tuple(conflicts)

    def after_apply(self, written: Mapping[str, bytes | None]) -> Workspace:
        """A workspace whose base is what now stands on disk: nothing pending, nothing to undo."""
        workspace = Workspace()
        for path, before in self.base.items():
            data = written.get(path, None if before is None else before.data)
            workspace = workspace.with_file(path, data)
        return workspace

    def _touched(self, path: str, done: int) -> bool:
        return any(edit.path == path for step in self.steps[:done] for edit in step.edits)


def _made(documents: Mapping[str, Document | None], edits: Iterable[Edit]) -> dict[str, Document | None]:
    made = dict(documents)
    for edit in edits:
        if edit.path not in made:
            raise EditDoesNotFit(f"{edit.path} is not open")
        made[edit.path] = edit.apply(made[edit.path] or Document(""))
    return made


def _step_on(
    step: Step, theirs: Mapping[str, tuple[Edit, ...]]
) -> tuple[tuple[Edit, ...], tuple[Edit, ...], dict[str, tuple[Edit, ...]]]:
    """A step's edits behind `theirs`, those that conflict (then none is made), and `theirs` behind it all."""
    now = dict(theirs)
    edits: list[Edit] = []
    clashes: list[Edit] = []
    for edit in step.edits:
        moved = rebase([edit], now.get(edit.path, ()))
        edits += moved.edits
        clashes += moved.conflicts
        now[edit.path] = moved.theirs
    if clashes:
        now = dict(theirs)
        for edit in step.edits:
            now[edit.path] = forgotten(edit, now.get(edit.path, ()))
    return tuple(edits), tuple(clashes), now


def saved(workspace: Workspace) -> str:
    """The workspace as JSON text, ASCII, for `loaded`: unsaved edits that survive a dropped connection."""
    return json.dumps(
        {
            "base": _texts(workspace.base),
            "steps": [asdict(step) for step in workspace.steps],
            "done": workspace.done,
        }
    )


def loaded(text: str) -> Workspace:
    """What `saved` wrote; raises `ValueError` when the text is not that."""
    try:
        kept = json.loads(text)
        base = {
            path: None if content is None else Document(content) for path, content in kept["base"].items()
        }
        workspace = Workspace(base, dict(base))
        for index, step in enumerate(kept["steps"]):
            edits = tuple(
                Edit(edit["path"], edit["first"], tuple(edit["old"]), tuple(edit["new"]), edit["summary"])
                for edit in step["edits"]
            )
            workspace = workspace.do(step["summary"], *edits)
            if workspace.done != index + 1:
                raise ValueError("a step without edits")
        while workspace.done > kept["done"] >= 0:
            workspace = workspace.undo()
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a saved workspace: {error}") from error
    return workspace


def _texts(documents: Mapping[str, Document | None]) -> dict[str, str | None]:
    return {path: None if document is None else document.text for path, document in documents.items()}
