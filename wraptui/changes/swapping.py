"""Knows how a file gets other bytes at once while others may be writing it, so that no line is lost."""

from __future__ import annotations

from contextlib import suppress

from wraptui.policy.change.diff import merge
from wraptui.syntax.tree import Document
from wraptui.system.checkpoints import Checkpoint, Kept, SavedFile, remove_if_there, stage
from wraptui.system.machine import Machine


class Overtaken(Exception):
    """Somebody else has changed a file in the very moment; nothing of theirs was overwritten."""


def swap(
    machine: Machine, file: SavedFile, staged: str, new: bytes, expected: bytes | None, like: Kept
) -> bytes:
    """The staged bytes in the file's place, at once; returns the bytes that stand there now.

    The file that goes keeps a second name for a moment: what somebody appended to it between our look and
    the rename (or a moment later, through a descriptor opened before) is found there and merged in. Raises
    `Overtaken` when the file is not what was expected, or somebody wrote the same lines in that moment: then
    theirs stand.
    """
    clash = False
    swapped = False  # from then on, lines of others are in our hands: giving up would lose them
    for _ in range(20):
        aside = file.late
        remove_if_there(machine, aside)
        kept_aside = False
        if expected is not None:
            with suppress(OSError):  # a file system without second names
                machine.link(file.real, aside)
                kept_aside = True
        stands = read_or_none(machine, file.real)
        if stands != expected:
            remove_if_there(machine, aside)
            if stands is None or not swapped:
                raise Overtaken(f"{file.path} has just been changed by somebody else.")
            merged = merge(file.path, document_of(expected), document_of(new), Document.from_bytes(stands))
            clash = clash or bool(merged.conflicts)
            expected, new = stands, merged.document.data
            stage(machine, staged, new, like)
            continue
        machine.rename(staged, file.real)
        swapped = True
        machine.sync(folder_of(file.real))
        if not kept_aside or expected is None:
            return new
        machine.settled(aside)
        late = machine.read(aside)
        remove_if_there(machine, aside)
        if late == expected and not clash:
            return new
        if late == expected:
            break
        merged = merge(file.path, document_of(expected), document_of(new), Document.from_bytes(late))
        clash = clash or bool(merged.conflicts)
        staged, expected, new = file.new, new, merged.document.data
        stage(machine, staged, new, like)
    raise Overtaken(f"{file.path} is being changed by somebody else in the same lines, or again and again.")


def clear(machine: Machine, checkpoint: Checkpoint) -> None:
    """Removes what waited beside the files."""
    for file in checkpoint.files:
        for name in (file.new, file.old, file.late):
            remove_if_there(machine, name)


def read_or_none(machine: Machine, path: str) -> bytes | None:
    """The file's bytes, None where it is not there."""
    try:
        return machine.read(path)
    except FileNotFoundError:
        return None


def document_of(*candidates: bytes | None) -> Document:
    """The last of these that is there, as a document."""
    there = [each for each in candidates if each is not None]
    return Document.from_bytes(there[-1]) if there else Document("")


def folder_of(path: str) -> str:
    """The folder that a path is in."""
    return path.rpartition("/")[0] or "/"
