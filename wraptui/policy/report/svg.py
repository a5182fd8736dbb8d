"""Knows how a chart is drawn: bars in SVG that also speak, without scripts or anything from outside."""

from __future__ import annotations

from html import escape

from wraptui.policy.report.page import Chart
from wraptui.syntax.harmless import printable

WIDTH, HEIGHT = 640, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 26, 24
WIDEST = 40  # of a bar, however few there are
INK, BAR, LINE = "#1b1f24", "#0b5cad", "#8a929c"
"""Contrast against white: 16:1, 6.6:1 and 3.2:1. The page's style replaces them on a dark ground."""


def markup_free(text: str) -> str:
    """Text as it may stand in HTML and SVG, between tags and in quoted attributes alike."""
    return escape(printable(text), quote=True)


def bars(chart: Chart, name: str) -> str:
    """The chart as an SVG element; `name` (letters, digits, dashes) is unique on its page. The scale begins
    at 0; title, description and every bar's number are there for whoever cannot see it."""
    top = scale(max(chart.values, default=0))
    count = max(len(chart.values), 1)
    step = (WIDTH - LEFT - RIGHT) / count
    high = HEIGHT - TOP - BOTTOM
    ground = HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="sans-serif" font-size="11" fill="{INK}">',
        f'<title id="{name}-title">{markup_free(chart.title)}</title>',
        f'<desc id="{name}-desc">{markup_free(chart.description)}</desc>',
        f'<text class="ink" x="0" y="14" font-size="13" font-weight="bold">{markup_free(chart.title)}</text>',
    ]
    if chart.unit:
        parts.append(
            f'<text class="ink" x="{WIDTH - RIGHT}" y="14" text-anchor="end">{markup_free(chart.unit)}</text>'
        )
    for value in sorted({0, top // 2, top}):
        y = ground - high * value / top
        parts.append(
            f'<line class="line" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" '
            f'stroke="{LINE}" stroke-width="{1 if value == 0 else 0.5}"/>'
            f'<text class="ink" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
        )
    every = max(1, count // 8)
    for place, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        x = LEFT + step * place
        tall = high * value / top
        if value:
            wide = min(step * 0.76, WIDEST)
            parts.append(
                f'<rect class="bar" x="{x + (step - wide) / 2:.1f}" y="{ground - tall:.1f}" '
                f'width="{wide:.1f}" height="{tall:.1f}" fill="{BAR}">'
                f"<title>{markup_free(label)}: {value}</title></rect>"
            )
        if place % every == 0:
            parts.append(
                f'<text class="ink" x="{x + step / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
                f"{markup_free(label)}</text>"
            )
    return "\n".join(parts) + "\n</svg>\n"


def scale(most: int) -> int:
    """A round even number that is not less than `most`, as the top of the scale."""
    ten = 1
    while True:
        for factor in (2, 4, 6, 8, 10):
            if factor * ten >= most:
                return factor * ten
        ten *= 10
