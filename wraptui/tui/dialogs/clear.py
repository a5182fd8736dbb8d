"""Knows the dialog that clears the no_access list: what it costs, and the word that must be typed first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from wraptui.observe import Visit
from wraptui.system.restart import NotRestarted, Restarted, Way
from wraptui.tui.bars import counted
from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, from_bytes, sentence_list, words
from wraptui.tui.inputs import Field
from wraptui.tui.lines import Lines
from wraptui.tui.panes.no_access import covered
from wraptui.tui.peers import address
from wraptui.tui.world import World

WORD = "restart"
MOST = 6  # names in a sentence


class ClearList(Dialog[None]):
    """A restart of xinetd, which empties its list. `find_way` and `restart` are run on a thread."""

    HEADING = "clear the no_access list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "restart xinetd", key_display="Enter", id="submit"),
    ]

    class Answered(Message):
        """The way is known, or the restart is done; or `problem` says why not."""

        def __init__(self, answer: Way | Restarted | None, problem: str = "") -> None:
            super().__init__()
            self.answer, self.problem = answer, problem

    def __init__(
        self, world: World, peer: str, find_way: Callable[[], Way], restart: Callable[[], Restarted]
    ) -> None:
        super().__init__(world)
        self.peer, self.find_way, self.restart = peer, find_way, restart
        self.obstacle = obstacle(world)
        self.way: Way | None = None
        self.state = "asking"

    def body(self) -> Iterable[Widget]:
        yield Lines(id="price")
        if not self.obstacle:
            yield Field("to do it", hint=f"type {WORD}")
        yield Lines(id="outcome")

    def on_mount(self) -> None:
        self.query_one("#price", Lines).say(words(Piece("Asking how xinetd is restarted here.", "dim")))
        self._work(self.find_way)

    def _work(self, what: Callable[[], Way | Restarted]) -> None:
        def work() -> None:
            try:
                self.post_message(self.Answered(what()))
            except (NotRestarted, OSError) as error:
                self.post_message(self.Answered(None, str(error)))
            except Exception as error:  # a defect must not look like work that goes on
                self.post_message(self.Answered(None, f"{type(error).__name__}: {error}"))

        self.run_worker(work, thread=True, exit_on_error=False)

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        glyphs, outcome = self.world.glyphs, self.query_one("#outcome", Lines)
        if isinstance(event.answer, Way):
            self.way, self.state = event.answer, "" if not self.obstacle else "over"
            self.query_one("#price", Lines).say(*price(self.world, event.answer, self.peer))
            if self.obstacle:
                outcome.say(words(Piece(f"{glyphs.bad} {self.obstacle}", "bad")))
        elif isinstance(event.answer, Restarted):
            self.state = "over"
            done = event.answer
            good = f"xinetd runs again (process {done.daemon.pid}) and its list is empty."
            told = [words(Piece(f"{glyphs.good} ", "good"), good)]
            if done.missing:
                ports = sentence_list(map(str, done.missing))
                missing = f"{glyphs.bad} Nobody listens any more on port {ports}: xinetd's log says why."
                told.append(words(Piece(missing, "bad")))
            outcome.say(*told)
        else:
            self.state = "over"
            outcome.say(words(Piece(f"{glyphs.bad} {event.problem}", "bad")))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "submit":
            return self.state == ""
        return action != "cancel" or self.state != "working"

    @on(Input.Submitted)
    def action_submit(self) -> None:
        if self.state:
            return
        typed = self.query_one(Field).value.strip()
        if typed != WORD:
            told = f"Nothing was done: it takes the word {WORD}."
            self.query_one("#outcome", Lines).say(words(Piece(told, "warn")))
            return
        self.state = "working"
        self.query_one("#outcome", Lines).say(words(Piece("Restarting xinetd.", "dim")))
        self.refresh_bindings()
        self._work(self.restart)


def obstacle(world: World) -> str:
    """Why xinetd would not start again with its files as they stand, "" when it would."""
    configuration = world.snapshot.configuration
    if not configuration.starts:
        return "xinetd would not start again: its defaults have an error. Mend them first (F)."
    if not any(each.active for each in configuration.services) and not world.snapshot.daemon.stay_alive:
        return "xinetd would not start again: no service of its files would run."
    return ""


def price(world: World, way: Way, peer: str) -> Iterator[Cell]:
    """What clearing costs: who gets in again, who is cut off, what is forgotten."""
    glyphs = world.glyphs
    entries = world.snapshot.no_access.entries
    yield words("Only a restart empties the list: xinetd has no command that takes an address off.")
    yield words("")
    yield words(Piece("How   ", "dim"), f"{way.how}; for that moment nobody gets in")
    lost = _some([covered(each) for each in entries])
    yield words(
        Piece("Lost  ", "dim"),
        Piece(counted(len(entries), "entry", "entries"), "strong"),
        f": {lost}; they get in again at once",
    )
    ended = cut_off(world, way)
    if ended:
        who = _some([f"{from_bytes(each.service)} {address(each.connection.remote)}" for each in ended])
        mark = Piece(f"{glyphs.warn} {counted(len(ended), 'session')} cut off", "warn")
        yield words(Piece("Ends  ", "dim"), mark, f": {who}")
        if peer and any(address(each.connection.remote) == peer for each in ended):
            yield words(Piece(f"      {glyphs.bad} one of them comes from {peer}, as you do", "bad"))
    else:
        yield words(Piece("Ends  ", "dim"), Piece(f"{glyphs.good} nobody is cut off", "good"))
    going_on = len(_through_xinetd(world)) - len(ended)
    if going_on:
        told = f"{counted(going_on, 'session')}, but instances and per_source no longer count them"
        yield words(Piece("Stays ", "dim"), told)
    yield words(Piece("Also  ", "dim"), "pauses by cps end; its files count as they stand on disk now")
    if world.pending.count:
        told = f"{counted(world.pending.count, 'edit')} of yours not applied: no part of this"
        yield words(Piece("      "), Piece(told, "pending"))
    yield words("")
    yield words(Piece("To keep somebody out for good, write a rule first (p).", "dim"))


def _through_xinetd(world: World) -> list[Visit]:
    return [each for each in world.snapshot.visits if each.guard == "xinetd"]


def cut_off(world: World, way: Way) -> list[Visit]:
    """The sessions that end with the daemon: those it redirects; all, where the service manager ends them."""
    redirected = {
        each.id for each in world.snapshot.configuration.services if each.attributes.get("redirect")
    }
    return [each for each in _through_xinetd(world) if way.ends_servers or each.service in redirected]


def _some(names: list[str]) -> str:
    kept = list(dict.fromkeys(names))
    more = f" and {len(kept) - MOST} more" if len(kept) > MOST else ""
    return ", ".join(kept[:MOST]) + more
