"""Knows the form of a rule, and the form of a raw line; both check what is typed while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from wraptui.policy.tables.access import Rule
from wraptui.syntax.tree import shown, typed
from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, from_bytes, words
from wraptui.tui.inputs import Choosing, Field, LineInput, Toggle
from wraptui.tui.known import bracketed_list, clients, daemons
from wraptui.tui.lines import Lines
from wraptui.tui.peers import short
from wraptui.tui.world import World

Check = Callable[["Written"], list[Cell]]
BEHIND, END, TOP = "behind the cursor's rule", "at the end", "at the top"


@dataclass(frozen=True, slots=True)
class Written:
    """What the operator wrote: byte text for a file, where a new rule goes (BEHIND, END or TOP), and how
    long it is to last (`2h`; "" for good)."""

    path: str
    text: str
    where: str = END
    lasting: str = ""


class RuleForm(Dialog[Written]):
    """A rule by its three fields. With `rule` it changes that one, else it writes a new one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "done", key_display="Enter", id="submit"),
    ]

    def __init__(
        self,
        world: World,
        paths: tuple[str, ...],
        path: str,
        check: Check,
        rule: Rule | None = None,
        *,
        behind: bool = False,
    ) -> None:
        super().__init__(world)
        self.paths, self.path, self.check, self.rule, self.behind = paths, path, check, rule, behind
        self.start = (shown(rule.daemons.strip()), shown(rule.clients.strip())) if rule else ("", "")

    def heading(self) -> str:
        return f"change line {self.rule.first} of {self.path}" if self.rule else "a new rule"

    def body(self) -> Iterable[Widget]:
        rule, plain = self.rule, self.world.glyphs.plain
        yield Field(
            "daemon list",
            self.start[0],
            hint="sshd, in.ftpd or ALL",
            completions=daemons(self.world),
        )
        yield Field(
            "client list",
            self.start[1],
            hint="192.0.2.0/24 [2001:db8::]/32 .example.net",
            completions=clients(self.world),
        )
        yield Field(
            "options",
            shown(rule.options.strip()) if rule else "",
            hint="none; or spawn …, twist …, severity …",
        )
        if rule is None:
            yield Field("for", hint="good; or 30m, 2h, 7d: then it takes itself out")
            names = [short(path) for path in self.paths]
            yield Choosing("file", Toggle(names, short(self.path), id="file", plain=plain))
            places = (BEHIND, END, TOP) if self.behind else (END, TOP)
            yield Choosing("where", Toggle(places, places[0], id="where", plain=plain))
        yield Lines(id="check")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#input-daemon-list", Input))
        self._check()

    def written(self) -> Written:
        """The rule as it stands in the form."""
        values = [field.value.strip() for field in self.query(Field)]
        daemon_list, client_list, options = values[:3]
        text = f"{daemon_list}: {bracketed_list(client_list)}" + (f" : {options}" if options else "")
        path, where = self.path, END
        for toggle in self.query(Toggle):
            if toggle.id == "file":
                path = self.paths[toggle.options.index(toggle.value)]
            else:
                where = toggle.value
        return Written(path, typed(text), where, values[3] if len(values) > 3 else "")

    @on(Input.Changed)
    @on(Toggle.Changed)
    def _check(self) -> None:
        written = self.written()
        daemon_list, client_list = (field.value.strip() for field in list(self.query(Field))[:2])
        if not daemon_list or not client_list:
            self.query_one("#check", Lines).say(
                words(Piece("A rule is a daemon list and a client list; ALL means everyone.", "dim"))
            )
            return
        self.query_one("#check", Lines).say(
            words(Piece(f"{short(written.path)}  ", "dim"), from_bytes(written.text)), *self.check(written)
        )

    @on(Input.Submitted)
    def action_submit(self) -> None:
        written = self.written()
        daemon_list, client_list = (field.value.strip() for field in list(self.query(Field))[:2])
        if not daemon_list or not client_list:
            missing = "daemon list" if not daemon_list else "client list"
            self.query_one("#check", Lines).say(
                words(Piece(f"The {missing} is empty; ALL means everyone.", "warn"))
            )
            self.set_focus(self.query_one(f"#input-{missing.replace(' ', '-')}", Input))
            return
        self.dismiss(written)


class RawLine(Dialog[Written]):
    """A line of a file as it stands there, to be changed freely. Its continuation lines hang together."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "done", key_display="Enter", id="submit"),
    ]

    def __init__(self, world: World, path: str, line: int, text: str, check: Check) -> None:
        super().__init__(world)
        self.path, self.line, self.check = path, line, check
        self.text = shown(text.removesuffix("\n"))

    def heading(self) -> str:
        return f"line {self.line} of {self.path}"

    def body(self) -> Iterable[Widget]:
        yield LineInput(self.text, id="raw")
        yield Lines(id="check")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(Input))
        self._check()

    def written(self) -> Written:
        """The line as it stands in the form."""
        return Written(self.path, typed(self.query_one(Input).value))

    @on(Input.Changed)
    def _check(self) -> None:
        self.query_one("#check", Lines).say(*self.check(self.written()))

    @on(Input.Submitted)
    def action_submit(self) -> None:
        self.dismiss(self.written())
