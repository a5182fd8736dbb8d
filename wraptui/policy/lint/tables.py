"""Knows everything that is wrong with hosts.allow and hosts.deny, as findings with their consequence and fix.

A fix leaves every verdict as it is, except for the codes in `RESTORING`, whose fix makes the file mean what
it says, and those in `MEANT`, whose fix is what the author probably meant: a person has to choose it.
"""

from __future__ import annotations

from collections.abc import Iterator

from wraptui.policy.lint.files import pattern_files, table_permissions
from wraptui.policy.lint.findings import Finding
from wraptui.policy.lint.lines import line_findings, table_findings
from wraptui.policy.lint.lists import Surroundings, list_findings, unused_names
from wraptui.policy.lint.options import aclexec_memory, option_findings
from wraptui.policy.lint.reach import Scan, reach_findings, word_findings
from wraptui.policy.lint.rules import Ordinary, RuleLine, scanned
from wraptui.policy.tables.access import Tables
from wraptui.policy.tables.ranges import Lists

RESTORING = frozenset(
    (
        *("no-final-newline", "unfinished-continuation", "line-too-long", "byte-order-mark"),
        *("broken-continuation", "indented-comment", "trailing-comment"),
        *(
            "empty-option",
            "option-not-last",
            "bad-severity",
            "bad-setenv",
            "unknown-option",
            "command-as-option",
        ),
        *("bare-ipv6", "mask-in-brackets", "mapped-address", "host-bits", "short-network", "mask-of-ones"),
        *("mask-zero", "odd-address", "bad-ipv6", "wildcard-on-names", "aclexec-memory"),
    )
)
"""Codes whose fix changes verdicts, as their message says."""

MEANT = frozenset(
    (
        *("network-as-address", "missing-dot", "odd-byte", "daemon-path", "daemon-unused", "except-first"),
        *("user-without-host", "command-as-option", "unknown-option"),
    )
)
"""Codes whose fix is a guess at what was meant: offered, never made by `wraptui check --fix`."""


def check_tables(tables: Tables, *, daemons: frozenset[str] | None = None) -> tuple[Finding, ...]:
    """All findings on both tables and the files they depend on, by file and line.

    `daemons` are the names by which something on this machine asks libwrap; None when nobody knows.
    """
    around = Surroundings(tables.files, daemons or frozenset())
    lists = Lists(tables.files)
    found: list[Finding] = []
    scans: list[Scan] = []
    for table, deny in ((tables.allow, False), (tables.deny, True)):
        found += table_findings(table, deny=deny)
        found += table_permissions(table.path, tables.files, deny=deny)
        items: list[Ordinary | RuleLine] = []
        whole = not table.problem
        for item in scanned(table, deny=deny):
            if isinstance(item, Ordinary):
                items.append(item)
                found += unused_names(item, table.path, around.daemons)
                continue
            found += line_findings(item, table.text[item.logical.end :] if item.logical.broken else "")
            whole = whole and not item.logical.broken
            if isinstance(item, RuleLine):
                items.append(item)
                found += _rule_findings(item, around, lists)
        scans.append(Scan(table.path, deny, table.text, tuple(items), whole))
    allow, deny_scan = scans
    found += pattern_files(_named_files(scans), tables.files)
    found += aclexec_memory([*allow.rules, *deny_scan.rules], tables.files)
    found += reach_findings(allow, deny_scan, lists)
    return tuple(sorted(found, key=_order))


def _rule_findings(rule: RuleLine, around: Surroundings, lists: Lists) -> Iterator[Finding]:
    found = list(list_findings(rule, around))
    yield from found
    if not any(each.code == "bare-ipv6" for each in found):  # its options are the rest of the address
        yield from option_findings(rule, around.files)
    if not any(word.text.startswith("#") for word in rule.clients):
        yield from word_findings(rule, lists)


def _named_files(scans: list[Scan]) -> set[tuple[str, bool]]:
    """The pattern files that rules name, each with whether hosts.deny does."""
    found: set[tuple[str, bool]] = set()
    for scan in scans:
        for rule in scan.rules:
            if "/" not in rule.fields.clients and "@/" not in rule.fields.daemons:
                continue
            for word in (*rule.clients, *rule.daemons):
                at = word.text.find("@/", 1)
                if word.text.startswith("/") and word in rule.clients:
                    found.add((word.text, scan.deny))
                elif at > 0:
                    found.add((word.text[at + 1 :], scan.deny))
    return found


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.code
