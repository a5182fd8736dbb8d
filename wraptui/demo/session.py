"""Knows how to start a private server beside the calling process, and to act on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from wraptui.demo import network

_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "guest.py")
_WRAPTUI = (sys.executable, "-m", "wraptui")


@dataclass(frozen=True, slots=True)
class Visit:
    """One connection of a guest: what the server said to it, and whether the server ended it (`gone`).

    `problem` says why it could not even connect; `port` is its own port.
    """

    session: Session
    number: int
    heard: bytes
    gone: bool
    problem: str
    port: int

    def say(self, text: bytes, wait: float = 2) -> Visit:
        """Say something; the visit as it is after the answer."""
        return self.session.order(visit=self.number, say=text.decode("latin-1"), wait=wait)

    def hear(self, wait: float = 2) -> Visit:
        """Wait for what the server says, or for its end."""
        return self.session.order(visit=self.number, wait=wait)

    def leave(self) -> Visit:
        """End the visit."""
        return self.session.order(visit=self.number, leave=True, wait=0.01)


@dataclass(slots=True)
class Session:
    """A running private server; `pid` is its first process, as seen from outside."""

    pid: int
    environment: dict[str, str] = field(repr=False)  # of the caller, and so not for logs
    _guests: list[subprocess.Popen[str]] = field(default_factory=list)
    _visits: int = 0

    def inside(self, *words: str) -> list[str]:
        """The command that runs these words inside, for whoever starts processes himself (a pty, say)."""
        return [*_WRAPTUI, "demo", "--join", str(self.pid), "--", *words]

    def run(
        self, *words: str, input: str = "", timeout: float = 60, cwd: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end; its output as text (latin-1, so no byte is lost)."""
        return subprocess.run(
            self.inside(*words),
            input=input,
            capture_output=True,
            encoding="latin-1",
            timeout=timeout,
            env=self.environment,
            cwd=cwd,
        )

    def wraptui(self, *words: str, input: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run `wraptui` inside, headless."""
        return self.run(*_WRAPTUI, *words, input=input, timeout=timeout)

    def path(self, name: str) -> str:
        """A file of the server (`/etc/hosts.deny`), by a path that works outside."""
        return f"/proc/{self.pid}/root{name}"

    def read(self, name: str) -> bytes:
        """The bytes of a file of the server."""
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the server, as an operator with an editor would."""
        with open(self.path(name), "wb") as file:
            file.write(data)

    def log(self, name: str = "syslog") -> str:
        """A file of /var/log as it is now: `syslog` has what xinetd says, `auth.log` what sshd says."""
        return self.read(f"/var/log/{name}").decode("latin-1")

    def wait_for(self, text: str, times: int = 1, seconds: float = 10, name: str = "syslog") -> str:
        """The log, when `text` stands in it `times` times; raises TimeoutError with the log's end."""
        end = time.monotonic() + seconds
        while (log := self.log(name)).count(text) < times:
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} is not in the log, which ends: {log[-800:]}")
            time.sleep(0.02)
        return log

    def daemon(self) -> int:
        """xinetd's process id, as seen inside."""
        return int(self.read("/run/xinetd.pid"))

    def signal(self, name: str) -> None:
        """Send a signal (HUP, USR1, ...) to xinetd."""
        # The shell's own kill: /bin/kill is in a package that a small system lacks.
        self.run("sh", "-c", 'kill -s "$1" "$2"', "sh", name, str(self.daemon())).check_returncode()

    def reload(self) -> None:
        """SIGHUP, and wait until xinetd says `Reconfigured`."""
        before = self.log().count("Reconfigured:")
        self.signal("HUP")
        self.wait_for("Reconfigured:", before + 1)

    def dump(self) -> str:
        """xinetd's state, as it dumps it on SIGUSR1."""
        before = self.log().count("generated state dump")
        self.signal("USR1")
        self.wait_for("generated state dump", before + 1)
        return self.read("/run/xinetd.dump").decode("latin-1").split("END OF DUMP")[-2]

    def visit(self, source: str, port: int, wait: float = 2, udp: bool = False) -> Visit:
        """Connect from a documentation address, hear the first answer, and stay."""
        self._visits += 1
        return self.order(visit=self._visits, source=source, port=port, wait=wait, udp=udp)

    def hit(self, source: str, port: int, wait: float = 2, udp: bool = False) -> Visit:
        """Connect, hear the first answer, and leave."""
        self._visits += 1
        return self.order(visit=self._visits, source=source, port=port, wait=wait, udp=udp, leave=True)

    def order(self, **order: Any) -> Visit:
        """Give the guest one order (see programs/guest.py)."""
        if not self._guests:
            words = self.inside(sys.executable, "-IS", _GUEST, network.SERVER4, network.SERVER6)
            guest = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment
            )
            self._guests.append(guest)
        guest = self._guests[0]
        assert guest.stdin and guest.stdout
        guest.stdin.write(json.dumps(order) + "\n")
        guest.stdin.flush()
        answer = json.loads(guest.stdout.readline())
        return Visit(
            session=self,
            number=answer["visit"],
            heard=answer["heard"].encode("latin-1"),
            gone=answer["gone"],
            problem=answer["problem"],
            port=answer["port"],
        )

    def dismiss_guests(self) -> None:
        """End all visits."""
        while self._guests:
            guest = self._guests.pop()
            guest.communicate()


@contextmanager
def started(visitors: bool = False, environment: dict[str, str] | None = None) -> Iterator[Session]:
    """A private server for the time of a `with`. Raises RuntimeError with its complaint."""
    env = {**os.environ, **(environment or {})}
    words = [
        *_WRAPTUI,
        "demo",
        *([] if visitors else ["--no-clients"]),
        "--",
        "sh",
        "-c",
        "echo ready; exec cat",
    ]
    server = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    assert server.stdin and server.stdout and server.stderr
    session = None
    try:
        if server.stdout.readline() != "ready\n":
            raise RuntimeError(server.communicate()[1].strip())
        session = Session(psutil.Process(server.pid).children()[0].pid, env)
        yield session
    finally:
        if session:
            session.dismiss_guests()
        server.communicate()  # its command ends with its input
