"""Knows how to show a recipe's plan for this machine, and to apply it like any other change."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from wraptui.cli import FINE, REFUSED, UNREADABLE, applying
from wraptui.cli.text import columns, complain, printable, write, write_json
from wraptui.policy.recipes import BY_NAME, RECIPES, BadAnswer, Plan, Recipe

if TYPE_CHECKING:
    from wraptui.system.machine import FileMachine, LocalMachine
    from wraptui.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """One subcommand for each recipe, one option for each of its questions."""
    recipes = parser.add_subparsers(dest="recipe", metavar="NAME")
    for recipe in RECIPES:
        one = recipes.add_parser(recipe.name, help=recipe.summary, description=recipe.summary)
        questions = one.add_argument_group("answers")
        for question in recipe.questions:
            default = f" (default: {question.default.replace('%', '%%')})" if question.default else ""
            help = f"{question.text} {question.help}".strip().replace("%", "%%") + default
            questions.add_argument(
                f"--{question.name.replace('_', '-')}",
                dest=f"answer_{question.name}",
                default="",
                choices=question.choices or None,
                metavar=None if question.choices else question.name.upper(),
                help=help + (" (- is standard input)" if question.lines else ""),
            )
        one.add_argument(
            "--apply", action="store_true", help="make the change: backup, write, reload, verify"
        )
        one.add_argument(
            "--days", type=float, default=7.0, metavar="N", help="how far back the logs count (default: 7)"
        )
        one.add_argument(
            "--root", default="/", metavar="DIR", help="work on the files under DIR (default: /)"
        )
        one.add_argument("--state", default="", metavar="DIR", help="where the history is")
        one.add_argument("--json", action="store_true", help="print JSON")
        applying.arguments(one)


def run(options: argparse.Namespace) -> int:
    """Prints the plan and its diff; with --apply makes the change. Exit codes as `diff` and `apply`."""
    if not options.recipe:
        rows = [(each.name, each.summary) for each in RECIPES]
        write(columns(("NAME", "WHAT IT IS FOR"), rows))
        return FINE
    from wraptui import recipes
    from wraptui.observe import look_once
    from wraptui.system.machine import machine_at

    recipe = BY_NAME[options.recipe]
    try:
        machine = machine_at(options.root)
        around = recipes.circumstances(
            machine, look_once(machine), days=options.days, packet_filter=recipe.name == "firewall"
        )
        plan = recipe.plan(_answers(recipe, options), around)
        workspace = recipes.changed(machine, plan)
    except BadAnswer as error:
        complain(str(error))
        return UNREADABLE
    except OSError as error:
        complain(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))
        return UNREADABLE
    return (
        _applied(machine, plan, workspace, options)
        if options.apply
        else _shown(machine, plan, workspace, options)
    )


def _answers(recipe: Recipe, options: argparse.Namespace) -> dict[str, str]:
    answers = {each.name: str(getattr(options, f"answer_{each.name}")) for each in recipe.questions}
    for question in recipe.questions:
        if question.lines and answers[question.name] == "-":
            answers[question.name] = sys.stdin.read()
    return answers


def _shown(
    machine: LocalMachine | FileMachine, plan: Plan, workspace: Workspace, options: argparse.Namespace
) -> int:
    from wraptui.changes.landing import propose
    from wraptui.syntax.tree import shown

    proposal = propose(machine, workspace.changes)
    if options.json:
        write_json({**plan_data(plan), "proposal": applying.proposal_data(proposal)})
    else:
        write(as_text(plan))
        write(applying.printable_lines(shown(proposal.diff)) + applying.sentences(proposal))
    return REFUSED if proposal.refusals else FINE


def _applied(
    machine: LocalMachine | FileMachine, plan: Plan, workspace: Workspace, options: argparse.Namespace
) -> int:
    from wraptui import recipes

    options.message = options.message or plan.title
    if not options.json:
        write(as_text(plan))
    try:
        done = recipes.prepare(machine, plan)
    except OSError as error:
        complain(f"Nothing was changed: {error.filename or ''}: {error.strerror or error}.")
        return UNREADABLE
    code = applying.apply_these(machine, workspace.changes, options)
    if code != FINE:
        recipes.withdraw(machine, done)
    return code


def as_text(plan: Plan) -> str:
    """A plan for people, without its diff."""
    lines = [plan.title]
    for head, sentences in (("It does:", plan.does), ("It cannot:", plan.cannot)):
        lines += [head, *(f"  {each}" for each in sentences)] if sentences else []
    lines += [f"warning: {each}" for each in plan.warnings]
    for sample in plan.samples:
        lines += [f"{sample.title}:", *(f"  {each}" for each in sample.text.split("\n"))]
    for each in plan.made:
        lines.append(f"Made first: the {each.kind} {each.path} (mode {each.mode:04o})")
    return "".join(f"{printable(line)}\n" for line in lines) + "\n"


def plan_data(plan: Plan) -> dict[str, object]:
    """A plan as the documented JSON."""
    return {
        "recipe": plan.recipe,
        "title": plan.title,
        "does": list(plan.does),
        "cannot": list(plan.cannot),
        "warnings": list(plan.warnings),
        "samples": [{"title": each.title, "text": each.text} for each in plan.samples],
        "made": [{"kind": each.kind, "path": each.path, "mode": f"{each.mode:04o}"} for each in plan.made],
        "files": list(plan.paths),
    }
