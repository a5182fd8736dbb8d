"""Knows how to play a recorded demo server through the seam to the machine, and how to record one.

For machines that give no namespaces or have no xinetd. A recording is one compressed JSON file: the server's
files, what its logs grew by and when, and for every second its sockets, its processes and its load. It plays
once, at the speed of life, and then stands still; its clock is that of the day it was made.

Made anew by `wraptui demo -- python3 -m wraptui.demo.recording FILE SECONDS`.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any, NoReturn

from wraptui.system.files import Tree
from wraptui.system.machine import LocalMachine, Ran
from wraptui.system.processes import Process
from wraptui.system.sockets import ALL, OPEN, PROTOCOLS, Connection

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recording.json.gz")
_FOLDERS = ("/etc/xinetd.d", "/usr/local/sbin")
_FILES = (
    "/etc/hosts.allow",
    "/etc/hosts.deny",
    "/etc/xinetd.conf",
    "/etc/inetd.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/services",
    "/etc/protocols",
    "/run/xinetd.pid",
)
_LOGS = ("/var/log/syslog", "/var/log/auth.log")
_PEOPLE = {"/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "/etc/group": b"root:x:0:\n"}


class RecordedMachine(Tree):
    """A recording, played: a machine that can be watched but not changed."""

    live = True
    privileged = False

    def __init__(self, path: str = SHIPPED) -> None:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            self._recording: dict[str, Any] = json.load(file)
        self._folder = tempfile.TemporaryDirectory(prefix="wraptui-recording-")
        super().__init__(self._folder.name)
        self._began = time.monotonic()
        self._times: list[float] = [frame["at"] for frame in self._recording["frames"]]
        self._connections = [Connection(*row) for row in self._recording["sockets"]]
        self._processes = [Process(*row) for row in self._recording["processes"]]
        self._growth: list[tuple[float, str, str]] = [tuple(row) for row in self._recording["growth"]]
        self._grown = 0
        self._lock = threading.Lock()
        for name, (text, mode, modified) in self._recording["files"].items():
            place = self.root + name
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as data:
                data.write(text.encode("latin-1"))
            os.chmod(place, mode)
            os.utime(place, (modified, modified))
        made = time.strftime("%d %B %Y", time.localtime(self._times[0]))
        minutes = (self._times[-1] - self._times[0]) / 60
        self.note = (
            f"This is a recording of a demo server, made on {made}: it plays for {minutes:.0f} minutes, "
            "then stands still, and cannot be changed."
        )

    def now(self) -> float:
        return min(self._times[0] + time.monotonic() - self._began, self._times[-1])

    def skip(self, seconds: float) -> None:
        """Play on from that much later."""
        self._began -= seconds

    def _frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = self._recording["frames"][bisect_right(self._times, self.now()) - 1]
        return frame

    def _at(self, path: str) -> str:
        """Every way to a file leads through here: let the logs grow first."""
        with self._lock:
            now = self.now()
            while self._grown < len(self._growth) and self._growth[self._grown][0] <= now:
                at, name, text = self._growth[self._grown]
                with open(self.root + name, "ab") as log:
                    log.write(text.encode("latin-1"))
                os.utime(self.root + name, (at, at))
                self._grown += 1
        return super()._at(path)

    # Nothing can be changed

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, "This is a recording: it cannot be changed")

    def create(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self._refuse()

    def rename(self, old: str, new: str) -> None:
        self._refuse()

    def link(self, old: str, new: str) -> None:
        self._refuse()

    def remove(self, path: str) -> None:
        self._refuse()

    def make_directory(self, path: str, mode: int = 0o700) -> None:
        self._refuse()

    def remove_directory(self, path: str) -> None:
        self._refuse()

    def set_owner(self, path: str, uid: int, gid: int) -> None:
        self._refuse()

    def set_mode(self, path: str, mode: int) -> None:
        self._refuse()

    def set_attributes(self, path: str, attributes: Mapping[str, bytes]) -> None:
        self._refuse()

    @contextmanager
    def locked(self, path: str) -> Iterator[None]:
        self._refuse()
        yield

    def signal(self, pid: int, number: int) -> None:
        self._refuse()

    def run(self, command: Sequence[str], timeout: float = 10.0, input: bytes = b"") -> Ran:
        self._refuse()

    # Sockets and processes, as they were

    def sockets(
        self, protocols: Iterable[str] = ("tcp", "tcp6"), states: Iterable[str] = OPEN
    ) -> Sequence[Connection]:
        wanted, open_in = frozenset(protocols), frozenset(states)
        found = (self._connections[number] for number in self._frame()["sockets"])
        return [each for each in found if each.protocol in wanted and each.state in open_in]

    def processes(self) -> tuple[Process, ...]:
        return tuple(self._processes[number] for number in self._frame()["processes"])

    def process(self, pid: int) -> Process | None:
        return next((each for each in self.processes() if each.pid == pid), None)

    def children(self, pid: int) -> tuple[Process, ...]:
        return tuple(each for each in self.processes() if each.parent == pid and each.memory)

    def _told(self, pid: int) -> tuple[list[str], str, str, list[str]]:
        """A process's command line, program, folder and libraries."""
        told = self._recording["told"].get(str(pid), ([], "", "", []))
        return told[0], told[1], told[2], told[3]

    def command(self, pid: int) -> tuple[str, ...]:
        return tuple(self._told(pid)[0])

    def program(self, pid: int) -> str:
        return self._told(pid)[1]

    def directory(self, pid: int) -> str:
        return self._told(pid)[2]

    def libraries(self, pid: int) -> tuple[str, ...]:
        return tuple(self._told(pid)[3])

    def here(self, pid: int) -> bool:
        return True

    def owners(self, inodes: Collection[int], likely: Iterable[int] = ()) -> Mapping[int, int]:
        owners: dict[str, int] = self._frame()["owners"]
        return {inode: owners[str(inode)] for inode in inodes if str(inode) in owners}

    def host_name(self, address: str) -> str:
        name: str = self._recording["names"].get(address.removeprefix("::ffff:"), "unknown")
        return name

    def load(self) -> float:
        load: float = self._frame()["load"]
        return load


class _Recorder:
    """What has been seen so far, each thing once."""

    def __init__(self, machine: LocalMachine, hidden: Sequence[str]) -> None:
        self.machine = machine
        self.hidden = [place for place in hidden if place not in ("", "/")]
        self.frames: list[dict[str, Any]] = []
        self.sockets: dict[Connection, int] = {}
        self.processes: dict[Process, int] = {}
        self.told: dict[int, tuple[list[str], str, str, list[str]]] = {}
        self.growth: list[tuple[float, str, str]] = []
        self.lengths = {name: len(machine.read(name)) for name in _LOGS}
        self.files = {name: self.file(name) for name in (*_FILES, *_LOGS)}
        for folder in _FOLDERS:
            for name in machine.names(folder):
                path = os.path.join(folder, name)
                if machine.status(path).size < 100_000:  # but not the Python behind the listener's name
                    self.files[path] = self.file(path)
        for name, data in _PEOPLE.items():
            self.files[name] = (data.decode(), 0o644, machine.now())

    def file(self, name: str) -> tuple[str, int, float]:
        """A file's text, mode and time."""
        status = self.machine.status(name)
        return self.machine.read(name).decode("latin-1"), status.mode, status.modified

    def plain(self, text: str) -> str:
        """A path without the places that mean nothing elsewhere."""
        for place in self.hidden:
            text = text.replace(place, "")
        return text

    def look(self) -> None:
        """Add one frame."""
        machine, now = self.machine, self.machine.now()
        sockets = list(machine.sockets(tuple(PROTOCOLS), ALL))
        processes = machine.processes()
        owners = machine.owners({each.inode for each in sockets if each.inode})
        for process in processes:
            if process.pid not in self.told or process.argv0 not in " ".join(self.told[process.pid][0]):
                self.told[process.pid] = (
                    [self.plain(word) for word in machine.command(process.pid)],
                    self.plain(machine.program(process.pid)),
                    self.plain(machine.directory(process.pid)),
                    [self.plain(name) for name in machine.libraries(process.pid)],
                )
        for name, length in self.lengths.items():
            text = machine.read(name)
            if len(text) > length:
                self.growth.append((now, name, text[length:].decode("latin-1")))
                self.lengths[name] = len(text)
        self.frames.append(
            {
                "at": now,
                "load": machine.load(),
                "sockets": [self.sockets.setdefault(each, len(self.sockets)) for each in sockets],
                "processes": [self.processes.setdefault(each, len(self.processes)) for each in processes],
                "owners": {str(inode): pid for inode, pid in owners.items()},
            }
        )

    def recording(self) -> dict[str, Any]:
        """All of it, as `RecordedMachine` reads it."""
        with open("/etc/hosts", encoding="ascii") as file:
            rows = [line.split() for line in file if line.strip()]
        return {
            "frames": self.frames,
            "sockets": [astuple(each) for each in self.sockets],
            "processes": [astuple(each) for each in self.processes],
            "told": {str(pid): words for pid, words in self.told.items()},
            "growth": self.growth,
            "files": self.files,
            "names": {row[0]: row[1] for row in rows},
        }


def record(path: str, seconds: float, hidden: Sequence[str] = ()) -> None:
    """Record this machine, a demo server, into `path`, without the `hidden` folders in its paths."""
    recorder = _Recorder(LocalMachine(), hidden)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        recorder.look()
        time.sleep(1)
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(json.dumps(recorder.recording(), separators=(",", ":")).encode())


if __name__ == "__main__":
    places = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    root = places[0].partition("/usr/lib")[0]
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    record(sys.argv[1], float(sys.argv[2]), (root, package))
