"""Prints what reading and asking big hosts.deny files costs: `python tests/benchmarks/hosts.py`.

Each figure is CPU time beyond start-up, the best of three runs in processes of their own, beside the goal.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from random import Random

GOALS = {
    "plain": 0.15,
    "mixed": 0.3,
    "million": 1.5,
    "decisions": 0.1,
    "networks-decisions": 0.1,
    "again": 0.1,
}


def plain(count: int) -> str:
    """`count` lines `sshd: A.B.C.D`."""
    random = Random(1)
    return "".join(f"sshd: {address(random)}\n" for _ in range(count))


def address(random: Random) -> str:
    return ".".join(str(random.randint(1, 254)) for _ in range(4))


def mixed(count: int) -> str:
    """A realistic mix of `count` physical lines: comments, blank lines, continuations, networks, options."""
    random = Random(2)
    lines: list[str] = []
    while len(lines) < count:
        kind = random.random()
        if kind < 0.15:
            lines.append(f"# banned on {random.randint(1, 28)} July, see ticket {random.randint(1, 9999)}")
        elif kind < 0.2:
            lines.append("")
        elif kind < 0.25:
            lines += [f"sshd, vsftpd: {address(random)} \\", f"    {address(random)}, {address(random)}"]
        elif kind < 0.3:
            lines.append(f"ALL: {random.randint(1, 223)}.{random.randint(0, 255)}.0.0/255.255.0.0")
        elif kind < 0.33:
            lines.append(
                f"sshd: {random.randint(1, 223)}.{random.randint(0, 255)}.{random.randint(0, 255)}.0/24"
            )
        elif kind < 0.36:
            lines.append(f"sshd : {address(random)} : spawn /bin/echo %h >> /var/log/denied &")
        elif kind < 0.38:
            lines.append(f"vsftpd: [2001:db8:{random.randint(0, 65535):x}::]/48")
        else:
            lines.append(f"sshd: {address(random)}")
    return "".join(line + "\n" for line in lines[:count])


def networks(count: int) -> str:
    """`count` lines of which 1 in 20 is a network."""
    random = Random(4)
    lines = plain(count).splitlines()
    for at in range(0, count, 20):
        lines[at] = lines[at].rpartition(".")[0] + f".0/{random.choice((24, 24, 24, 25, '255.255.255.0'))}"
    return "".join(line + "\n" for line in lines)


def measured(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", choices=GOALS)
    chosen = parser.parse_args().one
    if chosen:
        print(*one(chosen))
        return
    for name, goal in GOALS.items():
        runs = [
            subprocess.run(
                [sys.executable, __file__, "--one", name], capture_output=True, text=True, check=True
            )
            for _ in range(3)
        ]
        figures = [run.stdout.split() for run in runs]
        best = min(float(seconds) for seconds, _ in figures)
        peak = max(int(kib) for _, kib in figures) // 1024
        print(
            f"{name:19} {best:6.3f} s  goal {goal:5.2f} s  {'ok' if best <= goal else 'MISSED':6}  {peak} MB"
        )


def one(name: str) -> tuple[float, int]:
    """The seconds of one figure, and the process's largest memory in KiB."""
    from wraptui.policy.tables.access import Tables, Visitor, decide, read_table
    from wraptui.syntax.tree import Document
    from wraptui.system.files import Tree

    make = {"mixed": mixed, "networks-decisions": networks}.get(name, plain)
    text = make(1_000_000 if name == "million" else 100_000)
    read_table("/etc/hosts.deny", "sshd: 10.0.0.1\n")
    random = Random(3)
    known = [line.rpartition(" ")[2] for line in text.split("\n")[:100_000:20] if line.startswith("sshd: ")]
    addresses = [random.choice(known) if random.random() < 0.3 else address(random) for _ in range(10_000)]
    seconds = measured(lambda: len(read_table("/etc/hosts.deny", text).rules))
    if name == "again":
        lines = Document(text).lines
        edited = "".join((*lines[:5000], "sshd: 10.0.0.1\n", *lines[5001:]))
        seconds = measured(lambda: len(read_table("/etc/hosts.deny", edited).rules))
    if name.endswith("decisions"):
        tables = Tables(read_table("/etc/hosts.allow", "ALL: 127.0.0.1\n"), read_table("/d", text), Tree("/"))
        visitors = [Visitor("sshd", each) for each in addresses]
        seconds = measured(lambda: [decide(tables, visitor) for visitor in visitors])
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
