"""Prints what `wraptui check` of big hosts.deny files costs: `python tests/benchmarks/check.py`.

Each figure is the CPU time of the whole command (user, system, start-up and output), the median of five runs
beside those of tcpdchk, which runs without a network, since it asks DNS for every address.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from wraptui.demo import binaries

GOAL = 0.8
LINES = 100_000
ROUNDS = 5


def address(random: Random) -> str:
    return ".".join(str(random.randint(1, 254)) for _ in range(4))


def ordinary(random: Random) -> list[str]:
    """What DenyHosts leaves behind."""
    return [f"sshd: {address(random)}" for _ in range(LINES)]


def overlapping(random: Random) -> list[str]:
    """The same with duplicates, networks, and addresses that later networks deny anyway."""
    lines = ordinary(random)
    for at in range(0, LINES, 100):
        lines[at] = lines[at - 50]
        lines[at + 25] = lines[at - 25].rpartition(".")[0] + "."
        lines[at + 75] = "ALL:" + lines[at + 74].partition(":")[2]
    return [*lines[:-2], "ALL: 10.0.0.0/8", "sshd: 20.0.0.0/8"]


def mixed(random: Random) -> list[str]:
    """Remarks, continuations, networks, IPv6, names and options among the addresses."""
    lines: list[str] = []
    while len(lines) < LINES:
        kind = random.random()
        if kind < 0.15:
            lines.append(f"# banned on {random.randint(1, 28)} July, see ticket {random.randint(1, 9999)}")
        elif kind < 0.2:
            lines += [f"sshd, vsftpd: {address(random)} \\", f"    {address(random)}, {address(random)}"]
        elif kind < 0.25:
            lines.append(f"ALL: {random.randint(1, 223)}.{random.randint(0, 255)}.0.0/255.255.0.0")
        elif kind < 0.28:
            lines.append(f"vsftpd: [2001:db8:{random.randint(0, 65535):x}::]/48")
        elif kind < 0.3:
            lines.append(f"sshd: {address(random)}: spawn /bin/sh -c : &")
        elif kind < 0.31:
            lines.append(f"sshd: host{len(lines)}.example.com")
        else:
            lines.append(f"sshd: {address(random)}")
    return lines[:LINES]


def cost(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """CPU seconds of a command, and the lines it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ran.stdout.count(b"\n")


def main() -> None:
    ours = [sys.executable, "-m", "wraptui", "check", "--root"]
    peer, environment = _peer()
    with tempfile.TemporaryDirectory() as folder:
        etc = Path(folder) / "etc"
        etc.mkdir()
        (etc / "hosts.allow").write_text("ALL: 127.0.0.1 [::1]\nsshd: 192.0.2.0/24\n")
        for make in (ordinary, overlapping, mixed):
            (etc / "hosts.deny").write_text("\n".join(make(Random(1))) + "\n")
            times: list[float] = []
            peers: list[float] = []
            told = 0
            for _ in range(ROUNDS):
                spent, told = cost([*ours, folder], dict(os.environ))
                times.append(spent)
                if peer:
                    command = ["unshare", "-n", "sh", "-c", f"cd {etc} && exec {peer} -d"]
                    peers.append(cost(command, environment)[0])
            line = f"{make.__name__:12} {LINES} lines: {statistics.median(times):.2f} s CPU (goal {GOAL}), "
            line += f"{told // 2} findings"
            if peers:
                median = statistics.median(peers)
                line += f"; tcpdchk {median:.2f} s ({statistics.median(times) / median:.2f} of it)"
            print(line)
    if not peer:
        print("tcpdchk is not here: no comparison")


def _peer() -> tuple[str, dict[str, str]]:
    """The path of tcpdchk where there is one, and what it needs to run."""
    try:
        found = binaries.find()
    except binaries.BinariesMissing:
        return "", {}
    path = str(Path(found.tcpdmatch).with_name("tcpdchk"))
    return (path if os.access(path, os.X_OK) else ""), {**os.environ, **found.environment()}


if __name__ == "__main__":
    main()
