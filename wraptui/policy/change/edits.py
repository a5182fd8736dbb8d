"""Knows how to write a change of hosts.allow or hosts.deny: each one touches its own lines and no other byte.

Lines are given as physical line numbers, 1-based; any line of a continued rule stands for the whole rule. All
functions return edits for `Workspace.do`, and () when there is nothing to change.
"""

from __future__ import annotations

from collections.abc import Sequence

from wraptui.policy.change.diff import differences
from wraptui.syntax.hosts import LONGEST_LINE
from wraptui.syntax.tree import Document, Edit, shown

LIMIT = LONGEST_LINE

Edits = tuple[Edit, ...]


class BadText(ValueError):
    """What was to be written would not be read as meant; the sentence says why."""


def rule_lines(document: Document, line: int) -> tuple[int, int]:
    """The physical lines (1-based, inclusive) of the logical line that `line` belongs to.

    A backslash before the newline continues a line, in comments too; so does a NUL, which makes libwrap lose
    the newline (verified against libwrap 7.6.q).
    """
    lines = document.lines
    if not 1 <= line <= len(lines):
        raise BadText(f"There is no line {line}.")
    first = last = line - 1
    while first and _continues(lines[first - 1]):
        first -= 1
    while last + 1 < len(lines) and _continues(lines[last]):
        last += 1
    return first + 1, last + 1


def add_rule(path: str, document: Document, text: str, after: int = -1, comment: str = "") -> Edits:
    """A new rule behind the rule of line `after`: 0 puts it at the top, -1 at the end of the file."""
    new = [*_checked(_as_comment(comment)), *_checked(text)]
    return _inserted(path, document, new, after, f"add {_short(text)}")


def change_rule(path: str, document: Document, line: int, text: str) -> Edits:
    """The rule of `line` spelled as `text`, which may hold continuation lines."""
    first, last = rule_lines(document, line)
    return _replaced(path, document, first, last, _checked(text), f"change line {first} to {_short(text)}")


def duplicate(path: str, document: Document, line: int) -> Edits:
    """The rule of `line` once more, right behind itself."""
    first, last = rule_lines(document, line)
    copy = _finished(document.lines[first - 1 : last])
    return _inserted(path, document, copy, last, f"duplicate line {first}")


def move(path: str, document: Document, line: int, by: int) -> Edits:
    """The rule of `line` moved before the rule above (`by` -1) or behind the rule below (`by` 1); remarks and
    blank lines between stay in their order. () when there is no rule on that side."""
    first, last = rule_lines(document, line)
    other = _next_rule(document, first - 1 if by < 0 else last + 1, by)
    if other == (0, 0):
        return ()
    start, end = min(first, other[0]), max(last, other[1])
    lines = document.lines[start - 1 : end]
    cut = first - start if by < 0 else last - first + 1
    new = (*_finished(lines[cut:]), *lines[:cut])
    summary = f"move line {first} {'up' if by < 0 else 'down'}"
    return (Edit(path, start - 1, lines, new, summary),)


def disable(path: str, document: Document, line: int) -> Edits:
    """The rule of `line` as a comment, every physical line of it, so that each stays a comment if the
    continuation is ever cut; `enable` gives the same bytes back."""
    first, last = rule_lines(document, line)
    lines = document.lines[first - 1 : last]
    if lines[0].startswith("#"):
        return ()
    new = tuple("# " + piece for piece in lines)
    if _length(new) > LIMIT:
        raise BadText(
            f"As a comment this rule would be longer than libwrap's {LIMIT} bytes, and that would end "
            "the whole file there. Delete it or split it."
        )
    return _replaced(path, document, first, last, new, f"disable line {first}")


def enable(path: str, document: Document, line: int) -> Edits:
    """The comment of `line` as a rule again."""
    first, last = rule_lines(document, line)
    lines = document.lines[first - 1 : last]
    if not lines[0].startswith("#"):
        return ()
    new = [_uncommented(piece) for piece in lines]
    text = "".join(new).replace("\\\n", "")
    if ":" not in text or new[0].startswith("#"):
        raise BadText(f"Line {first} is a remark, not a rule.")
    return _replaced(path, document, first, last, new, f"enable line {first}")


def delete(path: str, document: Document, line: int) -> Edits:
    """Without the rule (or remark) of `line`."""
    first, last = rule_lines(document, line)
    lines = document.lines[first - 1 : last]
    return (Edit(path, first - 1, lines, (), f"delete line {first}: {_short(''.join(lines))}"),)


def finish(path: str, document: Document) -> Edits:
    """The last line with the newline that libwrap insists on: without it the last rule is lost, and in
    hosts.deny everybody is denied."""
    lines = document.lines
    if not lines or _complete(lines[-1]):
        return ()
    return (Edit(path, len(lines) - 1, lines[-1:], tuple(_finished(lines[-1:])), "end the last line"),)


def replace_text(path: str, document: Document, text: str) -> Edits:
    """The whole file as `text`, as edits of just those lines that differ."""
    edits = differences(path, document, Document(text))
    return tuple(Edit(path, e.first, e.old, e.new, "replace the text") for e in reversed(edits))


def _continues(line: str) -> bool:
    return line.endswith("\\\n") or "\0" in line


def _complete(line: str) -> bool:
    """Whether nothing that follows `line` would be read as a part of it."""
    return line.endswith("\n") and not line.endswith("\\\n")


def _finished(lines: Sequence[str]) -> list[str]:
    """The lines, the last one ended so that a new line may follow."""
    finished = list(lines)
    if finished and not finished[-1].endswith("\n"):
        finished[-1] += "\n"
    if finished and finished[-1].endswith("\\\n"):
        finished.append("\n")
    return finished


def _inserted(path: str, document: Document, new: Sequence[str], after: int, summary: str) -> Edits:
    lines = document.lines
    at = len(lines) if after < 0 or not lines else rule_lines(document, after)[1] if after else 0
    if at and at == len(lines) and not _complete(lines[-1]):
        return (Edit(path, at - 1, lines[-1:], (*_finished(lines[-1:]), *new), summary),)
    return (Edit(path, at, (), tuple(new), summary),)


def _replaced(
    path: str, document: Document, first: int, last: int, new: Sequence[str], summary: str
) -> Edits:
    old = document.lines[first - 1 : last]
    return () if old == tuple(new) else (Edit(path, first - 1, old, tuple(new), summary),)


def _next_rule(document: Document, line: int, by: int) -> tuple[int, int]:
    """The nearest rule from `line` on upwards or downwards, (0, 0) for none."""
    while 1 <= line <= len(document.lines):
        first, last = rule_lines(document, line)
        text = "".join(document.lines[first - 1 : last])
        if not text.startswith("#") and text.replace("\\\n", "").strip(" \t\r\n"):
            return first, last
        line = first - 1 if by < 0 else last + 1
    return 0, 0


def _checked(text: str) -> tuple[str, ...]:
    """A logical line as its physical lines, each with its newline; () for ""."""
    if not text:
        return ()
    text = text.removesuffix("\n")
    if "\0" in text:
        raise BadText("A rule cannot hold a NUL byte: libwrap would cut it there.")
    lines = Document(text + "\n").lines
    if not all(line.endswith("\\\n") for line in lines[:-1]):
        raise BadText("A rule is one line; to continue it on the next, end the line with a backslash.")
    if lines[-1].endswith("\\\n"):
        raise BadText("A backslash at the end would swallow the rule on the next line.")
    if _length(lines) > LIMIT:
        raise BadText(
            f"This line has {_length(lines)} bytes; libwrap reads at most {LIMIT} and ignores the rest "
            "of the file (in hosts.deny it then denies everybody). Split the rule in two."
        )
    return lines


def _length(lines: Sequence[str]) -> int:
    """The most that libwrap's buffer holds: a continued part counts with its backslash until joined."""
    return max(
        len("".join(lines).replace("\\\n", "").rstrip("\n")), *(_upto(lines, n) for n in range(len(lines)))
    )


def _upto(lines: Sequence[str], number: int) -> int:
    joined = "".join(lines[: number + 1])
    if not joined.endswith("\\\n"):
        return 0
    return len(joined[:-2].replace("\\\n", "")) + 2  # 2,044 bytes and a backslash fit, one more does not


def _as_comment(comment: str) -> str:
    return f"# {comment}" if comment else ""


def _uncommented(line: str) -> str:
    return line.removeprefix("#").removeprefix(" ") if line.startswith("#") else line


def _short(text: str) -> str:
    words = " ".join(shown(text.replace("\\\n", " ")).split()).encode("utf-8", "backslashreplace").decode()
    return words if len(words) <= 60 else words[:59] + "…"
