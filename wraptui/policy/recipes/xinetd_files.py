"""Knows what xinetd would make of a recipe's files, and where a service of its own goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wraptui.policy.files import Files, FileStatus
from wraptui.policy.recipes.plan import Circumstances
from wraptui.policy.xinetd.services import Configuration, read_configuration
from wraptui.syntax.tree import Document, shown

_INCLUDED = re.compile(r"^[ \t]*includedir[ \t]+(/\S+)[ \t]*$", re.MULTILINE | re.IGNORECASE)


def included_folder(around: Circumstances) -> str:
    """The first folder whose files xinetd reads, "" when there is none."""
    for found in _INCLUDED.finditer(around.document(around.main_file).text):
        folder = shown(found[1]).rstrip("/")
        try:
            if around.files.status(folder).kind == "directory":
                return folder
        except OSError:
            continue
    return ""


def candidate(around: Circumstances, documents: Mapping[str, Document]) -> Configuration:
    """What xinetd would load with these files."""
    return read_configuration(
        _With(around.files, documents), around.main_file, inetd_compat=around.inetd_compat
    )


@dataclass(frozen=True, slots=True)
class _New:
    """What stat would tell of a new file."""

    kind: str = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: float = 0.0


class _With:
    """Files with some texts in their places."""

    def __init__(self, files: Files, documents: Mapping[str, Document]) -> None:
        self._files = files
        self._documents = documents

    def read(self, path: str) -> bytes:
        document = self._documents.get(path)
        return document.data if document else self._files.read(path)

    def names(self, path: str) -> list[str]:
        folder = path.rstrip("/") + "/"
        new = {each[len(folder) :] for each in self._documents if each.startswith(folder)}
        return sorted({*self._files.names(path), *(each for each in new if "/" not in each)})

    def status(self, path: str) -> FileStatus:
        try:
            return self._files.status(path)
        except FileNotFoundError:
            if path not in self._documents:
                raise
            return _New(size=len(self._documents[path].text))

    def executable(self, path: str) -> bool:
        return self._files.executable(path)
