"""Knows what is wrong with the daemon list and the client list of a rule, word by word.

Source: hosts_access(5), the warnings of tcpdchk (7.6.q), and libwrap itself where the two differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wraptui.policy.files import Files
from wraptui.policy.lint.files import file_findings
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.patterns import LONGEST_STRING, Objection, host_objections
from wraptui.policy.lint.rules import NO_FIX, Ordinary, RuleLine, Word, is_except, quoted
from wraptui.policy.tables.c_library import folded, numeric_ipv6
from wraptui.policy.tables.patterns import port_number, split_host
from wraptui.syntax.hosts import option_fields

_PLAIN_NAME = re.compile(r"(?!(?:known|unknown|local|paranoid|fail|except)\Z)[a-z][a-z0-9_-]{0,62}", re.I)
_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a check may ask beside the rule: the root's files; `daemons` are the names that something here
    uses, empty when nobody knows."""

    files: Files
    daemons: frozenset[str] = frozenset()


def list_findings(rule: RuleLine, around: Surroundings) -> Iterator[Finding]:
    """What is wrong with the two lists of a rule."""
    bare = _bare_ipv6(rule)
    for what, words in (("daemon", rule.daemons), ("client", rule.clients)):
        if what == "daemon" or bare is None:
            yield from _shape(rule, what, words)
    if "[" in rule.logical.text or "]" in rule.logical.text:
        yield from _brackets(rule)
    for word in rule.daemons:
        if not around.daemons and _PLAIN_NAME.fullmatch(word.text):
            continue
        if not is_except(word) and not word.text.startswith("#"):
            yield from _daemon(rule, word, around)
    if bare is not None:
        yield bare
        return
    for word in rule.clients:
        if word.text.startswith("#"):
            return  # the words of a remark are told as a whole
        if not is_except(word):
            yield from _client(rule, word, around)
    yield from _breadth(rule)


def _shape(rule: RuleLine, what: str, words: tuple[Word, ...]) -> Iterator[Finding]:
    """Lists that are empty, or begin or end in EXCEPT."""
    if not words:
        cost = "" if what == "daemon" else ", though it may look as if it meant everybody"
        yield rule.finding(
            _WARNING, f"empty-{what}-list", f"The {what} list is empty: the rule never matches{cost}."
        )
        return
    for index, word in enumerate(words):
        if not is_except(word):
            continue
        if index == 0:
            yield rule.finding(
                _ERROR if rule.deny else _WARNING,
                "except-first",
                f"The {what} list begins with EXCEPT: the rule never matches. Write ALL before it.",
                word.start,
                rule.replaced(word.start, word.start, "ALL ", "put ALL before EXCEPT"),
            )
        elif index == len(words) - 1 or is_except(words[index + 1]):
            yield rule.finding(
                _WARNING,
                "except-nothing",
                f"Nothing stands behind this EXCEPT of the {what} list: nobody is excepted.",
                word.start,
            )


def _brackets(rule: RuleLine) -> Iterator[Finding]:
    """A bracket that is not closed hides every colon behind it."""
    for text, start in ((rule.fields.daemons, 0), (rule.fields.clients, len(rule.fields.daemons) + 1)):
        depth = 0
        for char in text:
            depth += (char == "[") - (char == "]")
            if depth not in (0, 1):
                break
        else:
            if depth == 0:
                continue
        lost = ":" in text
        cost = (
            "the colons behind it separate nothing: the options are taken for clients and do not count"
            if lost
            else "the pattern cannot be an address"
        )
        yield rule.finding(
            _ERROR if lost else _WARNING,
            "unbalanced-brackets",
            f"The brackets are not balanced; {cost}.",
            start + max(text.find("["), text.find("]"), 0),
        )


_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:/[0-9]{1,3})?")


def _bare_ipv6(rule: RuleLine) -> Finding | None:
    """An IPv6 address without brackets: its colons end the client list."""
    if not rule.options:
        return None
    start = len(rule.fields.daemons) + 1
    text = rule.logical.text[start:].rstrip("\r\n")
    pieces = re.findall(r"[^, \t]+", text)
    found = [piece for piece in pieces if _is_ipv6(piece)]
    first = next((piece for piece in pieces if ":" in piece), "")
    if not found or first not in found:
        tail = _ipv6_and_option(first)
        if not tail:
            return None
    fixed = re.sub(r"[^, \t]+", lambda match: _bracketed(match[0]) if _is_ipv6(match[0]) else match[0], text)
    fix = NO_FIX
    if all(":" not in piece or _is_ipv6(piece) for piece in pieces):
        fix = rule.replaced(start, start + len(text), fixed, "put IPv6 addresses in brackets")
    return rule.finding(
        _ERROR,
        "bare-ipv6",
        f"“{quoted(first)}” is cut at its first colon: what follows is read as options. The address never "
        "matches; a client that the words before it match is denied for the option's error. Write it in "
        "brackets.",
        start + text.find(first),
        fix,
    )


def _is_ipv6(text: str) -> bool:
    return (
        len(text) <= 60 and bool(_IPV6.fullmatch(text)) and numeric_ipv6(text.partition("/")[0]) is not None
    )


def _ipv6_and_option(text: str) -> bool:
    """Whether an address stands before a colon and an option (`2001:db8::1:` or `2001:db8::1:allow`)."""
    address, _, option = text.rpartition(":")
    return (
        bool(address) and (not option or not re.fullmatch(r"[0-9A-Fa-f]{1,4}", option)) and _is_ipv6(address)
    )


def _bracketed(text: str) -> str:
    net, slash, length = text.partition("/")
    return f"[{net}]{slash}{length}"


# -- daemons


def _daemon(rule: RuleLine, word: Word, around: Surroundings) -> Iterator[Finding]:
    parts = split_host(word.text)
    name = word.text if parts is None else parts[0]
    if parts is not None:
        yield from _host(rule, Word(parts[1], word.stop - len(parts[1])), around)
    upper = name.upper()

    def finding(severity: Severity, code: str, message: str, new: str = "") -> Finding:
        fix = rule.replaced(word.start, word.start + len(name), new, f"write {new}") if new else NO_FIX
        return rule.finding(severity, code, message, word.start, fix)

    if name.startswith("@"):
        yield finding(
            _WARNING,
            "daemon-netgroup",
            "Never matches: a daemon list knows no netgroups.",
        )
    elif "/" in name:
        base = name.rstrip("/").rpartition("/")[2]
        yield finding(
            _ERROR if rule.deny else _WARNING,
            "daemon-path",
            f"Never matches: a daemon is known by its name alone, not by its path. Write {quoted(base)}.",
            base if re.fullmatch(r"[A-Za-z0-9._-]+", base) else "",
        )
    elif upper in ("KNOWN", "PARANOID", "LOCAL", "UNKNOWN"):
        meaning = "every daemon whose name is known" if upper == "KNOWN" else "a daemon of that very name"
        yield finding(_WARNING, "daemon-reserved", f"In a daemon list {name} means {meaning}.")
    elif upper == "FAIL":
        yield finding(
            _WARNING,
            "fail-word",
            "FAIL means nothing any more: no daemon is so called. Use EXCEPT or deny.",
        )
    elif len(name) > LONGEST_STRING:
        yield finding(
            _WARNING, "pattern-too-long", f"Never matches: names are cut at {LONGEST_STRING} bytes."
        )
    elif odd := re.search(r"[;|\"'!]", name):
        bare = name.strip("\"'")
        new = bare if odd[0] in "\"'" and re.fullmatch(r"[A-Za-z0-9._-]+", bare) else ""
        if odd[0] in ";|" and re.fullmatch(r"[A-Za-z0-9._;|-]+", name):
            new = re.sub("[;|]+", " ", name).strip()
        yield finding(
            _ERROR if rule.deny else _WARNING,
            "odd-byte",
            f"“{odd[0]}” is an ordinary byte to libwrap, so this is a daemon name that nobody has. Separate "
            "names by blanks or commas.",
            new,
        )
    elif port_number(name) is not None:
        yield finding(
            _WARNING,
            "daemon-port",
            f"A number is a server port: matches daemons that tell libwrap their socket, on port "
            f"{port_number(name)}, and never one that only tells its name.",
        )
    elif name.startswith(".") or name.endswith("."):
        yield finding(
            _WARNING,
            "daemon-dot",
            f"Matches every daemon whose name {'ends' if name.startswith('.') else 'begins'} so.",
        )
    elif around.daemons and not ("*" in name or "?" in name or upper == "ALL"):
        yield from _unused(rule, word, name, around.daemons)


def _unused(rule: RuleLine, word: Word, name: str, daemons: frozenset[str]) -> Iterator[Finding]:
    known = {folded(each): each for each in daemons}
    if folded(name) in known:
        return
    near = [
        each for low, each in sorted(known.items()) if low in (folded(name) + "d", "in." + folded(name) + "d")
    ]
    hint = f" Did you mean {quoted(near[0])}?" if near else ""
    yield rule.finding(
        _NOTE,
        "daemon-unused",
        _no_effect(name) + hint,
        word.start,
        rule.replaced(word.start, word.start + len(name), near[0], f"write {near[0]}") if near else NO_FIX,
    )


def unused_names(item: Ordinary, path: str, daemons: frozenset[str]) -> Iterator[Finding]:
    """Daemon names of ordinary rules that nothing uses, told once for each run of lines."""
    if not daemons:
        return
    known = {folded(each) for each in daemons} | {"all"}
    seen: set[str] = set()
    for number, (name, _) in enumerate(item.rules, item.first):
        if name not in seen:
            seen.add(name)
            if folded(name) not in known:
                yield Finding(_NOTE, "daemon-unused", _no_effect(name), path, number, 1)


def _no_effect(name: str) -> str:
    return f"Nothing that runs here is known to libwrap as “{quoted(name)}”: the name has no effect."


# -- clients


def _client(rule: RuleLine, word: Word, around: Surroundings) -> Iterator[Finding]:
    parts = split_host(word.text)
    if parts is None:
        yield from _host(rule, word, around)
        return
    user, host = parts
    at = Word(host, word.stop - len(host))
    upper = user.upper()
    if user.startswith(("@", "/")):
        yield rule.finding(
            _WARNING, "user-pattern", "Never matches: a user is no netgroup and no file of names.", word.start
        )
    elif upper in ("LOCAL", "PARANOID", "FAIL"):
        yield rule.finding(
            _WARNING, "user-reserved", f"As a user {user} is just a name that nobody has.", word.start
        )
    elif user.startswith(".") or user.endswith("."):
        yield rule.finding(
            _WARNING,
            "user-dot",
            f"Matches every user whose name {'ends' if user.startswith('.') else 'begins'} so.",
            word.start,
        )
    if not host:
        yield rule.finding(
            _ERROR if rule.deny else _WARNING,
            "user-without-host",
            f"Never matches: no host stands behind the @. Write {quoted(user)}@ALL.",
            word.start,
            rule.replaced(word.stop, word.stop, "ALL", "add ALL behind the @"),
        )
    else:
        yield from _host(rule, at, around)


def _host(rule: RuleLine, word: Word, around: Surroundings) -> Iterator[Finding]:
    """A host pattern of the rule: of a client, of a user's host, or of the server."""
    if word.text.startswith("@"):
        yield from _netgroup(rule, word, around.files)
    elif word.text.startswith("/"):
        yield from file_findings(rule, word, around.files)
    else:
        for each in host_objections(word.text, deny=rule.deny):
            yield objected(rule, word, each)


def objected(rule: RuleLine, word: Word, objection: Objection) -> Finding:
    """An objection to a word as a finding about it."""
    fix = NO_FIX
    if objection.new:
        fix = rule.replaced(word.start, word.stop, objection.new, f"write {objection.new}")
    return rule.finding(objection.severity, objection.code, objection.message, word.start, fix)


def _netgroup(rule: RuleLine, word: Word, files: Files) -> Iterator[Finding]:
    name = word.text[1:].encode("latin-1")
    try:
        known = any(line.split()[:1] == [name] for line in files.read("/etc/netgroup").splitlines())
    except OSError:
        known = False
    if not known:
        yield rule.finding(
            _WARNING,
            "netgroup-unknown",
            f"/etc/netgroup has no “{quoted(word.text[1:])}”: unless NIS or LDAP knows it, this pattern "
            "never matches, silently.",
            word.start,
        )


def _breadth(rule: RuleLine) -> Iterator[Finding]:
    """A rule that lets everybody in to everything."""
    everyone = [word.text.upper() for word in rule.clients]
    daemons = [word.text.upper() for word in rule.daemons]
    if rule.deny or "ALL" not in everyone or "ALL" not in daemons:
        return
    if "EXCEPT" in everyone or "EXCEPT" in daemons:
        return
    options = option_fields(rule.fields.options) if rule.fields.has_options else []
    if not options:
        yield rule.finding(
            _WARNING,
            "grants-everything",
            "Lets every client in to every service: no rule below it and nothing in hosts.deny ever counts.",
            rule.clients[0].start,
        )
