"""Knows how to sit at a terminal: a program in a pty, its screen as text, keys typed into it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pexpect
import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "space": " ",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


class Terminal:
    """One program at one terminal. Waiting for a screen that does not come fails with the screen."""

    def __init__(self, command: Sequence[str], columns: int, rows: int, environment: dict[str, str]) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = 0
        self.child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(rows, columns),
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"},
            timeout=10,
        )
        self.child.delaybeforesend = None

    @property
    def text(self) -> str:
        """The screen, its lines without the blanks at their ends."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what the program says for a moment; False when it has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                data = bytes(self.child.read_nonblocking(1 << 16, timeout=left))
            except pexpect.TIMEOUT:
                return True
            except pexpect.EOF:
                return False
            self.sent += len(data)
            self._stream.feed(data)
        return True

    def wait(self, seen: str | Callable[[str], bool], seconds: float = 15) -> str:
        """Wait until the screen matches (a regular expression, or a question); the screen."""
        there: Callable[[str], object] = seen if callable(seen) else re.compile(seen).search
        end = time.monotonic() + seconds
        while not there(self.text):
            alive = self.read(0.1)
            if there(self.text):
                break
            if not alive or time.monotonic() > end:
                what = "the program ended" if not alive else f"not seen in {seconds:g} s"
                raise AssertionError(f"{seen!r}: {what}; the screen:\n{self.text}")
        return self.text

    def press(self, *keys: str) -> None:
        """Press keys by name (`enter`, `ctrl+r`) or character."""
        for key in keys:
            self.child.send(KEYS.get(key, key))
            self.read(0.05 if key != "escape" else 0.3)

    def type(self, text: str) -> None:
        """Type a text."""
        for character in text:
            self.press(character)

    def resize(self, columns: int, rows: int) -> None:
        """Another terminal size."""
        self.child.setwinsize(rows, columns)
        self.screen.resize(rows, columns)

    def ended(self, seconds: float = 10) -> int:
        """Wait until the program ends; its exit code (128 + signal)."""
        end = time.monotonic() + seconds
        while self.read(0.1):
            if time.monotonic() > end:
                raise AssertionError(f"it still runs; the screen:\n{self.text}")
        self.child.close()
        code: int | None = self.child.exitstatus
        return code if code is not None else 128 + int(self.child.signalstatus or 0)


@contextmanager
def terminal(
    command: Sequence[str],
    columns: int = 120,
    rows: int = 36,
    environment: dict[str, str] | None = None,
) -> Iterator[Terminal]:
    """A terminal that is closed in the end, whatever happens."""
    given = os.environ if environment is None else environment
    # A test runner's own idea of the terminal's size is not this terminal's.
    own = {name: value for name, value in given.items() if name not in ("COLUMNS", "LINES")}
    opened = Terminal(command, columns, rows, own)
    try:
        yield opened
    finally:
        opened.child.close(force=True)
