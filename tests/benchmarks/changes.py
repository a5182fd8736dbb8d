"""Measures the impact of an edited rule, and applying a change of a 100,000-line file beside `cp` and `sync`.

    python tests/benchmarks/changes.py

The impact: 5,000 live connections and 50,000 clients of the logs, hosts.deny of 10,000 lines; the goal is a
second of wall-clock time. Applying: fsyncs included; the goal is three times the CPU time of `cp` and `sync`.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wraptui.changes.landing import apply
from wraptui.changes.proposals import Proposal
from wraptui.policy.change.edits import add_rule
from wraptui.policy.change.impact import Client, Policy, impact
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service, Value
from wraptui.system.machine import FileMachine
from wraptui.workspace import Workspace

ROUNDS = 9
DENY = "/etc/hosts.deny"


def main() -> int:
    """Prints a line for each; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        return 0 if all([_impact(folder), _apply(Path(folder))]) else 1


def _impact(folder: str) -> bool:
    attributes: dict[str, Value] = {"server": "/usr/sbin/in.ftpd", "socket_type": "stream", "port": 21}
    service = Service("ftp", "ftp", "/etc/xinetd.d/ftp", 1, 9, True, attributes=attributes)
    files = FileMachine(folder)

    def policy(more: str) -> Policy:
        allow = read_table("/etc/hosts.allow", "sshd: 192.0.2.0/24\n")
        tables = Tables(allow, read_table(DENY, "".join(map(_rule, range(10_000))) + more), files)
        return Policy(tables, Configuration(True, (service,)))

    clients = [Client("ftp", f"198.51.{n >> 8 & 255}.{n & 255}", live=True) for n in range(5_000)]
    clients += [
        Client("ftp", f"203.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", times=20) for n in range(50_000)
    ]
    before, after = policy(""), policy("ALL: 198.51.2.0/24\n")
    began = time.perf_counter()
    found = impact(before, after, clients)
    took = time.perf_counter() - began
    print(f"impact on {found.asked} clients: {took:.2f} s, {len(found.refused)} refused (goal: 1 s)")
    return took <= 1 and len(found.refused) == 256


def _apply(folder: Path) -> bool:
    (folder / "etc").mkdir()
    file = folder / "etc/hosts.deny"
    file.write_text("".join(map(_rule, range(100_000))))
    machine = FileMachine(str(folder))
    ours, theirs = [], []
    for number in range(ROUNDS):
        workspace = Workspace().with_file(DENY, file.read_bytes())
        edits = add_rule(DENY, workspace.document(DENY), f"ALL: 192.0.2.{number}")
        proposal = Proposal(workspace.do("add", *edits).changes)
        ours.append(_cpu(lambda proposal=proposal: apply(machine, proposal)))  # type: ignore[misc]
        theirs.append(_cpu(lambda: _copied(file)))
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(
        f"apply: {statistics.median(ours) * 1000:.1f} ms of CPU, cp and sync "
        f"{statistics.median(theirs) * 1000:.1f} ms: {ratio:.1f} times (goal: 3)"
    )
    return ratio <= 3


def _copied(file: Path) -> None:
    copy = f"{file}.copy"
    subprocess.run(["cp", str(file), copy], check=True)
    subprocess.run(["sync", copy], check=True)


def _cpu(what: Callable[[], object]) -> float:
    def used() -> float:
        every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in every)

    before = used()
    what()
    return used() - before


def _rule(number: int) -> str:
    return f"ALL: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}\n"


if __name__ == "__main__":
    sys.exit(main())
