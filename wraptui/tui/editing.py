"""Knows what the keys on rules, services, clients and trapped addresses do to the edits that wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from wraptui.observe import ServiceState, Visit
from wraptui.policy.change import edits as rule_edits
from wraptui.policy.change import service_edits, stamps
from wraptui.policy.change.edits import BadText, Edits
from wraptui.policy.lint.findings import Finding
from wraptui.policy.live.admission import libwrap_name
from wraptui.policy.live.sensor import Entry
from wraptui.policy.tables.access import Rule
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import Document, shown, typed
from wraptui.tui import desk
from wraptui.tui.base import Half
from wraptui.tui.desk import ALLOW, DENY, NotEdited
from wraptui.tui.dialogs.rule import BEHIND, END, RuleForm, Written
from wraptui.tui.display import Cell, from_bytes
from wraptui.tui.panes.no_access import covered
from wraptui.tui.panes.rule_rows import RuleRow, RuleRows
from wraptui.tui.peers import address

PATHS = (ALLOW, DENY)


class Editing(Half):
    """The half of the console that makes edits; it is imported when the first key asks for it."""

    def edit(self, path: str, make: desk.Make, summary: str = "") -> bool:
        """Make an edit; whether it was made. What was refused is said on screen."""
        if self.world.read_only:
            self.console.say(f"Read-only: {self.world.read_only}.", bad=True)
            return False
        try:
            workspace = desk.edited(self.machine, self.workspace, path, make, summary)
        except NotEdited as error:
            self.console.say(str(error), bad=True)
            return False
        if workspace is self.workspace:
            return False
        self.console.hold(workspace)
        return True

    def undo(self) -> None:
        what = self.workspace.undoable
        self.console.hold(self.workspace.undo())
        self.console.say(f"Undone: {what}")

    def redo(self) -> None:
        what = self.workspace.redoable
        self.console.hold(self.workspace.redo())
        self.console.say(f"Made again: {what}")

    # -- keys on rows -----------------------------------------------------------------------------------

    async def asked(self, name: str, row: object) -> None:
        if isinstance(row, RuleRow) and row.service is not None:
            await self._service_asked(name, row.service)
        elif name == "new":
            await self.add_service()
        elif name == "add":
            await self.add_rule(row if isinstance(row, RuleRow) else None)
        elif isinstance(row, RuleRow):
            await self._rule_asked(name, row)
        elif isinstance(row, ServiceState):
            await self._service_asked("limits" if name == "open" else name, row.service)
        elif isinstance(row, Visit):
            await self._visit_asked(name, row)
        elif isinstance(row, Entry):
            await self._entry_asked(name, row)

    async def _rule_asked(self, name: str, row: RuleRow) -> None:
        path, line = row.file, row.first
        if name == "open" and row.rule is not None:
            await self.change_rule(path, row.rule)
        elif name == "raw":
            await self.change_raw(path, line)
        elif name == "copy":
            self._edit_and_follow(path, partial(rule_edits.duplicate, path, line=line), last=True)
        elif name in ("up", "down"):
            self._edit_and_follow(
                path,
                partial(rule_edits.move, path, line=line, by=-1 if name == "up" else 1),
                last=name == "down",
            )
        elif name == "disable":
            make = rule_edits.disable if row.rule is not None else rule_edits.enable
            self._edit_and_follow(path, partial(make, path, line=line))
        elif name == "delete":
            self.edit(path, partial(rule_edits.delete, path, line=line))
        elif name == "fix":
            self.mend(row)

    def _edit_and_follow(self, path: str, make: desk.Make, *, last: bool = False) -> None:
        """Make an edit and put the cursor on the first (or the last) row of what it wrote."""
        if not self.edit(path, make):
            return
        edit = self.workspace.steps[self.workspace.done - 1].edits[-1]
        self._go_to(path, range(edit.first + 1, edit.first + len(edit.new) + 1), last=last)

    def _go_to(self, path: str, lines: range, *, last: bool = False) -> None:
        """Put the cursor of the rules pane on the first (or last) row that begins in these lines."""
        table = self.console.dashboard.panes[3].table
        if isinstance(table.rows, RuleRows):
            found = table.rows.standing_in(path, lines)
            if found:
                table.select_row(found[-1 if last else 0])

    def mend(self, row: RuleRow) -> None:
        """Make the first fix that the row's findings offer."""
        found = next((each for each in row.findings if each.fix), None)
        if found is not None:
            self.mend_finding(found)

    def mend_finding(self, found: Finding) -> None:
        """Make the fix that a finding offers."""
        if self.edit(found.fix[0].path, lambda _: found.fix, f"mend {found.code}"):
            self.console.say(f"Mended, not applied yet: {found.message}")

    async def findings(self) -> None:
        """Show everything that is wrong."""
        from wraptui.tui.dialogs.findings import Findings

        await self.console.push_screen(Findings(self.world), self._finding_chosen)

    def _finding_chosen(self, chosen: tuple[str, Finding] | None) -> None:
        if chosen is None:
            return
        what, found = chosen
        if what == "mend":
            self.mend_finding(found)
        pane = self.console.dashboard.panes[3]
        self.console.dashboard.action_pane(pane.number)
        if not isinstance(pane.table.rows, RuleRows):
            return
        upto = pane.table.rows.standing_in(found.file, range(1, found.line + 1))
        if upto:
            pane.table.select_row(upto[-1])

    # -- rules ------------------------------------------------------------------------------------------

    async def add_rule(
        self, row: RuleRow | None, *, daemon: str = "", client: str = "", path: str = "", comment: str = ""
    ) -> None:
        """Ask for a new rule."""
        inside = row is not None and row.kind != "service"
        path = path or (row.file if row is not None and inside else DENY)

        def done(written: Written | None) -> None:
            if written is None:
                return
            after = -1
            if written.where == BEHIND and row is not None and row.file == written.path:
                after = row.line
            elif written.where not in (END, BEHIND):
                after = 0
            self._edit_and_follow(written.path, partial(self._new_rule, written, after, comment), last=True)

        form = RuleForm(self.world, PATHS, path, self._check_new, behind=inside)
        form.start = (daemon, client)
        await self.console.push_screen(form, done)

    def _new_rule(self, written: Written, after: int, comment: str, document: Document) -> Edits:
        path, text = written.path, written.text
        if not written.lasting:
            return rule_edits.add_rule(path, document, text, after, comment)
        until = self.machine.now() + stamps.seconds(written.lasting)
        edits = stamps.add_limited(path, document, text, until, after)
        if not comment:
            return edits
        mark = "# wraptui: until "
        return tuple(
            replace(
                edit,
                new=tuple(f"{each[:-1]} {comment}\n" if each.startswith(mark) else each for each in edit.new),
            )
            for edit in edits
        )

    async def change_rule(self, path: str, rule: Rule) -> None:
        """Ask for other words of a rule."""

        def done(written: Written | None) -> None:
            if written is not None:
                self._edit_and_follow(
                    path, lambda d: rule_edits.change_rule(path, d, rule.first, written.text)
                )

        check = partial(self._check_changed, line=rule.first)
        await self.console.push_screen(RuleForm(self.world, PATHS, path, check, rule), done)

    async def change_raw(self, path: str, line: int) -> None:
        """Ask for other text of a line."""
        from wraptui.tui.dialogs.rule import RawLine

        try:
            document = desk.opened(self.machine, self.workspace, path).document(path)
            first, last = rule_edits.rule_lines(document, line)
        except (NotEdited, BadText) as error:
            self.console.say(str(error), bad=True)
            return
        text = "".join(document.lines[first - 1 : last])

        def done(written: Written | None) -> None:
            if written is not None:
                self._edit_and_follow(path, lambda d: rule_edits.change_rule(path, d, first, written.text))

        check = partial(self._check_changed, line=first)
        await self.console.push_screen(RawLine(self.world, path, first, text, check), done)

    def _check_new(self, written: Written) -> list[Cell]:
        return self._objections(written.path, partial(self._new_rule, written, -1, ""))

    def _check_changed(self, written: Written, *, line: int) -> list[Cell]:
        path = written.path
        return self._objections(path, lambda d: rule_edits.change_rule(path, d, line, written.text))

    def _objections(self, path: str, make: desk.Make) -> list[Cell]:
        """What an edit of a rules file would be objected to."""
        from wraptui.tui.checks import rule_objections

        return rule_objections(self.machine, self.workspace, self.world, path, make)

    # -- services ---------------------------------------------------------------------------------------

    async def _service_asked(self, name: str, service: Service) -> None:
        if name == "delete":
            self.edit(service.file, lambda d: service_edits.delete_service(d, service))
        elif name == "disable":
            words_of = "yes" if service.active else "no"
            self.change_service(service, {"disable": words_of})
        elif name == "copy":
            await self.add_service(service)
        elif name in ("open", "limits", "all"):
            await self.ask_service(service, limits=name == "limits")

    async def ask_service(self, service: Service, *, limits: bool) -> None:
        """Ask for a service's limits, or for all its attributes."""
        from wraptui.tui.dialogs import service as form

        current = next(
            (s for s in self.world.configuration.services if (s.id, s.file) == (service.id, service.file)),
            service,
        )
        try:
            document = desk.opened(self.machine, self.workspace, current.file).document(current.file)
        except NotEdited as error:
            self.console.say(str(error), bad=True)
            return

        def done(changes: dict[str, str | None] | None) -> None:
            if changes:
                self.change_service(current, changes)

        names = form.LIMITS if limits else form.all_names()
        check = partial(self._check_service, current)
        await self.console.push_screen(form.ServiceForm(self.world, current, document, check, names), done)

    async def add_service(self, model: Service | None = None) -> None:
        """Ask for a new service, or for a copy of one."""
        from wraptui.tui.checks import new_service_objections
        from wraptui.tui.dialogs.new_service import Asked, NewService

        def place(asked: Asked) -> str:
            return model.file if model else self._file_for(asked.name)

        def make(asked: Asked, document: Document) -> Edits:
            if model is not None:
                return service_edits.copy_service(document, model, asked.name, asked.attributes)
            return service_edits.add_service(place(asked), document, asked.name, asked.attributes)

        def check(asked: Asked) -> list[Cell]:
            made = partial(make, asked)
            return new_service_objections(self.machine, self.workspace, self.world, place(asked), made)

        def done(asked: Asked | None) -> None:
            if asked is not None:
                self.edit(place(asked), partial(make, asked))

        where = model.file if model else self._file_for("NAME")
        await self.console.push_screen(NewService(self.world, where, check, model), done)

    def _file_for(self, name: str) -> str:
        """The file of a new service: one of its own where there is a folder of them, else xinetd.conf."""
        main = self.world.snapshot.daemon.configuration
        folders = [path.rpartition("/")[0] for path in self.world.configuration.files if path != main]
        folder = max(folders, key=folders.count, default="")
        return f"{folder}/{name.replace('/', '_')}" if folder else main

    def change_service(self, service: Service, changes: dict[str, str | None]) -> bool:
        """Make these changes of a service's attributes as one step."""
        summary = f"{shown(service.id)}: " + ", ".join(
            f"{name} = {shown(text)}" if text is not None else f"without {name}"
            for name, text in changes.items()
        )
        return self.edit(service.file, partial(_attributes_set, service=service, changes=changes), summary)

    def _check_service(self, service: Service, changes: Any) -> list[Cell]:
        from wraptui.tui.checks import service_objections

        make = partial(_attributes_set, service=service, changes=changes)
        return service_objections(self.machine, self.workspace, self.world, service, make)

    # -- clients and trapped addresses ------------------------------------------------------------------

    async def _visit_asked(self, name: str, visit: Visit) -> None:
        client = address(visit.connection.remote).partition("%")[0]
        if name == "open":
            await self.explain(visit.service, client)
        elif name == "promote":
            service = next((s for s in self.world.configuration.services if s.id == visit.service), None)
            daemon = libwrap_name(service) if service else visit.service
            await self.add_rule(None, daemon=shown(daemon) or "ALL", client=client, path=DENY)

    async def _entry_asked(self, name: str, entry: Entry) -> None:
        if name == "open":
            await self.explain("", address(entry.address))
        elif name == "promote":
            from datetime import datetime

            since = datetime.fromtimestamp(entry.since).strftime("%Y-%m-%d %H:%M")
            comment = typed(
                f"{address(entry.address)} touched the sensor {from_bytes(entry.sensor)} on {since} (wraptui)"
            )
            await self.add_rule(None, daemon="ALL", client=covered(entry), path=DENY, comment=comment)

    async def explain_current(self) -> None:
        """Ask about any client, beginning with the one under the cursor."""
        row = self.console.dashboard.front.table.current
        if isinstance(row, Visit):
            await self._visit_asked("open", row)
        elif isinstance(row, Entry):
            await self._entry_asked("open", row)
        elif isinstance(row, ServiceState):
            await self.explain(row.service.id, "")
        else:
            await self.explain("", "")

    async def explain(self, daemon: str, client: str) -> None:
        """Ask about this client."""
        from wraptui.tui.dialogs.explain import Explain

        await self.console.push_screen(Explain(self.world, from_bytes(daemon), from_bytes(client)))


def _attributes_set(document: Document, *, service: Service, changes: dict[str, str | None]) -> Edits:
    """The edits that set (or take out) these attributes of a service, one after the other."""

    def one(name: str, text: str | None) -> Callable[[Document, Service], Edits]:
        if text is None:
            return lambda d, s: service_edits.remove_attribute(d, s, name)
        return lambda d, s: service_edits.set_attribute(d, s, name, text)

    return desk.service_edits(service, document, [one(name, text) for name, text in changes.items()])
