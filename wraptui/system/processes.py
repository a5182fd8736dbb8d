"""Knows the machine's processes: who holds a socket, whose child it is, what it uses."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `name` is the kernel's comm, `argv0` the base name of its first argument, `started`
    seconds since the epoch, `memory` its address space in bytes, `cpu` seconds of user and system time."""

    pid: int
    parent: int
    name: str
    argv0: str = ""
    uid: int = -1
    started: float = 0.0
    memory: int = 0
    cpu: float = 0.0


RETRY = 5.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")
LIBRARY = re.compile(rb"(/[^\n]*\.so[^\n/]*)$", re.M)


class Processes:
    """The processes of /proc. A process that is gone, or may not be looked into, is an empty answer."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._booted = 0.0
        self._argv0: dict[tuple[int, str], tuple[str, str]] = {}  # by pid and start: comm, argv0
        self._holder: dict[int, int] = {}  # inode: pid
        self._number: dict[int, str] = {}  # inode: its descriptor's number in that process
        self._wanted: frozenset[int] = frozenset()  # what was asked for last
        self._new: set[int] = set()  # inodes whose holder was seen only once
        self._lost: dict[int, float] = {}  # inodes nobody was seen to hold: when that was tried last
        self._lock = threading.Lock()

    def pids(self) -> list[int]:
        """All processes that this one can see."""
        return [int(name) for name in os.listdir(self._proc) if name.isdigit()]

    def get(self, pid: int) -> Process | None:
        """The process, or None when there is none."""
        try:
            line = self._read(pid, "stat")
            uid = os.stat(f"{self._proc}/{pid}").st_uid
        except OSError:
            return None
        name, _, rest = line[line.index(b"(") + 1 :].rpartition(b") ")
        fields = rest.split()
        comm = os.fsdecode(name)
        return Process(
            pid,
            int(fields[1]),
            comm,
            self._first_argument(pid, os.fsdecode(fields[19]), comm),
            uid,
            self._time(int(fields[19])),
            int(fields[20]),
            (int(fields[11]) + int(fields[12])) / TICKS,
        )

    def all(self) -> tuple[Process, ...]:
        """Every process, by pid."""
        return tuple(found for pid in sorted(self.pids()) if (found := self.get(pid)))

    def children(self, pid: int) -> tuple[Process, ...]:
        """The live children of a process, by pid; zombies are not live."""
        try:
            threads = os.listdir(f"{self._proc}/{pid}/task")
            listed = [
                word for thread in threads for word in self._read(pid, f"task/{thread}/children").split()
            ]
            pids = sorted(map(int, listed))
        except OSError:  # gone, or a kernel without CONFIG_PROC_CHILDREN
            pids = sorted(self.pids())
        found = [child for each in pids if (child := self.get(each)) and child.parent == pid]
        return tuple(child for child in found if child.memory)

    def command(self, pid: int) -> tuple[str, ...]:
        """The command line."""
        try:
            text = self._read(pid, "cmdline")
        except OSError:
            return ()
        return tuple(os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")) if text else ()

    def executable(self, pid: int) -> str:
        """The file that the process runs, "" when that may not be known."""
        return self._link(pid, "exe")

    def directory(self, pid: int) -> str:
        """The working directory, "" when that may not be known."""
        return self._link(pid, "cwd")

    def here(self, pid: int) -> bool:
        """Whether a process has the network that we see, not that of a container; True when unknown."""
        return self._link(pid, "ns/net") in ("", os.readlink(f"{self._proc}/self/ns/net"))

    def libraries(self, pid: int) -> tuple[str, ...]:
        """The shared libraries in the process's memory; `PermissionError` when that may not be known."""
        return tuple(sorted({os.fsdecode(name) for name in LIBRARY.findall(self._read(pid, "maps"))}))

    def owners(self, inodes: Collection[int], likely: Iterable[int] = ()) -> Mapping[int, int]:
        """The process that holds each of these sockets, where one may be seen: inode to pid.

        Give all inodes of interest each time: only new ones are looked for, first on the descriptor 0 of the
        `likely` processes (xinetd's children), then in the processes known to hold sockets, and in all others
        at last. A holder is looked at once more the next time, so that a connection that was being handed to
        a child is found there.
        """
        with self._lock:
            return self._owners(inodes if isinstance(inodes, (set, frozenset)) else set(inodes), list(likely))

    def _owners(self, wanted: Set[int], likely: list[int]) -> Mapping[int, int]:
        holder = self._holder
        if len(holder) > 2 * len(wanted) + 1000:
            self._drop(holder.keys() - wanted)
        self._new |= (wanted - self._wanted) & holder.keys()  # not asked for of late: look again
        self._wanted = frozenset(wanted)
        known = set(holder.values())
        alive = {pid for pid in known if os.path.exists(f"{self._proc}/{pid}")}
        if alive < known:
            self._drop({inode for inode, pid in holder.items() if pid not in alive})
        again = self._new & wanted
        self._drop({inode for inode in again if self._inode(holder[inode], self._number[inode]) != inode})
        self._new -= again
        missing = set(wanted - holder.keys())
        missing.discard(0)
        now = time.monotonic()
        # What nobody was seen to hold is asked for again, but not at every refresh.
        missing -= {inode for inode in missing & self._lost.keys() if now - self._lost[inode] < RETRY}
        if missing:
            self._look_for(missing, wanted, likely, alive)
            self._lost = {inode: when for inode, when in self._lost.items() if inode in wanted}
            self._lost.update(dict.fromkeys(missing, now))
        return (
            {inode: holder[inode] for inode in wanted & holder.keys()}
            if len(holder) > len(wanted)
            else dict(holder)
        )

    def _look_for(self, missing: set[int], wanted: Set[int], likely: list[int], alive: set[int]) -> None:
        for pid in likely:
            self._take(pid, ["0"], missing)
        # A known descriptor is still that socket: its inode lives, and a number is reused only after a close.
        known: dict[int, set[str]] = {}
        for inode in wanted & self._holder.keys():
            known.setdefault(self._holder[inode], set()).add(self._number[inode])
        searched: set[int] = set()
        # Init last: systemd keeps the sockets that it has handed to daemons.
        for pids in (likely, sorted(alive - {1}), lambda: sorted(self.pids(), key=(1).__eq__)):
            if not missing:
                break
            for pid in pids() if callable(pids) else pids:
                if missing and pid not in searched:
                    searched.add(pid)
                    with suppress(OSError):
                        names = set(os.listdir(f"{self._proc}/{pid}/fd"))
                        self._take(pid, names - known.get(pid, set()), missing)

    def _take(self, pid: int, numbers: Iterable[str], missing: set[int]) -> None:
        for number in numbers:
            inode = self._inode(pid, number)
            if inode in missing:
                missing.discard(inode)
                self._holder[inode] = pid
                self._number[inode] = number
                self._new.add(inode)

    def _drop(self, inodes: set[int]) -> None:
        for inode in inodes:
            del self._holder[inode], self._number[inode]
        self._new -= inodes

    def _inode(self, pid: int, number: str) -> int:
        """The inode of the socket on a descriptor, 0 when it is none."""
        link = self._link(pid, f"fd/{number}")
        return int(link[8:-1]) if link.startswith("socket:[") else 0

    def _read(self, pid: int, name: str) -> bytes:
        descriptor = os.open(f"{self._proc}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = b""
            while part := os.read(descriptor, 1 << 16):
                text += part
            return text
        except ProcessLookupError:  # ended between open and read
            raise FileNotFoundError(f"{self._proc}/{pid}/{name}") from None
        finally:
            os.close(descriptor)

    def _link(self, pid: int, name: str) -> str:
        try:
            return os.readlink(f"{self._proc}/{pid}/{name}")
        except OSError:
            return ""

    def _first_argument(self, pid: int, started: str, comm: str) -> str:
        """The base name of argv[0]; kept until the process runs another program (its comm changes)."""
        known = self._argv0.get((pid, started))
        if known and known[0] == comm:
            return known[1]
        words = self.command(pid)
        # A program that shows a title, `sshd: root [priv]`, has put it in the place of its arguments.
        title = words[0].partition(": ")[0].removesuffix(":") if words else ""
        argv0 = os.path.basename(title)
        if len(self._argv0) > 10_000:
            self._argv0.clear()
        if words:  # none yet: the program is only being loaded
            self._argv0[pid, started] = (comm, argv0)
        return argv0

    def _time(self, ticks: int) -> float:
        """Seconds since the epoch of a moment in ticks since boot; the boot is fixed once, and again only
        when the clock was set, so that a start time does not flicker."""
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        if abs(booted - self._booted) > 0.5:
            self._booted = booted
        return round(self._booted + ticks / TICKS, 2)
