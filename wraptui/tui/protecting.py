"""Knows what the keys on protections do: recipes, who guards what, and the clearing of the no_access list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wraptui import recipes
from wraptui.observe import ServiceState, Snapshot, Visit, survey
from wraptui.policy.hardening import firewall, own_table
from wraptui.policy.hardening.audit import audit
from wraptui.policy.hardening.checks import Check, Subject
from wraptui.policy.recipes import BY_NAME, Circumstances, Made, Plan, Recipe
from wraptui.syntax.tree import EditDoesNotFit, shown
from wraptui.system import restart
from wraptui.system.sessions import this_session
from wraptui.tui import desk
from wraptui.tui.base import Base
from wraptui.tui.desk import NotEdited
from wraptui.tui.dialogs.clear import ClearList
from wraptui.tui.dialogs.guards import Guards, MissingRules
from wraptui.tui.dialogs.recipes import RecipeForm, RecipeList
from wraptui.tui.display import sentence_list
from wraptui.tui.panes.guards import Found
from wraptui.tui.peers import address
from wraptui.tui.world import World
from wraptui.workspace import FileChange, Workspace

if TYPE_CHECKING:
    from wraptui.system.machine import Machine


class Protecting:
    """The half of the console that protects; it is imported when the first of its keys is pressed."""

    def __init__(self, console: Base) -> None:
        self.console = console
        self._plans: dict[str, tuple[Plan, tuple[Made, ...]]] = {}

    # -- recipes ----------------------------------------------------------------------------------------

    async def recipes(self) -> None:
        """Show the recipes, then the questions of the one that is chosen."""
        await self.console.push_screen(RecipeList(self.console.world), self._ask)

    async def _ask(self, recipe: Recipe | None) -> None:
        if recipe is None:
            return
        console = self.console
        gather = partial(_gathered, console.machine, console.world.snapshot, console.workspace, recipe.name)
        differ = partial(_difference, console.machine, console.workspace)
        form = RecipeForm(console.world, recipe, gather, differ, self._start())
        await console.push_screen(form, self._accept)

    def _start(self) -> dict[str, str]:
        """What the row under the cursor answers already."""
        row = self.console.dashboard.front.table.current
        if isinstance(row, ServiceState):
            return {"service": shown(row.service.id)}
        return {"service": shown(row.service)} if isinstance(row, Visit) and row.guard == "xinetd" else {}

    def _accept(self, plan: Plan | None) -> None:
        """The plan's edits wait with the others; what must be there before them is made now."""
        if plan is None:
            return
        console = self.console
        try:
            workspace = recipes.changed(console.machine, plan, console.workspace)
            made = recipes.prepare(console.machine, plan)
        except (EditDoesNotFit, OSError) as error:
            told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            console.say(f"{plan.title}: not made: {told}.", bad=True)
            return
        self._plans[plan.title] = (plan, made)
        console.hold(workspace)
        console.say(f"{plan.title}: not applied yet; w reviews it.{_made(made)}")
        if isinstance(console.screen, Guards):
            console.screen.meet(console.world)

    def undone(self, what: str) -> None:
        """A step was undone: what was made for it goes too, where it is still empty."""
        if what in self._plans:
            recipes.withdraw(self.console.machine, self._plans[what][1])

    def redone(self, what: str) -> None:
        """A step was made again, and so is what it needs."""
        if what in self._plans:
            plan = self._plans[what][0]
            try:
                self._plans[what] = (plan, recipes.prepare(self.console.machine, plan))
            except OSError as error:
                self.console.say(f"What {what} needs could not be made: {error.strerror or error}.", bad=True)

    # -- who guards what --------------------------------------------------------------------------------

    async def guards(self) -> None:
        """Show who guards what."""
        console = self.console
        await console.push_screen(
            Guards(
                console.world,
                lambda: _looked(console.machine, console.world, console.workspace),
                self._of_guards,
            )
        )

    async def _of_guards(self, name: str, row: object, found: Found) -> None:
        console = self.console
        if name == "fix" and isinstance(row, Check):
            self._mend(row)
        elif name == "export":
            texts = {
                "nft": own_table.nft(found.wanted, console.clock()),
                "iptables": own_table.iptables(found.wanted),
                "ip6tables": own_table.iptables(found.wanted, ipv6=True),
            }
            await console.push_screen(MissingRules(console.world, texts, partial(_written, console.machine)))
        elif name == "block":
            await self._ask(BY_NAME["firewall"])

    def _mend(self, check: Check) -> None:
        """The fix that a check offers waits with the other edits."""
        console = self.console
        workspace = console.workspace
        try:
            for edit in check.fix:
                workspace = desk.opened(console.machine, workspace, edit.path)
            console.hold(workspace.do(check.title, *check.fix))
        except (NotEdited, EditDoesNotFit) as error:
            console.say(str(error), bad=True)
            return
        console.say(f"Mended, not applied yet: {check.title}")
        if isinstance(console.screen, Guards):
            console.screen.meet(console.world)

    # -- the no_access list -----------------------------------------------------------------------------

    async def clear(self) -> None:
        """Show what clearing the list costs, and do it when the operator insists."""
        console = self.console
        machine, daemon = console.machine, console.world.snapshot.daemon
        peer = address(this_session(machine).peer)
        find_way, do = partial(restart.way, machine, daemon), partial(restart.restart, machine, daemon)
        await console.push_screen(ClearList(console.world, peer, find_way, do))


def _looked(machine: Machine, world: World, workspace: Workspace) -> Found:
    """Who guards what, with the edits that wait."""
    snapshot, tables = world.snapshot, world.tables
    coverage = survey.coverage(machine, world.configuration, snapshot.daemon.pid) if machine.live else ()
    if tables is None:
        told = "hosts.allow and hosts.deny could not be read."
        return Found(coverage, unread=told, unaudited=told, ready=True)
    running = bool(snapshot.daemon.pid) if machine.live else None
    checks = audit(
        Subject(
            tables,
            world.configuration,
            workspace.candidate(machine),
            running,
            coverage if machine.live else None,
        )
    )
    if not machine.live:
        return Found(checks=checks, unread=f"{machine.note} So is its packet filter.", ready=True)
    filters, notes = survey.packet_filters(machine)
    if not filters:
        return Found(coverage, unread=f"{'; '.join(notes)}.", checks=checks, ready=True)
    found = firewall.compare(tables, coverage, snapshot.no_access.entries, filters)
    return Found(coverage, found.rows, found.wanted, found.lacking, notes, "", checks, ready=True)


def _written(machine: Machine, path: str, text: str) -> str:
    """Write a new file for root alone; why that failed, "" when it did not."""
    try:
        machine.create(path, text.encode("ascii"), 0o600)
    except FileExistsError:
        return f"there is a {path} already; name another file."
    except OSError as error:
        return f"{path}: {error.strerror or error}."
    return ""


def _gathered(machine: Machine, snapshot: Snapshot, workspace: Workspace, recipe: str) -> Circumstances:
    return recipes.circumstances(machine, snapshot, workspace, packet_filter=recipe == "firewall")


def _difference(machine: Machine, workspace: Workspace, plan: Plan) -> str:
    """What the plan alone changes, on top of the edits that wait."""
    after = recipes.changed(machine, plan, workspace)
    return "".join(
        FileChange(path, workspace.documents.get(path, after.base[path]), after.documents[path]).diff
        for path in plan.paths
    )


def _made(made: tuple[Made, ...]) -> str:
    if not made:
        return ""
    return f" Made for it, empty: {sentence_list(f'the {each.kind} {each.path}' for each in made)}."
