"""Knows how edits leave the console: review, apply on a thread, receipt, history, and others' writing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from textual import on, work

from wraptui import changes
from wraptui.changes import ChangedMeanwhile, Proposal, Receipt
from wraptui.system.checkpoints import Checkpoint
from wraptui.tui import desk
from wraptui.tui.bars import countdown
from wraptui.tui.base import Base
from wraptui.tui.desk import NotEdited
from wraptui.tui.dialogs.dialog import Ask
from wraptui.tui.dialogs.receipt import Made
from wraptui.tui.dialogs.review import Review
from wraptui.tui.display import Piece, Words, from_bytes, sentence_list, words
from wraptui.tui.messages import Landed, Proposed, Stepped, Weighed
from wraptui.workspace import FileChange

PATIENCE = 0.3  # seconds after which it is shown how far the working out is


class Landing(Base):
    """The half of the console that lands changes."""

    _review: Review | None = None
    _made: Made | None = None
    _number = 0
    _pending: Receipt | None = None
    _of_workspace = True

    # -- review -----------------------------------------------------------------------------------------

    async def action_review(self) -> None:
        """Show what the edits that wait would do."""
        if not self.meet_others():
            return
        if not self.workspace.changed:
            self.say("No edits wait: there is nothing to review.")
            return
        self._of_workspace = True
        await self.review(self.workspace.changes, "review of the edits that wait")

    async def review(self, what: Sequence[FileChange], heading: str) -> None:
        """Show what these changes would do."""
        self._number += 1
        self._review = Review(self.world, heading)
        await self.push_screen(self._review)
        self._propose(self._number, tuple(what))

    @work(thread=True, exclusive=True, group="propose", exit_on_error=False)
    def _propose(self, number: int, what: tuple[FileChange, ...]) -> None:
        began = last = time.monotonic()

        def far(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if total and now - began > PATIENCE and now - last > 0.1:
                last = now
                self.post_message(Weighed(number, done / total))

        try:
            proposal = changes.propose(self.machine, what, self.world.snapshot, progress=far)
        except (changes.NotDone, OSError) as error:
            self.post_message(Proposed(number, None, str(error)))
        else:
            self.post_message(Proposed(number, proposal))

    @on(Weighed)
    def _weighed(self, event: Weighed) -> None:
        if event.number == self._number and self._review is not None:
            self._review.progress(event.share)

    @on(Proposed)
    def _proposed(self, event: Proposed) -> None:
        if event.number != self._number or self._review is None:
            return
        if event.proposal is not None:
            self._review.show(event.proposal)
        else:
            self._review.fail(event.problem)

    # -- apply ------------------------------------------------------------------------------------------

    @on(Review.Applied)
    def _asked_to_apply(self, event: Review.Applied) -> None:
        proposal = event.proposal

        def sure(answer: str | None) -> None:
            if answer == "L":
                self._land(proposal, event.message, event.seconds or 60, force=True)

        if not proposal.refusals:
            self._land(proposal, event.message, event.seconds, force=False)
            return
        glyphs = self.world.glyphs
        lines = [words(Piece(f"{glyphs.bad} ", "bad"), reason) for reason in proposal.refusals]
        told = words("Only with Shift+L it is made nevertheless, and taken back if nobody confirms it.")
        self.push_screen(Ask(self.world, "refused", [*lines, "", told], [("L", "do it nevertheless")]), sure)

    def _land(self, proposal: Proposal, message: str, seconds: int, *, force: bool) -> None:
        if self._review is not None and self.screen is self._review:
            self._review.dismiss(None)
        self._made = Made(self.world, "making the change")
        self.push_screen(self._made)
        self._apply(proposal, message, float(seconds), force)

    @work(thread=True, group="apply", exit_on_error=False)
    def _apply(self, proposal: Proposal, message: str, seconds: float, force: bool) -> None:
        try:
            receipt = changes.apply(
                self.machine,
                proposal,
                message=message,
                confirm_within=seconds,
                even_if_locked_out=force,
                tell=self._tell,
            )
        except ChangedMeanwhile as error:
            self.post_message(Landed(None, str(error), stale=True))
        except (changes.NotDone, changes.Held, OSError) as error:
            self.post_message(Landed(None, str(error)))
        else:
            self.post_message(Landed(receipt))

    def _tell(self, step: str) -> None:
        self.post_message(Stepped(step))

    @on(Stepped)
    def _stepped(self, event: Stepped) -> None:
        if self._made is not None:
            self._made.step(event.text)

    @on(Landed)
    def _landed(self, event: Landed) -> None:
        receipt, problem = event.receipt, event.problem
        if event.stale:
            self.meet_others()
            problem += "\nYour edits now stand on the new version: close this and review again."
        if self._made is not None:
            self._made.end(receipt, problem)
        if receipt is not None:
            self._pending = receipt if receipt.state == "pending" else None
            if receipt.state in ("kept", "pending"):
                self._written()
            else:
                self.meet_others()
        self.tell_waiting()

    def _written(self) -> None:
        """The edits stand on disk: nothing waits any more."""
        if self._of_workspace:
            try:
                current = {path: desk.read(self.machine, path) for path in self.workspace.base}
            except NotEdited:
                current = {}
            self.hold(self.workspace.after_apply(current))
        else:
            self.meet_others()
        desk.keep(self.machine, self.workspace)

    # -- confirm or take back ---------------------------------------------------------------------------

    def tell_waiting(self) -> None:
        """Say in the header that a change waits for its confirmation."""
        pending = self._pending
        waiting: Words = ()
        if pending is not None:
            left = pending.deadline - self.clock()
            if left > 0:
                waiting = words(
                    Piece(f"{self.world.glyphs.warn} y keeps the change: {countdown(left)} left", "warn")
                )
            else:
                self._pending = None
                self.meet_others()
        if waiting != self.world.waiting:
            self.show(replace(self.world, waiting=waiting))

    def action_keep(self) -> None:
        """Keep the change that waits."""
        if self._pending is not None:
            self._answer(self._pending.id, True)

    @on(Made.Answered)
    def _answered(self, event: Made.Answered) -> None:
        self._answer(event.id, event.keep)

    @work(thread=True, group="apply", exit_on_error=False)
    def _answer(self, id: str, keep: bool) -> None:
        try:
            receipt = changes.confirm(self.machine, id) if keep else changes.rollback(self.machine, id)
        except (changes.NothingPending, changes.NotDone, changes.Held, OSError) as error:
            self.post_message(Landed(None, str(error) or "It is over already."))
        else:
            self.post_message(Landed(receipt))

    # -- what others wrote ------------------------------------------------------------------------------

    def meet_others(self) -> bool:
        """Bring the edits onto the files as they are now, and say so; whether that could be done."""
        try:
            workspace, others, conflicts = desk.rebased(self.machine, self.workspace)
        except NotEdited as error:
            self.say(str(error), bad=True)
            return False
        if not others:
            return True
        had = bool(self.workspace.changed)
        self.hold(workspace)
        if had:
            told = f"{sentence_list(others)} changed meanwhile. Your edits now stand on the new version."
            if conflicts:
                lost = sentence_list(from_bytes(each.summary) for each in conflicts)
                told = f"{sentence_list(others)} changed meanwhile, where you had edited: dropped {lost}."
            self.say(told, bad=bool(conflicts))
        return True

    # -- history ----------------------------------------------------------------------------------------

    async def action_history(self) -> None:
        """Show the changes made so far."""
        from wraptui.tui.dialogs.history import HistoryScreen

        try:
            made: tuple[Checkpoint, ...] = changes.history(self.machine)
        except OSError as error:
            self.say(f"The history cannot be read: {error.strerror or error}.", bad=True)
            return
        await self.push_screen(HistoryScreen(self.world, made, self._diff_of), self._restore)

    def _diff_of(self, id: str) -> str:
        try:
            return changes.diff_of(self.machine, id)
        except (changes.NotDone, OSError) as error:
            return str(error)

    async def _restore(self, id: str | None) -> None:
        if id is None:
            return
        try:
            what = changes.restoring(self.machine, id)
        except (changes.NotDone, OSError) as error:
            self.say(str(error), bad=True)
            return
        if not what:
            self.say("What stood before that change stands there now already.")
            return
        self._of_workspace = False
        await self.review(what, f"bring back what stood before {id}")
