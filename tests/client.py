"""Knows how to be a client of a daemon in private namespaces: a small process that joins them and connects.

Run as a program it reads a JSON list per line from standard input and answers each with one of JSON:
`["tcp", source, destination, port]` the bytes read until the service closes (null: no connection),
`["hold", ...]` the same, but after the first bytes (or the end) the connection stays open,
`["udp", source, destination, port]` null, `["release"]` null.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wraptui.demo import namespaces

_CAP_SYS_ADMIN = 21


class Client:
    """Connections from any address of the loopback interface to the daemon's services."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tcp(self, source: str, port: int, destination: str = "") -> str | None:
        """All that the service said until it closed; None when there was no connection."""
        return self._ask("tcp", source, destination or _home(source), port)

    def hold(self, source: str, port: int, destination: str = "") -> str | None:
        """The first that the service said; the connection stays open until `release`."""
        return self._ask("hold", source, destination or _home(source), port)

    def udp(self, source: str, port: int, destination: str = "") -> None:
        self._ask("udp", source, destination or _home(source), port)

    def release(self) -> None:
        self._ask("release")

    def _ask(self, *words: str | int) -> str | None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer is None or isinstance(answer, str)
        return answer


def daemon_user() -> int:
    """Whom a daemon in private namespaces runs as, and so whom it can run servers as: root where namespaces
    need no user namespace, else as whom `namespaces.separate` puts the caller there."""
    with open("/proc/self/status") as status:
        powers = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    if os.geteuid() == 0:
        return 0 if powers >> _CAP_SYS_ADMIN & 1 else 1000
    return os.geteuid()


@contextmanager
def beside(pid: int) -> Iterator[Client]:
    """A client in the namespaces of process `pid`."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Client(process)
    finally:
        process.kill()
        process.communicate()


def _home(source: str) -> str:
    return "::1" if ":" in source else "127.0.0.1"


def _connected(source: str, destination: str, port: int, kind: int) -> socket.socket:
    found = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, kind)
    found.settimeout(5)
    found.bind((source, 0))
    found.connect((destination, port))
    return found


def _serve() -> None:
    held: list[socket.socket] = []
    for line in sys.stdin:
        action, source, destination, port = (*json.loads(line), "", "", 0)[:4]
        said: bytes | None = None
        try:
            if action == "release":
                for one in held:
                    one.close()
                held = []
            elif action == "udp":
                with _connected(source, destination, port, socket.SOCK_DGRAM) as one:
                    one.send(b"x")
            else:
                one = _connected(source, destination, port, socket.SOCK_STREAM)
                said = b""
                try:
                    while part := one.recv(4096):
                        said += part
                        if action == "hold":
                            break
                except OSError:
                    pass
                if action == "hold":
                    held.append(one)
                else:
                    one.close()
        except OSError:
            said = None
        print(json.dumps(None if said is None else said.decode("latin-1")), flush=True)


if __name__ == "__main__":
    namespaces.die_with_parent()
    namespaces.join(int(sys.argv[1]))
    _serve()
