"""Knows the review: everything that a change would do on one screen, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from wraptui.changes.landing import Proposal
from wraptui.policy.hardening.own_table import FILE
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.tui import themes
from wraptui.tui.bars import bar, counted
from wraptui.tui.columns import Column
from wraptui.tui.display import Cell, Piece, Words, from_bytes, width, words
from wraptui.tui.inputs import Field
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Lines
from wraptui.tui.messages import ApplyAsked
from wraptui.tui.panes.rules import severity
from wraptui.tui.peers import short
from wraptui.tui.table import Table
from wraptui.tui.world import World

Line = tuple[int, Words]


class Review(Screen[None]):
    """A proposal, and the key that makes it. Long lists scroll; the proposal comes when it is worked out."""

    CSS_PATH = themes.style_sheet("dialogs.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply(60)", "apply, confirm within 60 s", id="apply", priority=True),
        Binding("A", "apply(0)", "apply for good", id="apply-for-good", priority=True),
        Binding("m", "message", "say why", id="message", priority=True),
        Binding("escape", "close", "back", id="pinned-close"),
    ]
    AUTO_FOCUS = "Table"

    def __init__(self, world: World, heading: str) -> None:
        super().__init__()
        self.world, self.heading = world, heading
        self.proposal: Proposal | None = None
        self.failed = ""
        self.table: Table[Line, World] = Table(
            [Column("", lambda line, _: line[1], 20, grow=1)],
            lambda line: line[0],
            world,
            id="review",
            reading=True,
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
        if self.is_attached:  # not yet, or no longer
            self._draw()

    def progress(self, share: float) -> None:
        """How far the working out is, 0 to 1."""
        if self.is_attached and self.proposal is None:
            told = words(
                Piece(f" {self.heading}   ", "strong"),
                bar(share, 20, self.world.glyphs, "accent"),
                f" {share:.0%}",
            )
            self.query_one("#header", Lines).say(told)

    def fail(self, problem: str) -> None:
        """What the change would do could not be worked out."""
        self.failed = problem
        if self.is_attached:  # not yet, or no longer
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self.proposal is None:
            told = self.failed or "Working out what this change would do."
            self.table.show((), self.world, empty=told)
        else:
            self.query_one("#header", Lines).say(words(Piece(f" {self.heading}", "strong")))
            lines = list(enumerate(proposal_lines(self.proposal, self.world, self.size.width - 5)))
            self.table.show(lines, self.world, empty="Nothing would change.")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("apply", "message") and isinstance(self.focused, Input):
            return False
        if action == "apply":
            return bool(self.proposal and self.proposal.changes and not self.world.read_only)
        return True

    def action_apply(self, seconds: int) -> None:
        if self.proposal is not None:
            self.post_message(ApplyAsked(self.proposal, self.query_one(Input).value.strip(), seconds))

    def action_message(self) -> None:
        self.set_focus(self.query_one(Input))

    @on(Input.Submitted)
    def _said(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_focus(self.table)

    def action_close(self) -> None:
        if self.query_one(Input).has_focus:
            self.set_focus(self.table)
        else:
            self.dismiss(None)


def proposal_lines(proposal: Proposal, world: World, columns: int = 110) -> Iterator[Words]:
    """The proposal, the worst first: refusals, warnings, what it does to people, findings, the diff."""
    glyphs = world.glyphs
    for reason in proposal.refusals:
        yield from wrapped(words(Piece(f"{glyphs.bad} refused: ", "bad")), reason, columns)
    for reason in proposal.warnings:
        yield from wrapped(words(Piece(f"{glyphs.warn} ", "warn")), reason, columns)
    if proposal.impact.refused:
        yield from wrapped(words(Piece(f"{glyphs.warn} ", "warn")), proposal.tally, columns)
    elif not proposal.refusals and not proposal.warnings and not _worse(proposal):
        yield words(Piece(f"{glyphs.good} ", "good"), "Nothing speaks against it.")
    yield from finding_lines("it brings", proposal.findings_added, world, columns)
    yield from finding_lines("it mends", proposal.findings_removed, world, columns)
    tally = "" if proposal.impact.refused else proposal.tally
    for note in filter(None, (tally, *proposal.notes)):
        yield from wrapped(words(Piece(f"{glyphs.note} ", "dim")), note, columns)
    reload = "No reload: TCP Wrappers read their files at every new connection."
    if proposal.reloads:
        reload = "xinetd reads its files again (SIGHUP)."
    elif any(change.path == FILE for change in proposal.changes):
        reload = "nft loads it at once; xinetd goes on."
    files = counted(len(proposal.changes), "file")
    yield words(
        Piece(f"{glyphs.note} ", "dim"), f"{files} would be written; a copy of each is kept. {reload}"
    )
    yield words("")
    yield from diff_lines(proposal.diff)


def _worse(proposal: Proposal) -> bool:
    return bool(proposal.impact.uncertain) or any(
        found.severity > Severity.NOTE for found in proposal.findings_added
    )


def finding_lines(what: str, findings: Sequence[Finding], world: World, columns: int) -> Iterator[Words]:
    """Findings under a word."""
    for found in findings:
        place = f"{short(found.file)}:{found.line} " if found.line else f"{short(found.file)} "
        mark = severity(found, world.glyphs)
        yield from wrapped(words(mark, Piece(f"{what}: {place}", "dim")), found.message, columns)


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


def wrapped(mark: Words, text: str, columns: int) -> Iterator[Words]:
    """A sentence in lines of at most `columns`, the mark before the first."""
    import textwrap

    room = max(20, columns - width(mark))
    for number, line in enumerate(textwrap.wrap(" ".join(text.split()), room) or [""]):
        start: Cell = mark if number == 0 else "  "
        yield words(start, Piece(line))
