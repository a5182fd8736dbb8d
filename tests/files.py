"""Knows how to be the files of a root that exists only in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """What stat tells of a path of `Kept`."""

    kind: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: float = 0.0


class Kept:
    """Files as `policy/files.py` asks for them, from a mapping: path to content. Every file may be executed
    but those whose path ends in `.txt`."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, path: str) -> bytes:
        if path in self.files:
            return self.files[path]
        if self._inside(path):
            raise IsADirectoryError(21, "Is a directory", path)
        raise FileNotFoundError(2, "No such file or directory", path)

    def names(self, path: str) -> list[str]:
        found = {inside.split("/")[0] for inside in self._inside(path)}
        if not found:
            raise FileNotFoundError(2, "No such file or directory", path)
        return sorted(found, reverse=True)

    def status(self, path: str) -> Found:
        if path in self.files:
            return Found("file", size=len(self.files[path]))
        if self._inside(path):
            return Found("directory")
        raise FileNotFoundError(2, "No such file or directory", path)

    def executable(self, path: str) -> bool:
        return path in self.files and not path.endswith(".txt")

    def _inside(self, path: str) -> list[str]:
        folder = path.rstrip("/") + "/"
        return [name[len(folder) :] for name in self.files if name.startswith(folder)]
