"""Knows the machine's processes: who holds a socket, whose child it is, what it uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `name` is the kernel's comm, `argv0` the base name of its first argument, `started` seconds
    since the epoch, `memory` its address space in bytes, `cpu` seconds of user and system time."""

    pid: int
    parent: int
    name: str
    argv0: str = ""
    uid: int = -1
    started: float = 0.0
    memory: int = 0
    cpu: float = 0.0
