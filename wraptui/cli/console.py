"""`wraptui`: open the console."""

from __future__ import annotations

import argparse

from wraptui import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui console`."""
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")


def run(options: argparse.Namespace) -> int:
    """Open the console; refuses a standard input that is no terminal."""
    return cli.UNREADABLE
