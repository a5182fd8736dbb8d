"""Knows the files under a root, read and written as bytes; links inside the root lead inside the root."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

LINKS = 40  # what the kernel follows before it says ELOOP


@dataclass(frozen=True, slots=True)
class Status:
    """What stat (following links) tells of a path. `kind` is `file`, `directory` or `other`; `stamp` changes
    whenever content, owner or mode may have changed (device, inode, size, both times to the nanosecond)."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    modified: float
    stamp: str


class Tree:
    """The files under `root`. Paths are absolute inside it; all but `executable` raise `OSError`."""

    def __init__(self, root: str = "/") -> None:
        self.root = os.path.realpath(root)

    def real(self, path: str) -> str:
        """The path inside the root that `path` ends at when every link is followed (the last part may not
        exist); a link to `/etc/x` inside the root DIR means DIR/etc/x."""
        done: list[str] = []
        left = [part for part in path.split("/") if part not in ("", ".")][::-1]
        followed = 0
        while left:
            part = left.pop()
            if part == "..":
                del done[-1:]
                continue
            here = "/" + "/".join([*done, part])
            try:
                target = os.readlink(self._outside(here))
            except OSError:
                done.append(part)
                continue
            followed += 1
            if followed > LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                done = []
            left += [step for step in target.split("/") if step not in ("", ".")][::-1]
        return "/" + "/".join(done)

    def _outside(self, path: str) -> str:
        return path if self.root == "/" else self.root + path

    def _at(self, path: str) -> str:
        """The machine's own path for `path`."""
        if "\0" in path:  # no file can be called so; Python would raise ValueError
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if self.root == "/":
            return path if path.startswith("/") else "/" + path
        return self._outside(self.real(path))

    # Reading

    def open(self, path: str) -> BinaryIO:
        """The file, open for reading, seekable. Refuses all but regular files: a pipe would never answer."""
        # O_NONBLOCK: opening a pipe must not wait for its other end.
        descriptor = os.open(self._at(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, os.strerror(number) if number == errno.EISDIR else "Not a regular file", path)

    def read(self, path: str) -> bytes:
        """The whole content; `IsADirectoryError` for a directory. Of devices only /dev/null."""
        try:
            with self.open(path) as file:
                return file.read()
        except OSError:
            # hosts.deny may be a link to /dev/null: no rules, not an unreadable table
            if path == "/dev/null" or os.stat(self._at(path)).st_rdev == os.makedev(1, 3):
                return b""
            raise

    def names(self, path: str) -> list[str]:
        """The names in a directory, in any order."""
        return os.listdir(self._at(path))

    def status(self, path: str) -> Status:
        """What stat (following links) tells of a path."""
        found = os.stat(self._at(path))
        if stat.S_ISREG(found.st_mode):
            kind = "file"
        else:
            kind = "directory" if stat.S_ISDIR(found.st_mode) else "other"
        stamp = f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
        mode = stat.S_IMODE(found.st_mode)
        return Status(kind, mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime, stamp)

    def executable(self, path: str) -> bool:
        """Whether access(path, X_OK) succeeds for root: any execute bit, or a directory."""
        try:
            mode = os.stat(self._at(path)).st_mode
        except OSError:
            return False
        return stat.S_ISDIR(mode) or bool(mode & 0o111)

    def attributes(self, path: str) -> dict[str, bytes]:
        """The extended attributes, access lists among them; empty where the file system has none."""
        here = self._at(path)
        try:
            return {name: os.getxattr(here, name) for name in os.listxattr(here)}
        except OSError as error:
            if error.errno in (errno.ENOTSUP, errno.ENODATA):
                return {}
            raise

    # Writing: few primitives, each one step of a change that `system/checkpoints.py` makes safe

    def create(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """A new file with this content, on the disk when this returns; `FileExistsError` if there is one."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._at(path), flags, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """`old` takes the place of `new`, at once; both are names, not links to follow."""
        os.replace(self._name(old), self._name(new))

    def link(self, old: str, new: str) -> None:
        """A second name for the very file `old`; `FileExistsError` if `new` is there."""
        os.link(self._name(old), self._name(new), follow_symlinks=False)

    def remove(self, path: str) -> None:
        """The name is gone."""
        os.unlink(self._name(path))

    def make_directory(self, path: str, mode: int = 0o700) -> None:
        """A new directory; `FileExistsError` if there is one."""
        os.mkdir(self._at(path), mode)

    def remove_directory(self, path: str) -> None:
        """An empty directory is gone."""
        os.rmdir(self._name(path))

    def sync(self, path: str) -> None:
        """The file or directory is on the disk (a directory: its names) when this returns."""
        descriptor = os.open(self._at(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def set_owner(self, path: str, uid: int, gid: int) -> None:
        os.chown(self._at(path), uid, gid)

    def set_mode(self, path: str, mode: int) -> None:
        os.chmod(self._at(path), mode)

    def set_attributes(self, path: str, attributes: Mapping[str, bytes]) -> None:
        for name, value in attributes.items():
            os.setxattr(self._at(path), name, value)

    def settled(self, path: str, patience: float = 3.0) -> bool:
        """Waits until nobody has this very file open for writing. False when somebody still has after
        `patience` seconds; where the file system cannot tell, a moment later."""
        import fcntl
        import signal

        ends = time.monotonic() + patience
        descriptor = os.open(self._at(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            while True:
                try:
                    # The kernel grants a read lease only where there is no writer. It would tell of one by
                    # SIGIO, which kills; SIGURG does not.
                    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
                    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
                except OSError as error:
                    if error.errno != errno.EAGAIN:
                        time.sleep(0.02)
                        return False
                    if time.monotonic() > ends:
                        return False
                    time.sleep(0.002)
                else:
                    return True
        finally:
            os.close(descriptor)

    @contextmanager
    def locked(self, path: str) -> Iterator[None]:
        """Holds the lock file `path` (made if need be); `BlockingIOError` when another holds it."""
        import fcntl

        descriptor = os.open(self._at(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    def _name(self, path: str) -> str:
        """The machine's own path of the name `path` itself, its folder's links followed, its own not."""
        folder, _, name = path.rpartition("/")
        return os.path.join(self._at(folder or "/"), name)


class Readable(Protocol):
    """What `Remembered` asks: any machine's files."""

    def read(self, path: str) -> bytes: ...
    def names(self, path: str) -> list[str]: ...
    def status(self, path: str) -> Status: ...
    def executable(self, path: str) -> bool: ...


def fingerprint(files: Readable, path: str) -> str:
    """A text that changes whenever the file may have changed; a missing or forbidden file has one too."""
    try:
        return files.status(path).stamp
    except OSError as error:
        return f"error {getattr(error, 'errno', 0)}"


def is_missing(files: Readable, path: str) -> bool:
    """Whether there is no such file; one that may not be looked at is not missing."""
    try:
        files.status(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def is_directory(files: Readable, path: str) -> bool:
    """Whether there is a directory of this name."""
    try:
        return files.status(path).kind == "directory"
    except OSError:
        return False


class Remembered:
    """Files that remember what was asked of them, so that an answer made from them is known to be still good
    while `unchanged()`: a quiet machine costs one stat per file, and an unchanged file is not read again."""

    FRESH = 0.1  # seconds: a file changed so lately may change again within one tick of its clock

    def __init__(self, files: Readable) -> None:
        self._files = files
        self._asked: dict[str, str] = {}
        self._fresh = False
        self._lock = threading.Lock()

    @property
    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """Every path asked for, with its fingerprint just before the first question."""
        with self._lock:
            return tuple(sorted(self._asked.items()))

    def unchanged(self) -> bool:
        """Whether every file asked for is as it was."""
        if self._fresh:
            return False
        return all(fingerprint(self._files, path) == before for path, before in self.fingerprints)

    def _note(self, path: str) -> None:
        with self._lock:
            if path in self._asked:
                return
        stamp, fresh = fingerprint(self._files, path), False
        with suppress(OSError):
            status = self._files.status(path)
            fresh = status.kind == "file" and abs(time.time() - status.modified) < self.FRESH
        with self._lock:
            self._asked.setdefault(path, stamp)
            self._fresh = self._fresh or fresh

    def read(self, path: str) -> bytes:
        self._note(path)
        return self._files.read(path)

    def names(self, path: str) -> list[str]:
        self._note(path)
        return self._files.names(path)

    def status(self, path: str) -> Status:
        self._note(path)
        return self._files.status(path)

    def executable(self, path: str) -> bool:
        self._note(path)
        return self._files.executable(path)
