"""Knows the recipes on screen: which there are, and one's questions with what its answers would do here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from wraptui.policy.recipes import RECIPES, BadAnswer, Circumstances, Plan, Question, Recipe
from wraptui.tui import known, themes
from wraptui.tui.dialogs.review import Line, diff_lines, wrapped
from wraptui.tui.display import Cell, Piece, Words, words
from wraptui.tui.inputs import Choosing, Field, Toggle
from wraptui.tui.keys import Keys
from wraptui.tui.lines import Lines
from wraptui.tui.table import Column, Table
from wraptui.tui.world import World

Gather = Callable[[], Circumstances]
"""Finds out what the recipes may know of this machine; it takes a moment and may raise `OSError`."""
Differ = Callable[[Plan], str]
"""The exact difference (byte text) that a plan makes to the files with the edits that wait."""

ROOM = 52  # columns for the words of a choice; more of them are typed
_STYLES: list[str | PurePath] = [themes.style_sheet("dialogs.tcss"), themes.style_sheet("recipes.tcss")]

COLUMNS: tuple[Column[Recipe, World], ...] = (
    Column("recipe", lambda r, w: words(Piece(r.title, "strong")), 18),
    Column("what it is for", lambda r, w: r.summary, 30, grow=1),
    Column("command line", lambda r, w: Piece(f"wraptui recipe {r.name}", "dim"), 28, rank=1),
)


class RecipeList(Screen[Recipe]):
    """All recipes. Returns the one that was chosen."""

    CSS_PATH: ClassVar[list[str | PurePath]] = _STYLES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "answer its questions", id="choose-recipe", priority=True),
        Binding("escape", "close", "back", id="pinned-close"),
        Binding("R", "close", "back", show=False),
    ]
    AUTO_FOCUS = "Table"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.table: Table[Recipe, World] = Table(COLUMNS, lambda r: r.name, world, id="recipes")

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield self.table
        yield Lines(id="details")
        yield Keys(id="keys")

    def on_mount(self) -> None:
        told = "recipes: protections that are asked for, shown, and only then made"
        self.query_one("#header", Lines).say(words(Piece(f" {told}", "strong")))
        self.table.show(RECIPES, self.world)

    @on(Table.Highlighted)
    def _told(self) -> None:
        recipe = self.table.current
        if recipe is not None:
            asked = " ".join(each.text for each in recipe.questions)
            self.query_one("#details", Lines).say(
                recipe.summary,
                words(Piece(asked, "dim")),
                words(Piece("Nothing is written before the edits are reviewed and applied (w).", "dim")),
            )

    @on(Table.Chosen)
    def action_choose(self) -> None:
        self.dismiss(self.table.current)

    def action_close(self) -> None:
        self.dismiss(None)


class RecipeForm(Screen[Plan]):
    """One recipe: its questions above, below what their answers would do here. Returns the plan."""

    CSS_PATH: ClassVar[list[str | PurePath]] = _STYLES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "add to the edits", key_display="Enter", id="submit", priority=True),
        Binding("down,tab", "field(1)", "next question", show=False, priority=True),
        Binding("up,shift+tab", "field(-1)", "question before", show=False, priority=True),
        Binding("pagedown", "page(1)", "read on", key_display="PgDn", priority=True),
        Binding("pageup", "page(-1)", "back", show=False, priority=True),
        Binding("escape", "close", "back", id="pinned-close"),
    ]
    AUTO_FOCUS = "Input, Toggle"

    class Gathered(Message):
        """What the recipes may know of this machine is known, or why it is not."""

        def __init__(self, around: Circumstances | None, problem: str = "") -> None:
            super().__init__()
            self.around, self.problem = around, problem

    class Planned(Message):
        """What these answers would do, or why they do nothing."""

        def __init__(self, answers: Mapping[str, str], plan: Plan | None, told: str) -> None:
            super().__init__()
            self.answers, self.plan, self.told = answers, plan, told

    def __init__(
        self, world: World, recipe: Recipe, gather: Gather, differ: Differ, start: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.world, self.recipe, self.gather, self.differ = world, recipe, gather, differ
        self.around: Circumstances | None = None
        self.plan: Plan | None = None
        self._diff = self._problem = ""
        self._planning: Mapping[str, str] | None = None
        self._planned: Mapping[str, str] | None = None
        self._wanted = False
        self.fields = {each.name: self._field(each, start.get(each.name, "")) for each in recipe.questions}
        self.preview: Table[Line, World] = Table(
            [Column("", lambda line, _: line[1], 20, grow=1)],
            lambda line: line[0],
            world,
            id="preview",
            reading=True,
        )
        self.preview.can_focus = False

    def _field(self, question: Question, start: str) -> Field | Choosing:
        """Few short choices are turned through; all else is typed."""
        value = start or question.default
        if question.choices and sum(len(each) + 4 for each in question.choices) <= ROOM:
            toggle = Toggle(question.choices, value, plain=self.world.glyphs.plain)
            found: Field | Choosing = Choosing(question.name, toggle)
        else:
            names = question.choices or completions(question.name, self.world)
            hint = "needed" if question.needed else "may be empty"
            found = Field(question.name, value, hint=hint, completions=names)
        found.label = question.text
        return found

    def compose(self) -> ComposeResult:
        yield Lines(id="header")
        yield Vertical(*self.fields.values(), id="questions")
        yield Lines(id="help")
        yield self.preview
        yield Keys(id="keys")

    def on_mount(self) -> None:
        recipe = self.recipe
        self.query_one("#header", Lines).say(
            words(Piece(f" {recipe.title}", "strong"), Piece(f"  {recipe.summary}", "dim"))
        )
        self._draw()
        self.run_worker(self._gather, thread=True, group="recipe", exit_on_error=False)

    # -- what the answers would do ----------------------------------------------------------------------

    def _gather(self) -> None:
        try:
            self.post_message(self.Gathered(self.gather()))
        except OSError as error:
            self.post_message(
                self.Gathered(None, f"{error.filename or ''} {error.strerror or error}".strip())
            )
        except Exception as error:  # a defect must not look like work that goes on
            self.post_message(self.Gathered(None, f"{type(error).__name__}: {error}"))

    @on(Gathered)
    def _gathered(self, event: Gathered) -> None:
        self.around, self._problem = event.around, event.problem
        if self.around is None:
            self._draw()
        else:
            wanted = self._wanted
            self._plan()
            self._wanted = wanted

    def answers(self) -> dict[str, str]:
        """What is answered now."""
        return {
            name: field.value if isinstance(field, Field) else field.toggle.value
            for name, field in self.fields.items()
        }

    @on(Input.Changed)
    @on(Toggle.Changed)
    def _plan(self) -> None:
        """Work out what the answers do: one at a time, the newest next."""
        self._wanted = False
        if self.around is None or self._planning is not None or self.answers() == self._planned:
            return
        self._planning = self.answers()
        around, answers = self.around, self._planning
        self.run_worker(lambda: self._work(answers, around), thread=True, exit_on_error=False)

    def _work(self, answers: Mapping[str, str], around: Circumstances) -> None:
        try:
            plan = self.recipe.plan(answers, around)
            self.post_message(self.Planned(answers, plan, self.differ(plan)))
        except (BadAnswer, ValueError) as error:
            self.post_message(self.Planned(answers, None, str(error)))
        except OSError as error:
            told = f"{error.filename or ''} {error.strerror or error}".strip()
            self.post_message(self.Planned(answers, None, told))
        except Exception as error:  # a defect must not look like work that goes on
            self.post_message(self.Planned(answers, None, f"{type(error).__name__}: {error}"))

    @on(Planned)
    def _shown(self, event: Planned) -> None:
        self._planning, self._planned = None, event.answers
        if self.answers() != event.answers:
            wanted = self._wanted
            self._plan()
            self._wanted = wanted
            return
        self.plan = event.plan
        self._problem, self._diff = ("", event.told) if event.plan else (event.told, "")
        self._draw()
        if self._wanted:
            self.action_submit()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        columns = max(30, self.size.width - 5)
        lines: list[Words]
        if self.plan is not None:
            lines = list(plan_lines(self.plan, self._diff, self.world, columns))
        elif self._problem:
            mark = words(Piece(f"{self.world.glyphs.warn} ", "warn"))
            lines = list(wrapped(mark, self._problem, columns))
        else:
            lines = [words(Piece("Looking at the files, the clients and the logs.", "dim"))]
        self.preview.show(list(enumerate(lines)), self.world)
        self.refresh_bindings()

    # -- keys -------------------------------------------------------------------------------------------

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for question in self.recipe.questions:
            if event.widget in self.fields[question.name].walk_children():
                self.query_one("#help", Lines).say(*help_lines(question))

    def action_field(self, by: int) -> None:
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_page(self, by: int) -> None:
        self.preview.action_page(by)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "submit" or not self.world.read_only

    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Take the plan; where it is still worked out, as soon as it is."""
        if self.world.read_only:
            return
        if self.around is not None and self.answers() == self._planned:
            self._wanted = False
            if self.plan is not None and self.plan.edits:
                self.dismiss(self.plan)
        else:
            self._wanted = not self._problem or self.around is not None

    def action_close(self) -> None:
        self.dismiss(None)


def completions(question: str, world: World) -> tuple[str, ...]:
    """Words worth completing in an answer."""
    if question == "daemon":
        return known.daemons(world)
    if question == "service":
        return tuple(each.id for each in world.configuration.services if each.active)
    return known.clients(world) if question == "network" else ()


def help_lines(question: Question) -> list[Cell]:
    """What a question means and what its empty answer is."""
    parts = [question.help or question.text]
    if question.choices:
        parts.append(f"one of {', '.join(question.choices)}")
    if question.default:
        parts.append(f"empty: {question.default}")
    return [words(Piece(f"{question.name}: ", "accent"), Piece("; ".join(parts), "dim"))]


def plan_lines(plan: Plan, diff: str, world: World, columns: int) -> Iterator[Words]:
    """A plan: what to look at first, what it does, the lines that it writes, samples, what it cannot do."""
    glyphs = world.glyphs
    for warning in plan.warnings:
        yield from wrapped(words(Piece(f"{glyphs.warn} ", "warn")), warning, columns)
    for each in plan.does:
        yield from wrapped(words(Piece(f"{glyphs.good} ", "good")), each, columns)
    for made in plan.made:
        told = f"Made with Enter, empty: the {made.kind} {made.path} (mode {made.mode:04o})."
        yield from wrapped(words(Piece(f"{glyphs.pending} ", "pending")), told, columns)
    if not plan.edits:
        yield words(Piece("No file would change: it is so already.", "dim"))
    yield words("")
    yield from diff_lines(diff)
    for sample in plan.samples:
        yield words("")
        yield words(Piece(sample.title, "strong"))
        for line in sample.text.split("\n"):
            yield words(Piece("  "), Piece(line, "accent"))
    yield words("")
    for each in plan.cannot:
        yield from wrapped(words(Piece(f"{glyphs.note} ", "dim")), each, columns)
