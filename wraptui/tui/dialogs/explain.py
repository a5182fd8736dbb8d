"""Knows how to ask about any client: who, to which daemon; and shows the verdict and what led to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from wraptui.policy.live.admission import Live, admit
from wraptui.policy.tables.access import Decision, Tables, Visitor, decide
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import typed
from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, Words, from_bytes, words
from wraptui.tui.inputs import Field
from wraptui.tui.known import asked
from wraptui.tui.lines import Lines
from wraptui.tui.peers import short, verdict
from wraptui.tui.world import World

STEPS = 12


class Explain(Dialog[None]):
    """Would this client get in, and by which line? Nothing is looked up and nothing is run."""

    HEADING = "ask about a client"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "next", "next field", show=False)]

    def __init__(self, world: World, daemon: str = "", client: str = "") -> None:
        super().__init__(world)
        self.daemon, self.client = daemon, client

    def body(self) -> Iterable[Widget]:
        yield Field(
            "who is asked",
            self.daemon,
            hint="a service of xinetd (ftp) or a daemon (sshd)",
            completions=asked(self.world),
            select=True,
        )
        yield Field("address", self.client, hint="192.0.2.7 or 2001:db8::7", select=True)
        yield Field("name", "", hint="the client's host name, if it matters (unknown)")
        yield Field("user", "", hint="the client's user, if it matters (unknown)")
        yield Lines(id="answer")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#input-who-is-asked", Input))
        self._answer()

    @on(Input.Changed)
    def _answer(self) -> None:
        daemon, address, name, user = (field.value.strip() for field in self.query(Field))
        self.query_one("#answer", Lines).say(*explained(self.world, daemon, address, name, user))

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next(Input)


def explained(world: World, daemon: str, address: str, name: str = "", user: str = "") -> list[Words]:
    """The verdict in words, and the rules that were looked at."""
    if not daemon or not address:
        return [words(Piece("Type a service or daemon, and an address.", "dim"))]
    if world.tables is None:
        return [words(Piece("The rules have not been read.", "warn"))]
    service = next((s for s in world.configuration.services if s.active and s.id == typed(daemon)), None)
    if service is not None:
        return _admitted(world, world.tables, service, address, name, user)
    visitor = Visitor(typed(daemon), typed(address), typed(name) or "unknown", typed(user) or "unknown")
    decision = decide(world.tables, visitor, trace=True)
    return _decided(world, decision)


def _admitted(
    world: World, tables: Tables, service: Service, address: str, name: str, user: str
) -> list[Words]:
    """All of xinetd's checks in its order, TCP Wrappers last."""
    state = world.state_of(service.id)
    here = [v for v in world.snapshot.visits if v.service == service.id and v.connection.remote == address]
    live = Live(
        world.now,
        running=state.running if state else 0,
        from_client=len(here),
        load=world.snapshot.load,
        paused_until=state.returns if state else None,
        no_access=world.snapshot.no_access,
    )
    try:
        admission = admit(
            service,
            address,
            tables,
            configuration=world.configuration,
            live=live,
            name=typed(name),
            user=typed(user) or "unknown",
        )
    except ValueError as error:
        return [words(Piece(f"{address}: {error}", "warn"))]
    glyphs = world.glyphs
    verdict_words = Piece(f"{glyphs.good} gets in", "good")
    if not admission.granted:
        verdict_words = Piece(f"{glyphs.bad} is refused", "bad")
    doubt = "" if admission.certain else Piece(" (not certain: a check before it cannot be told)", "warn")
    lines = [words(f"{address} ", verdict_words, f" at {from_bytes(service.id)}", doubt), words("")]
    marks = {"passes": Piece(glyphs.good, "good"), "refuses": Piece(glyphs.bad, "bad")}
    for layer in admission.layers:
        mark = marks.get(layer.verdict, Piece("?", "warn"))
        where = f"  {short(layer.file)}:{layer.line}" if layer.file else ""
        lines.append(words(mark, Piece(f" {layer.name:<12} ", "dim"), layer.why, Piece(where, "dim")))
    return lines


def _decided(world: World, decision: Decision) -> list[Words]:
    lines: list[Words] = [words("TCP Wrappers: ", verdict(decision, world.glyphs)), _because(decision)]
    lines += [words(Piece(f"  {from_bytes(message)}", "warn")) for message in decision.messages[:4]]
    if world.pending.count:
        lines.append(words(Piece("  This counts the edits that are not applied yet.", "pending")))
    lines.append(words(""))
    steps = decision.trace
    left_out = max(0, len(steps) - STEPS)
    if left_out:
        lines.append(words(Piece(f"  {left_out} rules before these do not match", "dim")))
    for step in steps[left_out:]:
        hit = (step.file, step.line) == (decision.file, decision.line)
        mark = world.glyphs.arrow if hit else " " * len(world.glyphs.arrow)
        place = f"{short(step.file).removeprefix('hosts.')}:{step.line}"
        tone = "strong" if hit else ""
        lines.append(words(Piece(f"{mark} {place:<9} ", "dim"), Piece(from_bytes(_joined(step.text)), tone)))
        lines.append(words(Piece(f"{'':<12}{from_bytes(step.why)}", "dim")))
    return lines


def _joined(text: str) -> str:
    """A logical line in one line."""
    return text.rstrip("\r\n").replace("\\\n", "")


def _because(decision: Decision) -> Words:
    cell: Cell = {
        "rule": f"Line {decision.line} of {decision.file} is the first that matches.",
        "default": "No rule matches, and what no rule matches gets in.",
        "table-error": "A file cannot be read to its end; libwrap then refuses everybody.",
        "option-error": f"Line {decision.line} of {decision.file} matches, but its options have an error.",
        "exit": "An option of that line would end the daemon's process.",
    }[decision.reason]
    return words(cell)
