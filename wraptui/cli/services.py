"""Knows how to print the services as xinetd would run them."""

from __future__ import annotations

import argparse
from collections import Counter

from wraptui.cli import FINE, FOUND, UNREADABLE
from wraptui.policy.xinetd.services import Configuration, Message, Service
from wraptui.syntax.tree import shown

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
    from wraptui.cli.text import complain, write, write_json
    from wraptui.policy.xinetd.inetd import compatibility
    from wraptui.policy.xinetd.partial import completed
    from wraptui.policy.xinetd.services import read_configuration
    from wraptui.system.files import Tree
    from wraptui.system.machine import machine_at

    try:
        machine_at(options.root)
    except OSError as error:
        complain(str(error))
        return UNREADABLE
    tree = Tree(options.root)
    files = completed(tree, Tree("/"))
    if files is not tree:
        complain(NOTE.format(root=options.root))
    compat = compatibility(files) if options.inetd_compat is None else options.inetd_compat
    configuration = read_configuration(files, inetd_compat=compat)
    for doubt in configuration.doubts:
        complain(f"{doubt.file}:{doubt.line}: {doubt.text}")
    if options.json:
        write_json(as_json(configuration))
    elif configuration.files:
        write(as_text(configuration))
    if not configuration.files:
        said = [each.text for each in configuration.messages if each.level in ("ERROR", "CRITICAL")]
        complain(shown(f"There are no services: {said[0] if said else 'no file of xinetd can be read'}"))
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
    file = None if message.file is None else shown(message.file)
    return {"level": message.level, "text": shown(message.text), "file": file, "line": message.line}


def as_text(configuration: Configuration) -> str:
    """The configuration as a table and the daemon's words, without control characters."""
    from wraptui.cli.text import columns
    from wraptui.syntax.harmless import printable

    header = ("ID", "STATE", "PORT", "LIMITS", "RUNS", "FROM")
    text = columns(header, (tuple(map(printable, _row(service))) for service in configuration.services))
    if not configuration.starts:
        text += "\nxinetd would not start with these files.\n"
    said = Counter(message for message in configuration.messages if message.level in _SHOWN)
    if said:
        text += "\nxinetd would say:\n"
    for message, times in said.items():
        where = f"{message.file}:{message.line}: " if message.line is not None else ""
        often = f" ({times} times)" if times > 1 else ""
        text += f"  {message.level}: {printable(shown(where + message.text.rstrip()))}{often}\n"
    return text


def _row(service: Service) -> tuple[str, ...]:
    values = service.attributes
    return (
        service.id,
        "active" if service.active else "off",
        str(values.get("port", "-")),
        "/".join(str(values.get(name, "-")) for name in ("instances", "per_source")),
        _runs(service),
        f"{service.file}:{service.first}",
    )


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
