"""Knows the form of a service: its limits, or all its attributes, with help and a live check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from wraptui.policy.xinetd.attributes import TABLE, Attribute, attribute
from wraptui.policy.xinetd.services import Service, Value
from wraptui.syntax.tree import Document, shown, typed
from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, from_bytes, words
from wraptui.tui.inputs import Field
from wraptui.tui.lines import Lines
from wraptui.tui.world import World

LIMITS = ("instances", "per_source", "cps", "max_load", "rlimit_as", "rlimit_cpu", "deny_time", "disable")

Changes = Mapping[str, str | None]
"""Attribute name to its new words (byte text), or None to take its lines out of the entry."""
Check = Callable[[Changes], list[Cell]]

_ATTRIBUTE = re.compile(r"[ \t]*([^\s=+#-][^\s=+]*?)[ \t]*([+-]?=)[ \t]*([^\n]*?)\s*\Z")


def own_words(document: Document, service: Service) -> dict[str, str]:
    """What the entry itself says with `=`, by attribute; of a repeated one the first line counts."""
    own: dict[str, str] = {}
    for line in document.lines[service.first : service.last]:
        match = _ATTRIBUTE.match(line)
        if match and match[2] == "=":
            own.setdefault(match[1].lower(), match[3])
    return own


def value_text(value: Value | None) -> str:
    """An effective value as words."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(str(each) for each in value)
    return str(value)


class ServiceForm(Dialog[dict[str, str | None]]):
    """Some attributes of one service; an empty field takes the attribute out, so that the default counts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "done", key_display="Enter", id="submit"),
        Binding("down", "field(1)", "next field", show=False, priority=True),
        Binding("up", "field(-1)", "field before", show=False, priority=True),
    ]

    def __init__(
        self, world: World, service: Service, document: Document, check: Check, names: Iterable[str] = LIMITS
    ) -> None:
        super().__init__(world)
        self.service, self.check = service, check
        self.attributes = tuple(found for name in names if (found := attribute(name)))
        own = own_words(document, service)
        self.before = {each.name: own.get(each.name, "") for each in self.attributes}

    def heading(self) -> str:
        return f"{from_bytes(self.service.id)} in {self.service.file}"

    def body(self) -> Iterable[Widget]:
        for each in self.attributes:
            hint = self._without(each)
            yield Field(each.name, shown(self.before[each.name]), hint=hint, completions=each.choices)

    def foot(self) -> Iterable[Widget]:
        yield Lines(id="help")
        yield Lines(id="check")

    def _without(self, each: Attribute) -> str:
        """What counts when the entry does not name the attribute."""
        service, name = self.service, each.name
        if each.inherited and name in self.world.configuration.defaults:
            return f"{from_bytes(value_text(self.world.configuration.defaults[name]))} (defaults)"
        if service.origin.get(name) in ("defaults", "built-in"):
            return f"{from_bytes(value_text(service.attributes.get(name)))} ({service.origin[name]})"
        return "not set"

    def on_mount(self) -> None:
        self.set_focus(self.query(Input).first())
        self._check()

    def changes(self) -> dict[str, str | None]:
        """What the form would change."""
        found: dict[str, str | None] = {}
        for each, field in zip(self.attributes, self.query(Field), strict=True):
            now = typed(field.value.strip())
            if now != self.before[each.name]:
                found[each.name] = now or None
        return found

    @on(Input.Changed)
    def _check(self) -> None:
        changes = self.changes()
        lines = self.check(changes) if changes else [words(Piece("Nothing is changed yet.", "dim"))]
        self.query_one("#check", Lines).say(*lines)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for each, field in zip(self.attributes, self.query(Field), strict=True):
            if field.input is event.widget:
                self.query_one("#help", Lines).say(*help_lines(each))

    @on(Input.Submitted)
    def action_submit(self) -> None:
        self.dismiss(self.changes())


def help_lines(each: Attribute) -> list[Cell]:
    """What the attribute does, and the words it may have."""
    choices = f" {'Also' if each.open else 'Words:'} {', '.join(each.choices)}." if each.choices else ""
    inherited = " Empty: as in defaults." if each.inherited else ""
    return [words(Piece(f"{each.name}: ", "accent"), each.help, Piece(f".{choices}{inherited}", "dim"))]


def all_names() -> tuple[str, ...]:
    """Every attribute that a service may have, the limits first."""
    others = (each.name for each in TABLE if each.service and each.name not in LIMITS and not each.key)
    return (*LIMITS, *others)
