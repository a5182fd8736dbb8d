"""The command line: each command is a module here with `arguments(parser)` and `run(options) -> int`.

Nothing is imported before it is needed: `wraptui explain` never loads Textual, the console never loads
argparse's commands. Data goes to standard output, everything else to standard error.

Exit codes: 0 fine or granted, 1 findings or denied, 2 usage or unreadable, 3 refused because it would lock
out, 4 applied but rolled back.
"""

from __future__ import annotations

import argparse
import importlib
import sys

FINE, FOUND, UNREADABLE, REFUSED, ROLLED_BACK = range(5)

COMMANDS = {
    "console": "open the console (what `wraptui` alone does)",
    "demo": "open the console on a private server made of the real daemons",
    "connections": "who is connected now, to which service, by which rule",
    "no-access": "xinetd's SENSOR no_access list, rebuilt from its log",
    "services": "the services as xinetd would run them",
    "rules": "the rules of hosts.allow and hosts.deny",
    "explain": "would this client get in, and by which line",
    "check": "everything wrong with the files, with fixes",
    "policy": "who gets in to a service and who does not, and a shorter hosts.deny that decides the same",
    "diff": "what pending or given changes would do",
    "apply": "make changes: backup, write, reload, verify",
    "confirm": "keep the change that waits for confirmation",
    "rollback": "take back the change that waits for confirmation",
    "pending": "the change that waits for confirmation, and its deadline",
    "history": "the changes made so far",
    "restore": "bring an earlier state back",
    "recipe": "a guided protection: banner, warning, severity, trap, limits, firewall, default-deny",
    "coverage": "which listening daemons honour hosts.allow and hosts.deny",
    "firewall": "whether the packet filter refuses what hosts.deny and the no_access list refuse",
    "audit": "the checks of CIS, STIG and Lynis about these files and services",
    "report": "one page of who can reach what",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the process's exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="wraptui",
        description="A console for TCP Wrappers and xinetd. Without a command it opens the console.",
        epilog="Exit codes: 0 fine or granted, 1 findings or denied, 2 usage or unreadable, "
        "3 refused because it would lock out, 4 applied but rolled back.",
    )
    from wraptui import __version__

    parser.add_argument("--version", action="version", version=f"wraptui {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    if not words or words[0].startswith("--root"):
        words.insert(0, "console")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == words[0]:
            module = importlib.import_module(f"wraptui.cli.{name.replace('-', '_')}")
            module.arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(words)
    from wraptui.cli.text import OutputLost, complain

    try:
        return int(options.run(options))
    except OutputLost as error:
        if not str(error):
            return FINE  # `wraptui rules | head` has what it wants
        complain(str(error))
        return UNREADABLE
    except BrokenPipeError:
        sys.stderr.close()  # Python would complain there once more
        return FINE
    except KeyboardInterrupt:
        return UNREADABLE
