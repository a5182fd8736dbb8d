"""Knows where a new rule must stand to be reached, and what a daemon or a network in an answer means.

A rule is reached when no rule that libwrap reads before it may match any of its clients; what may match is
judged by `ranges` and `taken`, where a name or a user may be anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network

from wraptui.policy.change.edits import BadText, add_rule
from wraptui.policy.recipes.plan import ALLOW, BadAnswer, Circumstances, made
from wraptui.policy.tables.access import Table, Tables, Visitor, decide, read_table
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.ranges import (
    EVERYBODY,
    UNKNOWN,
    V4_LAST,
    V6_FIRST,
    Lists,
    Meaning,
    Ranges,
    common,
    quad_number,
    spelled,
)
from wraptui.policy.tables.rules import Rule, parts
from wraptui.policy.tables.taken import ANY_OTHER, Daemons, literal
from wraptui.syntax.hosts import words
from wraptui.syntax.tree import Document, Edit, shown, typed

_DAEMON = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,126}\Z")
_PATH = re.compile(r"(?:/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)+\Z")


def one_daemon(text: str) -> str:
    """A daemon name that libwrap reads as just this name."""
    if not _DAEMON.match(text) or not literal(text) or folded(text) in ("except", "unknown"):
        raise BadAnswer(
            f"{text!r} is no plain daemon name: give the name of the program's file, as in sshd or in.ftpd."
        )
    return text


def daemon_names(text: str) -> tuple[str, ...]:
    """The daemons of an answer: names, or ALL alone."""
    names = tuple(words(text))
    if not names:
        raise BadAnswer("At least one daemon is needed, or ALL.")
    return ("ALL",) if tuple(map(folded, names)) == ("all",) else tuple(map(one_daemon, names))


def plain_path(text: str, what: str) -> str:
    """A path that means the same to libwrap, the shell and people."""
    if not _PATH.match(text) or ".." in text.split("/"):
        raise BadAnswer(
            f"{what} must be an absolute path of letters, digits and . _ + - without '..', not {text!r}."
        )
    return text


def network(text: str) -> tuple[Ranges, str]:
    """The addresses of an answer and the pattern that means just them.

    `206.182.68.0` without a mask is refused: to libwrap that is one address, where a network was meant."""
    text = text.strip()
    if folded(text) == "all":
        return EVERYBODY, "ALL"
    bare = text.replace("[", "").replace("]", "")
    if re.fullmatch(r"(?:\d{1,3}\.){1,3}", bare):
        octets = bare.rstrip(".").split(".")
        bare = ".".join([*octets, "0", "0", "0"][:4]) + f"/{8 * len(octets)}"
    try:
        if "/" not in bare and bare.endswith(".0"):
            ip_address(bare)
            raise BadAnswer(
                f"{bare} is one address to libwrap, not a network: say {bare}/24 for its network, "
                f"or {bare}/32 if that one address is meant."
            )
        found = ip_network(bare, strict=False)
    except ValueError as error:
        if isinstance(error, BadAnswer):
            raise
        raise BadAnswer(f"{text!r} is no network: give 192.0.2.0/24, 2001:db8::/32 or ALL.") from error
    start = int(found.network_address) + (V6_FIRST if found.version == 6 else 0)
    meant: Ranges = ((start, start + found.num_addresses - 1),)
    pattern = next(iter(spelled(meant)))
    if found.version == 6 and found.prefixlen == 0:
        pattern = "[::]/0"
    return meant, pattern


@lru_cache(maxsize=10_000)
def meaning(listed: str, daemon: str) -> tuple[bool, bool]:
    """Whether a daemon list surely, and possibly, means a daemon; ALL stands for every one."""
    if folded(daemon) == "all":
        return Daemons(listed).meaning(ANY_OTHER)[0], True
    return Daemons(listed).meaning(daemon)


def rules_for(table: Table, daemons: Sequence[str]) -> Iterator[Rule]:
    """The rules whose daemon list possibly means one of these daemons, until libwrap gives up the table."""
    rules = table.rules
    for number in range(len(rules)):
        if any(meaning(parts(rules.text(number))[0], name)[1] for name in daemons):
            yield rules[number]


def addresses(lists: Lists, clients: str) -> Meaning:
    """What a client list means; a single address, of which long tables are made, is read at once."""
    number = quad_number(clients.strip(" \t\r\n"))
    if number is None:
        return lists.clients(clients).whole
    return Meaning(((number, number),), ((number, number),))


def first_met(table: Table, lists: Lists, daemons: Sequence[str], meant: Ranges) -> Rule | None:
    """The first rule that may match one of these clients of one of these daemons."""
    for rule in rules_for(table, daemons):
        if common(addresses(lists, rule.clients).possible, meant):
            return rule
    return None


def place_rule(
    around: Circumstances, daemons: Sequence[str], clients: str, meant: Ranges, option: str, verdict: str
) -> tuple[tuple[Edit, ...], str, int]:
    """The edits that put `daemons: clients: option: verdict` where every one of these clients meets it first;
    also the file, and the line of the rule there.

    A rule that denies stands in hosts.deny if no rule of hosts.allow may match before it; else, as one that
    allows, in hosts.allow. Raises `BadAnswer`."""
    tables = around.tables
    lists = Lists(around.files)
    in_allow = first_met(tables.allow, lists, daemons, meant)
    # A last verdict of its own: what an aclexec before it left behind then changes nothing.
    text = typed(f"{', '.join(daemons)}: {clients}: {option}: {verdict}")
    table, before = tables.allow, in_allow
    if verdict == "deny" and in_allow is None:
        table, before = tables.deny, first_met(tables.deny, lists, daemons, meant)
    if table.problem or (table.rules.broken and before is None):
        raise BadAnswer(
            f"libwrap cannot read {table.path} to its end, so that a rule there would not be reached: "
            "mend it first (wraptui check tells where)."
        )
    document = around.document(table.path)
    after = _above(document, before.first) if before else -1
    try:
        edits = add_rule(table.path, document, text, after)
    except BadText as error:
        raise BadAnswer(str(error)) from error
    changed = made(document, edits)
    line = _line_of(changed, document, text)
    _prove(tables, changed, table.path, line, daemons, meant)
    return edits, table.path, line


def _above(document: Document, line: int) -> int:
    """The line behind which something above the rule of `line` goes: above the remarks that belong to it,
    unless those are the head of the file."""
    above = line - 1
    while above and document.lines[above - 1].startswith("#"):
        above -= 1
    return above or line - 1


def _line_of(changed: Document, document: Document, text: str) -> int:
    """The new rule's line: the last of those with its text that the old file has not."""
    for number, line in enumerate(changed.lines, 1):
        if line.rstrip("\n") == text and (
            number > len(document.lines) or document.lines[number - 1].rstrip("\n") != text
        ):
            return number
    return 0


def _prove(
    tables: Tables, changed: Document, path: str, line: int, daemons: Sequence[str], meant: Ranges
) -> None:
    """The new rule decides about the clients at the ends of its ranges."""
    new = read_table(path, changed.text)
    candidate = (
        Tables(new, tables.deny, tables.files) if path == ALLOW else Tables(tables.allow, new, tables.files)
    )
    for daemon in daemons:
        name = "any-other" if daemon == "ALL" else daemon
        for address in edges(meant):
            decision = decide(candidate, Visitor(typed(name), address), aclexec=False)
            if (decision.file, decision.line) != (path, line):
                raise BadAnswer(
                    f"The new rule would not be reached: {shown(decision.file or 'no rule')}:"
                    f"{decision.line or 0} decides about {address} before it. Mend that rule first."
                )


def edges(meant: Ranges) -> list[str]:
    """The first and last address of each range, as libwrap gets them."""
    found = []
    for start, end in meant:
        for number in dict.fromkeys((start, end)):
            if number <= V4_LAST:
                found.append(str(ip_address(number)))
            elif number >= V6_FIRST:
                found.append(_six(number - V6_FIRST))
        if start <= UNKNOWN <= end:
            found.append("unknown")
    # 255.255.255.255 is no client, and no network holds it; a mapped spelling is an IPv4 address.
    return [each for each in found if each != "255.255.255.255" and not each.startswith("::ffff:")]


def _six(number: int) -> str:
    from ipaddress import IPv6Address

    return str(IPv6Address(number))


def inside(address: str, meant: Ranges) -> bool:
    """Whether a numeric address is among these."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    number = int(parsed) + (V6_FIRST if parsed.version == 6 else 0)
    return any(start <= number <= end for start, end in meant)


def unasked(around: Circumstances, daemons: Iterable[str]) -> tuple[str, ...]:
    """Sentences about daemons for whose names nothing here asks libwrap."""
    found: list[str] = []
    if not around.live:
        return ()
    known = {folded(name) for name in around.asked}
    for name in daemons:
        if name == "ALL" or folded(name) in known:
            continue
        why = next((each.why for each in around.coverage if name in each.daemons), "")
        names = ", ".join(sorted(around.asked)) or "none"
        if why:
            found.append(f"No effect now: {why}.")
        else:
            found.append(
                f"Nothing here asks libwrap as {name}: no effect. Names that are asked for: {names}."
            )
    return tuple(found)


def concerned(around: Circumstances, meant: Ranges) -> tuple[str, ...]:
    """The addresses among `meant` from which people work here now."""
    own = dict.fromkeys((*around.peers, *(each.address for each in around.operators)))
    return tuple(address for address in own if inside(address, meant))
