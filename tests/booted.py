"""Knows how to boot a real systemd as the first process of private namespaces, and to act on it.

It sees its own /etc and /var (two folders of the test's, which outlive a power cut), /run and /tmp, network,
host name, processes and control groups. Of the host it sees what programs need, and nothing that it could
change: every file system of the host is bound read-only, /proc/sys too, and only the units named here exist,
so that none of the host's (which clean /tmp, set sysctls, load modules) ever runs.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from wraptui.demo import namespaces, network
from wraptui.demo.binaries import Binaries
from wraptui.demo.session import Session

SYSTEMD = "/usr/lib/systemd/systemd"
PATIENCE = 60.0
"""Seconds that a boot may take on a slow machine; here it takes half a second."""

_HOSTS_UNITS, _HOSTS_GENERATORS = "/usr/lib/systemd/system", "/usr/lib/systemd/system-generators"
_TARGETS = (
    *(
        "basic",
        "sysinit",
        "sockets",
        "timers",
        "paths",
        "slices",
        "local-fs",
        "swap",
        "multi-user",
        "network",
    ),
    *("remote-fs", "shutdown", "umount", "final", "poweroff", "rescue", "emergency", "sysinit"),
)
_UNITS = (
    *(f"{name}.target" for name in _TARGETS),
    *("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket"),
    *("systemd-journal-flush.service", "systemd-poweroff.service", "user.slice"),
)
_WANTED = {
    "sockets.target": ("systemd-journald.socket", "systemd-journald-dev-log.socket"),
    "sysinit.target": ("systemd-journald.service", "systemd-journal-flush.service"),
}
_FROM_HOST = ("group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "os-release", "passwd")
_NEWIPC, _NEWCGROUP = 0x08000000, 0x02000000
_READ_ONLY, _REMOUNT, _DETACH, _SHARED, _SLAVE = 1, 32, 2, 1 << 20, 1 << 19
_MOUNT_SETATTR, _PIVOT_ROOT = 442, 155
_DROP, _KEPT_BACK = 24, (16, 17, 25, 27, 34)  # modules, raw I/O, the clock, devices, the kernel's log

_CANNOT = 3  # exit code of the launcher
_PROJECT = str(Path(__file__).resolve().parent.parent)

_libc = ctypes.CDLL(None, use_errno=True)


_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENODEV)
"""What the kernel says where it gives such namespaces to nobody, or not to us."""


class NotHere(Exception):
    """This machine cannot boot a private systemd; the message is a sentence."""


# Outside


@dataclass(slots=True)
class Booted(Session):
    """A running machine of its own with systemd; `pid` is its systemd, as seen from outside."""

    group: str = ""

    def inside(self, *words: str) -> list[str]:
        """The command that runs these words inside, in a control group of nobody's."""
        return [sys.executable, "-m", "tests.booted", "join", str(self.pid), self.group, *words]

    def journal(self, *words: str) -> str:
        """What journalctl tells with these words."""
        return self.run("journalctl", "--no-pager", "--quiet", *words).stdout

    def show(self, unit: str, property: str) -> str:
        """A property of a unit, as systemctl shows it."""
        return self.run("systemctl", "show", "--value", f"--property={property}", unit).stdout.strip()

    def gone(self) -> None:
        """Waits until it has shut down by itself."""
        until = time.monotonic() + 2 * PATIENCE
        while os.path.exists(f"/proc/{self.pid}/root/etc"):
            if time.monotonic() > until:
                raise RuntimeError(f"it does not shut down: {self.journal()[-3000:]}")
            time.sleep(0.05)

    def cut_power(self) -> None:
        """All processes end at once, where they stand."""
        os.kill(self.pid, signal.SIGKILL)


@contextmanager
def booted(etc: Path, var: Path, scratch: Path, binaries: Binaries) -> Iterator[Booted]:
    """A machine that has booted from these two folders; its power is cut at the end of the `with`.

    Raises `NotHere` where the machine gives no such namespaces, `RuntimeError` when systemd does not come up.
    """
    if not os.access(SYSTEMD, os.X_OK):
        raise NotHere(f"there is no {SYSTEMD}")
    if os.geteuid():
        raise NotHere("only root can boot a systemd in private namespaces")
    scratch.mkdir(exist_ok=True)
    asked = {"etc": str(etc), "var": str(var), "scratch": str(scratch), "shown": _shown(binaries)}
    words = [sys.executable, "-m", "tests.booted", "boot", json.dumps(asked)]
    environment = {**os.environ, **binaries.environment(), "SSH_CONNECTION": "192.0.2.7 40007 192.0.2.10 22"}
    environment["PYTHONPATH"] = ":".join(filter(None, (_PROJECT, os.environ.get("PYTHONPATH", ""))))
    launcher = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert launcher.stdin and launcher.stdout and launcher.stderr
    machine = None
    try:
        told = launcher.stdout.readline()
        if not told:
            said = launcher.communicate()[1].strip()
            raise (NotHere if launcher.returncode == _CANNOT else RuntimeError)(said)
        pid, group = told.split()
        machine = Booted(int(pid), environment, group=group)
        _await(machine, launcher)
        yield machine
    finally:
        if machine:
            with suppress(ProcessLookupError):
                machine.cut_power()
            machine.dismiss_guests()
        launcher.communicate()


def _await(machine: Booted, launcher: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        told = machine.run("systemctl", "is-system-running")
        if told.stdout.strip() in ("running", "degraded"):
            return
        if launcher.poll() is not None or time.monotonic() > until:
            said = launcher.communicate()[1] if launcher.poll() is not None else ""
            raise RuntimeError(
                f"systemd does not come up: {told.stdout.strip()} {told.stderr.strip()} {said.strip()}\n"
                + machine.run("systemctl", "list-jobs", "--no-pager").stdout
                + machine.journal()[-3000:]
            )
        time.sleep(0.05)


def _shown(binaries: Binaries) -> list[str]:
    """The folders besides /usr that the programs inside need to read."""
    wanted = {_PROJECT, sys.prefix, sys.base_prefix, binaries.root} - {"/"}
    wanted |= {path for path in sys.path if os.path.isdir(path)}
    real = {each for path in wanted for each in (os.path.abspath(path), os.path.realpath(path))}
    kept: list[str] = []
    for path in sorted(real):
        if not any(path == above or path.startswith(above + "/") for above in ("/usr", *kept)):
            kept.append(path)
    return kept


def furnish(etc: Path, files: Mapping[str, str]) -> None:
    """Gives a new machine an /etc of its own: what programs need of the host's, no secret among it, and these
    files (path inside /etc to text; one that begins with #! can be run)."""
    for name in _FROM_HOST:
        source = os.path.join("/etc", name)
        if os.path.isdir(source):
            shutil.copytree(source, etc / name, symlinks=True)
        elif os.path.exists(source):
            shutil.copyfile(source, etc / name)
    texts = {"machine-id": f"{uuid.uuid4().hex}\n", "hostname": "server\n", **files}
    for name, text in texts.items():
        path = etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)


# Inside: run as a program


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _read_only(source: str, target: str, deep: int = 0) -> None:
    """Binds a folder (`deep` = REC: with all that is mounted in it), not writable. Raises OSError."""
    namespaces.mount(source, target, flags=namespaces.BIND | deep)
    attributes = struct.pack("4Q", _READ_ONLY, 0, 0, 0)
    at = ctypes.c_int(-100)
    done = _libc.syscall(_MOUNT_SETATTR, at, target.encode(), 0x8000, attributes, ctypes.c_size_t(32))
    _check(done, f"making {target} read-only")


def _boot(asked: Mapping[str, str], shown: Sequence[str]) -> int:
    """Starts systemd, says its process id and control group, and waits for its end."""
    root = os.path.join(asked["scratch"], "root")
    groups = os.path.join(asked["scratch"], "groups")
    for folder in (root, groups):
        os.makedirs(folder, exist_ok=True)
    _check(_libc.unshare(namespaces.NEWNS), "a private mount namespace")
    namespaces.mount("", "/", "", namespaces.REC | namespaces.PRIVATE)
    namespaces.mount("cgroup2", groups, "cgroup2")
    _sweep(groups)
    group = os.path.join(groups, f"wraptui-test-{os.getpid()}")
    os.mkdir(group)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _separate(asked, shown, root, group, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        pid = pipe.read()
    if pid:
        print(pid, f"/proc/{os.getpid()}/root{group}", flush=True)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _sweep(groups)
    return 0 if pid else code


def _sweep(groups: str) -> None:
    """Removes the control groups of machines that run no more."""
    for name in os.listdir(groups):
        if name.startswith("wraptui-test-"):
            for folder, _, _ in os.walk(os.path.join(groups, name), topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)


def _separate(asked: Mapping[str, str], shown: Sequence[str], root: str, group: str, told: int) -> NoReturn:
    """Leaves the host's namespaces and starts the first process of its own; ends with it."""
    try:
        namespaces.die_with_parent()
        Path(group, "cgroup.procs").write_text(str(os.getpid()))
        kinds = namespaces.NEWNS | namespaces.NEWNET | namespaces.NEWUTS | namespaces.NEWPID
        _check(_libc.unshare(kinds | _NEWIPC | _NEWCGROUP), "private namespaces")
        furnished, tell = os.pipe()
        first = os.fork()
        if not first:
            _make_root(asked, shown, root)
            os.write(tell, b".")
            _become_systemd()
        os.close(tell)
        if os.read(furnished, 1):
            os.write(told, str(first).encode())
        os.close(told)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
    except OSError as error:
        os._exit(_complaint(error))
    finally:
        os._exit(2)


def _complaint(error: OSError) -> int:
    """Says what does not work; the exit code that tells whether it never will here."""
    print(error, file=sys.stderr, flush=True)
    return _CANNOT if error.errno in _REFUSED else 2


def _make_root(asked: Mapping[str, str], shown: Sequence[str], root: str) -> None:
    """Gives the first process a file system of its own. Raises OSError."""
    namespaces.die_with_parent()
    namespaces.mount("tmpfs", root, "tmpfs", namespaces.NODEV)
    os.chmod(root, 0o755)
    for name in ("usr", "etc", "var", "run", "tmp", "proc", "sys", "dev", "old"):
        os.mkdir(os.path.join(root, name))
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name), os.path.join(root, name))
        elif os.path.isdir("/" + name):
            os.mkdir(os.path.join(root, name))
            _read_only("/" + name, os.path.join(root, name), namespaces.REC)
    _read_only("/usr", root + "/usr", namespaces.REC)
    _stage_units(root)
    for name in ("run", "tmp"):
        namespaces.mount("tmpfs", os.path.join(root, name), "tmpfs", namespaces.NOSUID | namespaces.NODEV)
    os.chmod(root + "/run", 0o755)
    for name in ("etc", "var"):
        namespaces.mount(asked[name], os.path.join(root, name), flags=namespaces.BIND)
    for path in shown:
        os.makedirs(root + path, exist_ok=True)
        _read_only(path, root + path)
    namespaces.mount("proc", root + "/proc", "proc", namespaces.NOSUID | namespaces.NODEV | namespaces.NOEXEC)
    # The network's own switches first, while they can be set; the host's are out of reach from then on.
    network.bring_up()
    _read_only(root + "/proc/sys", root + "/proc/sys")
    if os.path.exists(root + "/proc/sysrq-trigger"):
        namespaces.mount("/dev/null", root + "/proc/sysrq-trigger", flags=namespaces.BIND)
    namespaces.mount("sysfs", root + "/sys", "sysfs", _READ_ONLY | namespaces.NOSUID | namespaces.NODEV)
    namespaces.mount("cgroup2", root + "/sys/fs/cgroup", "cgroup2", namespaces.NOSUID | namespaces.NODEV)
    _stage_devices(root + "/dev")
    namespaces.set_host_name("server")
    _check(_libc.syscall(_PIVOT_ROOT, root.encode(), (root + "/old").encode()), "changing the root")
    os.chdir("/")
    _check(_libc.umount2(b"/old", _DETACH), "leaving the host's root")
    namespaces.mount("", "/", "", namespaces.REC | _SHARED)  # systemd's container interface asks for it


def _stage_units(root: str) -> None:
    """The few units of the host's that shall be there, and the one generator."""
    stage = root + "/units"
    os.makedirs(stage + "/system")
    os.makedirs(stage + "/generators")
    for name in _UNITS:
        shutil.copyfile(os.path.join(_HOSTS_UNITS, name), os.path.join(stage, "system", name))
    for target, wanted in _WANTED.items():
        os.mkdir(f"{stage}/system/{target}.wants")
        for name in wanted:
            os.symlink(f"../{name}", f"{stage}/system/{target}.wants/{name}")
    shutil.copy(os.path.join(_HOSTS_GENERATORS, "systemd-sysv-generator"), stage + "/generators")
    _read_only(stage + "/system", root + _HOSTS_UNITS)
    _read_only(stage + "/generators", root + _HOSTS_GENERATORS)


def _stage_devices(dev: str) -> None:
    namespaces.mount("tmpfs", dev, "tmpfs", namespaces.NOSUID)
    os.chmod(dev, 0o755)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        Path(dev, name).touch()
        namespaces.mount(f"/dev/{name}", f"{dev}/{name}", flags=namespaces.BIND)
    for name in ("shm", "pts"):
        os.mkdir(f"{dev}/{name}")
    namespaces.mount("tmpfs", f"{dev}/shm", "tmpfs", namespaces.NOSUID | namespaces.NODEV)
    namespaces.mount("devpts", f"{dev}/pts", "devpts", namespaces.NOSUID | namespaces.NOEXEC)
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "fd/0")):
        os.symlink(target, f"{dev}/{name}")


def _become_systemd() -> NoReturn:
    for capability in _KEPT_BACK:
        _libc.prctl(_DROP, capability, 0, 0, 0)
    quiet = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(quiet, number)
    os.setsid()
    environment = {"container": "other", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    words = [SYSTEMD, "--log-target=journal", "--show-status=no", "--unit=multi-user.target"]
    os.execve(SYSTEMD, words, environment)


def _join(pid: int, group: str, words: Sequence[str]) -> int:
    """Runs a command inside; its exit code, 128 + signal when killed."""
    inside = os.path.join(group, "init.scope")
    folder = inside if os.path.isdir(inside) else group
    Path(folder, "cgroup.procs").write_text(str(os.getpid()))
    groups = os.open(f"/proc/{pid}/ns/cgroup", os.O_RDONLY)
    namespaces.join(pid)
    _check(_libc.setns(groups, _NEWCGROUP), "entering the control groups")
    child = os.fork()
    if not child:
        namespaces.die_with_parent()
        os.chdir("/")
        os.execvp(words[0], list(words))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def main(words: Sequence[str]) -> int:
    """`boot JSON`, or `join PID GROUP COMMAND...`; a sentence on what does not work goes to stderr."""
    try:
        if words[0] == "join":
            return _join(int(words[1]), words[2], words[3:])
        asked = json.loads(words[1])
        return _boot(asked, asked["shown"])
    except OSError as error:
        return _complaint(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
