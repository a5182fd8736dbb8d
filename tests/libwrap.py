"""Knows how to ask the real libwrap what it decides, without letting it do anything.

The library is entered only in a forked child, with its `dry_run` on, so spawn, twist and aclexec run nothing.
Debian's `user` and `group` switch ids exactly then (and never in a live daemon): a seccomp filter makes the
kernel answer those calls with success and do nothing, which leaves a live daemon's verdict. Where the library
ends its process (an expansion that is too long), the child ends, and a new one takes the next question.

`live=True` asks with `dry_run` off, for what a dry run cannot show: aclexec's answer, a resident process.
Only ask such questions about files whose commands are harmless.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import re
import resource
import signal
import socket
import struct
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from io import BufferedRWPair
from types import TracebackType
from typing import Any

from wraptui.policy.tables.access import Decision, Visitor
from wraptui.syntax.tree import byte_text, to_bytes

_KEYS = {"file": 1, "daemon": 2, "user": 3, "name": 4, "address": 5, "server_name": 7, "server_address": 8}
_MATCHED = re.compile(r"matched:  (.*) line (\d+)")
_ID_CALLS = {  # setuid setgid setreuid setregid setgroups setresuid setresgid
    "x86_64": (105, 106, 113, 114, 116, 117, 119),
    "aarch64": (146, 144, 145, 143, 159, 147, 149),
}


class _End(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 128),
        ("address", ctypes.c_char * 128),
        ("socket", ctypes.c_void_p),
        ("unit", ctypes.c_void_p),
        ("request", ctypes.c_void_p),
    ]


class _Request(ctypes.Structure):
    _fields_ = [
        ("descriptor", ctypes.c_int),
        ("user", ctypes.c_char * 128),
        ("daemon", ctypes.c_char * 128),
        ("pid", ctypes.c_char * 10),
        ("client", _End),
        ("server", _End),
        ("methods", ctypes.c_void_p * 5),
    ]


class _Context(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("line", ctypes.c_int)]


@dataclass(frozen=True)
class Question:
    """Two files of the machine, and who asks."""

    allow: str
    deny: str
    visitor: Visitor
    live: bool = False
    resident: bool = False


class Crashed(Exception):
    """The library crashed its process, or the child failed before it could ask."""


class Libwrap:
    """The real library at a path, asked through a child process that is replaced whenever it ends."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._log = os.memfd_create("libwrap")
        self._child = 0
        self._pipe: BufferedRWPair | None = None

    def __enter__(self) -> Libwrap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_child()
        os.close(self._log)

    def ask(self, question: Question) -> Decision:
        """What the library decides; `messages` is all it logs at its most talkative."""
        if self._pipe is None:
            self._start_child()
        assert self._pipe is not None
        self._pipe.write(json.dumps(asdict(question)).encode() + b"\n")
        self._pipe.flush()
        answer = self._pipe.readline()
        logged = byte_text(os.pread(self._log, os.fstat(self._log).st_size, 0))
        os.ftruncate(self._log, 0)
        if answer:
            if question.live:  # the library never forgets that an aclexec failed
                self._end_child()
            return _decision(answer.decode().strip(), logged)
        status = self._end_child()
        if status:
            raise Crashed(f"wait status {status}: {question}: {logged}")
        return _decision("exit", logged)

    def ask_all(self, questions: Iterable[Question]) -> list[Decision]:
        return [self.ask(question) for question in questions]

    def _start_child(self) -> None:
        here, there = socket.socketpair()
        self._child = os.fork()
        if self._child == 0:
            here.close()
            try:
                _serve(self._path, there, self._log)
            except BaseException:
                os.write(2, traceback.format_exc().encode())
                os._exit(3)
        there.close()
        self._pipe = here.makefile("rwb")
        here.close()

    def _end_child(self) -> int:
        if self._pipe is None:
            return 0
        self._pipe.close()
        self._pipe = None
        return os.waitpid(self._child, 0)[1]


def _decision(verdict: str, logged: str) -> Decision:
    """The answer that a verdict and a log amount to."""
    file, line, reason = None, None, "default"
    messages = []
    for message in logged.split("\n"):
        message = message.removeprefix("libwrap: ")
        matched = _MATCHED.fullmatch(message)
        if matched:
            file, line, reason = matched[1], int(matched[2]), "rule"
        elif message:
            messages.append(message)
            if message.startswith("error: "):
                reason = "option-error"
            elif message == "aclexec returned 1":
                file, line, reason = None, None, "default"
    if verdict == "exit":
        reason = "exit"
    elif verdict == "denied" and reason == "default":
        reason = "table-error"
    return Decision(verdict, file, line, reason, tuple(messages))  # type: ignore[arg-type]


def _serve(path: str, pipe: socket.socket, log: int) -> None:
    """The child: answers questions until the pipe closes, or the library ends it."""
    os.dup2(log, 2)
    fcntl.fcntl(2, fcntl.F_SETFL, os.O_APPEND)
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.chdir("/")  # where daemons run
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, False)  # but not its wait for an aclexec: that would read no status
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)  # cuts the sleep before an exit short
    neighbour = os.path.join(os.path.dirname(path), "libnsl.so.2")
    if os.path.exists(neighbour):
        ctypes.CDLL(neighbour, mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(path)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.openlog(b"libwrap", 0x20, 3 << 3)  # LOG_PERROR: to descriptor 2 as well
    _make_id_calls_idle(libc)
    library.hosts_access.argtypes = [ctypes.c_void_p]
    incoming = pipe.makefile("rb")
    for question in incoming:
        verdict = _answer(library, json.loads(question))
        pipe.sendall(verdict.encode() + b"\n")
    os._exit(0)


def _make_id_calls_idle(libc: ctypes.CDLL) -> None:
    """Let the kernel answer every call that changes ids with success, and do nothing."""
    calls = _ID_CALLS[platform.machine()]
    load_number, jump_if_equal, give_back = 0x20, 0x15, 0x06
    program = struct.pack("=HBBI", load_number, 0, 0, 0)
    for index, call in enumerate(calls):
        program += struct.pack("=HBBI", jump_if_equal, len(calls) - index, 0, call)
    program += struct.pack("=HBBI", give_back, 0, 0, 0x7FFF0000)  # allow
    program += struct.pack("=HBBI", give_back, 0, 0, 0x00050000)  # errno 0
    code = _buffer(program)
    filters = _buffer(struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(code)))
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.addressof(filters), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _buffer(data: bytes) -> Any:
    return ctypes.create_string_buffer(data, len(data))


def _answer(library: ctypes.CDLL, question: dict[str, Any]) -> str:
    dry_run = ctypes.c_int.in_dll(library, "dry_run")
    dry_run.value = not question["live"]
    ctypes.c_int.in_dll(library, "hosts_access_verbose").value = 2
    ctypes.c_int.in_dll(library, "resident").value = 0 if question["resident"] else -1
    allow, deny = (ctypes.c_char_p.in_dll(library, f"hosts_{name}_table") for name in ("allow", "deny"))
    allow.value, deny.value = os.fsencode(question["allow"]), os.fsencode(question["deny"])
    context = _Context.in_dll(library, "tcpd_context")
    context.file, context.line = None, 0
    visitor = question["visitor"]
    request = _Request()
    pair = socket.socketpair()
    arguments: list[Any] = [
        ctypes.byref(request),
        ctypes.c_int(_KEYS["file"]),
        ctypes.c_int(pair[0].fileno() if question["live"] else -1),  # a long banner would wait for a reader
    ]
    for name in ("daemon", "user", "name", "address", "server_name", "server_address"):
        arguments += [ctypes.c_int(_KEYS[name]), ctypes.c_char_p(to_bytes(visitor[name]))]
    library.request_init(*arguments, ctypes.c_int(0))
    port = visitor["server_port"]
    end = _buffer(struct.pack("=HH4s120x", socket.AF_INET, socket.htons(port), b"\0\0\0\0"))
    if port:
        request.server.socket = ctypes.addressof(end)
    mask = os.umask(0o022)
    granted = library.hosts_access(ctypes.byref(request))
    os.umask(mask)
    for each in pair:
        each.close()
    if not question["live"] and not dry_run.value:
        return "delegated"
    return "granted" if granted else "denied"
