"""Knows the progress of a change that is being made, and its receipt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wraptui.changes.landing import Receipt
from wraptui.tui.bars import bar, countdown
from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, words
from wraptui.tui.lines import Lines
from wraptui.tui.messages import KeepAnswered
from wraptui.tui.world import World


class Made(Dialog[None]):
    """The steps while they happen; then how it ended, and the countdown where it waits to be confirmed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "keep", "keep it", key_display="Enter", id="keep"),
        Binding("b", "back_out", "take it back", id="back-out"),
        Binding("escape", "cancel", "close", id="pinned-close"),
    ]

    def __init__(self, world: World, heading: str) -> None:
        super().__init__(world)
        self._heading = heading
        self.steps: list[str] = []
        self.receipt: Receipt | None = None
        self.problem = ""
        self.noticed = self.note = ""

    def heading(self) -> str:
        return self._heading

    def body(self) -> Iterable[Widget]:
        yield Lines(id="steps")
        yield Lines(id="outcome")

    def on_mount(self) -> None:
        self.draw()
        self.set_interval(1, self.draw)

    def step(self, text: str) -> None:
        """One more thing was done."""
        self.steps.append(text)
        self.draw()

    def end(self, receipt: Receipt | None, problem: str = "", note: str = "") -> None:
        """It is over: a receipt, or the sentence why nothing was done; `note` says what is to do next."""
        self.receipt, self.problem, self.note = receipt, problem, note
        if receipt is not None and receipt.steps:
            self.steps = list(receipt.steps)
        self.draw()

    @property
    def waits(self) -> bool:
        """Whether it waits to be confirmed, and still can be."""
        waits = self.receipt is not None and self.receipt.state == "pending"
        return waits and self._left() > 0

    def _left(self) -> float:
        return self.receipt.deadline - self.app_now() if self.receipt is not None else 0.0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("keep", "back_out"):
            return self.waits
        if action == "cancel":
            return self.receipt is not None or bool(self.problem)
        return True

    def draw(self) -> None:
        """Show it as it stands now."""
        if not self.is_attached:
            return
        glyphs = self.world.glyphs
        self.query_one("#steps", Lines).say(
            *(words(Piece(f"{glyphs.good} ", "good"), step) for step in self.steps)
        )
        self.query_one("#outcome", Lines).say(*self._outcome())
        self.refresh_bindings()

    def _outcome(self) -> list[Cell]:
        glyphs, receipt = self.world.glyphs, self.receipt
        if self.problem:
            return ["", *(words(Piece(f"{glyphs.bad} ", "bad"), line) for line in self.problem.splitlines())]
        if receipt is None:
            return ["", words(Piece("Working.", "dim"))]
        if receipt.state == "rolled-back":
            why = receipt.problem or "the files are as they were."
            return ["", words(Piece(f"{glyphs.warn} Taken back: ", "warn"), why), self.note]
        if receipt.state == "pending":
            left = self._left()
            if left <= 0:
                return ["", words(Piece(f"{glyphs.warn} The time is over: the guard takes it back.", "warn"))]
            return [
                "",
                words(bar(left / 60, 20, glyphs, "warn"), f" {countdown(left)} left to keep it."),
                words(
                    "Open a second login now. If it works, press Enter; if nobody does, all is taken back."
                ),
                words(Piece(f"{glyphs.good} {self.noticed}", "good") if self.noticed else ""),
            ]
        more: list[Cell] = (
            [words(Piece(f"{glyphs.warn} {receipt.problem}", "warn"))] if receipt.problem else []
        )
        return [
            "",
            words(Piece(f"{glyphs.good} Done.", "good"), f" It is in the history as {receipt.id}."),
            *more,
        ]

    def app_now(self) -> float:
        """The clock of the world behind."""
        from wraptui.tui.base import Base

        return self.app.clock() if isinstance(self.app, Base) else self.world.now

    def action_keep(self) -> None:
        if self.waits and self.receipt is not None:
            self.post_message(KeepAnswered(self.receipt.id, True))

    def action_back_out(self) -> None:
        if self.waits and self.receipt is not None:
            self.post_message(KeepAnswered(self.receipt.id, False))
