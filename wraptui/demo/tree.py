"""Knows the private server's files: its own /etc, /run, /var/log, /var/lib, /dev and /usr/local/sbin.

They are made in a tmpfs and bound over the host's, inside the private mount namespace: nothing that is
written there reaches the host, and nothing of it outlives the namespace.
"""

from __future__ import annotations

import os
import shutil

from wraptui.demo.namespaces import BIND, NODEV, NOSUID, REC, mount

STAGE = "/run/demo"
_PATTERN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "root")
# What programs inside may want of the host's /etc. No secrets: what is not named here is not there.
_FROM_HOST = (
    "alternatives",
    "bash.bashrc",
    "debian_version",
    "environment",
    "group",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "nanorc",
    "netconfig",
    "os-release",
    "passwd",
    "profile",
    "protocols",
    "python3",
    "python3.11",
    "python3.12",
    "python3.13",
    "services",
    "terminfo",
    "timezone",
    "vim",
    "xattr.conf",
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "mqueue", "console")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


def furnish(user: int) -> None:
    """Give this mount namespace the server's files; services run as `user`. Raises OSError."""
    mount("tmpfs", "/run", "tmpfs", NOSUID | NODEV)
    os.chmod("/run", 0o755)  # noqa: S103 - a private one, and what /run is
    for name in ("etc", "dev", "lib", "log", "sbin", "/run/lock"):
        os.makedirs(os.path.join(STAGE, name))
    _stage_etc(os.path.join(STAGE, "etc"), user)
    _copy_pattern("usr/local/sbin", os.path.join(STAGE, "sbin"), "", mode=0o755)
    _stage_devices(os.path.join(STAGE, "dev"))
    _stage_libraries()
    for name, place in (
        ("etc", "/etc"),
        ("sbin", "/usr/local/sbin"),
        ("log", "/var/log"),
        ("lib", "/var/lib"),
    ):
        mount(os.path.join(STAGE, name), place, flags=BIND)
    mount(os.path.join(STAGE, "dev"), "/dev", flags=BIND | REC)


def _stage_etc(stage: str, user: int) -> None:
    for name in _FROM_HOST:
        source = os.path.join("/etc", name)
        try:
            if os.path.isdir(source) and not os.path.islink(source):
                shutil.copytree(source, os.path.join(stage, name), symlinks=True)
            else:
                shutil.copyfile(source, os.path.join(stage, name), follow_symlinks=name != "localtime")
        except (OSError, shutil.Error):
            continue  # not there, or not for us: a program inside does without it
    have = set(os.listdir(stage))
    _copy_pattern("etc", stage, _user_name(stage, user), skip=have & {"services", "protocols"})
    os.symlink("/proc/self/mounts", os.path.join(stage, "mtab"))
    with open(os.path.join(stage, "hostname"), "w") as file:
        file.write("server\n")


def _user_name(stage: str, user: int) -> str:
    """The user's name, where the server's own /etc/passwd knows it; its number otherwise."""
    try:
        with open(os.path.join(stage, "passwd"), encoding="latin-1") as file:
            rows = [line.split(":") for line in file]
    except OSError:
        rows = []
    return next((row[0] for row in rows if len(row) > 2 and row[2] == str(user)), str(user))


def _copy_pattern(
    folder: str, target: str, user: str, mode: int = 0o644, skip: frozenset[str] | set[str] = frozenset()
) -> None:
    """Copy a folder of the pattern, with the user's name where the pattern leaves room for it."""
    source = os.path.join(_PATTERN, folder)
    for parent, _, names in os.walk(source):
        place = os.path.normpath(os.path.join(target, os.path.relpath(parent, source)))
        os.makedirs(place, exist_ok=True)
        for name in names:
            if name in skip:
                continue
            with open(os.path.join(parent, name), encoding="utf-8") as file:
                text = file.read()
            path = os.path.join(place, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("@USER@", user))
            os.chmod(path, mode)


def _stage_devices(stage: str) -> None:
    """The few devices that programs need, and room for /dev/log."""
    for name in _DEVICES:
        source, target = os.path.join("/dev", name), os.path.join(stage, name)
        if not os.path.exists(source):
            continue
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            with open(target, "w"):
                pass
        mount(source, target, flags=BIND | REC)
    for name, target in _LINKS.items():
        os.symlink(target, os.path.join(stage, name))


def _stage_libraries() -> None:
    """/var/lib with the host's entries behind links, and room for ours: it may hold the Python we run on."""
    host = os.path.join(STAGE, "host-lib")
    os.mkdir(host)
    mount("/var/lib", host, flags=BIND | REC)
    for name in os.listdir(host):
        if name != "wraptui":
            os.symlink(os.path.join(host, name), os.path.join(STAGE, "lib", name))
