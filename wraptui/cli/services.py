"""Knows how to print the services as xinetd would run them."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from wraptui.cli import FINE, FOUND, UNREADABLE
from wraptui.policy.services import Configuration, Message, Service

NOTE = "{root} is not a whole system: programs, log folders and names that it lacks are this machine's."

_SHOWN = ("ERROR", "WARNING", "CRITICAL")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", default="/", metavar="DIR", help="inspect the files under DIR (default: /)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--inetd-compat",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="read /etc/inetd.conf too (default: as /etc/default/xinetd says)",
    )


def run(options: argparse.Namespace) -> int:
    from wraptui.policy.inetd import compatibility
    from wraptui.policy.partial import completed
    from wraptui.policy.services import read_configuration
    from wraptui.system.files import Tree

    tree = Tree(options.root)
    files = completed(tree, Tree("/"))
    if files is not tree:
        print(NOTE.format(root=options.root), file=sys.stderr)
    compat = compatibility(files) if options.inetd_compat is None else options.inetd_compat
    configuration = read_configuration(files, inetd_compat=compat)
    for doubt in configuration.doubts:
        print(_plain(f"{doubt.file}:{doubt.line}: {doubt.text}"), file=sys.stderr)
    if options.json:
        print(json.dumps(as_json(configuration)))
    else:
        sys.stdout.write(as_text(configuration))
    if not configuration.files:
        return UNREADABLE
    return FINE if configuration.starts else FOUND


def as_json(configuration: Configuration) -> dict[str, object]:
    """The configuration as the documented JSON."""
    return {
        "starts": configuration.starts,
        "services": [_service(service) for service in configuration.services],
        "messages": [_message(message) for message in configuration.messages],
    }


def _service(service: Service) -> dict[str, object]:
    return {
        "id": service.id,
        "name": service.name,
        "file": service.file,
        "line": service.first,
        "active": service.active,
        "why_not": service.why_not,
        "attributes": dict(service.attributes),
        "origin": dict(service.origin),
    }


def _message(message: Message) -> dict[str, object]:
    return {"level": message.level, "text": message.text, "file": message.file, "line": message.line}


def as_text(configuration: Configuration) -> str:
    """The configuration as a table and the daemon's words, without control characters."""
    rows = [("ID", "STATE", "PORT", "LIMITS", "RUNS", "FROM")]
    for service in configuration.services:
        values = service.attributes
        port = values.get("port", "-")
        limits = "/".join(str(values.get(name, "-")) for name in ("instances", "per_source"))
        state = "active" if service.active else "off"
        rows.append((service.id, state, str(port), limits, _runs(service), f"{service.file}:{service.first}"))
    widths = [max(len(_plain(row[column])) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        cells = [_plain(cell).ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, _plain(row[5])]))
    said = Counter(message for message in configuration.messages if message.level in _SHOWN)
    if not configuration.starts:
        lines += ["", "xinetd would not start with these files."]
    if said:
        lines += ["", "xinetd would say:"]
    for message, times in said.items():
        where = f"{message.file}:{message.line}: " if message.line is not None else ""
        often = f" ({times} times)" if times > 1 else ""
        lines.append(_plain(f"  {message.level}: {where}{message.text.rstrip()}{often}"))
    return "\n".join(lines) + "\n"


def _runs(service: Service) -> str:
    if service.why_not:
        return service.why_not
    values = service.attributes
    if "redirect" in values:
        target = values["redirect"]
        return "redirect " + " ".join(str(word) for word in target) if isinstance(target, tuple) else ""
    kinds = values.get("type", ())
    if isinstance(kinds, tuple) and "INTERNAL" in kinds:
        flags = values.get("flags", ())
        return "sensor" if isinstance(flags, tuple) and "SENSOR" in flags else "built into xinetd"
    return str(values.get("server", ""))


def _plain(text: str) -> str:
    """Text that cannot do anything to a terminal."""
    safe = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in safe)
