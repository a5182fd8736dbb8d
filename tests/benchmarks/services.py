"""Measures how long 500 services in an includedir take to read, as a library and as a command.

    python tests/benchmarks/services.py [SERVICES]

The goal is 0.3 s for 500 services; beside it a grep over the same files, and a Python that does nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wraptui.policy.xinetd.services import read_configuration
from wraptui.system.files import Tree

GOAL = 0.3
ROUNDS = 5
MAIN = b"defaults\n{\n\tlog_type = SYSLOG daemon\n\tlog_on_success = HOST\n}\nincludedir /etc/xinetd.d\n"
SERVICE = """\
# default: on
# description: service %(number)d, an ordinary one
service s%(number)d
{
	type		= UNLISTED
	socket_type	= stream
	protocol	= tcp
	port		= %(port)d
	wait		= no
	user		= root
	server		= /usr/sbin/server
	server_args	= -d -x
	log_on_failure	+= USERID
	only_from	= 10.%(high)d.%(low)d.0/24 192.168.%(low)d.0 127.0.0.1
	instances	= 60
	per_source	= 10
	cps		= 25 30
	disable		= no
}
"""


def main() -> int:
    """Prints one line per way to read, and its time as part of the goal; 1 when the goal is missed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _furnish(root, count)
        command = [sys.executable, "-m", "wraptui", "services", "--json", "--root", folder]
        taken = {
            "library": _median(lambda: _read(folder, count)),
            "command": _median(lambda: _run(command)),
            "python alone": _median(lambda: _run([sys.executable, "-c", "pass"])),
            "grep": _median(lambda: _run(["grep", "-r", "service", f"{folder}/etc/xinetd.d"])),
        }
    goal = GOAL * count / 500
    for name, seconds in taken.items():
        print(f"{count} services, {name}: {seconds * 1000:.0f} ms, {seconds / goal:.2f} of the goal")
    return int(taken["command"] > goal)


def _furnish(root: Path, count: int) -> None:
    folder = root / "etc/xinetd.d"
    folder.mkdir(parents=True)
    for number in range(count):
        values = {"number": number, "port": 10000 + number, "high": number // 250, "low": number % 250}
        (folder / f"s{number}").write_text(SERVICE % values)
    (root / "etc/xinetd.conf").write_bytes(MAIN)
    (root / "etc/protocols").write_text("tcp 6 TCP\nudp 17 UDP\n")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/server").touch(0o755)


def _read(folder: str, count: int) -> None:
    found = read_configuration(Tree(folder))
    if sum(service.active for service in found.services) != count:
        raise SystemExit("the services were not read")


def _run(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _median(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
