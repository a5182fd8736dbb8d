"""Knows the edits that wait at this console: makes, undoes, evaluates, rebases and keeps them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from wraptui.observe import Snapshot
from wraptui.policy.change.diff import differences
from wraptui.policy.change.edits import BadText, Edits
from wraptui.policy.files import Files
from wraptui.policy.tables.access import Table, Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service, read_configuration
from wraptui.syntax.tree import Document, EditDoesNotFit, byte_text
from wraptui.system.checkpoints import STATE
from wraptui.system.machine import Machine
from wraptui.tui.world import Pending
from wraptui.workspace import Conflict, Workspace, loaded, saved

UNSAVED = f"{STATE}/unsaved.json"
ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"

Make = Callable[[Document], Edits]


class NotEdited(Exception):
    """The edit was not made; the sentence says why."""


@dataclass(frozen=True)
class Candidate:
    """What the files would mean with the edits that wait."""

    tables: Tables | None = None
    configuration: Configuration = field(default_factory=lambda: Configuration(starts=True))
    pending: Pending = field(default_factory=Pending)


def read(machine: Machine, path: str) -> bytes | None:
    """A file's bytes, None where there is none; raises `NotEdited` when it cannot be read."""
    try:
        return machine.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotEdited(f"{path} cannot be read: {error.strerror or error}.") from error


def opened(machine: Machine, workspace: Workspace, path: str) -> Workspace:
    """The workspace with this file open."""
    return workspace if path in workspace.base else workspace.with_file(path, read(machine, path))


def edited(machine: Machine, workspace: Workspace, path: str, make: Make, summary: str = "") -> Workspace:
    """The workspace with one more edit of `path`, itself when nothing changes; raises `NotEdited`."""
    open_now = opened(machine, workspace, path)
    try:
        edits = make(open_now.document(path))
        if not edits:
            return workspace
        return open_now.do(summary or edits[0].summary, *edits)
    except (BadText, EditDoesNotFit) as error:
        raise NotEdited(str(error)) from error


def candidate(machine: Machine, workspace: Workspace, snapshot: Snapshot) -> Candidate:
    """What the snapshot's files would mean with the workspace's edits."""
    changed = workspace.changed
    if not changed:
        return Candidate(snapshot.tables, snapshot.configuration)
    files = workspace.candidate(machine)
    tables, configuration = snapshot.tables, snapshot.configuration
    if tables is not None:
        tables = Tables(_table(tables.allow, workspace), _table(tables.deny, workspace), files)
    if any(path not in (ALLOW, DENY) for path in changed):
        configuration = configured(files, snapshot)
    return Candidate(tables, configuration, pending(workspace))


def configured(files: Files, snapshot: Snapshot) -> Configuration:
    """xinetd's configuration as these files give it to the daemon of the snapshot."""
    daemon = snapshot.daemon
    return read_configuration(files, daemon.configuration, inetd_compat=daemon.inetd_compat)


def _table(table: Table, workspace: Workspace) -> Table:
    if workspace.documents.get(table.path) == workspace.base.get(table.path):
        return table
    return read_table(table.path, workspace.document(table.path).text)


def pending(workspace: Workspace) -> Pending:
    """The lines that the edits wrote."""
    lines = {}
    for change in workspace.changes:
        written: set[int] = set()
        # `differences` speaks of the old text's lines, the last difference may be applied first; count on.
        shift = 0
        for edit in sorted(
            differences(change.path, change.before or Document(""), change.after or Document("")),
            key=lambda each: each.first,
        ):
            start = edit.first + shift
            written.update(range(start + 1, start + len(edit.new) + 1))
            shift += len(edit.new) - len(edit.old)
        lines[change.path] = frozenset(written)
    return Pending(workspace.done, lines)


def rebased(
    machine: Machine, workspace: Workspace
) -> tuple[Workspace, tuple[str, ...], tuple[Conflict, ...]]:
    """The edits on the files as they are now, the files that somebody changed, and the edits that clash."""
    current = {path: read(machine, path) for path in workspace.base}
    others = tuple(
        path
        for path, document in workspace.base.items()
        if current[path] != (None if document is None else document.data)
    )
    if not others:
        return workspace, (), ()
    new, conflicts = workspace.rebased(current)
    return new, others, conflicts


def keep(machine: Machine, workspace: Workspace) -> str:
    """Keep the edits for the next start, or forget the kept ones when nothing waits; a sentence on it."""
    try:
        if not workspace.changed:
            _remove(machine, UNSAVED)
            return ""
        folder = ""
        for part in STATE.strip("/").split("/"):
            folder += f"/{part}"
            with suppress(FileExistsError):
                machine.make_directory(folder, 0o700 if folder == STATE else 0o755)
        _remove(machine, f"{UNSAVED}.new")
        machine.create(f"{UNSAVED}.new", saved(workspace).encode("ascii"), 0o600)
        machine.rename(f"{UNSAVED}.new", UNSAVED)
    except OSError as error:
        return f"The edits could not be kept: {error.strerror or error}."
    count = workspace.done
    kept_edits = "1 edit that is not applied is" if count == 1 else f"{count} edits that are not applied are"
    return f"{kept_edits} kept for the next start of wraptui."


def _remove(machine: Machine, path: str) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        machine.remove(path)


def kept(machine: Machine) -> Workspace:
    """The edits of an earlier session, an empty workspace when there are none."""
    try:
        return loaded(byte_text(machine.read(UNSAVED)))
    except (OSError, ValueError):
        return Workspace()


def service_edits(
    service: Service, document: Document, makes: list[Callable[[Document, Service], Edits]]
) -> Edits:
    """Several edits of one service's entry, one after the other, as one step."""
    made: list[Edits] = []
    for make in makes:
        edits = make(document, service)
        for edit in edits:
            document = edit.apply(document)
            service = replace(service, last=service.last + len(edit.new) - len(edit.old))
        made.append(edits)
    return tuple(edit for edits in made for edit in edits)
