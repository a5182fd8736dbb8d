"""Knows how to put Debian's real sshd in place of the private server's own, and to log in to it by key."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from wraptui.demo import network
from wraptui.demo.binaries import Binaries
from wraptui.demo.server import OPERATOR
from wraptui.demo.session import Session

_FOLDER = "/etc/ssh"
# No PAM: the server has none. What our programs need in a login's environment is set by the server.
_CONFIGURATION = """\
Port 22
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/keys
AuthenticationMethods publickey
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile none
MaxStartups 100
SetEnv "LD_LIBRARY_PATH={libraries}" "PATH={path}" "PYTHONPATH={modules}"
"""


class NoSshd(Exception):
    """The real sshd does not run here; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A real sshd on the private server: `daemon` started it, as seen outside, `pid` is the one that listens,
    as seen inside; `user` logs in."""

    server: Session
    daemon: psutil.Process
    pid: int
    user: str
    program: str
    client: tuple[str, ...]

    def login(
        self,
        *words: str,
        source: str = OPERATOR,
        tty: bool = False,
        user: str = "",
        options: Sequence[str] = (),
    ) -> list[str]:
        """The command, to be run outside, that logs in from an address and runs these words in the login;
        with more options for ssh."""
        place = f"{user or self.user}@{network.SERVER6 if ':' in source else network.SERVER4}"
        words = ("-tt" if tty else "-T", *options, "-b", source, place, shlex.join(words))
        return self.server.inside(*self.client, *words)

    def run(
        self, *words: str, source: str = OPERATOR, options: Sequence[str] = (), timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Log in, run these words to their end, log out. 255: the login itself failed."""
        return subprocess.run(
            self.login(*words, source=source, options=options),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="latin-1",
            timeout=timeout,
            env=self.server.environment,
        )

    @contextmanager
    def staying(
        self, source: str = OPERATOR, user: str = "", options: Sequence[str] = ()
    ) -> Iterator[subprocess.Popen[str]]:
        """A login that stands for the time of a `with`."""
        login = self._start("echo here; exec cat", source, user, options)
        try:
            assert login.stdout and login.stdout.readline() == "here\n"
            yield login
        finally:
            _end(login)

    def welcome(self, source: str = OPERATOR) -> bool:
        """Whether a whole login from that address works. libwrap keeps a connection that it refuses for five
        seconds; its word in the log, and then no login, comes at once."""
        before = self._refused(source)
        login = self._start("echo here", source)
        try:
            end = time.monotonic() + 30
            while login.poll() is None and self._refused(source) == before:
                assert time.monotonic() < end, _log(self.server)
                time.sleep(0.02)
            return login.poll() == 0
        finally:
            _end(login)

    def gives_terminals(self) -> bool:
        """Whether a login can have a terminal: /dev/pts may be closed to others than root."""
        login = self.login("true", tty=True)
        done = subprocess.run(
            login, capture_output=True, stdin=subprocess.DEVNULL, env=self.server.environment
        )
        return b"PTY allocation request failed" not in done.stdout + done.stderr

    def _refused(self, source: str) -> int:
        return len(re.findall(rf"refused connect from .*\({re.escape(source)}\)$", _log(self.server), re.M))

    def _start(
        self, script: str, source: str, user: str = "", options: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.login("sh", "-c", script, source=source, user=user, options=options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.server.environment,
        )

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd that serve somebody now."""
        found = []
        for each in self.daemon.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if re.match(r"sshd: (?!.*\[listener\])", " ".join(each.cmdline())):
                    found.append(each)
        return found


@contextmanager
def real_sshd(server: Session, real: Binaries, folder: Path) -> Iterator[Sshd]:
    """Debian's sshd on port 22 of the server, in place of the listener that stands for it. Raises NoSshd."""
    own = [f"{name}={value}" for name, value in real.environment().items()]
    program, client = real.program("openssh-server"), real.program("openssh-client")
    keygen = ["env", *own, os.path.join(os.path.dirname(client), "ssh-keygen")]
    for name in ("host_key", "key"):
        words = [*keygen, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    _end_the_listener(server)
    user = _accounts(server)
    server.run("mkdir", "-p", "-m", "0755", _FOLDER, "/run/sshd").check_returncode()
    path = server.run("sh", "-c", 'echo "$PATH"').stdout.strip()
    libraries = real.libraries or "/usr/lib"
    configuration = _CONFIGURATION.format(
        folder=_FOLDER, libraries=libraries, path=path, modules=":".join(filter(None, sys.path))
    )
    for name, data in (
        ("sshd_config", configuration.encode()),
        ("host_key", (folder / "host_key").read_bytes()),
        ("key", (folder / "key").read_bytes()),
        ("keys", (folder / "key.pub").read_bytes()),
        ("known_hosts", b"* " + (folder / "host_key.pub").read_bytes()),
    ):
        server.write(f"{_FOLDER}/{name}", data)
        os.chmod(server.path(f"{_FOLDER}/{name}"), 0o600 if name in ("key", "host_key") else 0o644)
    options = ["BatchMode=yes", "IdentitiesOnly=yes", "LogLevel=ERROR", "ConnectTimeout=20"]
    options += [f"UserKnownHostsFile={_FOLDER}/known_hosts"]
    words = ["env", *own, client, "-F", "none", "-i", f"{_FOLDER}/key"]
    with _running(server, ["env", *own, program, "-D", "-f", f"{_FOLDER}/sshd_config"], folder) as (
        daemon,
        pid,
    ):
        yield Sshd(server, daemon, pid, user, program, (*words, *(f"-o{option}" for option in options)))


@contextmanager
def _running(server: Session, words: list[str], folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """The sshd while it runs: who started it, and its process id inside. Raises NoSshd."""
    with open(folder / "said", "w+b") as said:
        daemon = subprocess.Popen(
            server.inside(*words), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=server.environment
        )
        try:
            end = time.monotonic() + 20
            # Not the listener's words, which say "on ::" alone.
            while not (found := re.search(r"sshd\[(\d+)\]: Server listening on 0\.0\.0\.0 ", _log(server))):
                if daemon.poll() is not None or time.monotonic() > end:
                    said.seek(0)
                    raise NoSshd(f"sshd does not come up: {said.read().decode()}{_log(server)}")
                time.sleep(0.02)
            yield psutil.Process(daemon.pid), int(found[1])
        finally:
            daemon.terminate()
            daemon.wait()


def _end(login: subprocess.Popen[str]) -> None:
    login.kill()
    login.communicate()


def _log(server: Session) -> str:
    return server.log("auth.log")


def _end_the_listener(server: Session) -> None:
    """Ends what stands for sshd, and the session that the operator was said to have through it."""
    for each in psutil.Process(server.pid).children():
        if any(word.endswith("listener.py") for word in each.cmdline()):
            for process in (each, *each.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def _accounts(server: Session) -> str:
    """The user who logs in: whoever we are inside. He and sshd's own user get the accounts that they need."""
    number = server.run("id", "-u").stdout.strip()
    rows = [line.split(":") for line in server.read("/etc/passwd").decode("latin-1").splitlines()]
    user = next((row[0] for row in rows if row[2] == number), "operator")
    # The login's own shell and home are not what is tried here.
    rows = [row for row in rows if row[0] not in (user, "sshd", "anna")]
    rows.append(["anna", "x", "4711", "4711", "", "/", "/bin/sh"])
    rows.append([user, "x", number, server.run("id", "-g").stdout.strip(), "", "/", "/bin/sh"])
    rows.append(["sshd", "x", "65533", "65534", "", "/run/sshd", "/usr/sbin/nologin"])
    server.write("/etc/passwd", "".join(":".join(row) + "\n" for row in rows).encode("latin-1"))
    return user
