"""Knows what the keys on protections do: recipes, who guards what, and the clearing of the no_access list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wraptui import recipes
from wraptui.observe import ServiceState, Snapshot, Visit
from wraptui.policy.recipes import Circumstances, Made, Plan, Recipe
from wraptui.syntax.tree import EditDoesNotFit, shown
from wraptui.tui.base import Base
from wraptui.tui.dialogs.recipes import RecipeForm, RecipeList
from wraptui.tui.display import sentence_list
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
        gather = partial(_gathered, console.machine, console.world.snapshot, console.workspace)
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


def _gathered(machine: Machine, snapshot: Snapshot, workspace: Workspace) -> Circumstances:
    return recipes.circumstances(machine, snapshot, workspace)


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
