"""Knows what a change would mean: for every client its old and its new verdict.

Only clients that a changed rule or service concerns are decided anew: whoever matches none of the rules that
came, went or moved meets the same first match as before. A property test shows that nothing else changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from wraptui.policy.access import Table, Tables, Visitor, decide, read_table
from wraptui.policy.admission import admit, asks_libwrap, libwrap_name
from wraptui.policy.diff import differences
from wraptui.policy.files import Files, FileStatus
from wraptui.policy.patterns import may_match_name
from wraptui.policy.rule_index import NEVER, subject
from wraptui.policy.rules import Rules, parts
from wraptui.policy.services import Configuration, Service
from wraptui.syntax.hosts import words
from wraptui.syntax.tree import Document, typed

Progress = Callable[[int, int], None]

GRANTED, REFUSED, UNKNOWN = "granted", "refused", "unknown"

_MOST_BY_NAME = 16  # rules with host names: with more, it is not worked out what each of them would mean
_SORTS_OF_NAMES = ("unknown", "paranoid", "somebody-else.invalid", "somebody-else")
_NOBODY = "240.0.0.1"  # an address that no client and hardly a rule has


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides about clients: both tables, and xinetd's configuration."""

    tables: Tables
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who is connected, or was seen in a log `times` times.

    `daemon` is the name that libwrap is asked for where a program asks it by itself; "" where xinetd serves
    `service`. `live` is a connection that is there now; `operator` names whoever works here from there."""

    service: str
    address: str
    daemon: str = ""
    server_address: str = "unknown"
    server_port: int = 0
    name: str = ""
    live: bool = False
    times: int = 1
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A client whose verdict changes; `why` is the new verdict's cause: a sentence."""

    client: Client
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Impact:
    """All of it: who is refused now and was granted before, who is let in now, and of whom it cannot be told
    (a changed rule asks for a host name that is not known). `asked` counts the clients looked at,
    each once for every service."""

    asked: int = 0
    live: int = 0
    refused: tuple[Turn, ...] = ()
    admitted: tuple[Turn, ...] = ()
    uncertain: tuple[Client, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.refused or self.admitted or self.uncertain)


class _NameNeeded(Exception):
    """A rule asks for a host name that nobody knows."""


def impact(
    before: Policy,
    after: Policy,
    clients: Iterable[Client],
    progress: Progress = lambda done, total: None,
    *,
    everyone: bool = False,
) -> Impact:
    """What the step from `before` to `after` means for these clients; `progress` is called now and then.

    `everyone`: files changed that rules may point to (`/file`), so that nobody may be left out. A client
    without a name is decided as one that has none, and is `uncertain` where a name could matter.
    """
    distinct = list(clients)
    old, new = _Judge(before), _Judge(after)
    concerned = _Concerned(before, after, everyone)
    refused: list[Turn] = []
    admitted: list[Turn] = []
    uncertain: list[Client] = []
    for number, client in enumerate(distinct):
        if number % 2000 == 0:
            progress(number, len(distinct))
        if not concerned(client):
            if concerned.by_name(client):
                uncertain.append(client)
            continue
        (then, _), (now, why) = old.verdict(client), new.verdict(client)
        if concerned.by_name(client) or UNKNOWN in (then, now):
            uncertain.append(client)
        elif old.asks_name(client) or new.asks_name(client):
            turns = _turns(old.by_names(client), new.by_names(client))
            if turns == {(then, now)} and then != now:
                (refused if now == REFUSED else admitted).append(Turn(client, then, now, why))
            elif any(one != other for one, other in turns):
                uncertain.append(client)
        elif then != now:
            (refused if now == REFUSED else admitted).append(Turn(client, then, now, why))
    progress(len(distinct), len(distinct))
    live = sum(client.live for client in distinct)
    asked = len({(client.service, client.address) for client in distinct})
    return Impact(asked, live, tuple(refused), tuple(admitted), tuple(uncertain))


def verdict(policy: Policy, client: Client) -> tuple[str, str]:
    """Whether the client would get in, and why: `granted`, `refused`, or `unknown` where its host name, which
    is not known, decides. Limits do not count."""
    judge = _Judge(policy)
    found = judge.verdict(client)
    return (UNKNOWN, "a rule asks for the client's host name") if judge.asks_name(client) else found


class _Judge:
    """Decides about clients by one policy, many of them in little time."""

    def __init__(self, policy: Policy) -> None:
        files = _Once(policy.tables.files)
        self.configuration = policy.configuration
        self.tables = Tables(policy.tables.allow, policy.tables.deny, files)
        self._services = {each.id: each for each in reversed(policy.configuration.services) if each.active}
        self._off = {each.id: each.why_not for each in policy.configuration.services if not each.active}
        self._known: dict[tuple[object, ...], tuple[str, str]] = {}
        self._by_name: Tables | None = None
        self._as_if: dict[object, Tables] | None = None
        self._named: dict[tuple[object, ...], Mapping[object, str]] = {}
        self._asking: dict[tuple[object, ...], bool] = {}
        self._plain = {each.id: _asks_libwrap_alone(each) for each in self._services.values()}

    def verdict(self, client: Client) -> tuple[str, str]:
        key = (
            client.service,
            client.daemon,
            client.address,
            client.server_address,
            client.server_port,
            client.name,
        )
        if key not in self._known:
            self._known[key] = self._asked(client, self.tables, client.name or "unknown")
        return self._known[key]

    def asks_name(self, client: Client) -> bool:
        """Whether some rule that may come into play asks for the name that the client lacks."""
        if client.name:
            return False
        if self._by_name is None:
            rules = [_name_rules(table.rules) for table in (self.tables.allow, self.tables.deny)]
            allow, deny = (read_table("by name", text) for text in rules)
            self._by_name = Tables(allow, deny, self.tables.files)
        key = (client.service, client.daemon, client.server_address, client.server_port)
        if key not in self._asking:  # is there any such rule for this daemon?
            nobody = replace(client, address=_NOBODY)
            self._asking[key] = self._asked(nobody, self._by_name, "")[0] == UNKNOWN
        return self._asking[key] and self._asked(client, self._by_name, "")[0] == UNKNOWN

    def by_names(self, client: Client) -> Mapping[object, str]:
        """The verdicts that the client's name, whatever it is, can lead to: for each sort of name that no
        rule means in particular, and for each rule that may mean it, as if it did. {"": UNKNOWN} for too
        many."""
        key = (client.service, client.daemon, client.address, client.server_address, client.server_port)
        if key not in self._named:
            self._named[key] = self._worked_out(client)
        return self._named[key]

    def _worked_out(self, client: Client) -> Mapping[object, str]:
        if self._as_if is None:
            self._as_if = dict(_as_if(self.tables))
        if len(self._as_if) > _MOST_BY_NAME:
            return {"": UNKNOWN}
        found: dict[object, str] = {
            name: self._asked(client, self.tables, name)[0] for name in _SORTS_OF_NAMES
        }
        for key, tables in self._as_if.items():
            for name in _SORTS_OF_NAMES[2:]:
                found[key, name] = self._asked(client, tables, name)[0]
        return found

    def _asked(self, client: Client, tables: Tables, name: str) -> tuple[str, str]:
        try:
            daemon = client.daemon or (
                self._plain.get(client.service, "") if self.configuration.starts else ""
            )
            if daemon:
                decision = decide(tables, _visitor(client, daemon, name), look_up=_unknown_name)
                place = f"{decision.file}:{decision.line}" if decision.file else decision.reason
                return (GRANTED if decision.verdict in ("granted", "delegated") else REFUSED), place
            service = self._services.get(client.service)
            if service is None or not self.configuration.starts:
                return REFUSED, self._off.get(client.service) or "there is no such service any more"
            admission = admit(
                service,
                client.address,
                tables,
                configuration=self.configuration,
                name=name,
                server_address=client.server_address,
                server_name="",
                look_up=_unknown_name,
            )
        except _NameNeeded:
            return UNKNOWN, "a rule asks for the client's host name"
        except ValueError:
            return UNKNOWN, "not an address"
        if not name and any("name" in layer.why and layer.verdict == "unknown" for layer in admission.layers):
            return UNKNOWN, "an address list asks for the client's host name"
        return (
            (GRANTED, "")
            if admission.granted
            else (REFUSED, admission.refusal.why if admission.refusal else "")
        )


def _asks_libwrap_alone(service: Service) -> str:
    """The daemon name, where nothing of xinetd's own stands between a client and libwrap; else ""."""
    attributes = service.attributes
    if (
        any(attributes.get(name) for name in ("only_from", "no_access", "access_times"))
        or "only_from" in attributes
    ):
        return ""
    flags = attributes.get("flags", ())
    if any(attributes.get(name) == 0 for name in ("instances", "per_source")) or "SENSOR" in cast(
        "tuple[str, ...]", flags
    ):
        return ""
    return libwrap_name(service)


def _visitor(client: Client, daemon: str, name: str) -> Visitor:
    return Visitor(
        typed(daemon),
        client.address,
        name,
        server_address=client.server_address,
        server_name="",
        server_port=client.server_port,
    )


def _unknown_name(address: str) -> tuple[str, tuple[str, ...]]:
    raise _NameNeeded(address)


class _Once:
    """Files that are asked each thing once: all verdicts of one impact see the same machine."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._answers: dict[tuple[str, str], object] = {}

    def _ask(self, what: str, path: str) -> object:
        key = (what, path)
        if key not in self._answers:
            try:
                self._answers[key] = getattr(self._files, what)(path)
            except OSError as error:
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def read(self, path: str) -> bytes:
        return cast("bytes", self._ask("read", path))

    def names(self, path: str) -> list[str]:
        return cast("list[str]", self._ask("names", path))

    def status(self, path: str) -> FileStatus:
        return cast("FileStatus", self._ask("status", path))

    def executable(self, path: str) -> bool:
        return bool(self._ask("executable", path))


class _Concerned:
    """Tells whether a client can be concerned at all by what changed."""

    def __init__(self, before: Policy, after: Policy, everyone: bool) -> None:
        changed = "".join(
            _changed_rules(old, new)
            for old, new in (
                (before.tables.allow, after.tables.allow),
                (before.tables.deny, after.tables.deny),
            )
        )
        self._all = everyone or _given_up(before.tables) or _given_up(after.tables)
        # All in one table: what matters is whether any of them matches.
        files = _Once(after.tables.files)
        self._changed = read_table("changed", changed)
        self._tables = Tables(self._changed, read_table("none", ""), files)
        by_name = _name_rules(self._changed.rules)
        self._by_name = (
            Tables(read_table("by name", by_name), read_table("none", ""), files) if by_name else None
        )
        self._asking: dict[tuple[object, ...], bool] = {}
        self._simple = not self._changed.index.others
        self._services = _changed_services(before.configuration, after.configuration)
        active = [each for each in after.configuration.services if each.active]
        self._daemons = {each.id: libwrap_name(each) for each in active if asks_libwrap(each)}

    def __call__(self, client: Client) -> bool:
        """Whether one of the changed rules may match it, or its service changed."""
        if not client.daemon and client.service in self._services:
            return True
        daemon = client.daemon or self._daemons.get(client.service, "")
        if not daemon:
            return False
        if self._all:  # rare, and then it may be about everybody
            return True
        if self._simple and "%" not in client.address:
            name = client.name or "unknown"
            return self._changed.index.lowest(subject(typed(daemon), client.address, name)) != NEVER
        return self._matched(self._tables, client, daemon, client.name or "unknown")

    def by_name(self, client: Client) -> bool:
        """Whether a changed rule asks for the name that the client lacks."""
        if not self._by_name or client.name:
            return False
        daemon = client.daemon or self._daemons.get(client.service, "")
        key = (daemon, client.server_address, client.server_port)
        if key not in self._asking:
            try:
                self._asking[key] = False
                if daemon:
                    self._matched(self._by_name, replace(client, address=_NOBODY), daemon, "")
            except _NameNeeded:
                self._asking[key] = True
        return self._asking[key]

    def _matched(self, tables: Tables, client: Client, daemon: str, name: str) -> bool:
        visitor = _visitor(client, daemon, name)
        return decide(tables, visitor, look_up=_unknown_name).reason != "default"


def _given_up(tables: Tables) -> bool:
    """Whether libwrap cannot read a table, or not to its end: then every client may be concerned."""
    return any(table.problem or table.rules.broken for table in (tables.allow, tables.deny))


_NO_NAMES = re.compile(r"[^:\[\]]*:(?:[ \t,]*(?:[0-9./]+|ALL)(?![^ \t,:\r\n]))*[ \t,\r\n]*(?::[^\n]*)?\n?\Z")


def _turns(before: Mapping[object, str], after: Mapping[object, str]) -> set[tuple[str, str]]:
    if "" in before or "" in after:
        return {(GRANTED, REFUSED), (REFUSED, GRANTED)}
    return {(before[key], after[key]) for key in before.keys() & after.keys()}


def _as_if(tables: Tables) -> Iterator[tuple[object, Tables]]:
    """For each rule that asks for names the tables in which it means everybody; the key tells the rule."""
    sides = (tables.allow, tables.deny)
    for side, table in enumerate(sides):
        seen: Counter[str] = Counter()
        for number in range(len(table.rules)):
            text = table.rules.text(number)
            if _NO_NAMES.match(text) or not _asks_name(text):
                continue
            daemons, _, options = parts(text)
            first, last = table.rules.place(number)
            lines = table.text.split("\n")
            lines[first - 1 : last] = [f"{daemons}:ALL{':' if options else ''}{options}".rstrip("\n")]
            changed = read_table(table.path, "\n".join(lines), table.problem)
            seen[text] += 1
            pair = (changed, sides[1]) if side == 0 else (sides[0], changed)
            yield (side, text, seen[text]), Tables(*pair, tables.files)


def _name_rules(rules: Rules) -> str:
    """The rules whose client lists may ask for a host name, as a table's text."""
    texts = (rules.text(number) for number in range(len(rules)))
    return "".join(text for text in texts if not _NO_NAMES.match(text) and _asks_name(text))


def _asks_name(text: str) -> bool:
    return any(
        word.startswith("/")
        or (may_match_name(word) and word.upper() not in ("ALL", "EXCEPT") and word[0] != "[")
        for word in words(parts(text)[1])
    )


def _changed_rules(old: Table, new: Table) -> str:
    """All rules that differ between two tables, from both, as a table's text."""
    if old.text == new.text:
        return ""
    edits = differences("", _rules_alone(old), _rules_alone(new))
    return "".join(dict.fromkeys(line for edit in edits for line in (*edit.old, *edit.new)))


def _rules_alone(table: Table) -> Document:
    """The table with each rule on one line: a continuation may end or swallow what did not change itself."""
    if "\\\n" not in table.text and "\0" not in table.text:
        return Document(table.text if table.text.endswith("\n") else table.text + "\n")
    return Document("".join(table.rules.text(number) for number in range(len(table.rules))))


def _changed_services(before: Configuration, after: Configuration) -> frozenset[str]:
    """The ids of services that are not in every attribute what they were."""

    def all_of(configuration: Configuration) -> dict[str, list[tuple[object, ...]]]:
        found: dict[str, list[tuple[object, ...]]] = {}
        for each in configuration.services:
            what = (each.name, each.active, each.why_not, dict(each.attributes))
            found.setdefault(each.id, []).append(what)
        return found

    if before.starts != after.starts:
        return frozenset(each.id for each in (*before.services, *after.services))
    old, new = all_of(before), all_of(after)
    return frozenset(id for id in old.keys() | new.keys() if old.get(id) != new.get(id))


# Grouped, for people


@dataclass(frozen=True, slots=True)
class Group:
    """Clients of one service with the same turn: how many addresses, of them connected now, the busiest."""

    service: str
    after: str
    why: str
    addresses: int
    live: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        who = ", ".join(self.examples) + (", …" if self.addresses > len(self.examples) else "")
        live = f" ({self.live} connected now)" if self.live else ""
        verb = "refuses" if self.after == REFUSED else "lets in"
        many = "client" if self.addresses == 1 else "clients"
        why = f" - {self.why}" if self.why else ""
        return f"{self.service}: {verb} {self.addresses} {many}{live}: {who}{why}"


def groups(turns: Sequence[Turn], examples: int = 5) -> tuple[Group, ...]:
    """Turns grouped by service and cause, the largest first."""
    by: dict[tuple[str, str, str], list[Client]] = {}
    for turn in turns:
        by.setdefault((turn.client.service, turn.after, turn.why), []).append(turn.client)
    found = []
    for (service, after, why), clients in by.items():
        times = Counter[str]()
        for client in clients:
            times[client.address] += client.times + (1_000_000 if client.live else 0)
        top = tuple(address for address, _ in times.most_common(examples))
        live = sum(client.live for client in clients)
        found.append(Group(service, after, why, len(times), live, top))
    return tuple(sorted(found, key=lambda group: (-group.addresses, group.service)))
