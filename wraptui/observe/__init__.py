"""Knows the machine at one moment: one frozen Snapshot, made by reading, never by changing anything."""

from wraptui.observe.look import Memory, look_once, observe, read_tables, watch
from wraptui.observe.snapshot import Daemon, Refusals, ServiceState, Snapshot, Visit

__all__ = [
    "Daemon",
    "Memory",
    "Refusals",
    "ServiceState",
    "Snapshot",
    "Visit",
    "look_once",
    "observe",
    "read_tables",
    "watch",
]
