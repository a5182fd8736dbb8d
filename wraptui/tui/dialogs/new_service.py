"""Knows the form of a new service, and of a copy of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from wraptui.policy.xinetd.attributes import attribute
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import shown, typed
from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, words
from wraptui.tui.inputs import Field
from wraptui.tui.lines import Lines
from wraptui.tui.world import World

NEW = ("type", "socket_type", "protocol", "port", "wait", "user", "server", "server_args", "only_from")
START = {"socket_type": "stream", "wait": "no", "user": "nobody"}
COPY = ("id", "port", "bind", "only_from")


@dataclass(frozen=True, slots=True)
class Asked:
    """A service to write: its name and the words of its attributes, in byte text."""

    name: str
    attributes: dict[str, str]


Check = Callable[[Asked], list[Cell]]


class NewService(Dialog[Asked]):
    """A new service; with `model` a copy of that one, of which only what is filled in differs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "done", key_display="Enter", id="submit"),
        Binding("down", "field(1)", "next field", show=False, priority=True),
        Binding("up", "field(-1)", "field before", show=False, priority=True),
    ]

    def __init__(self, world: World, path: str, check: Check, model: Service | None = None) -> None:
        super().__init__(world)
        self.path, self.check, self.model = path, check, model
        self.names = NEW if model is None else COPY

    def heading(self) -> str:
        what = "a new service" if self.model is None else f"a copy of {shown(self.model.id)}"
        return f"{what} in {self.path}"

    def body(self) -> Iterable[Widget]:
        yield Field(
            "name",
            shown(self.model.name) if self.model else "",
            hint="as in /etc/services, or any with type UNLISTED",
        )
        for each in self.names:
            known = attribute(each)
            value = START.get(each, "") if self.model is None else ""
            hint = "as the original" if self.model is not None else "not set"
            yield Field(each, value, hint=hint, completions=known.choices if known else ())
        yield Lines(id="check")

    def on_mount(self) -> None:
        self.set_focus(self.query(Input).first())
        self._check()

    def asked(self) -> Asked:
        """What the form says."""
        name, *values = (field.value.strip() for field in self.query(Field))
        attributes = {key: typed(value) for key, value in zip(self.names, values, strict=True) if value}
        return Asked(typed(name), attributes)

    @on(Input.Changed)
    def _check(self) -> None:
        asked = self.asked()
        lines = self.check(asked) if asked.name else [words(Piece("A service needs a name.", "dim"))]
        self.query_one("#check", Lines).say(*lines)

    @on(Input.Submitted)
    def action_submit(self) -> None:
        if self.asked().name:
            self.dismiss(self.asked())
