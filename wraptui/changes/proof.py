"""Knows whether whoever would keep a change has shown that a new login works: an old one proves nothing."""

from __future__ import annotations

from wraptui.observe.clients import like_ours
from wraptui.observe.look import look_once
from wraptui.observe.snapshot import Snapshot
from wraptui.system.checkpoints import STATE, Checkpoint, History
from wraptui.system.machine import Machine


def unproved(machine: Machine, id: str = "", *, state: str = STATE, snapshot: Snapshot | None = None) -> str:
    """Why the change should not be kept yet, in a sentence: the change touches who may come in, and all SSH
    logins from where this session comes from are older than it. "" when there is a newer one, or when this
    session did not come by SSH, as on the console of the machine itself."""
    history = History(machine, state)
    checkpoint = next((each for each in history.unfinished() if id in ("", each.id)), None)
    if checkpoint is None or not machine.live:
        return ""
    snapshot = snapshot or look_once(machine)
    found = like_ours(machine, snapshot)
    if not found or not _may_shut(checkpoint, snapshot, found[0].connection.local_port):
        return ""
    since = machine.status(f"{history.folder}/{checkpoint.id}/state.json").modified  # when all was done
    if any(each.began > since for each in found):
        return ""
    peers = ", ".join(sorted({each.peer for each in found})[:5])
    return (
        f"Every SSH login from {peers} is older than the change {checkpoint.id}, and so proves nothing: "
        "log in anew, not over a connection that is shared (ControlMaster), and confirm it there"
    )


def _may_shut(checkpoint: Checkpoint, snapshot: Snapshot, port: int) -> bool:
    """Whether the change may concern who gets in by this port: xinetd's files do where xinetd listens."""
    by_xinetd = any(each.listener.by_xinetd and each.listener.port == port for each in snapshot.coverage)
    of_xinetd = set(snapshot.configuration.files)
    return by_xinetd or any(file.path not in of_xinetd for file in checkpoint.files)
