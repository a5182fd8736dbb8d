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
        "--join", type=int, metavar="PID", help="run the command inside the demo whose first process is PID"
    )
    parser.add_argument(
        "words", nargs="*", metavar="COMMAND", help="what to run inside, instead of the console"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command inside a private server; returns the command's exit code."""
    from wraptui.demo import namespaces, server
    from wraptui.demo.binaries import BinariesMissing, find

    command = options.words or [sys.executable, "-m", "wraptui", "console"]
    try:
        if options.join is not None:
            return server.join(options.join, command)
        own = namespaces.own_processes()
        return server.run(command, find(), visitors=not options.quiet, own=own)
    except (BinariesMissing, namespaces.NoNamespaces, OSError) as error:
        print(f"wraptui demo: {error}", file=sys.stderr)
        return cli.UNREADABLE
