"""Knows the history on disk: what every changed file was before and after, and how each change ended.

A checkpoint is a folder that appears whole (filled, synced, then renamed). It holds `manifest.json`, which
never changes, `before-N` and `after-N`, the files' bytes, and `state.json`, which is replaced at once.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

from wraptui.system.machine import Machine

STATE = "/var/lib/wraptui"

PREPARED = "prepared"  # the old files stand, or some of each, or all of the new: only the disk can tell
PENDING = "pending"  # the new files stand and wait for a confirmation
KEPT = "kept"
ROLLED_BACK = "rolled-back"

_BIG = 64 * 1024 * 1024  # bytes: more than any of these files; a bigger one is refused


@dataclass(frozen=True, slots=True)
class Kept:
    """A file's bytes by their digest, its owner, its mode and its extended attributes."""

    digest: str
    mode: int
    uid: int
    gid: int
    attributes: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One file of a checkpoint: `path` as the operator names it, `real` where its links end; `before` and
    `after` are None where the file was not there. `number` tells its copies in the checkpoint's folder."""

    path: str
    real: str
    number: int
    before: Kept | None
    after: Kept | None

    @property
    def new(self) -> str:
        """The name beside the file under which the new bytes wait. xinetd skips names with a dot."""
        return self._beside("new")

    @property
    def old(self) -> str:
        """The name beside the file under which the old bytes wait, so that the way back needs no space."""
        return self._beside("old")

    @property
    def late(self) -> str:
        """The second name, for a moment, of the file that goes."""
        return self._beside("late")

    def _beside(self, what: str) -> str:
        folder, _, name = self.real.rpartition("/")
        return f"{folder}/.{name}.wraptui-{what}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One change in the history. Times are seconds since the epoch; `deadline` is 0 where none was set."""

    id: str
    made: float
    who: str
    message: str
    files: tuple[SavedFile, ...]
    state: str = PREPARED
    deadline: float = 0.0
    steps: tuple[str, ...] = ()
    problem: str = ""
    daemon: Mapping[str, object] = field(default_factory=dict)

    @property
    def unfinished(self) -> bool:
        return self.state in (PREPARED, PENDING)


class History:
    """The checkpoints below a state folder of a machine. Everything that fails raises `OSError`."""

    def __init__(self, machine: Machine, state: str = STATE) -> None:
        self.machine = machine
        self.state = state.rstrip("/")
        self.folder = f"{self.state}/history"

    def ids(self) -> tuple[str, ...]:
        """The names of all checkpoints, the newest first."""
        try:
            names = self.machine.names(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(name for name in sorted(names, reverse=True) if not name.startswith("."))

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All checkpoints, the newest first; a damaged one is left out (its folder stays)."""
        found = [self.checkpoint(id) for id in self.ids()]
        return tuple(each for each in found if each)

    def checkpoint(self, id: str) -> Checkpoint | None:
        """One checkpoint, None when there is none of this id."""
        if not id or "/" in id or id.startswith("."):
            return None
        try:
            manifest = json.loads(self._read(id, "manifest.json"))
            state = json.loads(self._read(id, "state.json"))
            return Checkpoint(
                id,
                manifest["made"],
                manifest["who"],
                manifest["message"],
                tuple(_saved(each) for each in manifest["files"]),
                state["state"],
                state["deadline"],
                tuple(state["steps"]),
                state["problem"],
                manifest["daemon"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def unfinished(self) -> tuple[Checkpoint, ...]:
        """Changes of which nobody has said yet how they end, the newest first."""
        found = [self.checkpoint(id) for id in self.ids() if not self._is_over(id)]
        return tuple(each for each in found if each and each.unfinished)

    def _is_over(self, id: str) -> bool:
        """Whether a checkpoint has ended, told by no more than its state, since there may be many."""
        try:
            return json.loads(self._read(id, "state.json"))["state"] in (KEPT, ROLLED_BACK)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def prepare(
        self,
        changes: Sequence[tuple[str, bytes | None]],
        *,
        who: str,
        message: str,
        deadline: float = 0.0,
        daemon: Mapping[str, object] | None = None,
    ) -> Checkpoint:
        """A new checkpoint for files that are to get these bytes (None: to go), durable when this returns."""
        made = self.machine.now()
        self._make_folders()
        id = self._new_id(made)
        work = f"{self.folder}/.{id}"
        self.machine.make_directory(work, 0o700)
        try:
            files = []
            for number, (path, after) in enumerate(changes):
                real = self.machine.real(path)
                before, kept = self._current(real)
                if before is not None:
                    self.machine.create(f"{work}/before-{number}", before)
                if after is not None:
                    self.machine.create(f"{work}/after-{number}", after)
                files.append(
                    SavedFile(path, real, number, kept, _follows(after, kept, os.geteuid(), os.getegid()))
                )
            checkpoint = Checkpoint(
                id, made, who, message, tuple(files), PREPARED, deadline, daemon=dict(daemon or {})
            )
            self.machine.create(f"{work}/manifest.json", _manifest(checkpoint))
            self.machine.create(f"{work}/state.json", _state(checkpoint))
            self.machine.sync(work)
            self.machine.rename(work, f"{self.folder}/{id}")
        except BaseException:
            self._discard(work)
            raise
        self.machine.sync(self.folder)
        return checkpoint

    def record(self, checkpoint: Checkpoint, **changed: object) -> Checkpoint:
        """The checkpoint with its state, deadline, steps or problem changed, durable when this returns."""
        now = replace(checkpoint, **changed)  # type: ignore[arg-type]
        self._put(checkpoint.id, "state.json", _state(now))
        return now

    def content(self, checkpoint: Checkpoint, file: SavedFile, which: str) -> bytes | None:
        """The bytes `before` or `after`, None where the file was not there; checked against their digest."""
        kept = file.before if which == "before" else file.after
        if kept is None:
            return None
        data = self._read(checkpoint.id, f"{which}-{file.number}")
        if digest(data) != kept.digest:
            raise OSError(errno.EIO, f"the copy of {file.path} in the history is damaged")
        return data

    def note(self, checkpoint: Checkpoint, name: str, data: bytes) -> None:
        """One more file in the checkpoint's folder, replaced at once."""
        self._put(checkpoint.id, name, data)

    def noted(self, checkpoint: Checkpoint, name: str) -> bytes:
        """What `note` wrote; `FileNotFoundError` when it did not."""
        return self._read(checkpoint.id, name)

    def prune(self, count: int = 200, age: float = 400 * 86400) -> int:
        """Removes finished checkpoints beyond the newest `count` or older than `age` seconds; the newest
        twenty always stay. Returns how many went."""
        oldest = _stamp(self.machine.now() - age)
        gone = 0
        for number, id in enumerate(self.ids()):
            if number >= 20 and (number >= count or id < oldest) and self._is_over(id):
                hidden = f"{self.folder}/.{id}"
                self.machine.rename(f"{self.folder}/{id}", hidden)
                self._discard(hidden)
                gone += 1
        return gone

    def sweep(self) -> None:
        """Removes what a killed run left half made in the history's folder. Only under the lock."""
        try:
            names = self.machine.names(self.folder)
        except OSError:
            return
        for name in names:
            if name.startswith("."):
                self._discard(f"{self.folder}/{name}")

    def _current(self, real: str) -> tuple[bytes | None, Kept | None]:
        try:
            status = self.machine.status(real)
        except FileNotFoundError:
            return None, None
        if status.kind != "file":
            raise OSError(errno.EINVAL, f"{real} is not a regular file")
        if status.size > _BIG:
            raise OSError(errno.EFBIG, f"{real} has {status.size} bytes, which no such file has")
        data = self.machine.read(real)
        kept = Kept(digest(data), status.mode, status.uid, status.gid, self.machine.attributes(real))
        return data, kept

    def _make_folders(self) -> None:
        parts = [part for part in self.folder.split("/") if part]
        for depth in range(1, len(parts) + 1):
            path = "/" + "/".join(parts[:depth])
            try:
                self.machine.make_directory(path, 0o700 if path.startswith(self.state) else 0o755)
            except FileExistsError:
                continue

    def _new_id(self, made: float) -> str:
        # Thousandths, so that the names are in the order of the changes.
        return f"{_stamp(made)}-{int(made * 1000) % 1000:03d}{secrets.token_hex(2)}"

    def _read(self, id: str, name: str) -> bytes:
        return self.machine.read(f"{self.folder}/{id}/{name}")

    def _put(self, id: str, name: str, data: bytes) -> None:
        temporary = f"{self.folder}/{id}/.{name}-{os.getpid()}"
        replace_file(self.machine, f"{self.folder}/{id}/{name}", data, temporary)

    def _discard(self, folder: str) -> None:
        try:
            for name in self.machine.names(folder):
                self.machine.remove(f"{folder}/{name}")
            self.machine.remove_directory(folder)
        except OSError:
            pass  # left for the next sweep


def _stamp(moment: float) -> str:
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(moment))


def digest(data: bytes) -> str:
    """The fingerprint of a file's bytes."""
    return hashlib.sha256(data).hexdigest()


def replace_file(machine: Machine, path: str, data: bytes, temporary: str, mode: int = 0o600) -> None:
    """`path` with these bytes, all or nothing, on the disk when this returns."""
    remove_if_there(machine, temporary)
    try:
        machine.create(temporary, data, mode)
        machine.rename(temporary, path)
    except BaseException:
        remove_if_there(machine, temporary)
        raise
    machine.sync(path.rpartition("/")[0])


def remove_if_there(machine: Machine, path: str) -> None:
    """The name is gone if that can be had."""
    with suppress(OSError):
        machine.remove(path)


def stage(machine: Machine, temporary: str, data: bytes, like: Kept) -> None:
    """A file under a name beside its target, with the owner, mode and attributes of `like`, on the disk: what
    is left to do is a rename, which needs no space."""
    remove_if_there(machine, temporary)
    try:
        machine.create(temporary, data, like.mode if like.uid == os.geteuid() else 0o600)
        status = machine.status(temporary)
        has = machine.attributes(temporary)
        wanted = {name: value for name, value in like.attributes.items() if has.get(name) != value}
        if (status.uid, status.gid, status.mode) == (like.uid, like.gid, like.mode) and not wanted:
            return
        if (status.uid, status.gid) != (like.uid, like.gid):
            machine.set_owner(temporary, like.uid, like.gid)
        if wanted:
            machine.set_attributes(temporary, wanted)
        machine.set_mode(temporary, like.mode)
        machine.sync(temporary)
    except BaseException:
        remove_if_there(machine, temporary)
        raise


def _follows(after: bytes | None, before: Kept | None, uid: int, gid: int) -> Kept | None:
    """What the new file is to be: the old one's owner, mode and attributes; 0644 for a new one."""
    if after is None:
        return None
    return replace(before, digest=digest(after)) if before else Kept(digest(after), 0o644, uid, gid)


def _manifest(checkpoint: Checkpoint) -> bytes:
    return json.dumps(
        {
            "id": checkpoint.id,
            "made": checkpoint.made,
            "who": checkpoint.who,
            "message": checkpoint.message,
            "daemon": dict(checkpoint.daemon),
            "files": [_file(each) for each in checkpoint.files],
        },
        indent=1,
    ).encode()


def _file(file: SavedFile) -> dict[str, object]:
    return {
        "path": file.path,
        "real": file.real,
        "number": file.number,
        "before": _kept(file.before),
        "after": _kept(file.after),
    }


def _kept(kept: Kept | None) -> dict[str, object] | None:
    if kept is None:
        return None
    attributes = {name: base64.b64encode(value).decode() for name, value in kept.attributes.items()}
    return {**asdict(replace(kept, attributes={})), "attributes": attributes}


def _saved(file: dict[str, object]) -> SavedFile:
    def kept(raw: object) -> Kept | None:
        if not isinstance(raw, dict):
            return None
        attributes = {name: base64.b64decode(value) for name, value in raw["attributes"].items()}
        return Kept(raw["digest"], raw["mode"], raw["uid"], raw["gid"], attributes)

    number = file["number"]
    if not isinstance(number, int):
        raise TypeError("a file without a number")
    return SavedFile(str(file["path"]), str(file["real"]), number, kept(file["before"]), kept(file["after"]))


def _state(checkpoint: Checkpoint) -> bytes:
    return json.dumps(
        {
            "state": checkpoint.state,
            "deadline": checkpoint.deadline,
            "steps": checkpoint.steps,
            "problem": checkpoint.problem,
        },
        indent=1,
    ).encode()
