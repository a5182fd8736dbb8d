"""Knows the machine's sockets: by netlink sock_diag, or psutil where netlink is not to be had."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connection:
    """One socket end. Addresses are numeric text (mapped ones as `::ffff:a.b.c.d`); `state` is the kernel's
    name in capitals (ESTABLISHED, LISTEN, ...); `inode` 0 when no process holds it any more."""

    protocol: str
    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str
    inode: int = 0
    uid: int = -1
