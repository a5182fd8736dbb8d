"""Knows which keys work at this moment, and shows just those in the bottom line."""

from __future__ import annotations

from textual.screen import Screen

from wraptui.tui.lines import Choice, Choices, key

NAMES = {
    "slash": "/",
    "question_mark": "?",
    "escape": "Esc",
    "enter": "Enter",
    "delete": "Del",
    "f1": "F1",
    "plus": "+",
    "minus": "-",
    "upper_k": "K",
    "upper_j": "J",
    "shift+up": "⇧↑",
    "shift+down": "⇧↓",
}


def name_of(binding_key: str) -> str:
    """A key as it is printed on a keyboard."""
    shown = NAMES.get(binding_key, binding_key)
    return shown.replace("ctrl+", "^")


def _weight(action: str) -> int:
    """What stands first in the bottom line: what to do with pending changes, with the row, then the rest."""
    name = action.partition("(")[0]
    order = {"keep": 0, "review": 1, "row": 2, "explain": 3, "undo": 4, "redo": 4, "filter": 6, "sort": 6}
    return order.get(name, 5)


class Keys(Choices):
    """The bottom line."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and self.app.screen is screen:
            self.refresh_keys()

    def refresh_keys(self) -> None:
        """Read the screen's live bindings again."""
        shown: list[Choice] = []
        pinned: list[Choice] = []
        active = sorted(self.screen.active_bindings.values(), key=lambda each: _weight(each.binding.action))
        for node, binding, enabled, _ in active:
            if not (binding.show and enabled):
                continue
            name = binding.key_display or name_of(binding.key)
            where = "app." if node is self.app else "screen." if node is self.screen else "focused."
            action = binding.action if "." in binding.action else where + binding.action
            into = pinned if binding.id and binding.id.startswith("pinned-") else shown
            choice = Choice(key(name, binding.description), action)
            if choice not in into:
                into.append(choice)
        self.offer([*shown, *pinned], len(pinned))
