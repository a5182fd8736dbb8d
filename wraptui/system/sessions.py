"""Knows who works on this machine now: this session, where it comes from, and the other logged-in people."""

from __future__ import annotations

import ipaddress
import os
import pwd
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wraptui.system.machine import Machine

_UTMP = ("/run/utmp", "/var/run/utmp")
_RECORD = struct.Struct("=h2xi32s4s32s256shhiii16s20s")
_USER_PROCESS = 7
ANCESTORS = 32  # processes upwards that are asked, as for SSH_CONNECTION, which sudo and su take away


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in: `peer` is the numeric address they come from, "" for none or unknown; `port` the
    local port they came in by, 0 when unknown; `sudo` who became `user`, "" when nobody did."""

    user: str
    terminal: str = ""
    peer: str = ""
    port: int = 0
    pid: int = 0
    sudo: str = ""

    def __str__(self) -> str:
        text = f"{self.user} (sudo by {self.sudo})" if self.sudo else self.user
        text += f" from {self.peer}" if self.peer else ""
        text += f" on {self.terminal}" if self.terminal else ""
        return f"{text}, process {self.pid}" if self.pid else text


def this_session(machine: Machine) -> Session:
    """The session that this process works for."""
    peer, port = _ssh_peer(machine)
    return Session(_user(), _terminal(), peer, port, os.getpid(), os.environ.get("SUDO_USER", ""))


def sessions(machine: Machine) -> tuple[Session, ...]:
    """Everybody whom the login records (utmp) name; () where there are none."""
    if not machine.live:
        return ()
    for path in _UTMP:
        try:
            data = machine.read(path)
        except OSError:
            continue
        return tuple(read_utmp(data))
    return ()


def read_utmp(data: bytes) -> Iterator[Session]:
    """The people in a utmp file; a cut last record is left out."""
    for start in range(0, len(data) - _RECORD.size + 1, _RECORD.size):
        kind, pid, line, _, user, host, *_, address, _ = _RECORD.unpack_from(data, start)
        if kind == _USER_PROCESS and user.strip(b"\0"):
            yield Session(_text(user), _text(line), _numeric(address, _text(host)), pid=pid)


def _numeric(address: bytes, host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not address.strip(b"\0"):
        return ""
    if not address[4:].strip(b"\0"):
        return str(ipaddress.IPv4Address(address[:4]))
    return str(ipaddress.IPv6Address(address))


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _terminal() -> str:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor).removeprefix("/dev/")
        except OSError:
            continue
    return ""


def _ssh_peer(machine: Machine) -> tuple[str, int]:
    """The other end of the SSH connection above this process, ("", 0) when there is none."""
    found = _connection(os.environ.get("SSH_CONNECTION", ""))
    pid = os.getppid()
    for _ in range(ANCESTORS if machine.live else 0):
        if found[0] or pid <= 1:
            break
        try:
            environment = machine.read(f"/proc/{pid}/environ")
        except OSError:
            environment = b""
        for word in environment.split(b"\0"):
            if word.startswith(b"SSH_CONNECTION="):
                found = _connection(word.partition(b"=")[2].decode("latin-1"))
        process = machine.process(pid)
        pid = process.parent if process else 0
    return found


def _connection(text: str) -> tuple[str, int]:
    words = text.split()
    if len(words) != 4 or not words[3].isdigit():
        return "", 0
    try:
        return str(ipaddress.ip_address(words[0].partition("%")[0])), int(words[3])
    except ValueError:
        return "", 0
