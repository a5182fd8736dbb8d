"""Knows what stands on the report, in which order, and how it is put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from wraptui.policy.hardening.checks import Check, Result
from wraptui.policy.lint.findings import Severity
from wraptui.policy.live.limits import Gauge, gauges, refusals
from wraptui.policy.live.sensor import Entry
from wraptui.policy.report.building_reach import reach_section
from wraptui.policy.report.facts import Facts, Use
from wraptui.policy.report.page import Block, Cell, Chart, Items, Meter, Page, Paragraph, Section, Table
from wraptui.policy.report.refused import HOUR, Hours, hourly, in_words
from wraptui.policy.report.words import counted, listed, span, when
from wraptui.syntax.harmless import readable

MOST_ROWS = 200
"""Findings and list entries that a page names one by one; what is left out is counted."""


def report(facts: Facts) -> Page:
    """The page that these facts make."""
    return Page(
        f"Who can reach what on {readable(facts.host)}",
        tuple(_lead(facts)),
        (
            reach_section(facts),
            _limits(facts),
            _no_access(facts),
            _refusals(facts),
            _coverage(facts),
            _findings(facts),
            _audit(facts),
        ),
    )


def is_empty(facts: Facts) -> bool:
    """Whether neither libwrap nor xinetd is configured at all."""
    tables = facts.tables
    texts = (tables.allow.text, tables.deny.text, tables.allow.problem, tables.deny.problem)
    return not any(texts) and not facts.configuration.services and not facts.configuration.files


def _lead(facts: Facts) -> Iterator[Block]:
    yield Paragraph(f"Made by wraptui at {when(facts.now)}; all times are local to this server.")
    if is_empty(facts):
        yield Paragraph(
            "Nothing is configured here: there are no rules in hosts.allow and hosts.deny, and xinetd has no "
            "services. libwrap lets everybody in to every daemon.",
            warns=True,
        )
    summary = [readable(facts.daemon)] if facts.daemon else []
    if facts.live:
        summary.append(f"{counted(facts.connections, 'connection')} to these services open now.")
        honours = Counter(each.honours for each in facts.coverage)
        unknown = f"; of {honours['unknown']} it is not known" if honours["unknown"] else ""
        summary.append(
            f"{counted(len(facts.coverage), 'listening socket')}: {honours['yes']} with hosts.allow and "
            f"hosts.deny, {honours['no']} without{unknown}."
        )
        sure = "" if facts.no_access.certain else ", which the log does not prove to be all"
        summary.append(f"The no_access list has {counted(len(facts.no_access.entries), 'entry')}{sure}.")
    total = sum(sum(each.counts) for each in hourly(facts.refusals, facts.now, facts.hours))
    summary.append(f"{counted(total, 'refusal')} in the last {counted(facts.hours, 'hour')}.")
    summary.append(_findings_counted(facts))
    summary.append(f"Audit: {_audit_counted(facts)}.")
    yield Items(tuple(summary))
    if facts.notes:
        yield Paragraph("To be known when reading this page:")
        yield Items(tuple(map(readable, facts.notes)))


# --- limits ------------------------------------------------------------------------------------------------


def _limits(facts: Facts) -> Section:
    if not facts.uses:
        return Section("Limits", (Paragraph("xinetd has no services here, and so no limits."),))
    rows = tuple(row for use in facts.uses if use.state != "off" for row in _use_rows(use, facts.live))
    blocks: list[Block] = [
        Paragraph(
            "How full each limit is at this moment; cps shows the busiest second of the last minute."
            if facts.live
            else "The limits as configured; these files belong to no running machine."
        )
    ]
    if rows:
        blocks.append(Table("Limits by service", ("Service", "State", "Limit", "Used", "Most by"), rows))
    return Section("Limits", tuple(blocks))


def _use_rows(use: Use, live: bool) -> Iterator[tuple[Cell, ...]]:
    state = f"{use.state}: {readable(use.why)}" if use.why else use.state
    bounded = [each for each in use.gauges or gauges(use.service, ()) if each.most >= 0]
    if not bounded:
        yield readable(use.service.id), state, "none", "", ""
    for gauge in bounded:
        used: Cell = _meter(gauge) if live else f"at most {_amount(gauge, gauge.most)}"
        yield readable(use.service.id), state, gauge.limit, used, readable(gauge.source)


def _meter(gauge: Gauge) -> Meter:
    word = {"ok": "", "near": ", near the limit", "full": ", FULL"}[gauge.fullness]
    share = gauge.used / gauge.most if gauge.most else 1.0
    return Meter(share, f"{_amount(gauge, gauge.used)} of {_amount(gauge, gauge.most)}{word}")


def _amount(gauge: Gauge, number: float) -> str:
    if gauge.limit == "rlimit_as":
        return f"{number / (1 << 20):.1f} MiB"
    if gauge.limit == "rlimit_cpu":
        return f"{number:.0f} s"
    return f"{number:.2f}" if gauge.limit == "max_load" else f"{number:g}"


# --- the no_access list ------------------------------------------------------------------------------------


def _no_access(facts: Facts) -> Section:
    listed_now = facts.no_access
    if not facts.live:
        text = "The list exists only in the memory of a running xinetd; there is none here."
        return Section("The no_access list", (Paragraph(text),))
    blocks: list[Block] = []
    if listed_now.entries:
        entries = sorted(listed_now.entries, key=lambda each: (each.release is not None, each.release or 0.0))
        blocks.append(
            Table(
                "Refused by the no_access list",
                ("Refused", "Caught by", "Since", "Leaves in", "Services", "Hits", "Certainty"),
                tuple(_entry_row(each, facts.now) for each in entries[:MOST_ROWS]),
                frozenset((5,)),
            )
        )
        blocks += _left_out(len(entries) - MOST_ROWS, "entry", "wraptui no-access")
    elif listed_now.certain:
        blocks.append(Paragraph("The list is empty."))
    else:
        blocks.append(Paragraph("No entry is known."))
    if not listed_now.certain:
        blocks.append(Paragraph(f"The list is not certain: {readable(listed_now.why)}.", warns=True))
    elif listed_now.why:
        blocks.append(Paragraph(readable(listed_now.why)))
    if listed_now.full:
        blocks.append(Paragraph("The list is full: xinetd turns new entries away.", warns=True))
    return Section("The no_access list", tuple(blocks))


def _entry_row(entry: Entry, now: float) -> tuple[Cell, ...]:
    single = entry.covers.endswith(("/32", "/128"))
    if entry.release is None:
        left = "never"
    else:
        left = f"{span(entry.release - now)} ({when(entry.release, day=False)})"
    return (
        readable(entry.covers.partition("/")[0] if single else entry.covers),
        readable(entry.sensor) or "not told by the log",
        when(entry.since),
        left,
        "all" if "ipv4" in entry.blocks else "dual-stack ones",
        str(entry.hits),
        "certain" if entry.certain else "uncertain",
    )


# --- refusals ----------------------------------------------------------------------------------------------


def _refusals(facts: Facts) -> Section:
    title = "Refusals over time"
    gaps = Items(tuple(map(readable, facts.gaps)))
    found = hourly(facts.refusals, facts.now, facts.hours)
    since = when(found[0].start) if found else ""
    if not found:
        text = f"The logs tell of no refusal in the last {counted(facts.hours, 'hour')}."
        return Section(title, (Paragraph(text), *([gaps] if facts.gaps else [])))
    blocks: list[Block] = [
        Paragraph(f"What the logs tell since {since}, by the hour; the last hour is not over.")
    ]
    if facts.gaps:
        blocks.append(gaps)
    labels = tuple(_hour(found[0].start + HOUR * place) for place in range(facts.hours))
    blocks += [_chart(each, labels) for each in found]
    names = tuple(readable(each.words) for each in found)
    rows: list[tuple[Cell, ...]] = []
    for place in range(facts.hours):
        counts = [each.counts[place] for each in found]
        if any(counts):
            rows.append((when(found[0].start + HOUR * place), *map(str, counts), str(sum(counts))))
    totals = [sum(each.counts) for each in found]
    rows.append(("all hours", *map(str, totals), str(sum(totals))))
    numbers = frozenset(range(1, len(names) + 2))
    blocks.append(
        Table(
            "The same in numbers; hours without a refusal are left out",
            ("Hour", *names, "All"),
            tuple(rows),
            numbers,
        )
    )
    blocks.append(
        Table(
            "Who was refused by what",
            ("Service", "Refused by", "Times", "Most from"),
            tuple(_refusal_rows(facts, found[0].start)),
            frozenset((2,)),
        )
    )
    return Section(title, tuple(blocks))


def _refusal_rows(facts: Facts, start: int) -> Iterator[tuple[Cell, ...]]:
    kept = (each for each in facts.refusals if each.time >= start)
    for each in refusals(kept, facts.now, facts.now - start + 1)[:MOST_ROWS]:
        top = tuple(f"{readable(address)} ({count})" for address, count in each.top)
        reason = readable(in_words(each.reason))
        yield readable(each.service), reason, str(each.count), ", ".join(top) or "not logged"


def _chart(hours: Hours, labels: tuple[str, ...]) -> Chart:
    most = max(hours.counts)
    at = labels[hours.counts.index(most)]
    name = readable(hours.words)
    description = (
        f"{sum(hours.counts)} in {counted(len(labels), 'hour')}; most, {most}, in the hour from {at}."
    )
    return Chart(f"Refused by {name}", description, labels, hours.counts, "refusals in an hour")


def _hour(start: int) -> str:
    return datetime.fromtimestamp(start).strftime("%H:%M")


# --- coverage, findings, audit -----------------------------------------------------------------------------


def _coverage(facts: Facts) -> Section:
    title = "Which daemons ask hosts.allow and hosts.deny"
    if not facts.live:
        return Section(title, (Paragraph("Only files are seen here, so nobody knows what listens."),))
    if not facts.coverage:
        return Section(title, (Paragraph("Nothing listens here, or nothing of it can be seen."),))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{each.listener.protocol} {readable(each.listener.address)} port {each.listener.port}",
            {"yes": "yes", "no": "NO", "unknown": "not known"}[each.honours],
            readable(" ".join(each.daemons)) or "none",
            readable(each.why),
        )
        for each in facts.coverage
    )
    return Section(title, (Table("Listening sockets", ("Socket", "Asks", "As daemon", "Why"), rows),))


def _findings_counted(facts: Facts) -> str:
    counts = Counter(each.severity for each in facts.findings)
    said = [
        counted(counts[each], each.name.lower()) for each in sorted(Severity, reverse=True) if counts[each]
    ]
    return f"Findings on the files: {listed(said)}." if said else "Nothing is found wrong with the files."


def _findings(facts: Facts) -> Section:
    if not facts.findings:
        return Section("Findings", (Paragraph(_findings_counted(facts)),))
    ordered = sorted(facts.findings, key=lambda each: -each.severity)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.severity.name.lower(),
            readable(each.file) + (f":{each.line}" if each.line else ""),
            readable(each.message),
            each.code,
        )
        for each in ordered[:MOST_ROWS]
    )
    table = Table("The worst first", ("Severity", "Place", "What it costs", "Code"), rows)
    more = _left_out(len(ordered) - MOST_ROWS, "finding", "wraptui check")
    return Section("Findings", (Paragraph(_findings_counted(facts)), table, *more))


def _audit_counted(facts: Facts) -> str:
    counts = Counter(each.result for each in facts.checks)
    order: tuple[Result, ...] = ("fail", "unknown", "pass", "not applicable")
    return ", ".join(f"{counts[each]} {each}" for each in order if counts[each]) or "nothing was checked"


def _audit(facts: Facts) -> Section:
    counts = Paragraph(f"The checks of CIS, DISA STIG and Lynis: {_audit_counted(facts)}.")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.result,
            f"{each.id} ({each.profile})",
            readable(each.title),
            tuple(readable(part) for part in each.evidence.split("; ")),
            tuple(readable(part) for part in _advice(each)),
        )
        for each in facts.checks
        if each.result in ("fail", "unknown")
    )
    if not rows:
        return Section("Audit", (counts,))
    header = ("Result", "Check", "What is asked", "Evidence", "What to do")
    return Section("Audit", (counts, Table("What failed or could not be told", header, rows)))


def _advice(check: Check) -> list[str]:
    if check.result != "fail" or not check.advice:
        return []
    return [*check.advice.split("; "), *([f"wraptui audit --fix {check.id}"] if check.fix else [])]


def _left_out(count: int, what: str, command: str) -> list[Block]:
    return [Paragraph(f"{counted(count, what)} more: {command} lists them all.")] if count > 0 else []
