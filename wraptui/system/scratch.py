"""Knows how to ask the real xinetd what it makes of files that are not in place: in namespaces of its own.

xinetd has no check mode. A second one is started with private mounts, network and /run, where the candidate
files stand in the places of the real ones; it says what it starts, and is ended. Verified with 2.3.15.3.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wraptui.system.machine import Machine
from wraptui.system.xinetd import DUMP, Daemon, read_dump

if TYPE_CHECKING:
    import ctypes

PATIENCE = 15.0  # seconds; it takes 0.1, but eleven tries of half a second each for a port that is taken
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_USUAL = ("/usr/sbin/xinetd", "/usr/local/sbin/xinetd")


@dataclass(frozen=True, slots=True)
class Trial:
    """What the real xinetd did with the files. `ran` is False when it could not be asked, and `why` says why
    not; `ends`: it ended instead of working; `services` are the ids that it started, `said` its errors and
    warnings, without their stamps."""

    ran: bool
    why: str = ""
    ends: bool = False
    services: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def trial(machine: Machine, daemon: Daemon, files: Mapping[str, bytes | None]) -> Trial:
    """The real xinetd on the machine's files with these in their places (None: not there)."""
    if machine.root != "/" or not machine.live:
        return Trial(False, "these files belong to no running machine")
    program = machine.program(daemon.pid) if daemon.pid else ""
    program = program or next((path for path in _USUAL if os.access(path, os.X_OK)), "")
    if not program:
        return Trial(False, "xinetd is not installed here")
    work = tempfile.mkdtemp(prefix="wraptui-trial-")
    try:
        job = {
            "work": work,
            "command": [program, "-dontfork", "-f", daemon.configuration]
            + ["-filelog", f"{work}/log", "-pidfile", f"{work}/pid"]
            + (["-inetd_compat"] if daemon.inetd_compat else []),
            "mounts": _laid_out(machine, work, files),
            "environment": _environment(machine, daemon),
        }
        ran = subprocess.run(
            [sys.executable, "-m", "wraptui.system.scratch"],
            input=json.dumps(job).encode(),
            capture_output=True,
            timeout=PATIENCE + 10,
            env={**os.environ, "PYTHONPATH": _PACKAGES},
            cwd="/",
        )
        if ran.returncode:
            why = ran.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
            return Trial(False, f"a private xinetd could not be started ({why})")
        told = json.loads(ran.stdout)
        services = tuple(each.id for each in read_dump(told["dump"].encode("latin-1")).services)
        return Trial(True, "", bool(told["ended"]), services, tuple(_complaints(told["log"])))
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        return Trial(False, f"a private xinetd could not be asked ({error})")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _laid_out(machine: Machine, work: str, files: Mapping[str, bytes | None]) -> list[tuple[str, str]]:
    """The candidates as files below `work`, and what is to be mounted where: a file on a file; where one
    comes or goes, a folder of the same files on its folder."""
    mounts: list[tuple[str, str]] = []
    folders: dict[str, str] = {}
    for number, (path, data) in enumerate(files.items()):
        real = machine.real(path)
        exists = os.path.isfile(real)
        if exists and data is not None:
            place = f"{work}/file-{number}"
            with open(place, "wb") as file:
                file.write(data)
            mounts.append((place, real))
        elif exists or data is not None:
            folder, name = os.path.split(real)
            if not os.path.isdir(folder):
                raise FileNotFoundError(f"there is no folder {folder}")
            if folder not in folders:
                folders[folder] = f"{work}/folder-{len(folders)}"
                shutil.copytree(folder, folders[folder], symlinks=True, ignore=_only_files)
            place = f"{folders[folder]}/{name}"
            with suppress(FileNotFoundError):
                os.unlink(place)
            if data is not None:
                with open(place, "wb") as file:
                    file.write(data)
    # Folders first: the files inside them are mounted on top.
    return [(place, folder) for folder, place in folders.items()] + mounts


def _only_files(folder: str, names: Sequence[str]) -> list[str]:
    return [
        name for name in names if os.path.isdir(f"{folder}/{name}") and not os.path.islink(f"{folder}/{name}")
    ]


def _environment(machine: Machine, daemon: Daemon) -> dict[str, str]:
    """The running daemon's environment, which passenv and the loader go by; this process's where unknown."""
    try:
        words = machine.read(f"/proc/{daemon.pid}/environ").split(b"\0") if daemon.pid else []
    except OSError:
        words = []
    pairs = [os.fsdecode(word).partition("=") for word in words if b"=" in word]
    return {name: value for name, _, value in pairs} or dict(os.environ)


def _complaints(log: str) -> list[str]:
    """The errors and warnings of a log file of xinetd's own, between its start and its working."""
    found: list[str] = []
    for line in log.split("\n"):
        if "Started working: " in line:
            break
        level = line.partition("]: ")[2].partition(": ")
        if level[0] in ("ERROR", "WARNING", "CRITICAL") and "bind retry attempt" not in line:
            found.append(level[2])
    return list(dict.fromkeys(found))


# Inside: the process that leaves the machine and starts the second xinetd


def _inside(job: Mapping[str, object]) -> dict[str, object]:
    _leave()
    work = str(job["work"])
    _mount("", "/", "", _REC | _PRIVATE)
    logs = [folder for folder, _, _ in os.walk("/var/log")]
    for place in ("/var/log", "/run", "/var/run"):
        if os.path.isdir(place) and not os.path.islink(place):
            _mount("tmpfs", place, "tmpfs", 0)
    for folder in logs:  # log_type opens files there, in the folders that there are
        os.makedirs(folder, exist_ok=True)
    mounts = job["mounts"]
    assert isinstance(mounts, list)
    for source, target in mounts:
        _mount(str(source), str(target), "", _BIND)
    _network()
    command, environment = job["command"], job["environment"]
    assert isinstance(command, list) and isinstance(environment, dict)
    open(f"{work}/log", "wb").close()
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        preexec_fn=_die_with_us,
    )
    try:
        dump = b""
        if _awaited(server, f"{work}/log", b"Started working: "):
            server.send_signal(10)  # SIGUSR1: tell what you do
            _awaited(server, DUMP, b"END OF DUMP")
            with suppress(OSError):
                dump = _read(DUMP)
        ended = server.poll() is not None
    finally:
        with suppress(OSError):
            server.kill()
        server.wait()
    return {"ended": ended, "log": _read(f"{work}/log").decode("latin-1"), "dump": dump.decode("latin-1")}


def _awaited(server: subprocess.Popen[bytes], path: str, text: bytes) -> bool:
    """Whether the text came to stand in the file before the server ended."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError):
            if text in _read(path):
                return True
        if server.poll() is not None:
            return False
        time.sleep(0.01)
    return False


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000


def _leave() -> None:
    """Mounts and network of its own; for a plain user as root of a user namespace. Raises `OSError`."""
    libc, error = _libc()
    if libc.unshare(_NEWNS | _NEWNET) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEWUSER | _NEWNS | _NEWNET):
        raise OSError(error(), f"no private namespaces: {os.strerror(error())}")
    for name, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    import ctypes

    libc, error = _libc()
    words = [os.fsencode(word) or None for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), None):
        raise OSError(error(), f"mounting {target}: {os.strerror(error())}")


def _network() -> None:
    """Loopback up, and every address bound to as if it were this machine's."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = fcntl.ioctl(control, 0x8913, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", asked)[1] | 1
        fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", flags))
    for family in ("ipv4", "ipv6"):
        with suppress(OSError), open(f"/proc/sys/net/{family}/ip_nonlocal_bind", "w") as switch:
            switch.write("1")


def _libc() -> tuple[ctypes.CDLL, Callable[[], int]]:
    import ctypes

    return ctypes.CDLL(None, use_errno=True), ctypes.get_errno


def _die_with_us() -> None:
    """Lets the kernel end the second xinetd should this process be killed."""
    _libc()[0].prctl(1, 9)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_inside(json.loads(sys.stdin.buffer.read()))))
