"""Knows how libwrap decides: hosts.allow, then hosts.deny, first match, options, errors.

The source of every rule is Debian's libwrap 7.6.q, asked through the differential tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from wraptui.policy.files import Files
from wraptui.policy.tables.expansion import LONGEST_STRING, LookUp, ProcessExit, Request
from wraptui.policy.tables.host_files import Surroundings
from wraptui.policy.tables.options import Conditions, run_options
from wraptui.policy.tables.patterns import daemon_matches, host_matches, split_host, text_matches
from wraptui.policy.tables.rule_index import NEVER, Index, index_of, subject
from wraptui.policy.tables.rules import Rule as Rule
from wraptui.policy.tables.rules import Rules, parts
from wraptui.syntax.hosts import Logical, groups

Verdict = Literal["granted", "denied", "delegated", "exit"]
Reason = Literal["rule", "default", "table-error", "option-error", "exit"]
GRANTED: Verdict = "granted"
DENIED: Verdict = "denied"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for what: the request as libwrap gets it, in byte text. Unknown things are the word `unknown`;
    an empty name is one that has not been looked up yet."""

    daemon: str
    address: str = "unknown"
    name: str = "unknown"
    user: str = "unknown"
    server_address: str = "unknown"
    server_name: str = "unknown"
    server_port: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was looked at: where it stands, what it says, and why it did (not) match."""

    file: str
    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its cause: `file` and `line` are the deciding rule's (its last physical line), or None.
    `messages` are what libwrap logs at its most talkative, in its words, byte text."""

    verdict: Verdict
    file: str | None
    line: int | None
    reason: Reason
    messages: tuple[str, ...] = ()
    trace: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Table:
    """One of the two files, read. `problem` is why the file could not be opened, in the system's words
    (`Permission denied`): an error to libwrap; "" otherwise. A missing file, or a directory, is empty."""

    path: str
    text: str
    rules: Rules = field(compare=False, repr=False)
    problem: str = ""

    @cached_property
    def index(self) -> Index:
        """Which rules can match whom; made when first asked for."""
        return index_of(self.rules)

    @cached_property
    def quiet(self) -> bool:
        """Whether the index knows every rule, and libwrap logs nothing while it reads the table."""
        rules = self.rules
        return not (self.problem or rules.broken or rules.unseparated or self.index.others)


@dataclass(frozen=True)
class Tables:
    """Both files, and the files that their /file patterns and options may ask for."""

    allow: Table
    deny: Table
    files: Files


def read_table(path: str, text: str, problem: str = "") -> Table:
    """The table that `text` (byte text) spells."""
    return Table(path, text, Rules(path, text), problem)


def decide(
    tables: Tables,
    visitor: Visitor,
    *,
    aclexec: bool = True,
    trace: bool = False,
    resident: bool = False,
    look_up: LookUp = lambda address: ("unknown", ()),
) -> Decision:
    """libwrap's decision for `visitor`.

    `aclexec` is what every aclexec command is assumed to answer; `resident` tells a process that asks for the
    second time or later; `look_up` finds the name of an address when a rule needs one and the visitor has
    none (only then: `%h` shows a name only if something asked for it before).
    """
    if not trace and (soon := _at_once(tables, visitor)) is not None:
        return soon
    request = Request(
        daemon=visitor.daemon,
        user=visitor.user,
        address=visitor.address,
        name=visitor.name,
        server_address=visitor.server_address,
        server_name=visitor.server_name,
        server_port=visitor.server_port,
        look_up=look_up,
    )
    case = _Case(request, Surroundings(tables.files, request), Conditions(tables.files, aclexec, resident))
    steps: list[Step] | None = [] if trace else None
    found = _asked(tables, case, steps)
    return Decision(*found, tuple(request.messages), tuple(steps or ()))


@dataclass(frozen=True, slots=True)
class _Case:
    """All that a decision works on: the request, what its patterns may ask, what its options depend on."""

    request: Request
    around: Surroundings
    conditions: Conditions

    def daemon_pattern(self, pattern: str) -> bool:
        host = split_host(pattern)
        request, around = self.request, self.around
        name = pattern if host is None else host[0]
        return daemon_matches(name, request.daemon, request.port, around.interfaces) and (
            host is None or host_matches(host[1], request.server, around)
        )

    def client_pattern(self, pattern: str) -> bool:
        user = split_host(pattern)
        if user is None:
            return host_matches(pattern, self.request.client, self.around)
        return host_matches(user[1], self.request.client, self.around) and text_matches(
            user[0], self.request.user, self.around.interfaces
        )


def _at_once(tables: Tables, visitor: Visitor) -> Decision | None:
    """The decision, where the indexes alone make it: nothing to ask one by one, nothing to log."""
    allow, deny = tables.allow, tables.deny
    daemon, address, name = visitor.daemon, visitor.address, visitor.name
    if not (allow.quiet and deny.quiet and address and name):
        return None
    strings = f"{daemon}{address}{name}"
    if len(strings) > LONGEST_STRING or "%" in strings or "\0" in strings:
        return None
    who = subject(daemon, address, name)
    table, verdict = allow, GRANTED
    number = allow.index.lowest(who)
    if number == NEVER:
        table, verdict = deny, DENIED
        number = deny.index.lowest(who)
        if number == NEVER:
            return _BY_DEFAULT
    if parts(table.rules.text(number))[2]:
        return None
    return Decision(verdict, table.path, table.rules.place(number)[1], "rule")


_BY_DEFAULT = Decision("granted", None, None, "default")
_Found = tuple[Verdict, str | None, int | None, Reason]


def _asked(tables: Tables, case: _Case, steps: list[Step] | None) -> _Found:
    """Both tables asked in turn."""
    request = case.request
    for table, verdict in ((tables.allow, GRANTED), (tables.deny, DENIED)):
        request.file, request.line = "", 0
        if table.problem:
            request.warn(f"cannot open {table.path}: {table.problem}")
            if verdict == "denied":
                return "denied", None, None, "table-error"
            continue
        try:
            index = first_match(table, case, steps)
            if index is None:
                if table.rules.broken and verdict == "denied":
                    return "denied", None, None, "table-error"
                continue
            line = request.line = table.rules.place(index)[1]
            options = parts(table.rules.text(index))[2]
            outcome = run_options(options, request, case.conditions)
        except ProcessExit:
            return "exit", table.path, request.line, "exit"
        if outcome == "error":
            return "denied", table.path, line, "option-error"
        if outcome is not None:
            return outcome, table.path, line, "rule"
        if not options or not request.aclexec_failed:
            return verdict, table.path, line, "rule"
        request.messages.append("aclexec returned 1")
    return "granted", None, None, "default"


def first_match(table: Table, case: _Case, steps: list[Step] | None) -> int | None:
    """The first rule whose daemon list and client list match; warns of what libwrap meets before it.

    The index names the first match among the rules it holds, so only the others before that are asked; all
    of them are when the steps are wanted, or when a name is not looked up yet (asking may do that)."""
    rules, request = table.rules, case.request
    request.file = table.path
    client = request.client
    candidates: Iterable[int] = range(len(rules))
    found = NEVER
    if steps is None and client.known_name and "%" not in client.address + client.known_name:
        found = table.index.lowest(subject(request.daemon, client.address, client.known_name))
        candidates = table.index.others
    unseparated = iter(rules.unseparated)
    skipped = next(unseparated, None)
    for index in candidates:
        if index > found:
            break
        first, line = rules.place(index)
        while skipped and skipped.first < first:
            _skip(skipped, request, steps)
            skipped = next(unseparated, None)
        request.line = line
        if _matches(rules.text(index), case, steps):
            return index
    if found != NEVER:
        first, request.line = rules.place(found)
    while skipped and (found == NEVER or skipped.first < first):
        _skip(skipped, request, steps)
        skipped = next(unseparated, None)
    if found != NEVER:
        return found
    if rules.broken:
        request.line = rules.broken.line
        request.warn("missing newline or line too long")
        request.warn("all the subsequent rules will be ignored")
        if steps is not None:
            steps.append(
                Step(table.path, request.line, rules.broken.text, "missing newline or line too long")
            )
    return None


def _matches(text: str, case: _Case, steps: list[Step] | None) -> bool:
    """Whether one rule matches; the step that says why."""
    daemons, clients, _ = parts(text)
    named = list_matches(groups(daemons), case.daemon_pattern)
    matched = named and list_matches(groups(clients), case.client_pattern)
    if steps is not None:
        request = case.request
        logged = len(request.messages)
        steps.append(Step(request.file, request.line, text, _why(named, matched, daemons, clients, case)))
        del request.messages[logged:]  # what asking for the reason logged once more
    return matched


def _skip(logical: Logical, request: Request, steps: list[Step] | None) -> None:
    request.line = logical.line
    request.warn('missing ":" separator')
    if steps is not None:
        steps.append(Step(request.file, logical.line, logical.text, 'missing ":" separator'))


def list_matches(listed: tuple[tuple[str, ...], ...], matches: Callable[[str], bool]) -> bool:
    """Whether a list, cut at its EXCEPTs, matches: each group may only take back what the one before gave."""
    result = False
    for group in listed:
        if not any(map(matches, group)):
            break
        result = not result
    return result


def _why(named: bool, matched: bool, daemons: str, clients: str, case: _Case) -> str:
    """Why a rule did or did not match, in one line."""
    request = case.request
    who = request.client.address
    if matched:
        return f"matches {request.daemon} and {who}"
    if not named:
        return _missed("daemon", groups(daemons), case.daemon_pattern, request.daemon)
    return _missed("client", groups(clients), case.client_pattern, who)


def _missed(kind: str, listed: Iterable[tuple[str, ...]], matches: Callable[[str], bool], who: str) -> str:
    first, *_ = listed
    for pattern in first:
        if matches(pattern):
            return f"the {kind} list matches {who} by {pattern}, but excepts it again"
    return f"the {kind} list does not match {who}" if first else f"the {kind} list is empty"
