"""Knows how a page is written as Markdown that every renderer reads alike: nothing in a text is markup."""

from __future__ import annotations

import re

from wraptui.policy.report.page import Block, Cell, Chart, Items, Meter, Page, Paragraph, Table
from wraptui.syntax.harmless import printable

BLOCKS = " ▁▂▃▄▅▆▇█"
_MARKS = re.compile(r"[\\`*_{}\[\]#|~$^<>&@]|:(?=//)|(?i:(?<=www))\.")
"""What may begin markup inside a line; `:` and `.` where a bare address of the web would become a link."""
_FIRST = re.compile(r"([-+=#:])|(\d+)([.)])")
"""What may begin a headline, a list or a rule at the start of a line."""


def escaped(text: str) -> str:
    """Text on one line of Markdown that means itself (CommonMark 2.4 and the extensions of GitHub)."""
    text = inside(text)
    if first := _FIRST.match(text):
        mark = first.start(1) if first[1] else first.start(3)
        text = f"{text[:mark]}\\{text[mark:]}"
    return text


def inside(text: str) -> str:
    """The same behind other text on its line, or in a cell."""
    return _MARKS.sub(lambda found: "\\" + found[0], " ".join(printable(text).split()))


def to_markdown(page: Page) -> str:
    """The page as a Markdown document."""
    parts = [f"# {inside(page.title)}", *map(_block, page.lead)]
    for section in page.sections:
        parts += [f"## {inside(section.title)}", *map(_block, section.blocks)]
    return "\n\n".join(parts) + "\n"


def sparkline(values: tuple[int, ...]) -> str:
    """The numbers as a line of small bars; what is not 0 is always to be seen."""
    most = max(values, default=0) or 1
    return "".join(BLOCKS[-(-value * 8 // most)] for value in values)


def _block(block: Block) -> str:
    match block:
        case Paragraph(text, warns):
            return f"**{inside(text)}**" if warns and text else escaped(text)
        case Items(texts):
            return "\n".join(f"- {escaped(text)}" for text in texts)
        case Chart(title, description, labels, values):
            line = f"`|{sparkline(values).replace(' ', '·')}|` {inside(labels[0])} to {inside(labels[-1])}"
            return f"{escaped(title)}: {line}. {inside(description)}"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    rule = ["---:" if place in table.numbers else "---" for place in range(len(table.header))]
    rows = [
        [inside(text) for text in table.header],
        rule,
        *([_cell(each) for each in row] for row in table.rows),
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return f"{escaped(table.caption)}:\n\n" + "\n".join(lines)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Meter):
        full = round(8 * min(max(cell.share, 0.0), 1.0))
        return f"{'█' * full}{'░' * (8 - full)} {inside(cell.text)}"
    if isinstance(cell, str):
        return inside(cell)
    return "; ".join(map(inside, cell))
