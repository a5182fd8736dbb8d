"""Knows the console's looks: where its style files are, and its colours (dark, light, the terminal's 16)."""

from __future__ import annotations

import os

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="wraptui-dark",
    primary="#7aa2c8",
    secondary="#8fa3b3",
    accent="#7fb8c4",
    foreground="#cdd3d8",
    background="#12161a",
    surface="#171c21",
    panel="#222a31",
    success="#8fb573",
    warning="#d9a85b",
    error="#e0706a",
    dark=True,
    variables={
        "muted": "#7f8b94",
        "border": "#33404a",
        "border-blurred": "#33404a",
        "block-cursor-text-style": "none",
    },
)
LIGHT = Theme(
    name="wraptui-light",
    primary="#2f6690",
    secondary="#5b6b78",
    accent="#17717f",
    foreground="#20262b",
    background="#f6f7f7",
    surface="#ffffff",
    panel="#e6eaed",
    success="#3c7a2a",
    warning="#9a5f00",
    error="#b3261e",
    dark=False,
    variables={
        "muted": "#68737b",
        "border": "#c2cad0",
        "border-blurred": "#c2cad0",
        "block-cursor-text-style": "none",
    },
)
# For terminals with 16 colours: the owner's own.
ANSI = Theme(
    name="wraptui-ansi",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    dark=True,
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "muted": "ansi_default",
        "border": "ansi_bright_black",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_cyan",
        "block-cursor-text-style": "none",
        "input-cursor-background": "ansi_cyan",
        "input-cursor-foreground": "ansi_black",
        "input-cursor-text-style": "none",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_white",
    },
)
ALL = (DARK, LIGHT, ANSI)


def after(name: str) -> str:
    """The theme that the key turns to."""
    names = [theme.name for theme in ALL]
    return names[(names.index(name) + 1) % len(names)] if name in names else DARK.name


def style_sheet(name: str) -> str:
    """A style file: beside the package in a checkout, inside it when installed."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in (os.path.join(here, "styles"), os.path.join(os.path.dirname(here), "styles")):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"wraptui is installed without its styles ({name})")
