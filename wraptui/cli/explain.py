"""`wraptui explain`: would this client get in, and by which line?"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, BinaryIO, TypeVar

from wraptui.cli import FINE, FOUND, UNREADABLE
from wraptui.cli.explained import answer_of, as_text, record
from wraptui.cli.text import complain, write, write_json
from wraptui.policy.tables.access import Table, Tables, Visitor, decide, read_table
from wraptui.policy.tables.expansion import LookUp
from wraptui.syntax.tree import byte_text, typed
from wraptui.system.files import Status, Tree

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"

T = TypeVar("T")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui explain`."""
    parser.add_argument("daemon", nargs="?", metavar="DAEMON[@SERVER]", help="process name, and server host")
    parser.add_argument("client", nargs="?", metavar="[USER@]CLIENT", help="address or host name")
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")
    parser.add_argument("--json", action="store_true", help="write JSON (a list if the client has addresses)")
    parser.add_argument(
        "--batch", action="store_true", help="answer JSON Lines from standard input; no lookups at all"
    )
    parser.add_argument("--name", help="the client's host name, or unknown, or paranoid; not looked up then")
    parser.add_argument("--user", default="unknown", help="the client's user name")
    parser.add_argument("--server-address", default="", metavar="ADDRESS")
    parser.add_argument("--server-name", default="", metavar="NAME")
    parser.add_argument("--server-port", default=0, type=int, metavar="PORT")
    parser.add_argument("--aclexec-fails", action="store_true", help="assume that every aclexec fails")
    parser.add_argument("--timeout", default=5.0, type=float, metavar="SECONDS", help="patience with lookups")
    parser.add_argument("--service", metavar="ID", help="ask xinetd's own checks of this service too")


def run(options: argparse.Namespace) -> int:
    """Prints the verdict and its trace; 0 granted, 1 anything else, 2 usage or unreadable."""
    if options.service:
        from wraptui.cli import explain_service

        return int(explain_service.run(options))
    if not os.path.isdir(options.root):
        complain(f"{options.root}: no such directory")
        return UNREADABLE
    files = Inspected(options.root)
    tables = Tables(load(files, ALLOW), load(files, DENY), files)
    if options.batch:
        return batch(tables, sys.stdin.buffer, aclexec=not options.aclexec_fails)
    if not options.daemon or not options.client:
        complain("explain needs DAEMON and CLIENT, or --batch, or --service")
        return UNREADABLE
    try:
        visitors = list(asked_for(options))
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    names: dict[str, str] = {}
    answers = []
    for visitor in visitors:
        look_up = patient_look_up(options.timeout, names)
        decision = decide(tables, visitor, aclexec=not options.aclexec_fails, trace=True, look_up=look_up)
        known = replace(visitor, name=visitor.name or names.get(visitor.address, ""))
        answers.append((known, decision))
    if options.json:
        records = [record(visitor, decision) for visitor, decision in answers]
        write_json(records[0] if len(records) == 1 else records)
    else:
        write("\n".join(as_text(visitor, decision) for visitor, decision in answers))
    return FINE if all(decision.verdict == "granted" for _, decision in answers) else FOUND


class Inspected:
    """The files under a root; what a mere tree of files lacks (users, interfaces) is this machine's."""

    _EVERYWHERE = ("/etc/passwd", "/etc/group", "/sys/class/net")

    def __init__(self, root: str) -> None:
        self._tree = Tree(root)

    def _either(self, path: str, ask: Callable[[Tree], T]) -> T:
        try:
            return ask(self._tree)
        except FileNotFoundError:
            if path not in self._EVERYWHERE:
                raise
            return ask(Tree("/"))

    def read(self, path: str) -> bytes:
        return self._either(path, lambda tree: tree.read(path))

    def names(self, path: str) -> list[str]:
        return self._either(path, lambda tree: tree.names(path))

    def status(self, path: str) -> Status:
        return self._tree.status(path)

    def executable(self, path: str) -> bool:
        return self._tree.executable(path)


def load(files: Inspected, path: str) -> Table:
    """A table as libwrap finds it."""
    try:
        return read_table(path, byte_text(files.read(path)))
    except (FileNotFoundError, IsADirectoryError):  # libwrap opens a directory, and reads nothing
        return read_table(path, "")
    except OSError as error:
        return read_table(path, "", error.strerror or str(error))


def batch(tables: Tables, incoming: BinaryIO, *, aclexec: bool) -> int:
    """Answers one question per line, as soon as the line is there. A line that is no question is complained
    about, gets an answer without a verdict, and makes the exit code 2; blank lines get none."""
    code = FINE
    number = 0
    for lines in arriving(incoming):
        answers = []
        for line in lines:
            number += 1
            if not line.strip():
                continue
            answer = answered(tables, line, aclexec=aclexec)
            if "error" in answer:
                complain(f"line {number} is no question: {answer['error']}")
                code = UNREADABLE
            answers.append(json.dumps(answer) + "\n")
        write("".join(answers))
    return code


def arriving(incoming: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a stream, as many as there are at a time: whoever writes one need not write the next to
    get it answered."""
    unfinished: list[bytes] = []
    while data := incoming.read1(1 << 16):  # type: ignore[attr-defined]
        first, *others = data.split(b"\n")
        unfinished.append(first)
        if others:
            whole = [b"".join(unfinished), *others[:-1]]
            unfinished = [others[-1]]
            yield whole
    yield [b"".join(unfinished)]


def answered(tables: Tables, line: bytes, *, aclexec: bool) -> dict[str, object]:
    """The answer to one line of a batch; `error` says why it is no question."""
    question: Any = None
    try:
        question = json.loads(line.decode("utf-8", "surrogateescape"))
        decision = decide(tables, visitor_of(question), aclexec=aclexec)
    except (ValueError, OverflowError, RecursionError) as error:
        name = question.get("id") if isinstance(question, dict) else None
        nothing = dict.fromkeys(("verdict", "file", "line", "reason"))
        return {"id": name, **nothing, "messages": [], "error": str(error)}
    return {"id": question.get("id"), **answer_of(decision)}


def visitor_of(question: object) -> Visitor:
    """The visitor that a question of a batch describes; what is absent or empty is unknown. Raises
    `ValueError` for what describes none."""
    if not isinstance(question, dict):
        raise ValueError("it is no object")

    def text(key: str) -> str:
        value = question.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise ValueError(f"{key} is no text")
        return "unknown" if value is None or value == "" else typed(str(value))

    port = question.get("server_port") or 0
    if not isinstance(port, str | int | float) or not 0 <= int(port) <= 65535:
        raise ValueError("server_port is no port")
    return Visitor(
        daemon="" if question.get("daemon") == "" else text("daemon"),
        address=text("address"),
        name=text("name"),
        user=text("user"),
        server_address=text("server_address"),
        server_name=text("server_name"),
        server_port=int(port),
    )


def asked_for(options: argparse.Namespace) -> Iterator[Visitor]:
    """The visitors that the words of the command line mean: one for each address of a host name."""
    daemon, _, server = (
        options.daemon.partition("@") if options.daemon[0] != "@" else (options.daemon, "", "")
    )
    user, _, client = options.client.rpartition("@")
    server_address, server_name = options.server_address, options.server_name
    if server:
        found = numeric(server)
        server_address = server_address or found or resolved(server, options.timeout)[0]
        server_name = server_name or ("" if found else server)
    addresses = [numeric(client) or ""]
    if not addresses[0]:
        addresses = ["unknown"] if client == "unknown" else resolved(client, options.timeout)
    for address in addresses:
        yield Visitor(
            daemon=typed(daemon),
            address=address,
            name=typed(options.name) if options.name else "",
            user=typed(user or options.user),
            server_address=server_address or "unknown",
            server_name=typed(server_name) if server_name or server_address else "unknown",
            server_port=options.server_port,
        )


def numeric(text: str) -> str:
    """An address as a daemon would write it; "" when the text is none."""
    text = text.removeprefix("[").removesuffix("]")
    address, percent, zone = text.partition("%")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            written = socket.inet_ntop(family, socket.inet_pton(family, address))
        except (OSError, ValueError):
            continue
        return written + percent + zone if family == socket.AF_INET6 else written if not percent else ""
    return ""


def resolved(name: str, timeout: float) -> list[str]:
    """The addresses of a host name; raises `OSError` with a sentence when there are none in time."""

    def ask() -> list[str]:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    nothing: list[str] = []
    addresses = in_time(ask, timeout, nothing)
    if not addresses:
        raise OSError(f"{name}: no such host, or no answer within {timeout:g} s")
    return addresses


def patient_look_up(timeout: float, names: dict[str, str]) -> LookUp:
    """Names as libwrap finds them, noted in `names`, and its warnings; `unknown`, with a complaint, after the
    timeout."""

    @cache
    def look_up(address: str) -> tuple[str, tuple[str, ...]]:
        from wraptui.system.names import looked_up

        nothing: tuple[str, tuple[str, ...]] = "", ()
        name, warnings = in_time(lambda: looked_up(address), timeout, nothing)
        if not name:
            complain(f"the name of {address} was not found within {timeout:g} s; it counts as unknown")
        names[address] = name or "unknown"
        return names[address], warnings

    return look_up


def in_time(ask: Callable[[], T], timeout: float, otherwise: T) -> T:
    """What `ask` gives if it answers in time. A late answer's thread ends with the process."""
    answers: list[T] = []
    thread = threading.Thread(target=lambda: answers.append(ask()), daemon=True)
    thread.start()
    thread.join(timeout)
    return answers[0] if answers else otherwise
