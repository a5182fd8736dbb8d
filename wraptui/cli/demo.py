"""`wraptui demo`: the console, or any command, on a private server made of the real daemons."""

from __future__ import annotations

import argparse
import sys

from wraptui import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui demo`."""
    parser.add_argument(
        "--no-clients",
        "--quiet",
        dest="quiet",
        action="store_true",
        help="no scripted visitors: nobody is there but the operator",
    )
    parser.add_argument(
        "--recording", action="store_true", help="play the recorded server instead of a real one"
    )
    parser.add_argument(
        "--join", type=int, metavar="PID", help="run the command inside the demo whose first process is PID"
    )
    parser.add_argument(
        "words", nargs="*", metavar="COMMAND", help="what to run inside, instead of the console"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command inside a private server; returns the command's exit code.

    The console alone is shown on a recording where there can be no such server.
    """
    from wraptui.cli.console import terminal_problem
    from wraptui.cli.text import complain
    from wraptui.demo import namespaces, server
    from wraptui.demo.binaries import BinariesMissing, find

    problem = "" if options.words else terminal_problem()
    if problem:
        complain(problem)
        return cli.UNREADABLE
    command = options.words or [sys.executable, "-m", "wraptui", "console"]
    try:
        if options.recording and not options.words:
            return _play()
        if options.join is not None:
            return server.join(options.join, command)
        own = namespaces.own_processes()
        return server.run(command, find(), visitors=not options.quiet, own=own)
    except (BinariesMissing, namespaces.NoNamespaces) as error:
        complain(str(error))
        return cli.UNREADABLE if options.words else _play()
    except OSError as error:
        complain(f"The demo does not start: {error}")
        return cli.UNREADABLE


def _play() -> int:
    """The console on the recorded server, which says that it is one."""
    from wraptui.demo.recording import RecordedMachine
    from wraptui.tui.start import show

    return show(RecordedMachine(), "a recorded server")
