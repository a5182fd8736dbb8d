"""Knows what the meaning of a configuration may ask of the file system: the port that `system` fills."""

from __future__ import annotations

from typing import Protocol


class FileStatus(Protocol):
    """What stat (following links) tells of a path."""

    @property
    def kind(self) -> str:
        """`file`, `directory` or `other`."""
        ...

    @property
    def mode(self) -> int:
        """The permission bits, 0..0o7777."""
        ...

    @property
    def uid(self) -> int: ...

    @property
    def gid(self) -> int: ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def modified(self) -> float:
        """Seconds since the epoch."""
        ...


class Files(Protocol):
    """Files of the inspected root. Paths are absolute inside that root; every method but `executable`
    raises `OSError`. Names are `str` as `os.fsdecode` gives them."""

    def read(self, path: str) -> bytes:
        """The whole content of a file; `IsADirectoryError` for a directory."""
        ...

    def names(self, path: str) -> list[str]:
        """The names in a directory, in any order."""
        ...

    def status(self, path: str) -> FileStatus:
        """What stat (following links) tells of a path."""
        ...

    def executable(self, path: str) -> bool:
        """Whether access(path, X_OK) succeeds for root: any execute bit, or a directory."""
        ...
