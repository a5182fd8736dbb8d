"""`wraptui report`: one page of who can reach what, as Markdown or as one HTML file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wraptui import cli

if TYPE_CHECKING:
    from wraptui.observe import ServiceState, Snapshot
    from wraptui.policy.lint.findings import Finding
    from wraptui.policy.live.coverage import Coverage
    from wraptui.policy.live.limits import Gauge
    from wraptui.policy.live.logbook import Event
    from wraptui.policy.report.facts import Facts, Use
    from wraptui.policy.tables.access import Tables
    from wraptui.policy.xinetd.services import Configuration
    from wraptui.system.machine import Machine

STANDALONE_LOGS = ("/var/log/auth.log", "/var/log/secure", "/var/log/messages", "/var/log/syslog")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `wraptui report`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", action="store_true", help="write HTML: one file, no scripts")
    form.add_argument("--markdown", action="store_true", help="write Markdown (unless FILE ends in .html)")
    parser.add_argument("--output", metavar="FILE", help="write there, not to standard output")
    parser.add_argument("--root", default="/", metavar="DIR", help="report on the tree in DIR instead of /")
    parser.add_argument(
        "--hours", type=_hours, default=24, metavar="N", help="refusals of the last N hours (default: 24)"
    )


def _hours(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 24 * 31:
        raise argparse.ArgumentTypeError("1 to 744 hours")
    return number


def run(options: argparse.Namespace) -> int:
    """Writes the page; exit 0, or 2 when the tree cannot be read or the file not be written."""
    from wraptui.cli.text import complain, write
    from wraptui.policy.report.build import report
    from wraptui.policy.report.html import to_html
    from wraptui.policy.report.markdown import to_markdown
    from wraptui.system.machine import machine_at

    try:
        machine = machine_at(options.root)
    except OSError as error:
        complain(f"{options.root}: {error.strerror or error}")
        return cli.UNREADABLE
    page = report(facts(machine, options.hours, options.root))
    as_html = options.html or (
        not options.markdown and (options.output or "").lower().endswith((".html", ".htm"))
    )
    text = to_html(page) if as_html else to_markdown(page)
    if not options.output:
        write(text)
        return cli.FINE
    try:
        # Who can reach what is nobody else's business: a new file is the operator's alone.
        with open(options.output, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        complain(f"{options.output}: {error.strerror or error}")
        return cli.UNREADABLE
    sys.stderr.write("The report is written.\n")
    return cli.FINE


def facts(machine: Machine, hours: int, root: str = "/") -> Facts:
    """What the page is made from, all read now."""
    from wraptui.observe import Memory, observe
    from wraptui.observe.look import read_tables
    from wraptui.observe.survey import coverage
    from wraptui.policy.hardening.audit import audit
    from wraptui.policy.hardening.checks import Subject
    from wraptui.policy.report.facts import Facts

    memory = Memory(machine)
    observe(machine, memory)  # the second look knows what the log tells of the last hour
    snapshot = observe(machine, memory)
    configuration = snapshot.configuration
    tables = snapshot.tables or read_tables(machine)
    covered = coverage(machine, configuration, snapshot.daemon.pid) if machine.live else ()
    running = bool(snapshot.daemon.pid) if machine.live else None
    events, gaps = _refusals(machine, snapshot, hours)
    return Facts(
        host=os.uname().nodename if machine.live else os.path.abspath(root),
        now=snapshot.taken_at,
        live=machine.live,
        daemon=_daemon(snapshot),
        tables=tables,
        configuration=configuration,
        notes=snapshot.notes,
        connections=len(snapshot.visits),
        uses=tuple(_uses(snapshot)),
        no_access=snapshot.no_access,
        coverage=covered,
        refusals=events,
        gaps=gaps,
        hours=hours,
        findings=_findings(machine, tables, configuration, covered),
        checks=audit(Subject(tables, configuration, machine, running, covered if machine.live else None)),
    )


def _findings(
    machine: Machine, tables: Tables, configuration: Configuration, covered: tuple[Coverage, ...]
) -> tuple[Finding, ...]:
    """All findings, however long that takes; rules that nothing asks for count where that can be seen."""
    from wraptui.policy.lint.services import check_configuration
    from wraptui.policy.lint.tables import check_tables
    from wraptui.policy.live.coverage import names_asked

    seen = covered and all(each.listener.pid for each in covered)
    found = check_tables(tables, daemons=names_asked(covered, configuration) if seen else None)
    return (*found, *check_configuration(configuration, machine)) if configuration.files else found


def _daemon(snapshot: Snapshot) -> str:
    if not snapshot.daemon.pid:
        return snapshot.daemon.problem
    from wraptui.policy.report.words import when

    active = sum(each.service.active for each in snapshot.services)
    since = when(snapshot.daemon.started)
    return f"xinetd runs as process {snapshot.daemon.pid} since {since}, with {active} active services."


def _uses(snapshot: Snapshot) -> Iterator[Use]:
    from wraptui.policy.report.facts import Use

    for state in snapshot.services:
        yield Use(state.service, state.state, state.why, tuple(_gauges(state, snapshot.load)))


def _gauges(state: ServiceState, load: float) -> Iterator[Gauge]:
    from wraptui.policy.live.admission import is_sensor
    from wraptui.policy.live.limits import Gauge, number

    attributes = state.service.attributes
    if not is_sensor(state.service):  # a sensor has no servers to be counted
        yield Gauge("instances", state.running, number(attributes.get("instances", "UNLIMITED")))
        most = number(attributes.get("per_source", "UNLIMITED"))
        yield Gauge("per_source", state.busiest_running, most, state.busiest)
    cps = attributes.get("cps")
    if isinstance(cps, tuple) and cps and isinstance(cps[0], int) and cps[0]:
        yield Gauge("cps", max(state.rate, default=0), cps[0])
    max_load = attributes.get("max_load")
    if isinstance(max_load, (int, float)) and max_load:
        yield Gauge("max_load", load, float(max_load))
    yield Gauge("rlimit_as", state.largest_memory, number(attributes.get("rlimit_as")) or -1)
    yield Gauge("rlimit_cpu", state.largest_cpu, number(attributes.get("rlimit_cpu")) or -1)


def _refusals(machine: Machine, snapshot: Snapshot, hours: int) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """Every refusal of the last hours in the logs, and what of them is not to be had."""
    from wraptui.policy.live.admission import is_sensor
    from wraptui.policy.live.logbook import Clock, parse, parse_all
    from wraptui.policy.report.refused import first_hour, standalone, told_apart
    from wraptui.system import logs

    now = snapshot.taken_at
    start = first_hour(now, hours)
    configuration = snapshot.configuration
    types = [
        configuration.defaults.get("log_type"),
        *(each.attributes.get("log_type") for each in configuration.services),
    ]
    words = dict.fromkeys(tuple(map(str, each)) for each in types if isinstance(each, tuple))
    places = logs.places(machine, snapshot.daemon.log, words, snapshot.daemon.started)

    def before(line: str) -> bool:
        event = parse(line, Clock(now))
        return event is not None and event.time < start

    found: list[Event] = []
    gaps = [places.problem] if places.problem else []
    for path in places.all:
        if path == logs.JOURNAL:
            passage = logs.read_journal(machine, start)
        else:
            files = logs.rotated(machine, path)
            passage = logs.read_back(machine, files, (b"FAIL: ",), before, stop_word=b"", since=start)
        gaps += passage.problems
        found += (each for each in parse_all(passage.lines, Clock(now)) if each.kind == "fail")
    for path in STANDALONE_LOGS:
        files = logs.rotated(machine, path)
        passage = logs.read_back(
            machine, files, (b": refused connect from ",), before, stop_word=b"", since=start
        )
        gaps += passage.problems
        found += standalone(passage.lines, now)
    silent = [
        each.id
        for each in configuration.services
        if each.active and not each.attributes.get("log_on_failure")
    ]
    if silent:
        gaps.append(f"Without log_on_failure xinetd logs no refusal of {', '.join(silent)}.")
    sensors = {each.id for each in configuration.services if is_sensor(each)}
    kept = (each for each in told_apart(found, sensors) if start <= each.time <= now)
    return tuple(sorted(kept, key=lambda each: each.time)), tuple(gaps)
