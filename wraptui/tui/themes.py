"""Knows the console's colours: one calm dark theme and one light; all else uses their variables."""

from __future__ import annotations

from textual.theme import Theme

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
ALL = (DARK, LIGHT)
