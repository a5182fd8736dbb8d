"""Knows what is wrong with the lines of a table before any word is read: ends, lengths, odd bytes, remarks.

Source: libwrap 7.6.q (Debian), hosts_access.c and xgets(); every consequence was seen in the real library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.rules import NO_FIX, Edits, RuleLine, Written, is_except, quoted
from wraptui.policy.tables.access import Table
from wraptui.syntax.hosts import LONGEST_LINE, fields, is_blank, is_comment
from wraptui.syntax.tree import Document, Edit

BOM = "\xef\xbb\xbf"
_SHORT = 2000


def table_findings(table: Table, *, deny: bool) -> Iterator[Finding]:
    """What concerns the file as a whole."""
    if table.problem:
        cost = (
            "libwrap denies every client of every service that hosts.allow does not grant"
            if deny
            else "none of its rules counts, and every client goes on to hosts.deny"
        )
        yield Finding(
            Severity.ERROR, "table-unreadable", f"Cannot be opened ({table.problem}): {cost}.", table.path
        )
    if table.text.startswith(BOM):
        yield Finding(
            Severity.ERROR,
            "byte-order-mark",
            "The file begins with a byte order mark, which libwrap takes for the first three bytes of the "
            "first daemon name (or of a comment, which then is none): the first line does not work.",
            table.path,
            1,
            1,
            _first_line(table, BOM),
        )
    if "\r" in table.text:
        yield from _carriage_returns(table)


def _first_line(table: Table, lead: str) -> Edits:
    line = Document(table.text).lines[0]
    return (Edit(table.path, 0, (line,), (line.removeprefix(lead),), "drop the byte order mark"),)


def _carriage_returns(table: Table) -> Iterator[Finding]:
    lines = Document(table.text).lines
    ending = [number for number, line in enumerate(lines) if line.endswith("\r\n")]
    if not ending:
        return
    # Where a backslash stands before the CR the line would begin to continue: that is another finding.
    new = tuple(
        line[:-2] + "\n" if line.endswith("\r\n") and not line.endswith("\\\r\n") else line for line in lines
    )
    first, last = ending[0], ending[-1] + 1
    if new == lines:
        return
    fix = Edit(table.path, first, lines[first:last], new[first:last], "end lines with LF")
    yield Finding(
        Severity.WARNING,
        "carriage-return",
        f"{len(ending)} lines end in CR LF: a backslash continues none of them, and other readers of this "
        "file see a stray character.",
        table.path,
        first + 1,
        len(lines[first]) - 1,
        (fix,),
    )


def line_findings(line: Written, following: str) -> Iterator[Finding]:
    """What is wrong with one logical line; `following` is the text of the file behind it."""
    text = line.logical.text
    if not line.readable:
        yield line.finding(
            Severity.ERROR,
            "nul-byte",
            "A NUL byte: libwrap cuts the line there and glues the next one to it.",
        )
    if line.logical.broken:
        yield _broken(line, following)
        return
    if is_comment(text):
        yield from _swallowed(line)
    elif not is_blank(text):
        yield from _comment_signs(line)
        if not isinstance(line, RuleLine) and not text.lstrip(" \t\r").startswith("#"):
            yield line.finding(
                Severity.WARNING,
                "missing-separator",
                f"No colon that libwrap would see: the line is skipped, and “{quoted(text)}” has no effect."
                + _bracket_hint(text),
            )
    yield from _false_continuation(line)


def _bracket_hint(text: str) -> str:
    return " The brackets are not balanced." if ":" in text and fields(text) is None else ""


def _broken(line: Written, following: str) -> Finding:
    """The line at which libwrap gives up the table."""
    text = line.logical.text
    cost = (
        "libwrap gives up here and denies every client of every service that no earlier line decides"
        if line.deny
        else "libwrap gives up here: this line and all that follow are ignored, and every client that no "
        "earlier line decides goes on to hosts.deny"
    )
    if len(text) > LONGEST_LINE:
        rest = _shorter(line, following)
        return line.finding(
            Severity.ERROR,
            "line-too-long",
            f"This line is longer than {LONGEST_LINE} bytes: {cost}.",
            None,
            rest,
        )
    if line.raw.endswith("\\\n") or text.endswith("\\"):
        code, what = "unfinished-continuation", "The file ends in a backslash that continues nothing"
    else:
        code, what = "no-final-newline", "The last line has no newline"
    fix = NO_FIX
    if line.readable:
        finished = re.sub(r"(?:\\|\\\n)+\Z", "", line.raw.removesuffix("\n")) + "\n"
        fix = line.edit(finished, "end the last line")
    return line.finding(Severity.ERROR, code, f"{what}: {cost}.", None, fix)


def _shorter(line: Written, following: str) -> Edits:
    """A line that is too long as several: a remark, or a rule without EXCEPT whose clients are shared out."""
    newline = following.find("\n")
    raw = line.raw if line.raw.endswith("\n") else line.raw + following[: newline + 1]
    if not line.readable or "\\\n" in raw or "\0" in raw or not raw.endswith("\n") or raw.endswith("\\\n"):
        return NO_FIX
    if is_comment(raw):
        pieces = [raw[:-1][start : start + _SHORT] for start in range(0, len(raw) - 1, _SHORT)]
        new = "".join(("" if piece.startswith("#") else "#") + piece + "\n" for piece in pieces)
    else:
        new = _shared_out(raw)
    if not new or any(each.endswith("\\") for each in new.split("\n")):
        return NO_FIX
    old = (raw,)
    return (
        Edit(line.path, line.logical.first - 1, old, Document(new).lines, "split a line that is too long"),
    )


def _shared_out(raw: str) -> str:
    found = fields(raw)
    if found is None or len(found.daemons) + len(found.options) > _SHORT // 2:
        return ""
    tail = ":" + found.options if found.has_options else "\n"
    words = re.findall(r"[^, \t\r\n]+", found.clients)
    if not words or any(word.upper() == "EXCEPT" for word in words):
        return ""
    room = _SHORT - len(found.daemons) - len(found.options)
    rules: list[list[str]] = [[]]
    for word in words:
        if len(word) > room:
            return ""
        if sum(len(each) + 1 for each in rules[-1]) + len(word) > room:
            rules.append([])
        rules[-1].append(word)
    return "".join(f"{found.daemons}: {' '.join(rule)}{tail}" for rule in rules)


def _swallowed(line: Written) -> Iterator[Finding]:
    """A remark whose backslash makes the next line part of it."""
    pieces = Document(line.raw).lines
    hidden = [piece for piece in pieces[1:] if not is_comment(piece) and not is_blank(piece)]
    if not hidden or not line.readable:
        return
    new = [pieces[0], *(piece if is_comment(piece) else "# " + piece for piece in pieces[1:])]
    visible = "".join(re.sub(r"\\*\n\Z", "\n", piece) for piece in new)
    yield Finding(
        Severity.WARNING,
        "comment-continues",
        f"The backslash at the end of this comment makes the next line part of it: “{quoted(hidden[0])}” has "
        "no effect.",
        line.path,
        line.logical.first,
        len(pieces[0]) - 1,
        line.edit(visible, "mark the swallowed line as the comment that it is"),
    )


def _comment_signs(line: Written) -> Iterator[Finding]:
    """`#` elsewhere than in the first column: libwrap knows no such comment."""
    text = line.logical.text
    lead = len(text) - len(text.lstrip(" \t\r"))
    if lead and text[lead] == "#":
        rule = isinstance(line, RuleLine)
        cost = (
            f"this is a live rule of a daemon list and clients: “{quoted(text)}”"
            if rule
            else "libwrap skips the line with a warning in the log of every connection"
        )
        plain = line.readable and "\\\n" not in line.raw
        yield line.finding(
            Severity.ERROR if rule else Severity.WARNING,
            "indented-comment",
            f"Blanks before #: only a # in the first column begins a comment; {cost}.",
            lead,
            line.edit(line.raw[line.offset(lead) :], "begin the comment in the first column")
            if plain
            else NO_FIX,
        )
        return
    if "#" in text and isinstance(line, RuleLine):
        yield from _trailing_comment(line)


def _trailing_comment(line: RuleLine) -> Iterator[Finding]:
    for number, word in enumerate(line.clients):
        if not word.text.startswith("#"):
            continue
        rest = line.logical.text[word.start :]
        live = [each.text for each in line.clients[number:] if not is_except(each)]
        dangerous = any(each.upper() in ("ALL", "KNOWN", "LOCAL") or "*" in each for each in live)
        cost = f"these words are client patterns: {quoted(' '.join(live))}"
        if line.options:
            cost += (
                "; the colon behind them begins options, and a client that matches is denied for their error"
            )
        fix = NO_FIX
        if line.readable and "\\\n" not in line.raw and number and not is_except(line.clients[number - 1]):
            start = line.offset(word.start)
            remark = rest.rstrip("\r\n").rstrip("\\")
            fix = line.edit(
                f"{remark}\n{line.raw[:start].rstrip(' 	,')}\n", "move the remark above the rule"
            )
        yield line.finding(
            Severity.ERROR if dangerous or line.options else Severity.WARNING,
            "trailing-comment",
            f"There are no comments behind a rule; {cost}.",
            word.start,
            fix,
        )
        return
    for word in line.daemons:
        if word.text.startswith("#"):
            yield line.finding(
                Severity.WARNING,
                "trailing-comment",
                "There are no comments inside a rule: this word is a daemon name to libwrap.",
                word.start,
            )
            return


def _false_continuation(line: Written) -> Iterator[Finding]:
    r"""`\` with blanks or a CR behind it at the end of a line."""
    found = re.search(r"\\[ \t\r]+\n\Z", line.logical.text)
    if not found or is_comment(line.logical.text) or not line.readable:
        return
    yield line.finding(
        Severity.ERROR,
        "broken-continuation",
        "A blank or CR stands behind the backslash: the rule ends here, the backslash is a word of it, and "
        "the next line is read on its own.",
        found.start(),
        line.replaced(found.start(), len(line.logical.text), "\\\n", "let the backslash end the line"),
    )
