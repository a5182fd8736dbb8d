"""Knows the recipe of the connection banner: a text that a daemon's clients get before it speaks.

libwrap sends DIR/DAEMON to the client of a matching rule (hosts_options(5), option banners); a missing file
is silent as long as DIR exists. No verdict changes: a property test shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from wraptui.policy.change.edits import LIMIT, BadText, add_rule, rule_lines
from wraptui.policy.lint.rules import RuleLine, scanned
from wraptui.policy.live.admission import libwrap_name
from wraptui.policy.recipes.placing import addresses, meaning, one_daemon, plain_path, rules_for, unasked
from wraptui.policy.recipes.plan import (
    ALLOW,
    DENY,
    BadAnswer,
    Circumstances,
    Made,
    Plan,
    Question,
    Recipe,
    Sample,
    edits_of,
    made,
)
from wraptui.policy.tables.access import Table, read_table
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.expansion import LONGEST_BANNER_LINE, ProcessExit, Request, expanded
from wraptui.policy.tables.options import Conditions, run_options
from wraptui.policy.tables.ranges import EVERYBODY, Lists, Range, joined, minus
from wraptui.syntax.hosts import fields, option, option_fields
from wraptui.syntax.tree import Document, Edit, shown, typed

_LONGEST = 1000
_REPLIES = {  # protocols in which a greeting of several lines is made of lines like this
    **dict.fromkeys(("vsftpd", "in.ftpd", "ftpd", "proftpd", "pure-ftpd", "wu-ftpd", "in.wuftpd"), "220-"),
    **dict.fromkeys(("sendmail", "exim", "exim4", "smtpd", "in.smtpd"), "220-"),
}
_POP = "its first line must begin with +OK, and clients take any other for a failure"
_IMAP = "its first line must be the server's own greeting"
_RPC = "its protocol is binary, and any text before it breaks it"
_NO_TEXT = {
    "sshd": "clients and tools expect its version first, and many break on other text; sshd has a banner of "
    "its own that is shown at login (the line Banner in sshd_config)",
    **dict.fromkeys(("in.pop3d", "ipop3d", "pop3d", "qpopper", "popa3d", "pop3-login"), _POP),
    **dict.fromkeys(("imapd", "in.imapd", "imap-login", "dovecot"), _IMAP),
    **dict.fromkeys(("rpcbind", "portmap", "mountd", "rpc.mountd", "statd", "rpc.statd", "slapd"), _RPC),
    **dict.fromkeys(("stunnel", "stunnel4", "nrpe"), _RPC),
    **dict.fromkeys(("rsync", "rsyncd"), "its clients read the protocol's version from the first line"),
    **dict.fromkeys(("in.rshd", "in.rlogind", "in.rexecd"), "the first byte it sends is its answer"),
    **dict.fromkeys(
        ("httpd", "apache2", "nginx"), "its clients speak first, and take the text for the answer"
    ),
}
_LETTERS = "aAcdhHnNprRsu%"


def plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    """The banner's file, and the option `banners` in every rule by which the daemon's clients get in."""
    daemon = one_daemon(answers["daemon"])
    _may_have_text(daemon, around)
    folder = plain_path(answers["folder"].rstrip("/"), "The folder")
    text = banner_text(
        answers["text"], _REPLIES.get(folded(daemon), ""), literal=answers["percent"] == "literal"
    )
    warnings = [*unasked(around, (daemon,)), *_others(folder, daemon, around)]
    path = f"{folder}/{daemon}"
    edits = list(edits_of(path, around.document(path), Document(text), f"banner of {daemon}"))
    edits += _in_allow(daemon, folder, around, warnings)
    at_end = _in_deny(daemon, folder, around, warnings)
    edits += at_end
    if not edits:
        raise BadAnswer(f"{daemon} shows this very banner already.")
    in_rules = sum(edit.path == ALLOW for edit in edits)
    does = [f"{path} holds the text; libwrap sends it to the clients of {daemon} before {daemon} speaks."]
    if in_rules:
        does.append(f"{in_rules} rule{'s' * (in_rules > 1)} of {ALLOW} by which they get in get `banners`.")
    if at_end:
        does.append(
            f"The last rule of {DENY} is for those whom no rule names: they were let in, and still are."
        )
    return Plan(
        "banner",
        f"Banner of {daemon}",
        tuple(edits),
        _folder(folder, around),
        tuple(does),
        (
            "Whoever is refused sees no banner, and a program that is not a person reads none.",
            "A banner keeps nobody out; it tells people what they should know.",
        ),
        tuple(warnings),
        (_sample(daemon, text, around),),
    )


def banner_text(text: str, prefix: str = "", *, literal: bool = False) -> str:
    """The banner's file as byte text: a newline at the end of every line, the protocol's prefix before it."""
    text = text.replace("\\n", "\n").replace("\r\n", "\n").strip("\n")
    if not text.strip():
        raise BadAnswer("A banner without a text shows nothing.")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        raise BadAnswer("A banner must not hold control characters.")
    lines = []
    for line in typed(text).split("\n"):
        if literal:
            line = line.replace("%", "%%")
        else:
            _check_letters(line)
        if prefix and not line.startswith(prefix):
            line = prefix + (line[4:] if re.match(r"\d{3} ", line) else line)
        if len(line) > _LONGEST:
            raise BadAnswer(f"A line of a banner has at most {_LONGEST} bytes.")
        lines.append(line + "\n")
    return "".join(lines)


def _check_letters(line: str) -> None:
    for letter in re.findall(r"%(.?)", line):
        if not letter or letter not in _LETTERS:
            raise BadAnswer(
                f"libwrap knows no %{shown(letter)}: write %% for a per cent sign, or answer `literal`. "
                "%c is the client, %a its address, %h its host, %d the daemon, %u the user."
            )


def _may_have_text(daemon: str, around: Circumstances) -> None:
    reason = _NO_TEXT.get(folded(daemon))
    if reason:
        raise BadAnswer(f"{daemon} must not get a banner: {reason}.")
    for service in around.configuration.services:
        if service.active and libwrap_name(service) == daemon:
            if service.attributes.get("socket_type") == "dgram":
                raise BadAnswer(f"{daemon} must not get a banner: {service.id} talks in datagrams.")
            if service.attributes.get("wait") == "yes":
                raise BadAnswer(
                    f"{daemon} can show no banner: {service.id} waits, so xinetd has no client to send it to."
                )


def _folder(folder: str, around: Circumstances) -> tuple[Made, ...]:
    try:
        status = around.files.status(folder)
    except OSError:
        return (Made("folder", folder, 0o755),)
    if status.kind != "directory":
        raise BadAnswer(f"{folder} is no folder.")
    return ()


def _others(folder: str, daemon: str, around: Circumstances) -> list[str]:
    try:
        names = sorted(name for name in around.files.names(folder) if name not in (daemon, f"nul.{daemon}"))
    except OSError:
        return []
    if not names:
        return []
    return [
        f"{folder} also holds {', '.join(names[:5])}: daemons of these names in the same rules show them."
    ]


def _in_allow(daemon: str, folder: str, around: Circumstances, warnings: list[str]) -> list[Edit]:
    """The rules of hosts.allow that let clients of the daemon in, with the option."""
    table = around.tables.allow
    if table.problem:
        raise BadAnswer(f"{ALLOW} cannot be read: {table.problem}")
    # An aclexec that failed makes a resident daemon skip later rules with options that do not end in allow.
    ending = ": allow" if "aclexec" in folded(table.text + around.tables.deny.text) else ""
    edits: list[Edit] = []
    for rule in _written(table, [each.first for each in rules_for(table, (daemon,))]):
        where = f"{ALLOW}:{rule.logical.first}"
        kind = _kind(rule, folder, daemon, around)
        if kind == "ours":
            continue
        if kind:
            if kind != "refuses":
                warnings.append(f"{where} is left as it is: {kind}.")
            continue
        edit = _extended(rule, f"banners {folder}", ending)
        if not edit:
            raise BadAnswer(f"{where} cannot take the option: with it the rule would be read otherwise.")
        edits += edit
    return edits


def _written(table: Table, firsts: Sequence[int]) -> Iterator[RuleLine]:
    """The rules that begin on these physical lines, as they stand in the file."""
    if "\0" in table.text:  # which lines a rule has only reading from the top can tell
        wanted = set(firsts)
        found = (each for each in scanned(table, deny=False, common=False) if isinstance(each, RuleLine))
        yield from (each for each in found if each.logical.first in wanted)
        return
    document = Document(table.text)
    for first in firsts:
        start, end = rule_lines(document, first)
        alone = read_table(table.path, "".join(document.lines[start - 1 : end]))
        for line in scanned(alone, deny=False, common=False):
            if isinstance(line, RuleLine):
                yield replace(line, logical=replace(line.logical, first=first, line=end))


def _kind(rule: RuleLine, folder: str, daemon: str, around: Circumstances) -> str:
    """Why a rule gets no banner; "" when it does."""
    found = [option(each) for each in option_fields(rule.fields.options)]
    names = [folded(key) for key, _ in found]
    if ("banners", folder) in [(folded(key), value.rstrip("/")) for key, value in found]:
        return "ours"
    if "banners" in names:
        return "it shows a banner of another folder"
    if "aclexec" in names:
        return "its aclexec may still refuse whom it greets"
    if not rule.readable:
        return "it holds a NUL"
    if rule.fields.has_options:
        request = Request(
            daemon=daemon,
            user="unknown",
            address="192.0.2.1",
            name="unknown",
            server_address="unknown",
            server_name="unknown",
            server_port=0,
            look_up=lambda address: ("unknown", ()),
        )
        try:
            outcome = run_options(rule.fields.options, request, Conditions(around.files))
        except ProcessExit:
            return "libwrap ends the daemon at it"
        if outcome == "error":
            return "an error in its options refuses everybody"
        if outcome == "denied":
            return "refuses"
        if outcome == "delegated":
            return "it hands its clients to another program"
    return ""


def _extended(rule: RuleLine, words: str, ending: str) -> tuple[Edit, ...]:
    """The rule with one more option: before a last `allow`, else at its end; () when it would be misread."""
    text = rule.logical.text
    options = rule.options
    if options and folded(option(options[-1].text)[0]) == "allow":
        at = options[-1].start
        edits = rule.replaced(at, at + 1, f" {words}:{text[at]}", f"{words} in line {rule.logical.first}")
        expected = [*(each.text for each in options[:-1]), words, options[-1].text]
    else:
        at = len(text.rstrip(" \t\r\n"))
        added = f": {words}" + (ending if rule.plain else "")
        edits = rule.replaced(at - 1, at, text[at - 1] + added, f"{words} in line {rule.logical.first}")
        expected = [*(each.text for each in options), words, *(["allow"] if rule.plain and ending else [])]
    new = "".join(edits[0].new).replace("\\\n", "") if edits else ""
    read = fields(new)
    if read is None or len(new.rstrip("\n")) > LIMIT or max(map(len, edits[0].new)) > LIMIT:
        return ()
    same = (read.daemons, read.clients.strip(" \t\r\n")) == (
        rule.fields.daemons,
        rule.fields.clients.strip(" \t\r\n"),
    )
    found = [option(each) for each in option_fields(read.options)]
    return edits if same and found == [option(each) for each in expected] else ()


def _in_deny(daemon: str, folder: str, around: Circumstances, warnings: list[str]) -> tuple[Edit, ...]:
    """One more rule at the end of hosts.deny for those whom no rule matches, when there can be any."""
    deny = around.tables.deny
    if deny.problem or deny.rules.broken:
        warnings.append(f"libwrap cannot read {DENY} to its end and refuses whom {ALLOW} does not name.")
        return ()
    if not _anybody_left(daemon, around):
        return ()
    text = f"{daemon}: ALL: banners {folder}: allow"
    if text in _rules(deny):
        return ()
    document = around.document(DENY)
    try:
        edits = add_rule(DENY, document, text)
    except BadText as error:
        raise BadAnswer(str(error)) from error
    new = _rules(read_table(DENY, made(document, edits).text))
    if new[:-1] != _rules(deny):
        raise BadAnswer(
            f"A rule at the end of {DENY} would change what stands before it: mend its last line."
        )
    return edits


def _rules(table: Table) -> list[str]:
    return [table.rules.text(number).rstrip("\n") for number in range(len(table.rules))]


def _anybody_left(daemon: str, around: Circumstances) -> bool:
    """Whether some client of the daemon may be matched by no rule of either file."""
    lists = Lists(around.files)
    taken: list[Range] = []
    for table, deny in ((around.tables.allow, False), (around.tables.deny, True)):
        for rule in rules_for(table, (daemon,)):
            if meaning(rule.daemons, daemon)[0] and (deny or "aclexec" not in folded(rule.options)):
                taken += addresses(lists, rule.clients).sure
    return bool(minus(EVERYBODY, joined(taken)))


def _sample(daemon: str, text: str, around: Circumstances) -> Sample:
    """The banner as one client gets it, if possible one that is known here."""
    service_names = {libwrap_name(each): each.id for each in around.configuration.services}
    known = [
        each
        for each in around.clients
        if daemon in (each.daemon, each.service) or each.service == service_names.get(daemon)
    ]
    client = next(iter(sorted(known, key=lambda each: not each.live)), None)
    address = client.address if client else "192.0.2.1"
    name = (client.name if client else "") or "client.example.net"
    request = Request(
        daemon=daemon,
        user="unknown",
        address=address,
        name="",
        server_address="unknown",
        server_name="unknown",
        server_port=0,
        look_up=lambda _: (name, ()),
    )
    shown_lines = [
        shown(expanded(line, request, LONGEST_BANNER_LINE)) for line in text.removesuffix("\n").split("\n")
    ]
    return Sample(f"What {address} would see", "\n".join(shown_lines))


RECIPE = Recipe(
    "banner",
    "Connection banner",
    "A text that the clients of a daemon see before it speaks.",
    (
        Question(
            "daemon",
            "For which daemon?",
            needed=True,
            help="its name as libwrap is asked: vsftpd, in.telnetd",
        ),
        Question(
            "text",
            "What text?",
            "Hello, %c. Connections to this system are logged.",
            help="%c is the client, %a its address, %h its host, %d the daemon; \\n begins a new line",
            lines=True,
        ),
        Question(
            "percent",
            "What is a per cent sign?",
            "expand",
            ("expand", "literal"),
            "replace %c and the like, or leave them as text",
        ),
        Question("folder", "In which folder?", "/etc/banners", help="one file in it for each daemon"),
    ),
    plan,
)
