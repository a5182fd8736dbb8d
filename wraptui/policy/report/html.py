"""Knows how a page is written as one HTML file: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from wraptui.policy.report.page import Block, Cell, Chart, Items, Meter, Page, Paragraph, Section, Table
from wraptui.policy.report.svg import bars, markup_free

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --ground: #fff; --line: #8a929c; --bar: #0b5cad;
  --soft: #f2f4f7; --warn: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --ground: #14171c; --line: #7d8590;
  --bar: #6cb2ff; --soft: #1f242c; --warn: #ffb45c; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem;
  border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
th { background: var(--soft); overflow-wrap: normal; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td ul { list-style: none; margin: 0; padding: 0; }
.warns { color: var(--warn); font-weight: 600; }
svg.meter { width: 6rem; height: .8rem; vertical-align: middle; margin-right: .5rem; }
figure { margin: 1rem 0; max-width: 48rem; } figure svg { width: 100%; height: auto; }
svg .ink { fill: var(--ink); } svg .bar { fill: var(--bar); } svg .line { stroke: var(--line); }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def to_html(page: Page) -> str:
    """The page as a complete HTML document."""
    title = markup_free(page.title)
    charts = _Names()
    body = "".join(_block(block, charts) for block in page.lead)
    body += "".join(_section(section, charts) for section in page.sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )


class _Names:
    """Gives every chart of a page a name of its own."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last += 1
        return f"chart-{self._last}"


def _section(section: Section, names: _Names) -> str:
    blocks = "".join(_block(block, names) for block in section.blocks)
    return f"<section>\n<h2>{markup_free(section.title)}</h2>\n{blocks}</section>\n"


def _block(block: Block, names: _Names) -> str:
    match block:
        case Paragraph(text, warns):
            mark = ' class="warns"' if warns else ""
            return f"<p{mark}>{markup_free(text)}</p>\n"
        case Items(texts):
            return _list(texts)
        case Chart():
            return f"<figure>\n{bars(block, names.next())}</figure>\n"
        case Table():
            return _table(block)


def _list(texts: tuple[str, ...]) -> str:
    return "<ul>" + "".join(f"<li>{markup_free(text)}</li>" for text in texts) + "</ul>\n"


def _table(table: Table) -> str:
    marks = [' class="number"' if place in table.numbers else "" for place in range(len(table.header))]
    head = "".join(
        f'<th scope="col"{mark}>{markup_free(text)}</th>'
        for text, mark in zip(table.header, marks, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{mark}>{_cell(cell)}</td>" for cell, mark in zip(row, marks, strict=True))
        + "</tr>\n"
        for row in table.rows
    )
    return (
        f'<div class="wide"><table>\n<caption>{markup_free(table.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, Meter):
        full = 100 * min(max(cell.share, 0.0), 1.0)
        return (
            '<svg class="meter" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="bar" width="{full:.0f}" height="12" fill="#0b5cad"/>'
            '<rect class="line" x=".5" y=".5" width="99" height="11" fill="none" stroke="#8a929c"/></svg>'
            + markup_free(cell.text)
        )
    if isinstance(cell, str):
        return markup_free(cell)
    return markup_free(cell[0]) if len(cell) == 1 else _list(cell).rstrip() if cell else ""
