"""Knows what is told to the application: things that happened, in the past tense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from wraptui.changes.landing import Proposal, Receipt
    from wraptui.observe import Snapshot
    from wraptui.policy.lint.findings import Finding
    from wraptui.policy.tables.access import Tables


class SnapshotTaken(Message):
    """The watch saw the machine again; only the newest of several that wait counts."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotTaken)


class WatchFailed(Message):
    """The watch ended by an error that is a defect of ours."""

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem


class Checked(Message):
    """The files were checked, of which these tables were made."""

    def __init__(self, tables: Tables, findings: tuple[Finding, ...]) -> None:
        super().__init__()
        self.tables, self.findings = tables, findings


class Proposed(Message):
    """What a change would do is known, or why it is not."""

    def __init__(self, number: int, proposal: Proposal | None, problem: str = "") -> None:
        super().__init__()
        self.number, self.proposal, self.problem = number, proposal, problem


class Weighed(Message):
    """Working out what a change would do has come so far (0 to 1)."""

    def __init__(self, number: int, share: float) -> None:
        super().__init__()
        self.number, self.share = number, share

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Weighed)


class Stepped(Message):
    """A change that is being made did one more step."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Landed(Message):
    """A change was made or not made; `stale` when somebody else had changed the files meanwhile."""

    def __init__(self, receipt: Receipt | None, problem: str = "", *, stale: bool = False) -> None:
        super().__init__()
        self.receipt, self.problem, self.stale = receipt, problem, stale


class ApplyAsked(Message):
    """The operator wants a proposal made; `seconds` to confirm it, 0 for good."""

    def __init__(self, proposal: Proposal, message: str, seconds: int) -> None:
        super().__init__()
        self.proposal, self.message, self.seconds = proposal, message, seconds


class KeepAnswered(Message):
    """The operator keeps the change that waits, or takes it back."""

    def __init__(self, id: str, keep: bool) -> None:
        super().__init__()
        self.id, self.keep = id, keep


class Unproved(Message):
    """The change that waits should not be kept yet; `why` is a sentence."""

    def __init__(self, id: str, why: str) -> None:
        super().__init__()
        self.id, self.why = id, why
