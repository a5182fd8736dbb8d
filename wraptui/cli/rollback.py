"""Knows how to take back the change that waits for a confirmation."""

from __future__ import annotations

import argparse

from wraptui.cli import confirm


def arguments(parser: argparse.ArgumentParser) -> None:
    confirm.of_both(parser)


def run(options: argparse.Namespace) -> int:
    from wraptui.changes.recovery import rollback

    return confirm.ended(options, rollback)
