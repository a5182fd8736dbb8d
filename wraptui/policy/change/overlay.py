"""Knows files with candidate texts in their places, so that policy can judge what is not written yet."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from wraptui.policy.files import Files, FileStatus
from wraptui.syntax.tree import Document

_NOT_THERE = "No such file or directory"


class Overlay:
    """Files with some of them replaced by candidate texts; None is a file that would be gone. `real` tells
    where a path ends: a file is the same by whatever name."""

    def __init__(
        self, files: Files, documents: Mapping[str, Document | None], real: Callable[[str], str]
    ) -> None:
        self._files = files
        self._documents = {real(path): document for path, document in documents.items()}
        self._real = real

    def read(self, path: str) -> bytes:
        real = self._real(path)
        if real not in self._documents:
            return self._files.read(path)
        document = self._documents[real]
        if document is None:
            raise FileNotFoundError(errno.ENOENT, _NOT_THERE, path)
        return document.data

    def names(self, path: str) -> list[str]:
        try:
            names = set(self._files.names(path))
        except FileNotFoundError:
            names = set()
        folder = self._real(path).rstrip("/") + "/"
        for other, document in self._documents.items():
            if other.startswith(folder) and "/" not in other[len(folder) :]:
                (names.discard if document is None else names.add)(other[len(folder) :])
        if not names:
            return self._files.names(path)
        return sorted(names)

    def status(self, path: str) -> FileStatus:
        real = self._real(path)
        document = self._documents.get(real)
        if document is not None:
            try:
                return replace(_status(self._files.status(path)), size=len(document.text))
            except FileNotFoundError:
                return CandidateStatus(size=len(document.text))
        if real in self._documents:
            raise FileNotFoundError(errno.ENOENT, _NOT_THERE, path)
        try:
            return self._files.status(path)
        except FileNotFoundError:
            folder = real.rstrip("/") + "/"
            if not any(each.startswith(folder) and self._documents[each] for each in self._documents):
                raise
            return CandidateStatus("directory", 0o755)  # a new file's folder is made before it

    def executable(self, path: str) -> bool:
        return self._files.executable(path)


@dataclass(frozen=True, slots=True)
class CandidateStatus:
    """What stat would tell of a candidate file."""

    kind: str = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: float = 0.0


def _status(found: FileStatus) -> CandidateStatus:
    return CandidateStatus(found.kind, found.mode, found.uid, found.gid, found.size, found.modified)


def overlay(
    files: Files, documents: Mapping[str, Document | None], real: Callable[[str], str] = str
) -> Files:
    """`files` with the texts of `documents` in their places: the candidate that policy evaluates."""
    return Overlay(files, documents, real)
