"""Knows how to load a tree of files with the real xinetd, in namespaces of its own, and what it answers."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wraptui.demo import namespaces
from wraptui.demo.binaries import Binaries

LEVELS = ("WARNING", "ERROR", "CRITICAL", "NOTICE", "DEBUG", "INFO")
_STAMP = re.compile(r"\d\d/\d+/\d+@\d\d:\d\d:\d\d xinetd\[\d+\]: ([A-Z]+): (?:\d+ \{\w+\} )?", re.ASCII)
_PLACE = re.compile(r" \[file=(.*)\] \[line=(\d+)\]\Z", re.DOTALL)
_BANNERS = ("2.3.15.3 started with ", "Started working: ", "generated state dump ")
_UP, _RUNNING, _SET_FLAGS = 1, 64, 0x8914


@dataclass(frozen=True)
class Said:
    """One line of the internal log."""

    level: str
    text: str
    file: str | None
    line: int | None


@dataclass(frozen=True)
class Answer:
    """What the daemon made of a tree. `services` are its dump's, in order: label to value."""

    alive: bool
    status: int | None
    said: tuple[Said, ...]
    services: tuple[Mapping[str, str], ...] = ()
    killed: bool = field(default=False)


def furnish(root: Path, files: Mapping[str, bytes | str]) -> None:
    """Write a tree: path inside the root to content; a `str` is where a link leads, "" makes a directory.
    What the daemon needs besides gets a place."""
    for path, data in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, bytes):
            target.write_bytes(data)
        elif data:
            target.symlink_to(data)
        else:
            target.mkdir(exist_ok=True)
    for folder in ("dev", "lab/real", "lab/out", "usr", "var/run", "run", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "dev/null").touch()
    for name in ("lib", "lib64"):
        if os.path.islink("/" + name):
            if not (root / name).is_symlink():
                (root / name).symlink_to(os.readlink("/" + name).lstrip("/"))
        elif os.path.isdir("/" + name):
            (root / name).mkdir(exist_ok=True)


def _enter(root: str, real: str) -> None:
    """Leave the host; runs in the child, before the daemon."""
    namespaces.die_with_parent()
    namespaces.separate(own_processes=False)
    namespaces.mount("", "/", "", namespaces.REC | namespaces.PRIVATE)
    for source in ("/usr", "/lib", "/lib64"):
        if os.path.isdir(source) and not os.path.islink(source):
            namespaces.mount(source, root + source, "", namespaces.BIND | namespaces.REC)
    if real != "/":
        namespaces.mount(real, root + "/lab/real", "", namespaces.BIND | namespaces.REC)
    namespaces.mount("/dev/null", root + "/dev/null", "", namespaces.BIND)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP | _RUNNING))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    os.chroot(root)
    os.chdir("/")
    os.umask(0o022)


@contextmanager
def running(root: Path, real: Binaries, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The real daemon with `root` as its whole file system; killed at the end."""
    inside = "/lab/real" if real.root != "/" else ""
    program = inside + real.xinetd[len(real.root.rstrip("/")) :]
    libraries = ":".join(
        inside + folder[len(real.root.rstrip("/")) :] for folder in real.libraries.split(":") if folder
    )
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"}
    if libraries:
        environment["LD_LIBRARY_PATH"] = libraries
    command = [program, "-dontfork", "-filelog", "/lab/out/log", "-pidfile", "/lab/out/pid", *options]
    for name in ("lab/out/log", "lab/out/pid", "var/run/xinetd.dump"):
        (root / name).unlink(missing_ok=True)
    host = str(root)
    daemon = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: _enter(host, real.root),
    )
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.wait()


def answer(root: Path, real: Binaries, *options: str, patience: float = 10.0) -> Answer:
    """Load the tree's /etc/xinetd.conf with the real daemon and ask for its dump."""
    log, dump = root / "lab/out/log", root / "var/run/xinetd.dump"
    with running(root, real, *options) as daemon:
        end = time.monotonic() + patience
        while daemon.poll() is None and b"Started working" not in _content(log):
            if time.monotonic() > end:
                return Answer(True, None, read_log(_content(log)), killed=True)
            time.sleep(0.002)
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGUSR1)
        while daemon.poll() is None and b"END OF DUMP" not in _content(dump):
            if time.monotonic() > end:
                break
            time.sleep(0.001)
        alive = daemon.poll() is None
        return Answer(alive, daemon.poll(), read_log(_content(log)), read_dump(_content(dump)))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def read_log(data: bytes) -> tuple[Said, ...]:
    """The internal log's messages; a line without a stamp goes on with the message before it."""
    rows: list[list[str]] = []
    for line in data.decode("latin-1").split("\n"):
        stamp = _STAMP.match(line)
        if stamp and stamp[1] in LEVELS:
            rows.append([stamp[1], line[stamp.end() :]])
        elif rows:
            rows[-1][1] += "\n" + line
    if rows and rows[-1][1].endswith("\n"):
        rows[-1][1] = rows[-1][1][:-1]
    said = []
    for level, text in rows:
        place = _PLACE.search(text)
        if place:
            said.append(Said(level, text[: place.start()], place[1], int(place[2])))
        elif not text.startswith(_BANNERS):
            said.append(Said(level, text, None, None))
    return tuple(said)


def read_dump(data: bytes) -> tuple[Mapping[str, str], ...]:
    """The services of a state dump: each line's label (in lower case) and what stands behind it."""
    services: list[dict[str, str]] = []
    label = ""
    for line in data.decode("latin-1").split("Server table dump:")[0].split("\n"):
        if line.startswith("Service = "):
            services.append({"name": line[len("Service = ") :]})
            continue
        if not services or not line.startswith("\t"):
            continue
        here, text = services[-1], line.lstrip("\t")
        depth = len(line) - len(text)
        if depth >= 3 and label in ("environment additions", "environment strings"):
            here[label] = f"{here[label]}\n{text}".strip("\n")
            continue
        found = re.match(r"(Protocol \(name,number\)|[^=:]*?) ?(=|:)(.*)\Z", text, re.DOTALL)
        if found:
            label = found[1].strip().lower()
            here[label] = found[3][1:] if found[3][:1] == " " else found[3]
        else:
            here[text.lower()] = ""
    return tuple(services)


def fresh(path: Path) -> Path:
    """An empty directory in the place of what was there."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
