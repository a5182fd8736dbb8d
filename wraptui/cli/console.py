"""`wraptui`: open the console."""

from __future__ import annotations

import argparse
import os
import sys

from wraptui import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui console`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")
    parser.add_argument(
        "--interval", type=float, default=1.0, metavar="SECONDS", help="look at the machine this often (1)"
    )
    parser.add_argument("--ascii", action="store_true", help="draw with plain characters only")


def run(options: argparse.Namespace) -> int:
    """Open the console; refuses what is no terminal, for nobody could press a key."""
    from wraptui.cli.text import complain

    problem = terminal_problem()
    if problem:
        complain(problem)
        return cli.UNREADABLE
    if not os.path.isdir(options.root):
        complain(f"{options.root} is not a directory")
        return cli.UNREADABLE
    import gc

    gc.disable()  # nothing is garbage while modules load; the first frame turns it on again
    from wraptui.tui.start import start

    return start(options.root, interval=max(0.1, options.interval), plain=options.ascii)


def terminal_problem() -> str:
    """Why no console can be shown where this process reads and writes; "" when one can."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return (
            "The console needs a terminal for its input, output and errors. "
            "Without one use the commands, for example `wraptui connections` (see `wraptui --help`)."
        )
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        return "This terminal (TERM=dumb) cannot draw a screen. Use the commands (see `wraptui --help`)."
    return ""
