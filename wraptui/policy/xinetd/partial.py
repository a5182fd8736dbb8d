"""Knows how to read a tree that is not a whole system: a copy of /etc, say, without programs and log folders.

What such a tree lacks altogether is taken from another one, as a rule this machine: the programs and folders
under a top folder that the tree has not got, and the databases of names. A whole system lacks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from wraptui.policy.files import Files, FileStatus

NAMES = frozenset(
    "/etc/" + name
    for name in ("services", "protocols", "passwd", "group", "rpc", "networks", "hosts", "host.conf")
)
_SYSTEM = ("/usr", "/bin")


@dataclass(frozen=True, slots=True)
class Partial:
    """A tree with another one behind it; these are `Files`."""

    files: Files
    behind: Files

    def read(self, path: str) -> bytes:
        try:
            return self.files.read(path)
        except FileNotFoundError:
            if path not in NAMES:
                raise
            return self.behind.read(path)

    def names(self, path: str) -> list[str]:
        return self.files.names(path)

    def status(self, path: str) -> FileStatus:
        return (self.behind if self._lacks(path) else self.files).status(path)

    def executable(self, path: str) -> bool:
        return (self.behind if self._lacks(path) else self.files).executable(path)

    def _lacks(self, path: str) -> bool:
        top = "/" + path.lstrip("/").split("/")[0]
        return top not in ("/etc", "/") and not _there(self.files, top)


def is_system(files: Files) -> bool:
    """Whether a tree is a whole system, in which what is missing is missing."""
    return any(_there(files, path) for path in _SYSTEM)


def completed(files: Files, behind: Files) -> Files:
    """The tree itself when it is a whole system, else with `behind` for what it lacks."""
    return files if is_system(files) else Partial(files, behind)


def _there(files: Files, path: str) -> bool:
    try:
        files.status(path)
    except OSError:
        return False
    return True
