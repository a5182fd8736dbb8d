"""Knows what a recipe is: its questions, what it knows of the machine, and the plan it makes of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from wraptui.policy.change.diff import differences
from wraptui.policy.change.impact import Client
from wraptui.policy.files import Files
from wraptui.policy.hardening.packet_filter import PacketFilter
from wraptui.policy.live.coverage import Coverage
from wraptui.policy.live.logbook import Event
from wraptui.policy.live.sensor import Entry
from wraptui.policy.tables.access import Tables
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import Document, Edit

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"


class BadAnswer(ValueError):
    """The recipe cannot be made of these answers, here; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask. `default` is what an empty answer means; without `choices` any text may be given.
    A `needed` one has no default. `lines`: the answer is a text of several lines."""

    name: str
    text: str
    default: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""
    needed: bool = False
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Something that shows what the plan does: a banner as a client gets it, who would have been refused."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """What must be there before the change: a folder, or an empty log. It is no part of the change, and a
    restore leaves it: a log that was written to is evidence."""

    kind: Literal["folder", "log"]
    path: str
    mode: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe would do here. `edits` are for `Workspace.do`, in their order, on the files as they are
    (a file that is not there counts as empty, and a new one is 0644); `made` is made before them. All else
    are sentences: what it does, what it cannot do, and what to look at first."""

    recipe: str
    title: str
    edits: tuple[Edit, ...]
    made: tuple[Made, ...] = ()
    does: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that the edits change."""
        return tuple(dict.fromkeys(edit.path for edit in self.edits))


@dataclass(frozen=True, slots=True)
class Usage:
    """The largest child of a service now: bytes of address space, seconds of processor time."""

    memory: int = 0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a recipe may know of the machine. `clients` are those connected now and those of the logs;
    `operators` the people at work, this session first; `asked` the daemon names that libwrap is asked for
    here; `events` xinetd's log; `load` the load average; `entries` the no_access list; `filters` what could
    be read of the packet filter and `filter_notes` what could not, where it was asked for. With `live` false
    only files are seen."""

    files: Files
    tables: Tables
    configuration: Configuration
    main_file: str = "/etc/xinetd.conf"
    inetd_compat: bool = False
    coverage: tuple[Coverage, ...] = ()
    asked: frozenset[str] = frozenset()
    clients: tuple[Client, ...] = ()
    operators: tuple[Client, ...] = ()
    peers: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    usage: Mapping[str, Usage] = field(default_factory=dict)
    load: float = 0.0
    entries: tuple[Entry, ...] = ()
    filters: tuple[PacketFilter, ...] = ()
    filter_notes: tuple[str, ...] = ()
    now: float = 0.0
    live: bool = False

    def document(self, path: str) -> Document:
        """A file; empty when it is not there. Raises `BadAnswer` when it cannot be read."""
        try:
            return Document.from_bytes(self.files.read(path))
        except FileNotFoundError:
            return Document("")
        except OSError as error:
            raise BadAnswer(f"{path} cannot be read: {error.strerror or error}.") from error

    def service(self, id: str) -> Service:
        """A service that runs, by its id or name; raises `BadAnswer` when there is no single one."""
        services = [each for each in self.configuration.services if each.active]
        found = [each for each in services if each.id == id] or [each for each in services if each.name == id]
        if len(found) == 1:
            return found[0]
        known = ", ".join(sorted({each.id for each in services})) or "none"
        raise BadAnswer(
            f"{id!r} is {'more than one service' if found else 'no service that runs'}; there are: {known}."
        )


Planner = Callable[[Mapping[str, str], Circumstances], Plan]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One protection: its name on the command line, its title, what it is for, its questions, its planner."""

    name: str
    title: str
    summary: str
    questions: tuple[Question, ...]
    planner: Planner

    def plan(self, answers: Mapping[str, str], around: Circumstances) -> Plan:
        """The plan for these answers (what is absent or empty gets its default); raises `BadAnswer`."""
        return self.planner(complete(self.questions, answers), around)


def complete(questions: Sequence[Question], answers: Mapping[str, str]) -> dict[str, str]:
    """Every question with its answer or default; raises `BadAnswer`."""
    found: dict[str, str] = {}
    for question in questions:
        answer = answers.get(question.name, "") or question.default
        if question.needed and not answer.strip():
            raise BadAnswer(f"{question.name} is needed: {question.text}")
        if question.choices and answer not in question.choices:
            raise BadAnswer(f"{question.name} is one of {', '.join(question.choices)}, not {answer!r}.")
        found[question.name] = answer if question.lines else answer.strip()
    return found


def edits_of(path: str, before: Document, after: Document, summary: str) -> tuple[Edit, ...]:
    """The edits that make `after` of `before`, one after the other."""
    return tuple(
        Edit(path, each.first, each.old, each.new, summary)
        for each in reversed(differences(path, before, after))
    )


def made(document: Document, edits: Sequence[Edit]) -> Document:
    """The document with these edits, one after the other."""
    for edit in edits:
        document = edit.apply(document)
    return document
