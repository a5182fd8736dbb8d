"""Knows the words on the command line that make changes: the same for `diff` and for `apply`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from wraptui.system.machine import FileMachine, LocalMachine
from wraptui.workspace import Workspace

if TYPE_CHECKING:
    from wraptui.policy.xinetd.services import Service

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"

Machine = LocalMachine | FileMachine


class BadChange(Exception):
    """A change that cannot be made as it was asked for; the sentence says why."""


def arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("changes, made in the order given")

    def add(flag: str, metavar: str, help: str) -> None:
        group.add_argument(flag, metavar=metavar, help=help, dest="changes", action=_Change, default=[])

    add(
        "--set",
        "SERVICE.ATTRIBUTE=VALUE",
        "set an attribute of a service (or of `defaults`), so that it counts",
    )
    add("--unset", "SERVICE.ATTRIBUTE", "remove an attribute of a service (or of `defaults`)")
    add("--allow", "RULE", "add a rule at the end of /etc/hosts.allow")
    add("--deny", "RULE", "add a rule at the end of /etc/hosts.deny")
    add("--disable", "FILE:LINE", "make the rule on that line a remark")
    add("--enable", "FILE:LINE", "make the remark on that line a rule")
    add("--delete", "FILE:LINE", "delete the rule or remark on that line")
    add("--replace", "FILE=NEWFILE", "make the text of FILE that of NEWFILE (- is standard input)")
    group.add_argument(
        "--for", dest="lasting", metavar="TIME", help="how long --allow and --deny last: 90s, 30m, 2h, 7d"
    )
    parser.add_argument("--root", default="/", metavar="DIR", help="work on the files under DIR (default: /)")
    parser.add_argument(
        "--state", default="", metavar="DIR", help="where the history is (default: /var/lib/wraptui)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


class _Change(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        namespace.changes = [*namespace.changes, ((option_string or "").removeprefix("--"), values)]


def workspace(machine: Machine, options: argparse.Namespace) -> Workspace:
    """The workspace with all changes of the command line made; raises `BadChange`."""
    from wraptui.policy.change.edits import BadText

    made = Workspace()
    for kind, value in options.changes:
        try:
            made = _KINDS[kind](made, machine, value, options)
        except BadText as error:
            raise BadChange(f"--{kind} {value}: {error}") from error
        except OSError as error:
            raise BadChange(f"--{kind} {value}: {error.strerror or error}") from error
    return made


def _rule(path: str) -> Callable[[Workspace, Machine, str, argparse.Namespace], Workspace]:
    def made(workspace: Workspace, machine: Machine, value: str, options: argparse.Namespace) -> Workspace:
        from wraptui.policy.change.edits import add_rule
        from wraptui.policy.change.stamps import add_limited, seconds
        from wraptui.syntax.tree import typed

        workspace = opened(workspace, machine, path)
        document = workspace.document(path)
        if options.lasting:
            edits = add_limited(path, document, typed(value), machine.now() + seconds(options.lasting))
        else:
            edits = add_rule(path, document, typed(value))
        return workspace.do(edits[0].summary, *edits)

    return made


def _line(what: str) -> Callable[[Workspace, Machine, str, argparse.Namespace], Workspace]:
    def made(workspace: Workspace, machine: Machine, value: str, options: argparse.Namespace) -> Workspace:
        from wraptui.policy.change import edits

        path, _, number = value.rpartition(":")
        if not path or not number.isdigit():
            raise BadChange(f"--{what} takes FILE:LINE, not {value}.")
        workspace = opened(workspace, machine, path)
        change = {"disable": edits.disable, "enable": edits.enable, "delete": edits.delete}[what]
        return workspace.do(f"{what} {value}", *change(path, workspace.document(path), int(number)))

    return made


def _replace(workspace: Workspace, machine: Machine, value: str, options: argparse.Namespace) -> Workspace:
    import sys

    from wraptui.policy.change.edits import replace_text
    from wraptui.syntax.tree import byte_text

    path, equals, source = value.partition("=")
    if not equals or not path.startswith("/"):
        raise BadChange(f"--replace takes /FILE=NEWFILE, not {value}.")
    if source == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(source, "rb") as file:
            data = file.read()
    workspace = opened(workspace, machine, path)
    return workspace.do(f"replace {path}", *replace_text(path, workspace.document(path), byte_text(data)))


def _set(workspace: Workspace, machine: Machine, value: str, options: argparse.Namespace) -> Workspace:
    from wraptui.policy.change.service_edits import set_attribute, set_default
    from wraptui.syntax.tree import typed

    place, equals, words = value.partition("=")
    id, dot, name = place.rpartition(".")
    if not equals or not dot:
        raise BadChange(f"--set takes SERVICE.ATTRIBUTE=VALUE, not {value}.")
    if id == "defaults":
        workspace = opened(workspace, machine, main_file(machine))
        document = workspace.document(main_file(machine))
        return workspace.do(f"set {value}", *set_default(main_file(machine), document, name, typed(words)))
    workspace, service = found(workspace, machine, id)
    document = workspace.document(service.file)
    return workspace.do(f"set {value}", *set_attribute(document, service, name, typed(words)))


def _unset(workspace: Workspace, machine: Machine, value: str, options: argparse.Namespace) -> Workspace:
    from wraptui.policy.change.service_edits import remove_attribute, remove_default

    id, dot, name = value.rpartition(".")
    if not dot:
        raise BadChange(f"--unset takes SERVICE.ATTRIBUTE, not {value}.")
    if id == "defaults":
        workspace = opened(workspace, machine, main_file(machine))
        document = workspace.document(main_file(machine))
        return workspace.do(f"unset {value}", *remove_default(main_file(machine), document, name))
    workspace, service = found(workspace, machine, id)
    return workspace.do(f"unset {value}", *remove_attribute(workspace.document(service.file), service, name))


_KINDS: dict[str, Callable[[Workspace, Machine, str, argparse.Namespace], Workspace]] = {
    "set": _set,
    "unset": _unset,
    "allow": _rule(ALLOW),
    "deny": _rule(DENY),
    "disable": _line("disable"),
    "enable": _line("enable"),
    "delete": _line("delete"),
    "replace": _replace,
}


def opened(workspace: Workspace, machine: Machine, path: str) -> Workspace:
    """The workspace with this file open."""
    if path in workspace.base:
        return workspace
    try:
        data: bytes | None = machine.read(path)
    except FileNotFoundError:
        data = None
    return workspace.with_file(path, data)


def main_file(machine: Machine) -> str:
    """xinetd's main configuration file."""
    from wraptui.system import xinetd

    return xinetd.find(machine).configuration


def found(workspace: Workspace, machine: Machine, id: str) -> tuple[Workspace, Service]:
    """The workspace with the service's file open, and the service (by id, else by name) as it would be."""
    from wraptui.policy.xinetd.services import read_configuration

    configuration = read_configuration(workspace.candidate(machine), main_file(machine))
    matches = [each for each in configuration.services if each.id == id]
    matches = matches or [each for each in configuration.services if each.name == id]
    if not matches:
        known = ", ".join(sorted({each.id for each in configuration.services})) or "none at all"
        raise BadChange(f"There is no service {id}; there are: {known}.")
    if len(matches) > 1:
        places = ", ".join(f"{each.file}:{each.first}" for each in matches)
        raise BadChange(f"{id} is more than one service: {places}. Edit the file with --replace.")
    return opened(workspace, machine, matches[0].file), matches[0]
