"""Knows who is logged in by SSH now, from the titles of sshd's processes: login records may be silent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wraptui.observe.snapshot import Snapshot
from wraptui.observe.visits import unmapped
from wraptui.system.machine import Machine
from wraptui.system.sockets import Connection

# OpenSSH: `sshd: anna@pts/0` (from 9.8 on `sshd-session: anna@pts/0`) once she has come in; before that the
# titles end in a bracket ([accepted], [net], [priv]), also for a connection that libwrap refuses.
_TITLE = re.compile(r"sshd(?:-session)?: (.+)@([\w/]+(?:,[\w/]+)*)")
_SSHD = ("sshd", "sshd-session")


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who has come in by SSH; `began` is when they connected, in seconds since the epoch."""

    user: str
    terminal: str
    connection: Connection
    pid: int
    began: float

    @property
    def peer(self) -> str:
        """The address that it comes from, IPv4 where it is mapped."""
        return unmapped(self.connection.remote)


def logins(machine: Machine, snapshot: Snapshot) -> Iterator[Login]:
    """The SSH logins among the connections of now. Who has not proved yet who he is, is none."""
    for visit in snapshot.visits:
        process = visit.process
        if process and process.argv0 in _SSHD and visit.connection.state == "ESTABLISHED":
            # The connection is held by the process with root's rights and by the one that serves the user.
            for pid in (process.pid, *(child.pid for child in machine.children(process.pid))):
                if found := _TITLE.fullmatch(" ".join(machine.command(pid)[:1])):
                    terminal = "" if found[2] == "notty" else found[2]
                    yield Login(found[1], terminal, visit.connection, process.pid, process.started)
                    break
