"""Knows how to run a private server made of the real daemons, and a command inside it.

The command's process sees the server exactly as it would see any: own /etc, own network, own processes. All
ends with the command, or with whoever started it, however that one ends.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from wraptui.demo import namespaces, network, tree
from wraptui.demo.binaries import Binaries

OPERATOR = "192.0.2.7"
_SSH = 22
_TO_END, _FROM_THE_TERMINAL = (signal.SIGTERM, signal.SIGHUP), (signal.SIGINT, signal.SIGQUIT)
_SECONDS_TO_START = 15.0
_PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
_OURSELVES = "/usr/local/sbin/wraptui"
_LISTENER = "/usr/local/sbin/sshd"
_ENVIRONMENT = os.path.join(tree.STAGE, "environment.json")
_OURS = ("PATH", "LD_LIBRARY_PATH", "SSH_CONNECTION")
_SYSLOG = "/var/log/syslog"


class ServerFailed(Exception):
    """The private server did not come up; the message is a sentence for the operator."""


def run(command: Sequence[str], binaries: Binaries, visitors: bool, own: bool) -> int:
    """Run a command inside a new private server; returns its exit code (128 + signal when killed).

    `own` says whether it can have processes of its own (`namespaces.own_processes`). Changes the namespaces
    of the calling process, which is of no use for anything else afterwards. Raises OSError.
    """
    alive, held = os.pipe()  # `held` closes when this process ends, whatever ends it
    folder = os.getcwd()
    namespaces.separate(own)
    namespaces.stay_visible()
    signal.pthread_sigmask(signal.SIG_BLOCK, _TO_END)  # until there is somebody who can hear them
    child = os.fork()
    if not child:
        os.close(held)
        code = 2
        try:
            code = _inside(command, binaries, visitors, own, alive, folder)
        except (OSError, ServerFailed) as error:
            print(f"wraptui demo: the private server did not come up: {error}", file=sys.stderr)
        finally:
            _end(code, own)
    os.close(alive)
    return _wait(child)


def join(pid: int, command: Sequence[str]) -> int:
    """Run a command inside the server whose first process is `pid`; returns its exit code. Raises OSError."""
    folder = os.getcwd()
    namespaces.join(pid)
    child = os.fork()
    if not child:
        namespaces.die_with_parent()
        with open(_ENVIRONMENT, encoding="utf-8", errors="surrogateescape") as file:
            _execute(command, _callers_environment() | json.load(file), folder)
    return _wait(child)


def _wait(child: int) -> int:
    """Wait for the child, passing on what asks us to end; the terminal itself sends it Ctrl-C."""
    for number in _TO_END:
        signal.signal(number, lambda received, _: os.kill(child, received))
    for number in _FROM_THE_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_END)
    return _code(os.waitpid(child, 0)[1])


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _inside(
    command: Sequence[str], binaries: Binaries, visitors: bool, own: bool, alive: int, folder: str
) -> int:
    """The first process of the server: makes it, runs the command, reaps what others leave."""
    if own:
        namespaces.die_with_parent()
    else:  # nobody else would end what we started: we must live to do it
        signal.signal(signal.SIGUSR1, lambda *_: _end(2, own))
        namespaces.die_with_parent(signal.SIGUSR1)
    os.set_blocking(alive, False)
    try:
        if os.read(alive, 1) == b"":
            return 2  # the parent ended before it could take us with it
    except BlockingIOError:
        pass
    for number in _FROM_THE_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    for number in _TO_END:  # a first process is deaf to what it neither handles nor blocks
        signal.signal(number, lambda received, _: _end(128 + received, own))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_END)
    namespaces.stay_visible()
    if own:
        namespaces.mount_own_processes()
    else:
        namespaces.mount("", "/", "", namespaces.REC | namespaces.PRIVATE)
        namespaces.adopt_orphans()
    namespaces.set_host_name("server")
    network.bring_up()
    tree.furnish(os.geteuid())
    environment = _environment(binaries)
    _start_syslog(environment)
    _start_xinetd(binaries, environment, fork=own)
    _write_ourselves()
    os.symlink(os.path.realpath(sys.executable), _LISTENER)
    _start([_LISTENER, "-IS", _program("listener"), "sshd", str(_SSH), binaries.libwrap], environment)
    operator = _operators_session()
    if visitors:
        words = ["-IS", _program("visitors"), network.SERVER4, network.SERVER6]
        _start([sys.executable, *words], environment)
    ends = (*operator.getsockname()[:2], *operator.getpeername()[:2])
    environment["SSH_CONNECTION"] = " ".join(str(part) for part in ends)
    with open(_ENVIRONMENT, "w", encoding="utf-8", errors="surrogateescape") as file:
        json.dump({name: environment[name] for name in _OURS if name in environment}, file)
    return _run_to_its_end(command, environment, folder)


def _environment(binaries: Binaries) -> dict[str, str]:
    """The caller's environment, with the real programs within reach."""
    environment = _callers_environment()
    for name, value in binaries.environment().items():
        environment[name] = ":".join(filter(None, (value, environment.get(name, ""))))
    folders = [os.path.join(binaries.root, name) for name in ("usr/sbin", "usr/bin", "sbin")]
    path = [
        os.path.dirname(_OURSELVES),
        environment.get("PATH", "/usr/bin:/bin"),
        "/usr/sbin",
        "/sbin",
        *folders,
    ]
    environment["PATH"] = ":".join(path)
    return environment


def _write_ourselves() -> None:
    """`wraptui` inside is the very one that runs the demo, installed or not."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    words = (
        f"PYTHONPATH={shlex.quote(package)}${{PYTHONPATH:+:$PYTHONPATH}} exec {shlex.quote(sys.executable)}"
    )
    with open(_OURSELVES, "w") as script:
        script.write(f'#!/bin/sh\n{words} -m wraptui "$@"\n')
    os.chmod(_OURSELVES, 0o755)  # noqa: S103 - a program


def _callers_environment() -> dict[str, str]:
    """The environment of whoever calls, but for how he came to the host: inside he came another way."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}


def _program(name: str) -> str:
    return os.path.join(_PROGRAMS, name + ".py")


def _start(words: Sequence[str], environment: dict[str, str], keep: Sequence[int] = ()) -> int:
    """Start a daemon in a session of its own; returns its process id."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        namespaces.die_with_parent()
        quiet = os.open(os.devnull, os.O_RDWR)
        complaints = os.open(os.path.join(tree.STAGE, "complaints"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for number, descriptor in enumerate((quiet, quiet, complaints)):
            os.dup2(descriptor, number)
        for descriptor in keep:
            os.set_inheritable(descriptor, True)
        _execute(words, environment, "/")
    finally:
        os._exit(127)


def _execute(words: Sequence[str], environment: dict[str, str], folder: str) -> None:
    """Become another program; exits with the shell's codes when that cannot be."""
    for number in (*_FROM_THE_TERMINAL, *_TO_END, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.chdir(folder)
    except OSError:
        os.chdir("/")
    try:
        os.execvpe(words[0], list(words), environment)  # noqa: S606 - no shell is meant
    except OSError as error:
        print(f"wraptui demo: {words[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _start_syslog(environment: dict[str, str]) -> None:
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    os.chmod("/dev/log", 0o666)  # noqa: S103 - everybody may log, as everywhere
    with open(_SYSLOG, "ab"):
        pass
    words = [sys.executable, "-IS", _program("syslogd"), str(log.fileno()), socket.gethostname()]
    _start(words, environment, keep=[log.fileno()])
    log.close()


def _start_xinetd(binaries: Binaries, environment: dict[str, str], fork: bool) -> None:
    """As Debian's init script does; without forking only where a forked one could outlive us."""
    words = [binaries.xinetd, "-pidfile", "/run/xinetd.pid", "-stayalive", "-inetd_compat"]
    _start(words if fork else [*words, "-dontfork"], environment)
    end = time.monotonic() + _SECONDS_TO_START
    while b"Started working" not in _syslog():
        if time.monotonic() > end:
            told = _syslog().decode(errors="replace").splitlines()
            raise ServerFailed(
                "xinetd does not start; " + (f"it said: {told[-1]}" if told else "it said nothing")
            )
        time.sleep(0.01)


def _syslog() -> bytes:
    with open(_SYSLOG, "rb") as file:
        return file.read()


def _operators_session() -> socket.socket:
    """The connection that the operator could have come by: held open as long as the server lives."""
    end = time.monotonic() + _SECONDS_TO_START
    while True:
        session = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        session.settimeout(_SECONDS_TO_START)
        try:
            session.bind((OPERATOR, 0))
            session.connect((network.SERVER4, _SSH))
            if session.recv(100):
                return session
        except ConnectionError:
            pass
        session.close()
        if time.monotonic() > end:
            raise ServerFailed("the listener that stands for sshd does not answer")
        time.sleep(0.02)


def _run_to_its_end(command: Sequence[str], environment: dict[str, str], folder: str) -> int:
    """Run the command; reap orphans meanwhile, as a first process must."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _TO_END)  # until there is somebody to pass them on to
    child = os.fork()
    if not child:
        namespaces.die_with_parent()
        _execute(command, environment, folder)
    for number in _TO_END:
        signal.signal(number, lambda received, _: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TO_END)
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            return _code(status)


def _end(code: int, own: bool) -> NoReturn:
    """End the server at once: an exception could be lost on its way through whatever runs at that moment."""
    if not own:
        _end_descendants()
    os._exit(code)


def _end_descendants() -> None:
    """Kill what is left below this process, where no namespace does that for us."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:
                children = [int(word) for word in file.read().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
