"""Knows the kernel calls that give a process a machine of its own: namespaces, mounts, its parent's death."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys

NEWNS, NEWUTS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x20000000, 0x40000000
NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_PDEATHSIG, _DUMPABLE, _NAME, _SUBREAPER, _AMBIENT, _AMBIENT_RAISE = 1, 4, 15, 36, 47, 2
_CAPABILITIES_V3 = 0x20080522
# The uid that root gets in a user namespace: were it 0, xinetd would call setgroups, which is denied there.
_ROOTS_STAND_IN = 1000

_libc = ctypes.CDLL(None, use_errno=True)


class NoNamespaces(Exception):
    """This machine gives no private namespaces; the message is a sentence for the operator."""


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0) -> None:
    """mount(2); raises OSError."""
    words = [word.encode() if word else None for word in (source, target, kind)]
    _check(_libc.mount(*words, ctypes.c_ulong(flags), None), f"mounting {source} on {target}")


def set_host_name(name: str) -> None:
    """sethostname(2), within the namespace."""
    _check(_libc.sethostname(name.encode(), len(name)), "naming the host")


def set_process_name(name: str) -> None:
    """What ps and the console see as this process's name."""
    _libc.prctl(_NAME, name.encode(), 0, 0, 0)


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this signal when the thread that started us ends; survives exec, not fork."""
    _libc.prctl(_PDEATHSIG, number, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended."""
    _libc.prctl(_SUBREAPER, 1, 0, 0, 0)


def stay_visible() -> None:
    """Keep /proc/self readable to one's own user after a change of namespaces, so that others can join."""
    _libc.prctl(_DUMPABLE, 1, 0, 0, 0)


def separate(own_processes: bool) -> None:
    """Leave the host: own mounts, network, host name, and (for the children) own processes.

    As a plain user, or as a root without that right, by a user namespace, with the user mapped to itself.
    Raises OSError.
    """
    flags = NEWNS | NEWNET | NEWUTS | (NEWPID if own_processes else 0)
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            _check(_libc.unshare(flags), "private namespaces")
            return
        except PermissionError:
            pass
    _check(_libc.unshare(NEWUSER), "a private user namespace")
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user or _ROOTS_STAND_IN} {user} 1"),
        ("gid_map", f"{group or _ROOTS_STAND_IN} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)
    _check(_libc.unshare(flags), "private namespaces")
    keep_capabilities()


def keep_capabilities() -> None:
    """Let programs started from here keep the rights that the namespace gave (ambient capabilities)."""
    header = struct.pack("Ii", _CAPABILITIES_V3, 0)
    data = ctypes.create_string_buffer(24)
    _check(_libc.capget(header, data), "reading capabilities")
    words = list(struct.unpack("6I", data.raw))
    words[2], words[5] = words[1], words[4]  # inheritable := permitted
    _check(_libc.capset(header, struct.pack("6I", *words)), "keeping capabilities")
    permitted = words[1] | words[4] << 32
    for capability in range(permitted.bit_length()):
        if permitted >> capability & 1:
            _libc.prctl(_AMBIENT, _AMBIENT_RAISE, ctypes.c_ulong(capability), 0, 0)


def mount_own_processes() -> None:
    """Show only this namespace's processes in /proc; to be called by its first process. Raises OSError."""
    mount("", "/", "", REC | PRIVATE)
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)


def own_processes() -> bool:
    """Whether private namespaces can have processes of their own here; tried in a child.

    Raises NoNamespaces when there can be no private namespaces at all.
    """
    problem = ""
    for wanted in (True, False):
        problem = _attempt(wanted)
        if not problem:
            return wanted
    raise NoNamespaces(f"This machine gives no private namespaces ({problem}).")


def _attempt(own: bool) -> str:
    """Why `separate` does not work, tried in a child; "" when it does."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        problem = "it did not work"
        try:
            separate(own)
            grandchild = os.fork()
            if grandchild:
                os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
            mount_own_processes() if own else mount("", "/", "", REC | PRIVATE)
            mount("tmpfs", "/run", "tmpfs", NOSUID | NODEV)
            problem = ""
        except OSError as error:
            problem = error.strerror or str(error)
        finally:
            os.write(writing, problem.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        problem = pipe.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    return problem or ("" if status == 0 else "the attempt was killed")


def join(pid: int) -> None:
    """Enter all namespaces of process `pid`; its processes only for children. Raises OSError.

    Only a process with a single thread may join a user namespace.
    """
    kinds = [
        (kind, os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY))
        for kind, name in (
            (NEWUSER, "user"),
            (NEWUTS, "uts"),
            (NEWNET, "net"),
            (NEWPID, "pid"),
            (NEWNS, "mnt"),
        )
        if not os.path.samefile(f"/proc/{pid}/ns/{name}", f"/proc/self/ns/{name}")
    ]
    for kind, descriptor in kinds:
        _check(_libc.setns(descriptor, kind), f"entering the namespaces of process {pid}")
        os.close(descriptor)
    if kinds and kinds[0][0] == NEWUSER:
        keep_capabilities()
    sys.stdout.flush()
