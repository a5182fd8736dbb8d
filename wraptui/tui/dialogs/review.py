"""Knows the review: everything that a change would do on one screen, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from wraptui.changes import Proposal
from wraptui.policy.findings import Finding
from wraptui.tui.bars import counted
from wraptui.tui.display import Cell, Piece, Words, from_bytes, words
from wraptui.tui.inputs import Field
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Lines
from wraptui.tui.panes.rules import severity
from wraptui.tui.peers import short
from wraptui.tui.table import Column, Table
from wraptui.tui.world import World

Line = tuple[int, Words]


class Review(Screen[None]):
    """A proposal, and the key that makes it. Long lists scroll; the proposal comes when it is worked out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply(60)", "apply, confirm within 60 s", id="apply"),
        Binding("A", "apply(0)", "apply for good", id="apply-for-good"),
        Binding("m", "message", "say why", id="message"),
        Binding("escape", "close", "back", id="pinned-close"),
    ]
    AUTO_FOCUS = "Table"

    class Applied(Message):
        """The operator wants it made; `seconds` to confirm, 0 for good."""

        def __init__(self, proposal: Proposal, message: str, seconds: int) -> None:
            super().__init__()
            self.proposal, self.message, self.seconds = proposal, message, seconds

    def __init__(self, world: World, heading: str) -> None:
        super().__init__()
        self.world, self.heading = world, heading
        self.proposal: Proposal | None = None
        self.failed = ""
        self.table: Table[Line, World] = Table(
            [Column("", lambda line, _: line[1], 20, grow=1)], lambda line: line[0], world, id="review"
        )

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield self.table
        yield Field("why", hint="a word for the history (who asked for it, a ticket)")
        yield Keys(id="keys")

    def on_mount(self) -> None:
        self.query_one("#header", Lines).say(words(Piece(f" {self.heading}", "strong")))
        self._draw()

    def show(self, proposal: Proposal) -> None:
        """What the change would do is known now."""
        self.proposal = proposal
        if self.is_mounted:
            self._draw()

    def fail(self, problem: str) -> None:
        """What the change would do could not be worked out."""
        self.failed = problem
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        if self.proposal is None:
            told = self.failed or "Working out what this change would do."
            self.table.show((), self.world, empty=told)
        else:
            lines = list(enumerate(proposal_lines(self.proposal, self.world)))
            self.table.show(lines, self.world, empty="Nothing would change.")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "apply":
            return bool(self.proposal and self.proposal.changes and not self.world.read_only)
        return True

    def action_apply(self, seconds: int) -> None:
        if self.proposal is not None:
            self.post_message(self.Applied(self.proposal, self.query_one(Input).value.strip(), seconds))

    def action_message(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _said(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    def action_close(self) -> None:
        if self.query_one(Input).has_focus:
            self.table.focus()
        else:
            self.dismiss(None)


def proposal_lines(proposal: Proposal, world: World) -> Iterator[Words]:
    """The proposal, the worst first: refusals, warnings, what it does to people, findings, the diff."""
    glyphs = world.glyphs
    for reason in proposal.refusals:
        yield from wrapped(words(Piece(f"{glyphs.bad} refused: ", "bad")), reason, "bad")
    for reason in proposal.warnings:
        yield from wrapped(words(Piece(f"{glyphs.warn} ", "warn")), reason, "")
    yield from impact_lines(proposal, world)
    yield from finding_lines("it brings", proposal.findings_added, world)
    yield from finding_lines("it mends", proposal.findings_removed, world)
    if proposal.reloads:
        yield words(Piece(f"{glyphs.note} ", "dim"), "xinetd reads its files again (SIGHUP).")
    else:
        yield words(
            Piece(f"{glyphs.note} ", "dim"),
            "No reload: TCP Wrappers read their files at every new connection.",
        )
    if not proposal.refusals and not proposal.warnings and not proposal.findings_added:
        yield words(Piece(f"{glyphs.good} ", "good"), "Nothing speaks against it.")
    yield words(
        Piece(f"{glyphs.note} ", "dim"),
        f"{counted(len(proposal.changes), 'file')} would be written; a copy of each is kept.",
    )
    yield words("")
    yield from diff_lines(proposal.diff)


def impact_lines(proposal: Proposal, world: World) -> Iterator[Words]:
    """What it does to live and recent clients, the operator and running sessions, as the proposal knows."""
    for name in ("impact", "sessions", "scratch", "operator"):
        found: Any = getattr(proposal, name, None)
        if not found:
            continue
        for line in _sentences(found):
            yield from wrapped(words(Piece(f"{world.glyphs.note} ", "dim")), line, "")


def _sentences(found: Any) -> Sequence[str]:
    if isinstance(found, str):
        return (found,)
    for name in ("sentences", "lines"):
        lines = getattr(found, name, None)
        if callable(lines):
            lines = lines()
        if lines:
            return tuple(str(line) for line in lines)
    if isinstance(found, tuple | list):
        return tuple(str(line) for line in found)
    return (str(found),)


def finding_lines(what: str, findings: Sequence[Finding], world: World) -> Iterator[Words]:
    """Findings under a word."""
    for found in findings:
        place = f"{short(found.file)}:{found.line} " if found.line else f"{short(found.file)} "
        mark = severity(found, world.glyphs)
        yield from wrapped(words(mark, Piece(f"{what}: {place}", "dim")), found.message, "")


def diff_lines(diff: str) -> Iterator[Words]:
    """A unified diff (byte text) with a tone for each kind of line; the signs say the same."""
    for line in diff.split("\n"):
        if not line:
            continue
        tone = ""
        if line.startswith(("---", "+++")):
            tone = "strong"
        elif line.startswith("@@"):
            tone = "accent"
        elif line.startswith("+"):
            tone = "good"
        elif line.startswith("-"):
            tone = "bad"
        yield words(Piece(from_bytes(line[:1] + line[1:].expandtabs(8)), tone))


def wrapped(mark: Words, text: str, tone: str, columns: int = 110) -> Iterator[Words]:
    """A sentence in lines, the mark before the first."""
    import textwrap

    indent = "  "
    for number, line in enumerate(textwrap.wrap(" ".join(text.split()), columns) or [""]):
        start: Cell = mark if number == 0 else indent
        yield words(start, Piece(line, tone))
