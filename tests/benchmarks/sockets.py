"""Measures a refresh of 20,000 established sockets in 200 processes beside `ss` and psutil, as CPU ratios.

    python tests/benchmarks/sockets.py [SOCKETS] [PROCESSES]

Runs itself in a private network namespace where it may, so that it counts only its own sockets. CPU time is
user and system, of this process and of the peers it starts; medians of alternated rounds.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable

from wraptui.observe import Memory, observe
from wraptui.system.machine import LocalMachine

ROUNDS = 7
PRIVATE = "WRAPTUI_BENCHMARK_PRIVATE"


def main() -> int:
    """Prints one line per way to list, and its ratio to the peer; 1 when a goal is missed."""
    if PRIVATE not in os.environ and shutil.which("unshare"):
        options = ["-n"] if os.geteuid() == 0 else ["-rn"]
        if subprocess.run(["unshare", *options, "true"], capture_output=True, check=False).returncode == 0:
            os.environ[PRIVATE] = "1"
            up = 'ip link set lo up && exec "$0" "$@"'
            os.execvp("unshare", ["unshare", *options, "sh", "-c", up, sys.executable, *sys.argv])
    sockets, processes = (int(word) for word in (*sys.argv[1:], "20000", "200")[:2])
    holders = [_holder(sockets // processes // 2) for _ in range(processes)]
    try:
        return _measure(sockets)
    finally:
        for pid in holders:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _holder(pairs: int) -> int:
    """A process that holds both ends of `pairs` connections."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        listener = socket.create_server(("127.0.0.1", 0), backlog=pairs)
        held = []
        for _ in range(pairs):
            held.append(socket.create_connection(listener.getsockname()))
            held.append(listener.accept()[0])
        os.write(writing, b".")
        signal.pause()
        os._exit(0)
    os.close(writing)
    if os.read(reading, 1) != b".":
        raise SystemExit(f"process {pid} could not hold {pairs} connections")
    os.close(reading)
    return pid


def _measure(sockets: int) -> int:
    machine = LocalMachine()

    def without_owners() -> int:
        return len(machine.sockets(states=("ESTABLISHED",)))

    def with_owners() -> int:
        found = machine.sockets(states=("ESTABLISHED",))
        return len(machine.owners({each.inode for each in found}))

    def by_psutil() -> int:
        import psutil

        return sum(each.status == "ESTABLISHED" for each in psutil.net_connections("tcp"))

    memory = Memory(LocalMachine())  # which asks for other sockets, and so keeps its own

    def whole_look() -> int:
        observe(memory.machine, memory)
        return sockets

    ways: dict[str, Callable[[], int]] = {"wraptui": without_owners, "wraptui, owners": with_owners}
    ways["wraptui, whole look"] = whole_look
    if shutil.which("ss"):
        ways["ss -tn"] = lambda: _run("ss", "-tnH")
        ways["ss -tnp"] = lambda: _run("ss", "-tnpH")
    ways["psutil"] = by_psutil
    times: dict[str, list[float]] = {name: [] for name in ways}
    first = {name: _cpu(way)[0] for name, way in ways.items()}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            spent, count = _cpu(way)
            if count < sockets:
                raise SystemExit(f"{name} shows {count} of {sockets} sockets")
            times[name].append(spent)
    median = {name: statistics.median(spent) for name, spent in times.items()}
    for name, value in median.items():
        print(f"{name:20} {1000 * value:7.1f} ms CPU   (first look {1000 * first[name]:7.1f} ms)")
    missed = False
    for name, peer, goal in (
        ("wraptui", "ss -tn", 0.5),
        ("wraptui, owners", "ss -tnp", 0.15),
        ("wraptui, whole look", "ss -tnp", 0.15),
        ("wraptui, owners", "psutil", 0.15),
    ):
        if peer in median:
            ratio = median[name] / median[peer]
            missed = missed or ratio > goal
            print(f"{name} / {peer}: {ratio:.2f} (goal {goal})")
    return int(missed)


def _run(*command: str) -> int:
    return subprocess.run(command, capture_output=True, check=True).stdout.count(b"\n")


def _cpu(way: Callable[[], int]) -> tuple[float, int]:
    """The CPU seconds of one call, with those of the processes that it started, and what it returned."""
    before = _spent()
    count = way()
    return _spent() - before, count


def _spent() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    sys.exit(main())
