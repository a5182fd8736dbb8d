"""Knows the guided protections: each is a list of questions and a pure function from answers to a plan."""

from __future__ import annotations

from wraptui.policy.recipes import banner, default_deny, firewall, limits, severity, trap, warning
from wraptui.policy.recipes.plan import (
    BadAnswer,
    Circumstances,
    Made,
    Plan,
    Question,
    Recipe,
    Sample,
    Usage,
)

RECIPES: tuple[Recipe, ...] = (
    banner.RECIPE,
    warning.RECIPE,
    severity.RECIPE,
    trap.RECIPE,
    limits.RECIPE,
    firewall.RECIPE,
    default_deny.RECIPE,
)
"""All of them, in the order in which they are shown."""

BY_NAME = {recipe.name: recipe for recipe in RECIPES}

__all__ = [
    "BY_NAME",
    "RECIPES",
    "BadAnswer",
    "Circumstances",
    "Made",
    "Plan",
    "Question",
    "Recipe",
    "Sample",
    "Usage",
]
