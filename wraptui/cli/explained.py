"""Knows how a decision of libwrap is told: as JSON, and in words for people."""

from __future__ import annotations

from wraptui.cli.text import printable
from wraptui.policy.tables.access import Decision, Step, Visitor
from wraptui.policy.tables.options import in_words
from wraptui.syntax.tree import shown

SHOWN = 12  # steps of the trace on each side of a gap


def answer_of(decision: Decision) -> dict[str, object]:
    """A decision as a batch writes it."""
    return {
        "verdict": decision.verdict,
        "file": decision.file,
        "line": decision.line,
        "reason": decision.reason,
        "messages": [readable(message) for message in decision.messages],
    }


def readable(message: str) -> str:
    """A message as people read it; bytes that are no UTF-8 become `\\xff`."""
    return message.encode("latin-1").decode("utf-8", "backslashreplace")


def record(visitor: Visitor, decision: Decision) -> dict[str, object]:
    """A decision and all that led to it, for JSON."""
    asked = {name: shown(str(getattr(visitor, name))) for name in ("daemon", "address", "name", "user")}
    first, left_out, last = selected(decision.trace)
    steps = [
        {"file": step.file, "line": step.line, "text": readable(step.text), "why": readable(step.why)}
        for step in (*first, *last)
    ]
    return {**asked, **answer_of(decision), "trace": steps, "left_out": left_out}


def as_text(visitor: Visitor, decision: Decision) -> str:
    """A decision and its trace for people."""
    server = "" if visitor.server_address == "unknown" else f" on {visitor.server_address}"
    user = "" if visitor.user == "unknown" else f"{visitor.user}@"
    name = f" ({visitor.name})" if visitor.name else ""
    who = printable(shown(f"{visitor.daemon}{server} from {user}{visitor.address}{name}"))
    lines = [f"{who}: {decision.verdict}", f"  {cause(decision)}"]
    lines += [f"  {said(message)}" for message in decision.messages]
    if decision.trace:
        lines.append("  rules looked at:")
        lines += [f"    {line}" for line in shortened(decision.trace)]
    return "\n".join(lines) + "\n"


def cause(decision: Decision) -> str:
    """Where a decision comes from, in a sentence."""
    place = f"{decision.file} line {decision.line}"
    return {
        "rule": f"by {place}",
        "option-error": f"by an error in the options of {place}, which denies whatever the file",
        "table-error": "because hosts.deny cannot be read to its end, which denies everybody",
        "default": "because no rule matches",
        "exit": f"at {place}, where libwrap ends the process that asks",
    }[decision.reason]


def said(message: str) -> str:
    """A message for people: what an option would do reads as such."""
    return printable(readable(in_words(message)))


def shortened(trace: tuple[Step, ...]) -> list[str]:
    """The steps as lines, the gap in a long trace marked."""
    first, left_out, last = selected(trace)
    lines = [_line(step) for step in first]
    if left_out:
        lines.append(f"... {left_out} more that do not decide ...")
    return lines + [_line(step) for step in last]


def selected(trace: tuple[Step, ...]) -> tuple[tuple[Step, ...], int, tuple[Step, ...]]:
    """The first and the last steps of a trace, and how many were left out: of a long one first those of rules
    for other daemons."""
    steps = trace
    if len(steps) > 2 * SHOWN:
        steps = tuple(step for step in trace if not step.why.startswith("the daemon list does not match"))
    if len(steps) > 2 * SHOWN:
        return steps[:SHOWN], len(trace) - 2 * SHOWN, steps[-SHOWN:]
    if len(steps) < len(trace):
        return steps[:-1], len(trace) - len(steps), steps[-1:]
    return steps, 0, ()


def _line(step: Step) -> str:
    text = printable(shown(" ".join(step.text.split())))[:100]
    return f"{step.file} line {step.line}: {text} - {printable(readable(step.why))}"
