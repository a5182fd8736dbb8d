"""Knows what would be objected to an edit while it is still being typed."""

from __future__ import annotations

from wraptui.policy.lint.findings import Finding
from wraptui.policy.tables.access import Table, Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import Edit
from wraptui.system.machine import Machine
from wraptui.tui import desk
from wraptui.tui.desk import ALLOW, DENY, Make, NotEdited
from wraptui.tui.display import Cell, Piece, from_bytes, words
from wraptui.tui.panes.rule_rows import Kind, effect_of
from wraptui.tui.panes.rules import severity
from wraptui.tui.world import World
from wraptui.workspace import Workspace

MOST = 6
SHORT = 60_000  # bytes of rules that are checked as a whole at every key


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
    tables = desk.candidate(machine, after, world.snapshot).tables
    found = _findings_about(world, tables, path, edit, table) if tables is not None else []
    lines += [words(severity(each, world.glyphs), each.message) for each in found[:MOST]]
    if lines and not found:
        lines.append(words(Piece(f"{world.glyphs.good} ", "good"), "Nothing to object."))
    return lines


def candidate_findings(world: World) -> tuple[Finding, ...]:
    """All findings on the files with the edits that wait. Slow for long files: for a thread."""
    from wraptui.observe.findings import of_services
    from wraptui.policy.lint.tables import check_tables

    if world.tables is None:
        return ()
    tables = check_tables(world.tables, daemons=asking(world))
    return (*tables, *of_services(world.configuration, world.tables.files))


def asking(world: World) -> frozenset[str] | None:
    """The names by which something here asks libwrap; None where that cannot be seen."""
    from wraptui.policy.live.coverage import names_asked

    coverage = world.snapshot.coverage
    if not coverage or any(each.listener.pid == 0 for each in coverage):
        return None
    return names_asked(coverage, world.configuration)


def _findings_about(world: World, tables: Tables, path: str, edit: Edit, alone: Table) -> list[Finding]:
    """The findings about the lines that an edit writes; in a short file also those beside the others."""
    from wraptui.policy.lint.tables import check_tables

    daemons = asking(world)
    short = len(tables.allow.text) + len(tables.deny.text) < SHORT
    if short:
        lines = range(edit.first + 1, edit.first + len(edit.new) + 1)
        found = check_tables(tables, daemons=daemons)
        return [each for each in found if each.file == path and each.line in lines]
    nothing = read_table(ALLOW, ""), read_table(DENY, "")
    allow, deny = (alone, nothing[1]) if path == ALLOW else (nothing[0], alone)
    return [
        each for each in check_tables(Tables(allow, deny, tables.files)) if each.file == path and each.line
    ]


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
    lines = _new_messages(before, configuration, world)
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


def new_service_objections(
    machine: Machine, workspace: Workspace, world: World, path: str, make: Make
) -> list[Cell]:
    """What xinetd would say of a new entry, and whether it would run it."""
    try:
        after = desk.edited(machine, workspace, path, make)
    except NotEdited as error:
        return [words(Piece(f"{world.glyphs.bad} ", "bad"), str(error))]
    before = world.configuration
    configuration = desk.configured(after.candidate(machine), world.snapshot)
    lines = _new_messages(before, configuration, world)
    running = {(each.id, each.file, each.first) for each in before.services if each.active}
    new = [s.id for s in configuration.services if s.active and (s.id, s.file, s.first) not in running]
    if new and len(configuration.services) > len(before.services):
        lines.append(
            words(Piece(f"{world.glyphs.good} ", "good"), f"xinetd would serve {from_bytes(new[-1])}.")
        )
    elif not lines:
        lines.append(words(Piece(f"{world.glyphs.warn} ", "warn"), "xinetd would not serve it."))
    return lines


def _new_messages(before: Configuration, after: Configuration, world: World) -> list[Cell]:
    """The complaints that xinetd did not make before."""
    known = {(each.level, each.text) for each in before.messages}
    said = [each for each in after.messages if (each.level, each.text) not in known and each.level != "DEBUG"]
    return [
        words(Piece(f"{world.glyphs.bad} xinetd would say: ", "bad"), from_bytes(each.text))
        for each in said[:MOST]
    ]
