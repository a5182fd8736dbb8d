"""Knows the recipe of the safe default deny: `ALL: ALL`, and rules for all who are here or came lately.

Whoever is granted now, is connected or was let in lately, and would not be granted with `ALL: ALL` alone,
gets a rule; in the end all of them are decided by the files as they would be. Nobody is let in who was not:
where a host name decides that is not known, the rules that there are go on deciding.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from wraptui.policy.change.edits import BadText, add_rule
from wraptui.policy.change.impact import GRANTED, REFUSED, UNKNOWN, Client, Policy, impact
from wraptui.policy.lint.rules import quoted
from wraptui.policy.live.admission import is_sensor, names_of
from wraptui.policy.live.limits import plain
from wraptui.policy.recipes.placing import addresses, inside, network, one_daemon, rules_for
from wraptui.policy.recipes.plan import (
    ALLOW,
    DENY,
    BadAnswer,
    Circumstances,
    Plan,
    Question,
    Recipe,
    Sample,
    edits_of,
    made,
)
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.ranges import EVERYBODY, V6_FIRST, Lists, Owners, Ranges, joined, minus
from wraptui.syntax.hosts import option, option_fields, words
from wraptui.syntax.tree import Document, typed

_LONGEST = 1500
_LOCAL = ("127.0.0.1", "::1")


def plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    """`ALL: ALL` at the end of hosts.deny, and at the end of hosts.allow those who are to stay."""
    _may_be_extended(around)
    left_out = _networks(answers["without"])
    least = answers["least"]
    if not (least.isascii() and least.isdigit() and int(least)):
        raise BadAnswer(f"least is a number from 1 on, not {least!r}.")
    before = Policy(around.tables, around.configuration)
    keep, dropped, unnamed = _who_stays(around, before, left_out, int(least))
    deny = _denying(around.document(DENY))
    bare = _policy(around, around.document(ALLOW), deny)
    verdicts = _verdicts(around, bare, keep)
    lacking = [client for client in keep if verdicts[client] != GRANTED]
    rules = _rules(lacking, around, answers["group"] == "networks")
    allow = _allowing(around.document(ALLOW), rules)
    after = _policy(around, allow, deny)
    _prove(before, after, keep)
    warnings = _warnings(around, keep, dropped, unnamed)
    return Plan(
        "default-deny",
        "Default deny",
        (
            *edits_of(ALLOW, around.document(ALLOW), allow, "rules for those who stay"),
            *edits_of(DENY, around.document(DENY), deny, "refuse everybody else"),
        ),
        (),
        (
            "Whoever no rule lets in is refused by every daemon that asks libwrap.",
            f"All {_many(keep)} that are connected now or came lately still get in: {len(rules)} rules are "
            "added for those whom no rule names; each of them was decided by the new files.",
        ),
        (
            "Daemons that do not ask libwrap are as open as before"
            + (f": {', '.join(names)}." if (names := _open(around)) else "."),
            "Whoever has not come for longer than the logs tell is refused.",
        ),
        tuple(warnings),
        (Sample("Who stays", _list(keep)), *_refused_sample(dropped)),
    )


def _may_be_extended(around: Circumstances) -> None:
    for table in (around.tables.allow, around.tables.deny):
        if table.problem or table.rules.broken:
            raise BadAnswer(f"libwrap cannot read {table.path} to its end: mend it first (wraptui check).")
    if not minus(EVERYBODY, _surely_denied(around)):
        raise BadAnswer(f"{DENY} refuses everybody already whom {ALLOW} does not let in.")


def _surely_denied(around: Circumstances) -> Ranges:
    """The clients whom hosts.deny refuses to every daemon."""
    lists = Lists(around.files)
    found = [
        piece
        for rule in rules_for(around.tables.deny, ("ALL",))
        if not rule.options and _everybody(rule.daemons)
        for piece in addresses(lists, rule.clients).sure
    ]
    return joined(found)


def _everybody(listed: str) -> bool:
    """Whether a daemon list is every daemon without exception."""
    return "except" not in folded(listed) and any(folded(word) == "all" for word in words(listed))


def _networks(text: str) -> tuple[Ranges, ...]:
    return tuple(network(word)[0] for word in words(text))


def _who_stays(
    around: Circumstances, before: Policy, left_out: Sequence[Ranges], least: int
) -> tuple[list[Client], list[Client], list[str]]:
    """Those who are to get in as they do now, the operator first; those whom the answers leave out; and the
    addresses about which a host name decides that is not known."""
    served = _served(around)
    keep: dict[tuple[str, str], Client] = {}
    dropped: dict[Client, None] = {}
    unnamed: dict[str, None] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for client in around.clients:
        seen[client.service, client.address] += client.times
    own = [replace(each, live=True) for each in around.operators]
    come = [
        client
        for client in (*own, *sorted(around.clients, key=lambda each: not each.live))
        if _asked_for(client, around) and _numeric(client.address)
    ]
    local = [
        Client(daemon, address, daemon, name="localhost")
        for daemon in filter(_plain, _daemons_here(around))
        for address in _LOCAL
    ]
    verdicts = _verdicts(around, before, (*come, *local))
    for client in come:
        key = (client.service, client.address)
        if key in keep:
            continue
        now, of_xinetd = verdicts[client], not client.daemon
        if not client.live:
            if now == REFUSED or (of_xinetd and key not in served):
                continue
            if now == UNKNOWN:
                unnamed[client.address] = None
                continue
        elif now == REFUSED and not client.operator:
            continue
        is_left_out = any(inside(client.address, each) for each in left_out)
        if not client.operator and (is_left_out or (not client.live and seen[key] < least)):
            dropped[client] = None
            continue
        keep[key] = client
    for client in local:
        if verdicts[client] == GRANTED:
            keep.setdefault((client.service, client.address), client)
    return list(keep.values()), list(dropped), list(unnamed)


def _verdicts(around: Circumstances, policy: Policy, clients: Sequence[Client]) -> dict[Client, str]:
    """What the policy says to each: all at once, as the difference to refusing everybody."""
    shut = _policy(around, Document(""), Document("ALL: ALL\n"))
    found = impact(policy, shut, clients)
    verdicts = dict.fromkeys(clients, REFUSED)
    verdicts |= {turn.client: GRANTED for turn in found.refused}
    return verdicts | dict.fromkeys(found.uncertain, UNKNOWN)


def _daemons_here(around: Circumstances) -> list[str]:
    """The daemon names that libwrap is asked for by what listens now."""
    found = {name for each in around.coverage if each.honours == "yes" for name in each.daemons}
    return sorted(found if around.live else around.asked)


def _plain(daemon: str) -> bool:
    try:
        one_daemon(daemon)
    except BadAnswer:
        return False
    return True


def _served(around: Circumstances) -> set[tuple[str, str]]:
    """Whom services really served, as the log has it: a child that refuses logs START too, then FAIL."""
    balance: Counter[tuple[str, str]] = Counter()
    for event in around.events:
        key = (event.service, plain(event.address))
        if event.kind == "start":
            balance[key] += 1
        elif event.kind == "fail" and event.detail in ("address", "libwrap"):
            balance[key] -= 1
    return {key for key, count in balance.items() if count > 0}


def _asked_for(client: Client, around: Circumstances) -> tuple[str, ...]:
    """The names that libwrap is asked for when this client comes, by xinetd and by tcpd."""
    if client.daemon:
        return (client.daemon,) if _plain(client.daemon) else ()
    for service in around.configuration.services:
        if service.id == client.service and service.active and not is_sensor(service):
            return tuple(filter(_plain, names_of(service)))
    return ()


def _numeric(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def _denying(document: Document) -> Document:
    return made(document, add_rule(DENY, document, "ALL: ALL"))


def _policy(around: Circumstances, allow: Document, deny: Document) -> Policy:
    tables = Tables(read_table(ALLOW, allow.text), read_table(DENY, deny.text), around.files)
    return Policy(tables, around.configuration)


def _rules(clients: Iterable[Client], around: Circumstances, grouped: bool) -> list[str]:
    """The fewest lines that name these clients, in the order in which their daemons come."""
    by_daemon: dict[str, dict[str, None]] = defaultdict(dict)
    for client in clients:
        for daemon in _asked_for(client, around):
            by_daemon[daemon][client.address] = None
    found: list[str] = []
    for daemon, wanted in by_daemon.items():
        line = f"{daemon}:"
        for pattern in _patterns(daemon, wanted, around, grouped):
            if len(line) + len(pattern) > _LONGEST:
                found.append(line)
                line = f"{daemon}:"
            line += f" {pattern}"
        found.append(line)
    return found


def _patterns(daemon: str, wanted: Iterable[str], around: Circumstances, grouped: bool) -> list[str]:
    """A pattern for each address; with `grouped` its network, where nobody of that is refused now."""
    refused = Owners()
    refused.add(_maybe_refused(daemon, around) if grouped else EVERYBODY, 1)
    patterns: dict[str, None] = {}
    for address in wanted:
        parsed = ip_address(address)
        pattern = f"[{parsed}]" if parsed.version == 6 else str(parsed)
        if grouped and not parsed.is_loopback:
            net = ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False)
            start = int(net.network_address) + (V6_FIRST if parsed.version == 6 else 0)
            whole = ((start, start + net.num_addresses - 1),)
            if refused.free(whole) == whole:
                pattern = network(str(net))[1]
        patterns[pattern] = None
    return list(patterns)


def _maybe_refused(daemon: str, around: Circumstances) -> Ranges:
    """The addresses of which some client may be refused this daemon now."""
    lists = Lists(around.files)
    return joined(
        piece
        for rule in rules_for(around.tables.deny, (daemon,))
        for piece in addresses(lists, rule.clients).possible
    )


def _allowing(document: Document, rules: Sequence[str]) -> Document:
    """hosts.allow with these rules at its end, below one remark."""
    comment = "Who came before everybody else was refused (wraptui recipe default-deny)."
    for number, rule in enumerate(rules):
        try:
            edits = add_rule(ALLOW, document, typed(rule), comment="" if number else comment)
        except BadText as error:
            raise BadAnswer(str(error)) from error
        document = made(document, edits)
    return document


def _prove(before: Policy, after: Policy, keep: Sequence[Client]) -> None:
    """Everybody who stays gets in with the new files."""
    for turn in impact(before, after, keep).refused:
        raise BadAnswer(
            f"{turn.client.address} would not get in to {turn.client.service} any more ({turn.why}), "
            "whatever rule is added: look at the rules that name it first."
        )


def _warnings(
    around: Circumstances, keep: Sequence[Client], dropped: Sequence[Client], unnamed: Sequence[str]
) -> list[str]:
    found = []
    if unnamed:
        found.append(
            f"Rules ask for host names, and those of {len(unnamed)} addresses that came lately are not known "
            f"({', '.join(unnamed[:5])}): no rule is added for them."
        )
    if not around.live:
        found.append("Only files are seen here: nobody who is connected now is known.")
    for place, daemons, clients in _admitting(around):
        found.append(
            f"{place} lets {clients} in to {daemons} before `ALL: ALL` is reached, and goes on doing so: "
            "delete it, or move it into hosts.allow with fewer clients, if they are to be refused."
        )
    if not keep:
        found.append("Nobody is known who should stay: everybody is refused.")
    if around.live and not around.operators:
        found.append("No operator's connection is known that these files guard; keep another way in open.")
    lately = [each for each in keep if not each.live and each.address not in _LOCAL]
    if lately:
        found.append(
            f"{len({each.address for each in lately})} addresses stay only because they were let in lately, "
            "scanners among them, if any were: look at the list, and leave out with `without` or `least`."
        )
    live = [each for each in dropped if each.live]
    if live:
        found.append(f"{_many(live)} that are connected now are left out: they cannot come again.")
    return found


def _admitting(around: Circumstances) -> Iterator[tuple[str, str, str]]:
    """The rules of hosts.deny that let in: where they stand, the daemons and the clients."""
    for rule in rules_for(around.tables.deny, ("ALL",)):
        options = option_fields(rule.options) if "allow" in folded(rule.options) else []
        if options and folded(option(options[-1])[0]) == "allow":
            yield f"{DENY}:{rule.first}", quoted(rule.daemons), quoted(rule.clients)


def _open(around: Circumstances) -> list[str]:
    return sorted(
        {
            f"{each.listener.argv0 or each.listener.program.rpartition('/')[2]} (port {each.listener.port})"
            for each in around.coverage
            if each.honours == "no" and "SENSOR" not in each.why
        }
    )[:10]


def _many(clients: Sequence[Client]) -> str:
    count = len({each.address for each in clients})
    return f"{count} client{'s' * (count != 1)}"


def _list(clients: Sequence[Client]) -> str:
    lines = []
    for client in clients[:200]:
        what = (
            "works here" if client.operator else "connected" if client.live else f"came {client.times} times"
        )
        if client.address in _LOCAL:
            what = "this machine"
        lines.append(f"{client.address} to {client.service} ({what})")
    return (
        "\n".join([*lines, *([f"and {len(clients) - 200} more"] if len(clients) > 200 else [])]) or "nobody"
    )


def _refused_sample(dropped: Sequence[Client]) -> tuple[Sample, ...]:
    return (Sample("Who is left out", _list(dropped)),) if dropped else ()


RECIPE = Recipe(
    "default-deny",
    "Default deny",
    "Refuse everybody but those who are here now or came lately.",
    (
        Question(
            "group",
            "Rules for addresses or networks?",
            "exact",
            ("exact", "networks"),
            "networks: /24 and /64",
        ),
        Question("without", "Whom to leave out?", help="addresses and networks, with blanks between"),
        Question("least", "How often must somebody have come?", "1", help="those connected now always stay"),
    ),
    plan,
)
