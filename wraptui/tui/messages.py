"""Knows what the threads tell the screen: things that happened, in the past tense."""

from __future__ import annotations

from textual.message import Message

from wraptui.observe import Snapshot


class SnapshotTaken(Message):
    """The watch saw the machine again; only the newest of several that wait counts."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotTaken)
