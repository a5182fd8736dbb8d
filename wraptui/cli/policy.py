"""`wraptui policy`: who gets in to a service and who does not, and a shorter hosts.deny."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wraptui.cli import FINE, UNREADABLE, applying
from wraptui.cli.text import complain, printable, write, write_json

if TYPE_CHECKING:
    from wraptui.policy.files import Files
    from wraptui.policy.tables.access import Tables
    from wraptui.policy.tables.effective import Outcome, Policy
    from wraptui.policy.tables.ranges import Ranges

_WORDS = {
    "granted": "let in",
    "denied": "kept out",
    "delegated": "given to a command (twist)",
    "depends": "decided by a command (aclexec)",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui policy`."""
    parser.add_argument(
        "daemon", nargs="?", metavar="DAEMON", help="process name; default: every name in the rules"
    )
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the tree in DIR instead of /")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument(
        "--compact", action="store_true", help="show a shorter hosts.deny that provably decides the same"
    )
    parser.add_argument("--apply", action="store_true", help="with --compact: make that change")
    parser.add_argument("--state", default="", metavar="DIR", help="where the history is, for --apply")
    applying.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the policy of a daemon, or the shorter table; 2 when a file cannot be read."""
    from wraptui.cli.explain import ALLOW, DENY, Inspected, load
    from wraptui.policy.tables.access import Tables

    files = Inspected(options.root)
    try:
        files.status("/")
        tables = Tables(load(files, ALLOW), load(files, DENY), files)
    except OSError as error:
        complain(f"{options.root}: {error.strerror or error}")
        return UNREADABLE
    for table in (tables.allow, tables.deny):
        if table.problem:
            complain(f"{table.path} cannot be read: {table.problem}")
    if tables.allow.problem or tables.deny.problem:
        return UNREADABLE
    if options.compact:
        return _compact(tables, files, options)
    return _show(tables, options)


def _show(tables: Tables, options: argparse.Namespace) -> int:
    from wraptui.policy.tables.effective import daemons_named, effective_policy
    from wraptui.syntax.tree import shown, typed

    if options.daemon:
        policies = [effective_policy(tables, typed(options.daemon))]
    else:
        policies = [effective_policy(tables, name) for name in daemons_named(tables)]
        policies.append(effective_policy(tables))
    if options.json:
        write_json([_data(each) for each in policies])
        return FINE
    for each in policies:
        write(printable(shown(each.daemon) or "any other daemon") + "\n")
        write("".join(f"  {line}\n" for line in _lines(each)))
    return FINE


def _networks(ranges: Ranges) -> list[str]:
    from wraptui.policy.tables.ranges import spelled

    return list(spelled(ranges))


def _data(policy: Policy) -> dict[str, object]:
    """A policy as the documented JSON: networks by outcome, and rules that ask for more than addresses."""
    from wraptui.syntax.tree import shown

    return {
        "daemon": shown(policy.daemon) or None,
        **{outcome: _networks(ranges) for outcome, ranges in policy.outcomes.items()},
        "conditions": [
            {
                "outcome": each.outcome,
                "clients": shown(each.clients),
                "networks": _networks(each.ranges),
                "file": each.file,
                "line": each.line,
            }
            for each in policy.conditions
        ],
    }


def _lines(policy: Policy) -> list[str]:
    """A policy in words: the shorter lists spelled out, the longest one as everybody else."""
    from wraptui.syntax.tree import shown

    listed = {outcome: _networks(ranges) for outcome, ranges in policy.outcomes.items() if ranges}
    lines = []
    for each in policy.conditions:
        clients = printable(" ".join(shown(each.clients).split()))
        lines.append(f"{_WORDS[each.outcome]} first: {clients} ({each.file} line {each.line})")
    rest = _rest(policy)
    for outcome, networks in listed.items():
        if outcome != rest:
            lines += _wrapped(f"{_WORDS[outcome]}: ", networks)
    lines.append(f"{_WORDS[rest]}: everybody{' else' if len(listed) > 1 else ''}")
    return lines


def _rest(policy: Policy) -> Outcome:
    """The outcome that most addresses meet."""
    return max(
        policy.outcomes, key=lambda outcome: sum(end - start + 1 for start, end in policy.outcomes[outcome])
    )


def _wrapped(head: str, words: Sequence[str], width: int = 100) -> list[str]:
    lines, line = [], head
    for word in words:
        if len(line) + len(word) + 1 > width and line.strip():
            lines.append(line.rstrip())
            line = " " * len(head)
        line += word + " "
    return [*lines, line.rstrip()]


def _compact(tables: Tables, files: Files, options: argparse.Namespace) -> int:
    from wraptui.policy.tables.compaction import NotProved, compacted
    from wraptui.syntax.tree import Document, shown
    from wraptui.system.machine import machine_at
    from wraptui.workspace import FileChange

    try:
        shorter = compacted(tables.deny, files)
    except NotProved as error:
        complain(f"Nothing can be shortened safely: {error}.")
        return UNREADABLE
    path = tables.deny.path
    changes = [FileChange(path, Document(tables.deny.text), Document(shorter.text))]
    if shorter.text == tables.deny.text:
        changes = []
    proved = "proved for every daemon and address: no verdict changes"
    sys.stderr.write(f"{path}: {shorter.before} patterns become {shorter.after}; {proved}.\n")
    if options.apply and changes:
        return applying.apply_these(machine_at(options.root), changes, options)
    if options.json:
        write_json(
            {"file": path, "before": shorter.before, "after": shorter.after, "text": shown(shorter.text)}
        )
    else:
        write("".join(applying.printable_lines(shown(change.diff)) for change in changes))
    return FINE
