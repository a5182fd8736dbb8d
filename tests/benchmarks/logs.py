"""Measures what the logs cost: the no_access list's first answer, the full history, following a busy log.

    python tests/benchmarks/logs.py [MEGABYTES]

CPU time is user and system, of this process and of the peers it starts; the least of several rounds.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from wraptui.observe.chronicle import HIT_WORDS, LIST_WORDS, read_file
from wraptui.policy.live.logbook import Clock, parse_all
from wraptui.policy.live.sensor import rebuild
from wraptui.system.logs import Follower, history
from wraptui.system.machine import LocalMachine

ROUNDS = 9
LINES = 50_000
START_FROM_END = 480_000  # bytes: where the daemon of the first answer started
DAY = datetime(2026, 10, 1, tzinfo=UTC)


def main() -> int:
    """Prints one line per task with its peers; 1 when a goal is missed."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else "200") * 1_000_000
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "xinetd.log")
        _make(path, size)
        missed = _first_answer(path) + _history(path, size) + _following(os.path.join(folder, "busy.log"))
    return 1 if missed else 0


def _make(path: str, size: int) -> None:
    """A log of many days: 3 % of its lines are about the list, 16 % refusals, the rest starts and exits."""
    dice = random.Random(1)
    day = b"".join(_line(second, dice) for second in range(0, 86400, 1))
    with open(path, "wb") as file:
        written, days = 0, 0
        while written < size:
            stamp = DAY + timedelta(days=days)
            text = day.replace(b"DAY", f"{stamp:%y}/{stamp.month}/{stamp.day}".encode())[: size - written]
            written += file.write(text[: text.rfind(b"\n") + 1]) or size
            days += 1
        end = file.tell()
    with open(path, "r+b") as file:
        file.seek(end - START_FROM_END)
        rest = file.read()
        cut = rest.find(b"\n") + 1
        stamp_text = rest[cut:].split(b" ")[0].split(b": ")[0].rstrip(b":")
        file.seek(end - START_FROM_END + cut)
        file.truncate()
        file.write(
            stamp_text + b" xinetd[4242]: NOTICE: Started working: 9 available services\n" + rest[cut:]
        )


def _line(second: int, dice: random.Random) -> bytes:
    stamp = f"DAY@{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    address = f"203.0.{dice.randrange(256)}.{dice.randrange(1, 255)}"
    kind = dice.random()
    if kind < 0.03:
        text = (
            f" xinetd[4242]: CRITICAL: 4242 {{process_sensor}} Adding {address} to the global_no_access list"
        )
        return f"{stamp}{text} for 600 minutes\n".encode()
    if kind < 0.19:
        return f"{stamp}: FAIL: telnet address from={address}\n".encode()
    if kind < 0.6:
        return f"{stamp}: START: ftp pid={dice.randrange(32768)} from={address}\n".encode()
    duration = dice.randrange(300)
    return f"{stamp}: EXIT: ftp status=0 pid={dice.randrange(32768)} duration={duration}(sec)\n".encode()


def _first_answer(path: str) -> int:
    machine, entries = LocalMachine(), 0

    def answer(words: Sequence[bytes]) -> None:
        nonlocal entries
        reading = read_file(machine, path, machine.now(), words)
        entries = len(rebuild(reading.events, reading.events[-1].time).entries)

    ours = 1000 * _least(lambda: answer(LIST_WORDS))
    hits = 1000 * _least(lambda: answer(HIT_WORDS))
    peer = 1000 * _least(lambda: _run(f"tac {path} | grep -m1 'Started working'"))
    print(f"first answer     {ours:7.1f} ms   tac | grep -m1  {peer:7.1f} ms   ({entries} entries)")
    print(f"  with its hits  {hits:7.1f} ms")
    return ours > 10


def _history(path: str, size: int) -> int:
    machine, found = LocalMachine(), 0

    def whole() -> None:
        nonlocal found
        found = sum(len(piece.lines) for piece in history(machine, (path,), (b"global_no_access",)))

    ours = _least(whole)
    peer = _least(lambda: _run(f"grep -c global_no_access {path}"))
    rate, peers = size / ours / 1e9, size / peer / 1e9
    print(f"full history     {rate:7.2f} GB/s grep            {peers:7.2f} GB/s ({found} lines)")
    return rate < 1.2


def _following(path: str) -> int:
    """A second of a log that grows by 50,000 lines, in ten pieces."""
    dice = random.Random(2)
    pieces = [
        b"".join(_line(36000 + piece, dice) for _ in range(LINES // 10)).replace(b"DAY", b"26/10/1")
        for piece in range(10)
    ]
    with open(path, "wb"):
        pass
    clock = Clock(time.time())
    follower = Follower(LocalMachine(), path)
    follower.read()
    spent, count = 0.0, 0
    for piece in pieces:
        with open(path, "ab") as file:
            file.write(piece)
        began = _cpu()
        count += sum(1 for _ in parse_all(follower.read(), clock))
        spent += _cpu() - began
    follower.close()
    print(f"following        {spent:7.2f} of a core at {count:,} lines a second")
    return spent > 0.33


def _run(command: str) -> None:
    subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=False)


def _cpu() -> float:
    own, peers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + peers.ru_utime + peers.ru_stime


def _least(task: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = _cpu()
        task()
        times.append(_cpu() - began)
    return min(times)


if __name__ == "__main__":
    raise SystemExit(main())
