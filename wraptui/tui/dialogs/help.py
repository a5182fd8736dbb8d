"""Knows the list of all keys."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wraptui.tui.dialogs.dialog import Dialog
from wraptui.tui.display import Cell, Piece, words
from wraptui.tui.lines import Lines

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Looking",
        (
            ("1 2 3 4", "connections, no_access, limits, rules"),
            ("Tab", "the next pane"),
            ("z", "one pane alone, or all four"),
            ("/", "show only rows with these words; Esc ends it"),
            ("s", "sort by the next column; a click on a heading too"),
            ("↑ ↓ PgUp PgDn Home End", "move in the list (also j k g G)"),
            ("x", "ask about any client: would it get in, and by which line?"),
            ("h", "the changes made so far; show one, restore one"),
            ("ctrl+t", "light or dark"),
            ("q", "leave; edits that are not applied are kept if you want"),
        ),
    ),
    (
        "Rules and services",
        (
            ("a", "add a rule"),
            ("Enter", "change the rule or service under the cursor in a form"),
            ("r", "change the line as it stands in the file"),
            ("c", "copy it below itself"),
            ("K J", "move it up or down (also Shift+arrows)"),
            ("Space", "disable it, or enable it again"),
            ("d", "delete it"),
            ("F", "everything that is wrong, in one list"),
            ("f", "mend it: make the fix that its finding offers"),
        ),
    ),
    (
        "Limits and the no_access list",
        (
            ("Enter", "change the limits of the service under the cursor"),
            ("e", "all attributes of the service"),
            ("n c d", "a new service, a copy of this one, delete this one"),
            ("p", "write a rule into hosts.deny for the address under the cursor"),
            ("X", "clear the no_access list: what that costs, then a restart of xinetd"),
        ),
    ),
    (
        "Protections",
        (
            ("R", "recipes: guided protections, seen before they are made"),
            ("C", "who guards what: coverage, packet filter, audit"),
        ),
    ),
    (
        "Edits",
        (
            ("u ctrl+r", "undo, redo"),
            ("w", "review the edits and apply them; nothing is written before that"),
            ("y", "keep a change that waits for confirmation"),
        ),
    ),
)

WIDE = 24  # columns of the keys


class Help(Dialog[None]):
    """All keys at once."""

    HEADING = "keys"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,space", "scroll(0.01)", "down", key_display="↓ PgDn"),
        Binding("up,k", "scroll(-0.01)", "up", show=False),
    ]

    def body(self) -> Iterable[Widget]:
        room = max(20, min(100, self.app.size.width * 92 // 100) - 6)
        lines: list[Cell] = []
        for title, keys in GROUPS:
            lines += ["", words(Piece(title, "strong"))]
            for key, what in keys:
                first, *more = textwrap.wrap(what, max(16, room - WIDE - 2))
                lines.append(words(Piece(f"  {key:<{WIDE}}", "accent"), first))
                lines += [f"  {'':<{WIDE}}{each}" for each in more]
        if self.world.read_only:
            lines += ["", words(Piece(f"Read-only: {self.world.read_only}.", "warn"))]
        if notes := [note for note in (self.world.trouble, *self.world.snapshot.notes) if note]:
            lines += ["", words(Piece("Notes on this machine", "strong"))]
            for note in notes:
                lines += [f"  {each}" for each in textwrap.wrap(note, room - 2)]
        told = Lines()
        told.say(*lines[1:])
        yield told
