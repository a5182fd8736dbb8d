"""Knows what would be objected to an edit while it is still being typed."""

from __future__ import annotations

from wraptui.policy.access import read_table
from wraptui.policy.findings import Finding
from wraptui.policy.services import Service
from wraptui.syntax.tree import Document
from wraptui.system.machine import Machine
from wraptui.tui import desk
from wraptui.tui.desk import Make, NotEdited
from wraptui.tui.display import Cell, Piece, from_bytes, words
from wraptui.tui.panes.rules import Kind, effect_of, severity
from wraptui.tui.world import World
from wraptui.workspace import Workspace

MOST = 6


def rule_objections(
    machine: Machine, workspace: Workspace, world: World, path: str, make: Make
) -> list[Cell]:
    """What libwrap and we object to the rule that `make` writes."""
    try:
        after = desk.edited(machine, workspace, path, make)
    except NotEdited as error:
        return [words(Piece(f"{world.glyphs.bad} ", "bad"), str(error))]
    if after is workspace:
        return [words(Piece("Nothing is changed yet.", "dim"))]
    edit = after.steps[after.done - 1].edits[-1]
    alone = "".join(line for line in edit.new if line not in edit.old)
    table = read_table(path, alone)
    kind: Kind = "deny" if path.endswith("deny") else "allow"
    lines: list[Cell] = []
    for rule in table.rules:
        does = {"deny": "refuses", "allow": "lets in", "twist": "answers instead of the daemon for"}
        lines.append(
            words(
                Piece(f"It {does.get(effect_of(rule, kind), 'concerns')} ", "dim"),
                from_bytes(rule.clients.strip()),
                Piece(" for ", "dim"),
                from_bytes(rule.daemons.strip()),
            )
        )
    if not lines and alone.strip() and not alone.startswith("#"):
        lines.append(words(Piece(f"{world.glyphs.bad} ", "bad"), "libwrap reads no rule in this line."))
    found = findings_of(path, Document(alone), world)
    lines += [words(severity(each, world.glyphs), each.message) for each in found[:MOST]]
    if lines and not found:
        lines.append(words(Piece(f"{world.glyphs.good} ", "good"), "Nothing to object."))
    return lines


def findings_of(path: str, document: Document, world: World) -> tuple[Finding, ...]:
    """The findings about these lines alone."""
    return ()


def service_objections(
    machine: Machine, workspace: Workspace, world: World, service: Service, make: Make
) -> list[Cell]:
    """What xinetd would say of the service's entry, and what it would make of it."""
    try:
        after = desk.edited(machine, workspace, service.file, make)
    except NotEdited as error:
        return [words(Piece(f"{world.glyphs.bad} ", "bad"), str(error))]
    if after is workspace:
        return [words(Piece("Nothing is changed yet.", "dim"))]
    before = world.configuration
    configuration = desk.configured(after.candidate(machine), world.snapshot)
    known = {(each.level, each.text) for each in before.messages}
    said = [each for each in configuration.messages if (each.level, each.text) not in known]
    lines: list[Cell] = [
        words(Piece(f"{world.glyphs.bad} xinetd would say: ", "bad"), from_bytes(each.text))
        for each in said[:MOST]
    ]
    now = next((s for s in configuration.services if (s.id, s.file) == (service.id, service.file)), None)
    if before.starts and not configuration.starts:
        lines.append(words(Piece(f"{world.glyphs.bad} ", "bad"), "xinetd itself would exit."))
    elif (now is None or not now.active) and service.active:
        why = from_bytes(now.why_not) if now is not None and now.why_not else "its entry is dropped"
        lines.append(
            words(
                Piece(f"{world.glyphs.warn} ", "warn"),
                f"The service would stop ({why}), and a reload kills its running sessions.",
            )
        )
    elif now is not None and now.active and not service.active:
        lines.append(words(Piece(f"{world.glyphs.good} ", "good"), "The service would run."))
    if not lines:
        lines.append(words(Piece(f"{world.glyphs.good} ", "good"), "xinetd reads it without complaint."))
    return lines
