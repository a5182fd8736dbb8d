"""Knows the one seam to the machine: what may be asked of it, and the real machine that answers."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from wraptui.system.files import Status, Tree
from wraptui.system.names import Names
from wraptui.system.processes import Process, Processes
from wraptui.system.sockets import OPEN, Connection, Sockets


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code (negative: the signal that ended it), and what it said, as bytes."""

    code: int
    output: bytes = b""
    errors: bytes = b""


class Machine(Protocol):
    """The machine, or a recording or a tree of files that stands for one. Everything that fails raises
    `OSError`; the callers find the words. Nothing here changes anything but the methods that say so."""

    root: str
    """Where its files are; `/` for this machine."""
    live: bool
    """Whether processes, sockets and the load are to be had: False for a tree of files."""
    note: str
    """A sentence on what this machine is and cannot tell, "" for the real one."""

    @property
    def privileged(self) -> bool:
        """Whether all files may be written and all processes looked into."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    # Files: also everything that `policy/files.py: Files` asks

    def read(self, path: str) -> bytes: ...
    def names(self, path: str) -> list[str]: ...
    def status(self, path: str) -> Status: ...
    def executable(self, path: str) -> bool: ...
    def open(self, path: str) -> BinaryIO: ...
    def real(self, path: str) -> str: ...
    def attributes(self, path: str) -> dict[str, bytes]: ...

    # Files, written

    def create(self, path: str, data: bytes, mode: int = 0o600) -> None: ...
    def rename(self, old: str, new: str) -> None: ...
    def link(self, old: str, new: str) -> None: ...
    def remove(self, path: str) -> None: ...
    def make_directory(self, path: str, mode: int = 0o700) -> None: ...
    def remove_directory(self, path: str) -> None: ...
    def sync(self, path: str) -> None: ...
    def set_owner(self, path: str, uid: int, gid: int) -> None: ...
    def set_mode(self, path: str, mode: int) -> None: ...
    def set_attributes(self, path: str, attributes: Mapping[str, bytes]) -> None: ...
    def settled(self, path: str, patience: float = 3.0) -> bool: ...
    def locked(self, path: str) -> AbstractContextManager[None]: ...

    # Processes and sockets: see `processes.py` and `sockets.py`

    def sockets(
        self, protocols: Iterable[str] = ("tcp", "tcp6"), states: Iterable[str] = OPEN
    ) -> Sequence[Connection]:
        """The sockets of these protocols (tcp, tcp6, udp, udp6) in these states; an unchanged one is the very
        same object as the time before."""
        ...

    def processes(self) -> tuple[Process, ...]:
        """Every process, by pid."""
        ...

    def process(self, pid: int) -> Process | None:
        """One process, None when there is none."""
        ...

    def children(self, pid: int) -> tuple[Process, ...]:
        """The live children of a process."""
        ...

    def command(self, pid: int) -> tuple[str, ...]:
        """A process's command line, empty when unknown."""
        ...

    def program(self, pid: int) -> str:
        """The file that a process runs, "" when unknown."""
        ...

    def directory(self, pid: int) -> str:
        """A process's working directory, "" when unknown."""
        ...

    def here(self, pid: int) -> bool:
        """Whether a process has the network that we see, not that of a container; True when unknown."""
        ...

    def libraries(self, pid: int) -> tuple[str, ...]:
        """The shared libraries in a process's memory; `PermissionError` when that may not be known."""
        ...

    def owners(self, inodes: Collection[int], likely: Iterable[int] = ()) -> Mapping[int, int]:
        """Inode to pid for those sockets whose holder may be seen; give all inodes of interest each time."""
        ...

    def host_name(self, address: str) -> str:
        """The name that libwrap would give a client (byte text, also `unknown` and `paranoid`), "" while it
        is not known yet: never waits."""
        ...

    def load(self) -> float:
        """The load average of the last minute, which xinetd compares with max_load."""
        ...

    # Changing what runs

    def signal(self, pid: int, number: int) -> None:
        """Sends a signal to one process (never to a group)."""
        ...

    def run(self, command: Sequence[str], timeout: float = 10.0, input: bytes = b"") -> Ran:
        """Runs a program, without a shell, in the C locale, with `input` on its standard input; ends it after
        `timeout` seconds with `TimeoutError`."""
        ...


class LocalMachine(Tree):
    """The machine that this process runs on, as its namespaces show it."""

    live = True

    def __init__(self, root: str = "/") -> None:
        super().__init__(root)
        self.note = ""
        self._sockets = Sockets()
        self._processes = Processes()
        self._names = Names()

    @property
    def privileged(self) -> bool:
        return _capable()

    def now(self) -> float:
        return time.time()

    def sockets(
        self, protocols: Iterable[str] = ("tcp", "tcp6"), states: Iterable[str] = OPEN
    ) -> Sequence[Connection]:
        return self._sockets.read(protocols, states)

    def processes(self) -> tuple[Process, ...]:
        return self._processes.all()

    def process(self, pid: int) -> Process | None:
        return self._processes.get(pid)

    def children(self, pid: int) -> tuple[Process, ...]:
        return self._processes.children(pid)

    def command(self, pid: int) -> tuple[str, ...]:
        return self._processes.command(pid)

    def program(self, pid: int) -> str:
        return self._processes.executable(pid)

    def directory(self, pid: int) -> str:
        return self._processes.directory(pid)

    def here(self, pid: int) -> bool:
        return self._processes.here(pid)

    def libraries(self, pid: int) -> tuple[str, ...]:
        return self._processes.libraries(pid)

    def owners(self, inodes: Collection[int], likely: Iterable[int] = ()) -> Mapping[int, int]:
        return self._processes.owners(inodes, likely)

    def host_name(self, address: str) -> str:
        return self._names.get(address)

    def load(self) -> float:
        return os.getloadavg()[0]

    def signal(self, pid: int, number: int) -> None:
        if pid <= 0:
            raise ProcessLookupError(f"There is no process {pid}")
        os.kill(pid, signals.Signals(number))

    def run(self, command: Sequence[str], timeout: float = 10.0, input: bytes = b"") -> Ran:
        environment = {**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
        started = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE if input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            output, errors = started.communicate(input or None, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signals.SIGKILL)
            started.communicate()
            raise TimeoutError(f"{command[0]} did not end within {timeout:g} s") from None
        return Ran(started.returncode, output, errors)


class FileMachine(Tree):
    """A tree of files that is not this machine's own: nothing that runs here belongs to it."""

    live = False

    def __init__(self, root: str) -> None:
        super().__init__(root)
        if not os.path.isdir(self.root):
            raise NotADirectoryError(f"{root} is not a directory")
        self.note = f"Only the files below {self.root} are shown: what runs on this machine is not theirs."

    @property
    def privileged(self) -> bool:
        return os.access(self.root, os.W_OK)

    def now(self) -> float:
        return time.time()

    def sockets(
        self, protocols: Iterable[str] = ("tcp", "tcp6"), states: Iterable[str] = OPEN
    ) -> Sequence[Connection]:
        return ()

    def processes(self) -> tuple[Process, ...]:
        return ()

    def process(self, pid: int) -> Process | None:
        return None

    def children(self, pid: int) -> tuple[Process, ...]:
        return ()

    def command(self, pid: int) -> tuple[str, ...]:
        return ()

    def program(self, pid: int) -> str:
        return ""

    def directory(self, pid: int) -> str:
        return ""

    def here(self, pid: int) -> bool:
        return False

    def libraries(self, pid: int) -> tuple[str, ...]:
        return ()

    def owners(self, inodes: Collection[int], likely: Iterable[int] = ()) -> Mapping[int, int]:
        return {}

    def host_name(self, address: str) -> str:
        return ""

    def load(self) -> float:
        return 0.0

    def signal(self, pid: int, number: int) -> None:
        raise ProcessLookupError(self.note)

    def run(self, command: Sequence[str], timeout: float = 10.0, input: bytes = b"") -> Ran:
        raise FileNotFoundError(f"{command[0]} is not run: {self.note}")


def machine_at(root: str) -> LocalMachine | FileMachine:
    """The machine whose files are below `root`: this one for `/`, else just the files."""
    try:
        here = os.path.samefile(root, "/")  # also where / is mounted once more
    except OSError:
        here = False
    return LocalMachine() if here else FileMachine(root)


CAP_DAC_OVERRIDE, CAP_SYS_PTRACE = 1, 19


def _capable() -> bool:
    """Whether this process has root's powers over files and processes, if only in its own user namespace."""
    try:
        with open("/proc/self/status", "rb") as file:
            line = next(line for line in file if line.startswith(b"CapEff:"))
    except (OSError, StopIteration):
        return os.geteuid() == 0
    effective = int(line.split()[1], 16)
    return bool(effective >> CAP_DAC_OVERRIDE & effective >> CAP_SYS_PTRACE & 1)
