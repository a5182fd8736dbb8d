"""Knows what a change would mean: for every client its old and its new verdict.

Only clients that a changed rule or service concerns are decided anew: whoever matches none of the rules that
came, went or moved meets the same first match as before. A property test shows that nothing else changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wraptui.policy.change.diff import differences
from wraptui.policy.live.admission import names_of
from wraptui.policy.live.verdicts import (
    GRANTED,
    NOBODY,
    REFUSED,
    UNKNOWN,
    Client,
    Judge,
    NameNeeded,
    Once,
    Policy,
    name_rules,
    unknown_name,
    verdict,
    visitor_of,
)
from wraptui.policy.tables.access import Table, Tables, decide, read_table
from wraptui.policy.tables.rule_index import NEVER, subject
from wraptui.policy.xinetd.services import Configuration
from wraptui.syntax.tree import Document, typed

__all__ = [
    "GRANTED",
    "REFUSED",
    "UNKNOWN",
    "Client",
    "Group",
    "Impact",
    "Policy",
    "Progress",
    "Turn",
    "groups",
    "impact",
    "verdict",
]

Progress = Callable[[int, int], None]


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
    old, new = Judge(before), Judge(after)
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


def _turns(before: Mapping[object, str], after: Mapping[object, str]) -> set[tuple[str, str]]:
    if "" in before or "" in after:
        return {(GRANTED, REFUSED), (REFUSED, GRANTED)}
    return {(before[key], after[key]) for key in before.keys() & after.keys()}


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
        files = Once(after.tables.files)
        self._changed = read_table("changed", changed)
        self._tables = Tables(self._changed, read_table("none", ""), files)
        by_name = name_rules(self._changed.rules)
        self._by_name = (
            Tables(read_table("by name", by_name), read_table("none", ""), files) if by_name else None
        )
        self._asking: dict[tuple[object, ...], bool] = {}
        self._simple = not self._changed.index.others
        self._services = _changed_services(before.configuration, after.configuration)
        active = [each for each in after.configuration.services if each.active]
        self._daemons = {each.id: names_of(each) for each in active}

    def __call__(self, client: Client) -> bool:
        """Whether one of the changed rules may match it, or its service changed."""
        if not client.daemon and client.service in self._services:
            return True
        daemons = self._names(client)
        if self._all:  # rare, and then it may be about everybody
            return bool(daemons)
        name = client.name or "unknown"
        if self._simple and "%" not in client.address:
            return any(
                self._changed.index.lowest(subject(typed(daemon), client.address, name)) != NEVER
                for daemon in daemons
            )
        return any(self._matched(self._tables, client, daemon, name) for daemon in daemons)

    def by_name(self, client: Client) -> bool:
        """Whether a changed rule asks for the name that the client lacks."""
        if not self._by_name or client.name:
            return False
        daemons = self._names(client)
        key = (daemons, client.server_address, client.server_port)
        if key not in self._asking:
            try:
                self._asking[key] = False
                for daemon in daemons:
                    self._matched(self._by_name, replace(client, address=NOBODY), daemon, "")
            except NameNeeded:
                self._asking[key] = True
        return self._asking[key]

    def _names(self, client: Client) -> tuple[str, ...]:
        return (client.daemon,) if client.daemon else self._daemons.get(client.service, ())

    def _matched(self, tables: Tables, client: Client, daemon: str, name: str) -> bool:
        visitor = visitor_of(client, daemon, name)
        return decide(tables, visitor, look_up=unknown_name).reason != "default"


def _given_up(tables: Tables) -> bool:
    """Whether libwrap cannot read a table, or not to its end: then every client may be concerned."""
    return any(table.problem or table.rules.broken for table in (tables.allow, tables.deny))


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
