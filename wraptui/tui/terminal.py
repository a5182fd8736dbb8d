"""Knows the terminal: whether it is still there, what it can show, and who tells us that it went away."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable

LAST_SECONDS = 3.0


def gone() -> bool:
    """Whether the terminal of our input was hung up: a read would then return at once, for ever."""
    try:
        termios.tcgetattr(0)
    except termios.error:
        return True
    return False


def speaks_utf8() -> bool:
    """Whether the terminal's encoding is UTF-8; where not, nothing that cannot be written may stop us."""
    for stream in (sys.__stdout__, sys.__stderr__):
        encoding = getattr(stream, "encoding", None) or "ascii"
        if codecs.lookup(encoding).name != "utf-8":
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
            return False
    return True


def few_colours() -> bool:
    """Whether the terminal has only the 16 colours that its owner chose."""
    depth = os.environ.get("COLORTERM", "").lower()
    name = os.environ.get("TERM", "")
    return depth not in ("truecolor", "24bit") and not name.endswith(("256color", "direct", "kitty"))


def when_hung_up(end: Callable[[], None]) -> None:
    """Call `end` when the terminal, or somebody, asks us to end; and end anyway when that takes too long."""

    def told() -> None:
        leave_soon()
        end()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(number, told)


def leave_soon() -> None:
    """End this process in a few seconds, whatever still waits for a terminal that is gone."""
    timer = threading.Timer(LAST_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()
