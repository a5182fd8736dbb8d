"""Knows how edits leave the console: review, apply on a thread, receipt, history, and others' writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from wraptui.changes import landing as changes
from wraptui.changes.landing import ChangedMeanwhile, Proposal, Receipt
from wraptui.changes.proof import unproved
from wraptui.changes.recovery import OVERDUE, receipt
from wraptui.observe import Snapshot
from wraptui.observe.clients import new_login
from wraptui.system.checkpoints import Checkpoint
from wraptui.system.sessions import this_session
from wraptui.tui import desk
from wraptui.tui.bars import countdown, counted
from wraptui.tui.base import Base, Half
from wraptui.tui.desk import NotEdited
from wraptui.tui.dialogs.dialog import Ask
from wraptui.tui.dialogs.receipt import Made
from wraptui.tui.dialogs.review import Review
from wraptui.tui.display import Piece, Words, from_bytes, sentence_list, words
from wraptui.tui.messages import ApplyAsked, KeepAnswered, Landed, Proposed, Stepped, Unproved, Weighed
from wraptui.tui.peers import address
from wraptui.workspace import FileChange, Workspace

PATIENCE = 0.3  # seconds after which it is shown how far the working out is


class Landing(Half):
    """The half of the console that lands changes; it is imported when the first one is to land."""

    def __init__(self, console: Base) -> None:
        super().__init__(console)
        self.waiting: Receipt | None = None
        self._review: Review | None = None
        self._made: Made | None = None
        self._number = 0
        self._of_workspace = True
        self._landed, self._overdue = 0.0, False
        self._fresh = False  # an answer that comes now is that of an `apply`
        self._applied = Workspace()
        self._peer = address(this_session(console.machine).peer)

    # -- review -----------------------------------------------------------------------------------------

    async def review_edits(self) -> None:
        """Show what the edits that wait would do."""
        if not self.meet_others():
            return
        if not self.workspace.changed:
            self.console.say("No edits wait: there is nothing to review.")
            return
        self._of_workspace = True
        await self.review(self.workspace.changes, "review of the edits that wait")

    async def review(self, what: Sequence[FileChange], heading: str) -> None:
        """Show what these changes would do."""
        self._number += 1
        self._review = Review(self.world, heading)
        await self.console.push_screen(self._review)
        self._work(partial(self._propose, self._number, tuple(what)), "propose")

    def _propose(self, number: int, what: tuple[FileChange, ...]) -> None:
        began = last = time.monotonic()

        def far(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if total and now - began > PATIENCE and now - last > 0.1:
                last = now
                self.console.post_message(Weighed(number, done / total))

        try:
            proposal = changes.propose(self.machine, what, self.world.snapshot, progress=far)
        except (changes.NotDone, OSError) as error:
            self.console.post_message(Proposed(number, None, str(error)))
        else:
            self.console.post_message(Proposed(number, proposal))

    def weighed(self, event: Weighed) -> None:
        if event.number == self._number and self._review is not None:
            self._review.progress(event.share)

    def proposed(self, event: Proposed) -> None:
        if event.number != self._number or self._review is None:
            return
        if event.proposal is not None:
            self._review.show(event.proposal)
        else:
            self._review.fail(event.problem)

    # -- apply ------------------------------------------------------------------------------------------

    def asked_to_apply(self, event: ApplyAsked) -> None:
        proposal = event.proposal

        def sure(answer: str | None) -> None:
            if answer == "L":
                self._land(proposal, event.message, event.seconds or 60, force=True)

        against = proposal.against(event.seconds)
        if not against:
            self._land(proposal, event.message, event.seconds, force=False)
            return
        glyphs = self.world.glyphs
        lines = [words(Piece(f"{glyphs.bad} ", "bad"), reason) for reason in against]
        told = words("Only with Shift+L it is made nevertheless, and taken back if nobody confirms it.")
        self.console.push_screen(
            Ask(self.world, "refused", [*lines, "", told], [("L", "do it nevertheless")]), sure
        )

    def _land(self, proposal: Proposal, message: str, seconds: int, *, force: bool) -> None:
        if self._review is not None and self.console.screen is self._review:
            self._review.dismiss(None)
        self._made, self._fresh = Made(self.world, "making the change"), True
        # Now, since the next look may see the files changed before the answer comes.
        self._applied = self.workspace if self._of_workspace else Workspace()
        self.console.push_screen(self._made)
        self._work(partial(self._apply, proposal, message, float(seconds), force), "apply")

    def _apply(self, proposal: Proposal, message: str, seconds: float, force: bool) -> None:
        try:
            done = changes.apply(
                self.machine,
                proposal,
                message=message,
                confirm_within=seconds,
                even_if_locked_out=force,
                tell=self._tell,
            )
        except ChangedMeanwhile as error:
            self.console.post_message(Landed(None, str(error), stale=True))
        except (changes.NotDone, changes.Held, OSError) as error:
            self.console.post_message(Landed(None, str(error)))
        else:
            self.console.post_message(Landed(done))

    def _tell(self, step: str) -> None:
        self.console.post_message(Stepped(step))

    def stepped(self, event: Stepped) -> None:
        if self._made is not None:
            self._made.step(event.text)

    def landed(self, event: Landed) -> None:
        done, problem, waited = event.receipt, event.problem, self.waiting
        if event.stale:
            self.meet_others()
            problem += "\nYour edits now stand on the new version: close this and review again."
        note = ""
        if done is not None:
            self.waiting = done if done.state == "pending" else None
            self._landed, self._overdue = self.machine.now(), False
            if done.state == "rolled-back":
                note = self._taken_back()
            elif self._fresh:
                self._written()
            else:
                self.meet_others()
        self._fresh = False
        shown = self._made is not None and self._made.is_attached
        if self._made is not None:
            self._made.end(done, problem, note)
        if waited is not None and not shown:
            self._say_ended(done, problem, note)
        self.tell_waiting()

    def _say_ended(self, done: Receipt | None, problem: str, note: str) -> None:
        """How a change ended whose dialog is closed."""
        if done is None:
            self.console.say(problem, bad=True)
        elif done.state == "kept":
            self.console.say("The change is kept.")
        else:
            self.console.say(" ".join(filter(None, ("The change is taken back.", note))), bad=True)

    def _written(self) -> None:
        """The edits stand on disk: nothing waits any more."""
        world = self.world
        if self._of_workspace:
            try:
                current = {path: desk.read(self.machine, path) for path in self.workspace.base}
            except NotEdited:
                current = {}
            # What the edits made of the files is what stands there until the next look: rows stay in place.
            seen = replace(
                world.snapshot,
                tables=world.tables,
                configuration=world.configuration,
                findings=world.findings,
            )
            self.console.hold(self.workspace.after_apply(current), seen)
        else:
            self.meet_others()
        desk.keep(self.machine, self.workspace)

    def _taken_back(self) -> str:
        """The old files stand again; the edits that were in the change wait again, and that is said."""
        again = bool(self._applied.changed) and not self.workspace.changed
        if again:
            self.console.hold(self._applied)
        self._applied = Workspace()
        self.meet_others()
        return "Your edits wait again: change them and review (w), or undo them (u)." if again else ""

    # -- confirm or take back ---------------------------------------------------------------------------

    def tell_waiting(self) -> None:
        """Say in the header that a change waits for its confirmation, and notice when somebody ended it: the
        guard, or another login."""
        pending = self.waiting
        waiting: Words = ()
        if pending is not None:
            for receipt_of in changes.ended(self.machine, pending.id):
                self.console.post_message(Landed(receipt_of))
            left = pending.deadline - self.console.clock()
            if left < -OVERDUE and not self._overdue:  # the guard itself is gone
                self._overdue = True
                self._work(self._recover, "apply")
            told = f"y keeps the change: {countdown(left)} left" if left > 0 else "the guard takes it back"
            waiting = words(Piece(f"{self.world.glyphs.warn} {told}", "warn"))
        if waiting != self.world.waiting:
            self.console.show(replace(self.world, waiting=waiting))

    @property
    def can_keep(self) -> bool:
        """Whether a change waits that can still be confirmed."""
        return self.waiting is not None and self.waiting.deadline > self.console.clock()

    def keep(self) -> None:
        """Keep the change that waits."""
        if self.waiting is not None:
            self._answer_on_thread(self.waiting.id, True)

    def answered(self, event: KeepAnswered) -> None:
        self._answer_on_thread(event.id, event.keep)

    def unproved(self, event: Unproved) -> None:
        """Ask again: who confirms from an old login may find the door shut."""

        def sure(answer: str | None) -> None:
            if answer == "K":
                self._answer_on_thread(event.id, True, sure=True)

        told = [words(Piece(f"{self.world.glyphs.bad} ", "bad"), f"{event.why}.")]
        self.console.push_screen(Ask(self.world, "not proved", told, [("K", "keep it nevertheless")]), sure)

    def _answer_on_thread(self, id: str, keep: bool, *, sure: bool = False) -> None:
        self._work(partial(self._answer, id, keep, sure), "apply")

    def _work(self, what: Callable[[], None], group: str) -> None:
        """Do it on a thread; what it finds comes back as a message."""
        self.console.run_worker(
            what, thread=True, exclusive=group == "propose", group=group, exit_on_error=False
        )

    def _answer(self, id: str, keep: bool, sure: bool) -> None:
        try:
            if keep and not sure and (why := unproved(self.machine, id)):
                self.console.post_message(Unproved(id, why))
                return
            done = changes.confirm(self.machine, id) if keep else changes.rollback(self.machine, id)
        except (changes.NothingPending, changes.NotDone, changes.Held, OSError) as error:
            self.console.post_message(Landed(None, str(error) or "It is over already."))
        else:
            self.console.post_message(Landed(done))

    # -- what others wrote ------------------------------------------------------------------------------

    def meet_others(self) -> bool:
        """Bring the edits onto the files as they are now, and say so; whether that could be done."""
        try:
            workspace, others, conflicts = desk.rebased(self.machine, self.workspace)
        except NotEdited as error:
            self.console.say(str(error), bad=True)
            return False
        if not others:
            return True
        had = bool(self.workspace.changed)
        self.console.hold(workspace)
        if had:
            told = f"{sentence_list(others)} changed meanwhile. Your edits now stand on the new version."
            if conflicts:
                lost = sentence_list(from_bytes(each.summary) for each in conflicts)
                told = f"{sentence_list(others)} changed meanwhile, where you had edited: dropped {lost}."
            self.console.say(told, bad=bool(conflicts))
        return True

    # -- history ----------------------------------------------------------------------------------------

    async def history(self) -> None:
        """Show the changes made so far."""
        from wraptui.tui.dialogs.history import HistoryScreen

        try:
            made: tuple[Checkpoint, ...] = changes.history(self.machine)
        except OSError as error:
            self.console.say(f"The history cannot be read: {error.strerror or error}.", bad=True)
            return
        await self.console.push_screen(HistoryScreen(self.world, made, self._diff_of), self._restore)

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
            self.console.say(str(error), bad=True)
            return
        if not what:
            self.console.say("What stood before that change stands there now already.")
            return
        self._of_workspace = False
        await self.review(what, f"bring back what stood before {id}")

    # -- the beginning and the end ----------------------------------------------------------------------

    async def begin(self) -> None:
        """Say what an earlier session left: a change that waits or was interrupted, edits not applied."""
        try:
            left = changes.waiting(self.machine)
        except OSError:
            left = ()
        for checkpoint in left:
            if checkpoint.state == "pending" and checkpoint.deadline > self.console.clock():
                self.waiting = receipt(checkpoint)
                self.tell_waiting()
            else:
                await self._offer_recovery(checkpoint)
                return
        kept = desk.kept(self.machine)
        if kept.changed:
            await self._offer_kept(kept)

    async def _offer_recovery(self, checkpoint: Checkpoint) -> None:
        what = sentence_list(file.path for file in checkpoint.files)
        told = [f"The change {checkpoint.id} of {what} was interrupted.", "It can be brought to an end now."]

        def answered(answer: str | None) -> None:
            if answer == "e":
                self._made = Made(self.world, "bringing it to an end")
                self.console.push_screen(self._made)
                self._work(self._recover, "apply")

        await self.console.push_screen(
            Ask(self.world, "an interrupted change", told, [("e", "bring it to an end")]), answered
        )

    def _recover(self) -> None:
        try:
            ended = changes.recover(self.machine, tell=self._tell)
        except (changes.NotDone, changes.Held, OSError) as error:
            self.console.post_message(Landed(None, str(error)))
        else:
            self.console.post_message(
                Landed(ended[-1] if ended else None, "" if ended else "It is over already.")
            )

    async def _offer_kept(self, kept: Workspace) -> None:
        told = [f"{counted(kept.done, 'edit')} of an earlier session were not applied:"]
        told += [f"  {from_bytes(step.summary)}" for step in kept.steps[:10]]

        def answered(answer: str | None) -> None:
            if answer == "k":
                self.console.hold(kept)
                self.meet_others()
            elif answer == "f":
                desk.keep(self.machine, Workspace())

        answers = [("k", "take them up again"), ("f", "forget them")]
        await self.console.push_screen(Ask(self.world, "unsaved edits", told, answers), answered)

    async def ask_before_the_end(self) -> None:
        """What is to become of the edits that wait?"""
        count = self.workspace.done
        told = "1 edit is not applied." if count == 1 else f"{count} edits are not applied."

        def answered(answer: str | None) -> None:
            if answer in ("k", "f"):
                self.console.leave(forget=answer == "f")

        answers = [("k", "keep for the next start"), ("f", "forget")]
        await self.console.push_screen(Ask(self.world, "quit", [told], answers), answered)

    def notice(self, new: Snapshot) -> None:
        """A new login from where the operator works proves that the change lets them in."""
        if self._made is None or not self._made.waits or self._made.noticed:
            return
        if login := new_login(self.machine, new, self._landed):
            self._made.noticed = f"A new login from {self._peer} works: {login.user}, process {login.pid}."
            self._made.draw()
