"""What the console costs at a terminal: the first full frame beside a minimal Textual app, and idling.

    python tests/benchmarks/console.py [--runs N] [--rules N] [--seconds S] [--root DIR]

All figures are medians of runs that alternate between the two programs, so that a busy machine hurts both.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS, ROWS = 120, 40
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App[None]):
    def compose(self):
        yield Static("ready now")
Minimal().run()
"""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """Milliseconds of wall and processor time until the frame stood, bytes of it, and memory in MiB."""

    wall: float
    cpu: float
    sent: int
    memory: float


class Sitting:
    """A program at a terminal."""

    def __init__(self, command: Sequence[str]) -> None:
        self.began = time.monotonic()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(
                TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(COLUMNS), LINES=str(ROWS)
            )
            os.execvp(command[0], list(command))
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.said = b""
        self.last = self.began

    def read(self, seconds: float) -> None:
        """Take in what it says for some time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.terminal], [], [], left)[0]:
                return
            data = os.read(self.terminal, 1 << 16)
            self.last = time.monotonic()
            self.said += data

    def wait(self, words: str, seconds: float = 30) -> None:
        """Wait until it has said these words."""
        end = time.monotonic() + seconds
        while words.encode() not in self.said:
            if time.monotonic() > end:
                raise SystemExit(f"{words!r} did not come: {self.said[-500:]!r}")
            self.read(0.005)

    @property
    def sent(self) -> int:
        """Bytes so far."""
        return len(self.said)

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """Resident memory in MiB."""
        with open(f"/proc/{self.pid}/status") as file:
            line = next(line for line in file if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def end(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def first_frame(command: Sequence[str], words: str) -> Run:
    """Until the words stand on the screen and the frame that brought them has ended."""
    sitting = Sitting(command)
    try:
        sitting.wait(words)
        sitting.read(0.005)
        wall = (sitting.last - sitting.began) * 1000
        return Run(wall, sitting.cpu * 1000, sitting.sent, sitting.memory)
    finally:
        sitting.end()


def idle(command: Sequence[str], words: str, seconds: float) -> tuple[float, float]:
    """Bytes a second, and per cent of a core, when nothing happens."""
    sitting = Sitting(command)
    try:
        sitting.wait(words)
        sitting.read(3)
        sent, cpu, began = sitting.sent, sitting.cpu, time.monotonic()
        while time.monotonic() - began < seconds:
            sitting.read(0.5)
        passed = time.monotonic() - began
        return (sitting.sent - sent) / passed, (sitting.cpu - cpu) / passed * 100
    finally:
        sitting.end()


def tree(folder: str, rules: int) -> None:
    """A root with that many rules."""
    os.makedirs(f"{folder}/etc/xinetd.d")
    with open(f"{folder}/etc/hosts.allow", "w") as file:
        file.write("sshd: 192.0.2.0/255.255.255.0\n")
    with open(f"{folder}/etc/hosts.deny", "w") as file:
        file.writelines(f"sshd: 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in range(rules))
    with open(f"{folder}/etc/xinetd.conf", "w") as file:
        file.write("defaults\n{\n\tinstances = 60\n}\nincludedir /etc/xinetd.d\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--root", default="", help="idle on this root, `/` for this machine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree(folder, options.rules)
        console = [sys.executable, "-m", "wraptui", "console", "--root", folder]
        minimal = [sys.executable, "-c", MINIMAL]
        found: dict[str, list[Run]] = {
            "minimal app": [],
            "console, first frame": [],
            "console, rules shown": [],
        }
        for _ in range(options.runs):
            found["minimal app"].append(first_frame(minimal, "ready now"))
            found["console, first frame"].append(first_frame(console, "Reading hosts.allow"))
            found["console, rules shown"].append(first_frame(console, "sshd: 10.0.0.1 "))
        base = statistics.median(run.wall for run in found["minimal app"])
        base_cpu = statistics.median(run.cpu for run in found["minimal app"])
        print(f"{options.rules} rules, {COLUMNS}x{ROWS}, median of {options.runs}")
        for name, runs in found.items():
            wall = statistics.median(run.wall for run in runs)
            cpu = statistics.median(run.cpu for run in runs)
            times = f"{wall:6.0f} ms wall ({wall / base:.2f}x) {cpu:6.0f} ms CPU ({cpu / base_cpu:.2f}x)"
            print(f"{name:<22} {times} {runs[0].sent:7d} B {runs[0].memory:5.0f} MiB")
        if options.root:
            console[-1] = options.root
        rate, share = idle(console, "connections", options.seconds)
        print(f"console, idle          {rate:6.0f} B/s  {share:5.2f} % of a core")
        rate, share = idle(minimal, "ready now", options.seconds)
        print(f"minimal app, idle      {rate:6.0f} B/s  {share:5.2f} % of a core")


if __name__ == "__main__":
    main()
