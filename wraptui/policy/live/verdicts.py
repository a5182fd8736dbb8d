"""Knows who would get in by a policy, and of whom that hangs on a host name that nobody knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from wraptui.policy.files import Files, FileStatus
from wraptui.policy.live.admission import admit, libwrap_name, names_of
from wraptui.policy.tables.access import Tables, Visitor, decide, read_table
from wraptui.policy.tables.patterns import may_match_name
from wraptui.policy.tables.rules import Rules, parts
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.hosts import words
from wraptui.syntax.tree import typed

GRANTED, REFUSED, UNKNOWN = "granted", "refused", "unknown"

_MOST_BY_NAME = 16  # rules with host names: with more, it is not worked out what each of them would mean
_SORTS_OF_NAMES = ("unknown", "paranoid", "somebody-else.invalid", "somebody-else")
NOBODY = "240.0.0.1"  # an address that no client and hardly a rule has


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


class NameNeeded(Exception):
    """A rule asks for a host name that nobody knows."""


def verdict(policy: Policy, client: Client) -> tuple[str, str]:
    """Whether the client would get in, and why: `granted`, `refused`, or `unknown` where its host name, which
    is not known, decides. Limits do not count."""
    return Judge(policy).verdict_or_name(client)


class Judge:
    """Decides about clients by one policy, many of them in little time."""

    def __init__(self, policy: Policy) -> None:
        files = Once(policy.tables.files)
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

    def verdict_or_name(self, client: Client) -> tuple[str, str]:
        """The verdict; `unknown` where the client's host name, which is not known, decides."""
        found = self.verdict(client)
        return (UNKNOWN, "a rule asks for the client's host name") if self.asks_name(client) else found

    def asks_name(self, client: Client) -> bool:
        """Whether some rule that may come into play asks for the name that the client lacks."""
        if client.name:
            return False
        if self._by_name is None:
            rules = [name_rules(table.rules) for table in (self.tables.allow, self.tables.deny)]
            allow, deny = (read_table("by name", text) for text in rules)
            self._by_name = Tables(allow, deny, self.tables.files)
        key = (client.service, client.daemon, client.server_address, client.server_port)
        if key not in self._asking:  # is there any such rule for this daemon?
            nobody = replace(client, address=NOBODY)
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
                decision = decide(tables, visitor_of(client, daemon, name), look_up=unknown_name)
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
                look_up=unknown_name,
            )
        except NameNeeded:
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
    names = names_of(service)
    return names[0] if names == (libwrap_name(service),) else ""


def visitor_of(client: Client, daemon: str, name: str) -> Visitor:
    return Visitor(
        typed(daemon),
        client.address,
        name,
        server_address=client.server_address,
        server_name="",
        server_port=client.server_port,
    )


def unknown_name(address: str) -> tuple[str, tuple[str, ...]]:
    raise NameNeeded(address)


class Once:
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


_NO_NAMES = re.compile(r"[^:\[\]]*:(?:[ \t,]*(?:[0-9./]+|ALL)(?![^ \t,:\r\n]))*[ \t,\r\n]*(?::[^\n]*)?\n?\Z")


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


def name_rules(rules: Rules) -> str:
    """The rules whose client lists may ask for a host name, as a table's text."""
    texts = (rules.text(number) for number in range(len(rules)))
    return "".join(text for text in texts if not _NO_NAMES.match(text) and _asks_name(text))


def _asks_name(text: str) -> bool:
    return any(
        word.startswith("/")
        or (may_match_name(word) and word.upper() not in ("ALL", "EXCEPT") and word[0] != "[")
        for word in words(parts(text)[1])
    )
