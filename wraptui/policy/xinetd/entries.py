"""Knows what becomes of every line of an entry of xinetd.conf, with the daemon's messages about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from wraptui.policy.xinetd.addresses import Crashed
from wraptui.policy.xinetd.attributes import ANY, attribute
from wraptui.policy.xinetd.draft import Draft, World
from wraptui.syntax.tree import shown
from wraptui.syntax.xinetd import Assignment, Scanner, folded


class FatalDefaults(Exception):
    """The daemon exits here."""


def inherit(draft: Draft, given: Draft) -> None:
    """What an entry takes from the defaults read so far; its lines then change or replace that."""
    for name in ("log_on_success", "log_on_failure", "only_from", "no_access", "passenv"):
        if name in given.specified:
            draft.present.add(name)
            draft.origin[name] = "defaults"
    draft.on_success = set(given.on_success) if "log_on_success" in given.specified else set()
    draft.on_failure = set(given.on_failure) if "log_on_failure" in given.specified else set()
    if "only_from" in given.specified:
        draft.only_from = list(given.only_from or ())
    if "no_access" in given.specified:
        draft.no_access = list(given.no_access or ())
    if "passenv" in given.specified:
        draft.passenv = list(given.passenv or ())
    for name in ("banner", "banner_success", "banner_fail"):
        if name in given.specified:
            draft.plain[name] = given.plain[name]
            draft.origin[name] = "defaults"


def read_attributes(
    scanner: Scanner, draft: Draft, scope: str, world: World, counted: Callable[[int], None]
) -> bool:
    """Read an entry to its brace; False when `disable` ended it. Raises `Broken` and `FatalDefaults`."""
    while True:
        line = scanner.assignment()
        counted(scanner.count)
        if line is None:
            return True
        note_line(draft, line)
        _read_attribute(draft, line, scope, world)
        if draft.disabled and folded(line.name) == "disable":
            return False


def _read_attribute(draft: Draft, line: Assignment, scope: str, world: World) -> None:
    found = attribute(line.name, scope)
    if found is None:
        if scope == "service":
            world.complain("WARNING", f"bad service attribute: {line.name}")
        else:
            world.complain("WARNING", f"attribute: {line.name} should not be in default section")
        return
    key, operator = found.canonical, line.operator
    if scope not in found.cumulative:
        if key in draft.specified:
            world.complain("WARNING", f"Service {draft.name}: attribute already set: {line.name}")
            return
        if operator != "=":
            world.complain(
                "WARNING",
                f"Service {draft.name}: operator '{operator}' cannot be used for attribute '{line.name}'",
            )
            return
    elif scope == "defaults" and operator == "=":
        operator = "+="
    given = len(line.values)
    if found.count not in (ANY, given):
        world.complain(
            "WARNING",
            f"attribute {line.name} expects {found.count} values and {given} values were specified",
        )
        return
    if found.set(draft, line.values, operator, world):
        draft.specified.add(key)
        draft.present.add(key)
        draft.origin[key] = f"{draft.file}:{line.first}"
    elif scope == "service":
        world.complain("ERROR", f"Error parsing attribute {line.name} - DISABLING SERVICE")
        draft.disabled = True
        draft.spoiled = f"Error parsing attribute {line.name} in line {line.first}"
    else:
        raise FatalDefaults


def recognise(draft: Draft, passed: Sequence[Assignment], world: World) -> None:
    """Read, for people only, what `disable` kept the daemon from reading."""
    quiet = replace(world, complain=_silent)
    for line in passed:
        found = attribute(line.name)
        if found is None or found.count not in (ANY, len(line.values)):
            continue
        if found.canonical in draft.specified and "service" not in found.cumulative:
            continue
        with suppress(Crashed):
            if not found.set(draft, line.values, line.operator, quiet):
                continue
            draft.specified.add(found.canonical)
            draft.origin[found.canonical] = f"{draft.file}:{line.first}"


def note_line(draft: Draft, line: Assignment) -> None:
    name = folded(line.name)
    key = shown("bind" if name == "interface" else name)
    draft.lines[key] = (*draft.lines.get(key, ()), (line.first, line.last))


def _silent(level: str, text: str) -> None:
    """Takes complaints about lines that the daemon does not read."""
