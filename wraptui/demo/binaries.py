"""Knows where the real xinetd and libwrap are: installed, or unpacked from Debian's packages into a cache.

Unpacking needs no root, installs nothing and starts nothing: `apt-get download` and `dpkg -x` into a folder
of the user's own. Where the machine has no package lists, private ones are fetched into the same folder.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# What each package is wanted for; the rest of what it needs is asked of apt.
FILES = {
    "xinetd": "sbin/xinetd",
    "tcpd": "sbin/tcpdmatch",
    "vsftpd": "sbin/vsftpd",
    "openssh-server": "sbin/sshd",
    "openssh-client": "bin/ssh",
    "nftables": "sbin/nft",
    "iptables": "sbin/iptables-nft",
}
SERVER = ("xinetd", "tcpd")
LIBWRAP = "libwrap.so.0"


class BinariesMissing(Exception):
    """The real daemons cannot be had here; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The real programs: `libraries` is what LD_LIBRARY_PATH must hold ("" when they are installed), `root`
    the folder that they were unpacked in ("/" when installed)."""

    root: str
    libraries: str
    libwrap: str

    @property
    def xinetd(self) -> str:
        """The real xinetd."""
        return self.program("xinetd")

    @property
    def tcpdmatch(self) -> str:
        """libwrap's own tool that tells what its files decide."""
        return self.program("tcpd")

    def program(self, package: str) -> str:
        """The program that a package is wanted for; "" when it is not there."""
        return _program(self.root, package) or _program("/", package)

    def environment(self) -> dict[str, str]:
        """The variables that the real programs need."""
        return {"LD_LIBRARY_PATH": self.libraries} if self.libraries else {}


def find(packages: Sequence[str] = SERVER) -> Binaries:
    """The real programs of these Debian packages, fetched into the user's cache if they are not installed.

    Raises BinariesMissing with a sentence when they cannot be had.
    """
    wanted = tuple(name for name in packages if not _program("/", name))
    if not wanted and _libwrap("/"):
        return Binaries("/", "", _libwrap("/"))
    root = os.path.join(cache(), "real-" + _platform())
    lacking = _unmarked(root, wanted)
    if lacking:
        _unpack(root, lacking, wanted)
    lacking = tuple(name for name in wanted if not _program(root, name))
    if lacking:
        raise BinariesMissing(f"Debian's packages {', '.join(lacking)} hold no {FILES[lacking[0]]}.")
    libwrap = _libwrap(root) or _libwrap("/")
    if not libwrap:
        raise BinariesMissing(f"{LIBWRAP} is neither installed nor among the packages unpacked in {root}.")
    return Binaries(root, ":".join(_library_folders(root)), libwrap)


def cache() -> str:
    """The user's cache folder of wraptui."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.expanduser("~/.cache"), "wraptui")


def _platform() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return "-".join((release.get("ID", "linux"), release.get("VERSION_ID", "0"), platform.machine()))


def _program(root: str, package: str) -> str:
    for folder in ("usr", "."):
        path = os.path.normpath(os.path.join(root, folder, FILES[package]))
        if os.access(path, os.X_OK):
            return path
    return ""


def _library_folders(root: str) -> list[str]:
    """The library folders below `root`, as Debian's multiarch layout has them."""
    folders = []
    for base in ("usr/lib", "lib"):
        parent = os.path.join(root, base)
        names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        folders += [os.path.join(parent, name) for name in names if name.endswith("-linux-gnu")]
        folders += [parent] if any(".so" in name for name in names) else []
    return folders


def _libwrap(root: str) -> str:
    folders = [*_library_folders(root), os.path.join(root, "usr/lib64"), os.path.join(root, "lib64")]
    paths = [os.path.join(folder, LIBWRAP) for folder in folders]
    return next((path for path in paths if os.path.exists(path)), "")


def _mark(root: str, package: str) -> str:
    """The file that says: this package and all that it needs is unpacked. Written last."""
    return os.path.join(root, ".unpacked", package)


def _unmarked(root: str, packages: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        name for name in packages if not (_program(root, name) and os.path.exists(_mark(root, name)))
    )


def _unpack(root: str, lacking: Sequence[str], wanted: Sequence[str]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise BinariesMissing(
            f"{' and '.join(lacking)} not found here, and there is no apt-get to fetch Debian's "
            "packages with: install xinetd and libwrap."
        )
    try:
        with _locked(root):
            lacking = _unmarked(root, wanted)  # another process may have been faster
            if not lacking:
                return
            print(
                f"wraptui: {', '.join(lacking)} not installed here; unpacking Debian's packages into {root} "
                "(nothing is installed or started).",
                file=sys.stderr,
            )
            with tempfile.TemporaryDirectory(prefix="fetch-", dir=root) as folder:
                for package in _download(folder, lacking):
                    _run(["dpkg", "-x", package, root], folder)
            os.makedirs(os.path.join(root, ".unpacked"), exist_ok=True)
            for name in lacking:
                with open(_mark(root, name), "w"):
                    pass
    except OSError as error:
        raise BinariesMissing(f"Debian's packages cannot be unpacked into {root}: {error}.") from error


def _download(folder: str, packages: Sequence[str]) -> list[str]:
    """The downloaded package files: the packages and what they need that is not installed."""
    lists: list[str] = []
    plan = _plan(folder, lists, packages)
    if not plan:
        lists = _private_lists(folder)
        plan = _plan(folder, lists, packages)
    if not plan:
        raise BinariesMissing(f"apt-get knows no package {' or '.join(packages)} here.")
    problem = _fetch(folder, lists, plan)
    if problem and not lists:  # the machine's lists may be older than what the mirror still keeps
        lists = _private_lists(folder)
        problem = _fetch(folder, lists, _plan(folder, lists, packages))
    if problem:
        raise BinariesMissing(problem)
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".deb"))


def _plan(folder: str, lists: list[str], packages: Sequence[str]) -> list[str]:
    """The packages that installing these would add; empty when apt does not know them."""
    command = ["apt-get", *lists, "-s", "-q", "install", "--no-install-recommends", *packages]
    told = subprocess.run(command, cwd=folder, env=_plain(), capture_output=True, text=True)
    words = [line.split() for line in told.stdout.splitlines()]
    return [word[1] for word in words if len(word) > 1 and word[0] == "Inst"]


def _fetch(folder: str, lists: list[str], packages: Sequence[str]) -> str:
    """Download into `folder`; a sentence when that failed."""
    if not packages:
        return "apt-get knows none of the packages."
    command = ["apt-get", *lists, "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
    told = subprocess.run(command, cwd=folder, env=_plain(), capture_output=True, text=True)
    return f"Debian's packages cannot be fetched: {_last_line(told.stderr)}" if told.returncode else ""


def _private_lists(folder: str) -> list[str]:
    """apt-get's options for package lists of our own, which need no root; fetches them."""
    state, store = os.path.join(folder, "apt/state"), os.path.join(folder, "apt/cache")
    for path in (os.path.join(state, "lists/partial"), os.path.join(store, "archives/partial")):
        os.makedirs(path, exist_ok=True)
    options = ["-o", f"Dir::State={state}", "-o", f"Dir::Cache={store}"]
    options += ["-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=root"]
    _run(["apt-get", *options, "-q", "update"], folder)
    return options


def _run(command: list[str], folder: str) -> None:
    told = subprocess.run(command, cwd=folder, env=_plain(), capture_output=True, text=True)
    if told.returncode:
        raise BinariesMissing(f"{command[0]} failed: {_last_line(told.stderr)}")


def _plain() -> dict[str, str]:
    """The environment for apt and dpkg: messages in English, so that `Inst` is `Inst`."""
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


@contextmanager
def _locked(root: str) -> Iterator[None]:
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
