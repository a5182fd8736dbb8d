"""Knows whether somebody who works here could come in again by a policy, and whether that is certain."""

from __future__ import annotations

import re

from wraptui.policy.change.stamps import ended
from wraptui.policy.live.admission import names_of
from wraptui.policy.live.verdicts import GRANTED, REFUSED, UNKNOWN, Client, Judge, Policy, visitor_of
from wraptui.policy.tables.access import Decision, Table, Tables, decide, read_table
from wraptui.policy.tables.rules import parts
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import Document

# What a service may be told and still let in whom it let in: lists, limits and libwrap are judged themselves.
_HARMLESS = {
    "disable",
    "only_from",
    "no_access",
    "access_times",
    "libwrap",
    "instances",
    "per_source",
    "cps",
    "max_load",
    "deny_time",
    "log_type",
    "log_on_success",
    "log_on_failure",
}
_WAITS = re.compile(r"(?i)(?:^|:)[ \t]*spawn[ \t=](?![^:]*&)")


def again(judge: Judge, client: Client) -> tuple[str, str]:
    """The verdict of a policy's judge, for one whose door it is: a rule that hands them to a command (twist)
    lets nobody in whom a program of its own asks libwrap about; what an aclexec answers is not certain, nor
    whether a spawn that is waited for ends; and a service that moves to another port is not where they come.
    """
    found, why = judge.verdict_or_name(client)
    if found != GRANTED:
        return found, why
    service = _served(judge.configuration, client)
    if service is not None and client.server_port not in (0, service.attributes.get("port")):
        return REFUSED, f"{service.id} leaves port {client.server_port}"
    for name in (client.daemon,) if client.daemon else names_of(service) if service else ():
        visitor = visitor_of(client, name, client.name or "unknown")
        decision = decide(judge.tables, visitor)
        place = f"{decision.file}:{decision.line}"
        if decision.verdict == "delegated":
            return REFUSED if client.daemon else UNKNOWN, f"{place} hands them to a command (twist)"
        if decide(judge.tables, visitor, aclexec=False).verdict != decision.verdict:
            return UNKNOWN, f"{place} asks a command (aclexec)"
        if _WAITS.search(_options(judge.tables, decision)):
            return UNKNOWN, f"{place} waits for a command (spawn without &)"
    return found, why


def altered(before: Judge, after: Judge, client: Client) -> str:
    """What changes in the xinetd service by which the client comes, other than whom it lets in and how many:
    names of attributes, as `server, user`; "" for nothing. Such a service may not work any more."""
    old, new = _served(before.configuration, client), _served(after.configuration, client)
    if old is None or new is None:
        return ""
    names = sorted({*old.attributes, *new.attributes} - _HARMLESS)
    return ", ".join(name for name in names if old.attributes.get(name) != new.attributes.get(name))


def lasting(policy: Policy) -> Policy:
    """What remains of a policy when all rules with an end have come to it."""
    tables = policy.tables
    allow, deny = _lasting(tables.allow), _lasting(tables.deny)
    if allow is tables.allow and deny is tables.deny:
        return policy
    return Policy(Tables(allow, deny, tables.files), policy.configuration)


def _lasting(table: Table) -> Table:
    document = Document(table.text)
    edits = ended(table.path, document, float("inf"))
    for edit in edits:
        document = edit.apply(document)
    return read_table(table.path, document.text, table.problem) if edits else table


def _options(tables: Tables, decision: Decision) -> str:
    """The options of the rule that decides, "" when none does."""
    for table in (tables.allow, tables.deny):
        if table.path == decision.file:
            for number in range(len(table.rules)):
                if table.rules.place(number)[1] == decision.line:
                    return parts(table.rules.text(number))[2]
    return ""


def _served(configuration: Configuration, client: Client) -> Service | None:
    if client.daemon or not configuration.starts:
        return None
    return next((each for each in configuration.services if each.active and each.id == client.service), None)
