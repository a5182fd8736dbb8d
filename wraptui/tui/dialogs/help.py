"""Knows the list of all keys."""

from __future__ import annotations

from collections.abc import Iterable

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


class Help(Dialog[None]):
    """All keys at once."""

    HEADING = "keys"

    def body(self) -> Iterable[Widget]:
        lines: list[Cell] = []
        for title, keys in GROUPS:
            if lines:
                lines.append("")
            lines.append(words(Piece(title, "strong")))
            lines += [words(Piece(f"  {key:<24}", "accent"), what) for key, what in keys]
        if self.world.read_only:
            lines += ["", words(Piece(f"Read-only: {self.world.read_only}.", "warn"))]
        told = Lines()
        told.say(*lines)
        yield told
