"""Knows what is wrong with the options of a rule: errors that deny silently, and options that do not help.

Source: hosts_options(5) and libwrap 7.6.q as policy/tables/options.py has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wraptui.policy.files import Files
from wraptui.policy.lint.commands import banner_findings, command_findings
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.rules import NO_FIX, Edits, Option, RuleLine, quoted
from wraptui.policy.tables.c_library import folded
from wraptui.policy.tables.expansion import Request
from wraptui.policy.tables.options import CHECKS, KEYWORDS, Conditions, OptionError, check_shape, run_options
from wraptui.syntax.hosts import option

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_DENIES = "every client that this rule matches is denied, and no later rule is tried"
_SYSLOG = {
    "authpriv": "auth",
    "security": "auth",
    "ftp": "daemon",
    "syslog": "daemon",
    "warn": "warning",
    "error": "err",
    "panic": "emerg",
}


def option_findings(rule: RuleLine, files: Files) -> Iterator[Finding]:
    """What is wrong with the options of a rule."""
    for index, each in enumerate(rule.options):
        last = index == len(rule.options) - 1
        key, value = option(each.text)
        at = each.start + len(each.text) - len(each.text.lstrip(" \t\r\n\v\f"))
        try:
            check_shape(key, value, last)
            _check_value(folded(key), value, files)
        except OptionError as error:
            yield _refused(rule, index, key, value, str(error), at if key else each.start)
            return
        yield from _doubtful(rule, each, folded(key), value, at, files)


def _check_value(name: str, value: str, files: Files) -> None:
    """Raise `OptionError` when the value is not one that the option takes."""
    if name in CHECKS:
        CHECKS[name](value)
    elif name in ("user", "group"):
        request = Request(
            daemon="",
            user="",
            address="",
            name="",
            server_address="",
            server_name="",
            server_port=0,
            look_up=lambda address: ("unknown", ()),
        )
        escaped = value.replace(":", "\\:")
        if run_options(f"{name} {escaped}", request, Conditions(files)) == "error":
            raise OptionError(request.messages[-1].removeprefix("error: "))


def _refused(rule: RuleLine, index: int, key: str, value: str, error: str, at: int) -> Finding:
    """An option that libwrap refuses, by the kind of its fault."""
    name = folded(key)
    at = min(at, len(rule.logical.text) - 1)

    def finding(code: str, what: str, fix: Edits = NO_FIX) -> Finding:
        return rule.finding(_ERROR, code, f"{what}: {_DENIES}.", at, fix)

    if not key:
        trailing = all(not each.text.strip() for each in rule.options[index:])
        fix = NO_FIX
        if trailing:
            start = rule.options[index].start - 1
            fix = rule.replaced(start, len(rule.logical.text.rstrip("\n")), "", "drop the colon at the end")
        return finding("empty-option", "A colon with no option behind it", fix)
    if name not in KEYWORDS:
        return _unknown(rule, index, key, at)
    shape = KEYWORDS[name]
    if shape.value == "none" and value:
        if value.startswith("#"):
            return finding(
                "trailing-comment",
                f"There are no comments behind a rule, and “{name}” takes no value",
                _remark_moved(rule, value),
            )
        return finding("option-takes-no-value", f"“{name}” takes no value, “{quoted(value)}” stands there")
    if shape.value == "needed" and not value:
        return finding("option-needs-value", f"“{name}” wants a value")
    if "must be at end" in error:
        return finding("option-not-last", f"“{name}” must be the last option", _last_dropped(rule, index))
    if name == "severity":
        words = re.fullmatch(r"([A-Za-z0-9]+)(?:\.([A-Za-z0-9]+))?", value)
        new = ".".join(_SYSLOG.get(word.lower(), word) for word in words.groups() if word) if words else ""
        return finding(
            "bad-severity",
            f"libwrap knows no “{quoted(value)}” (nor syslog's authpriv, ftp, syslog, security, warn, error "
            "and panic)",
            _value_replaced(rule, index, value, new) if new and _valid_severity(new) else NO_FIX,
        )
    if name == "setenv":
        words = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", value)
        new = f"{words[1]} {words[2]}" if words else ""
        return finding(
            "bad-setenv",
            "setenv wants a name and a value with a blank between them",
            _value_replaced(rule, index, value, new) if new else NO_FIX,
        )
    return finding("bad-option-value", f"{quoted(error)}")


def _valid_severity(value: str) -> bool:
    try:
        CHECKS["severity"](value)
    except OptionError:
        return False
    return True


def _unknown(rule: RuleLine, index: int, key: str, at: int) -> Finding:
    text = rule.options[index].text.strip()
    alone = len(rule.options) == 1
    if key.startswith(("/", "(")) or re.match(r"(?:echo|mail|sh|logger|safe_finger)\b", key):
        fix = NO_FIX
        if alone and re.search(r"\s", text):
            fix = rule.replaced(at, at, "spawn ", "run the command by spawn")
        return rule.finding(
            _ERROR,
            "command-as-option",
            f"A shell command without spawn or twist, as an older libwrap took it, is no option: {_DENIES}.",
            at,
            fix,
        )
    near = _near(folded(key))
    hint = f" Did you mean {near}?" if near else ""
    return rule.finding(
        _ERROR,
        "unknown-option",
        f"There is no option “{quoted(key)}”: {_DENIES}.{hint}",
        at,
        rule.replaced(at, at + len(key), near, f"write {near}") if near else NO_FIX,
    )


def _near(name: str) -> str:
    """The only keyword that is one slip of the fingers away, "" for none."""
    aliases = {"except": "", "env": "setenv", "permit": "allow", "accept": "allow", "reject": "deny"}
    if name in aliases:
        return aliases[name]
    near = [
        word for word in KEYWORDS if word not in ("user", "group") and len(name) > 3 and _one_slip(name, word)
    ]
    return near[0] if len(near) == 1 else ""


def _one_slip(name: str, word: str) -> bool:
    """Whether one letter is missing, added, wrong, or two neighbours are swapped."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        swapped = head + tail[1:2] + tail[:1] + tail[2:]
        if name in (head + tail[1:], swapped):
            return True
        if name.startswith(head) and name[at + 1 :] in (tail, tail[1:]) and abs(len(name) - len(word)) <= 1:
            return True
    return False


def _last_dropped(rule: RuleLine, index: int) -> Edits:
    """Without the empty options behind one that must be last."""
    if any(each.text.strip() for each in rule.options[index + 1 :]):
        return NO_FIX
    start = rule.options[index].stop
    return rule.replaced(start, len(rule.logical.text.rstrip("\n")), "", "drop the colon at the end")


def _remark_moved(rule: RuleLine, value: str) -> Edits:
    if not rule.readable or "\\\n" in rule.raw or value.endswith("\\"):
        return NO_FIX
    at = rule.raw.rfind(value)
    remark = rule.raw[at:].rstrip("\r\n")
    if at < 0 or remark.endswith("\\"):
        return NO_FIX
    return rule.edit(f"{remark}\n{rule.raw[:at].rstrip()}\n", "move the remark above the rule")


def _value_replaced(rule: RuleLine, index: int, value: str, new: str) -> Edits:
    each = rule.options[index]
    at = rule.logical.text.find(value, each.start, each.stop)
    return NO_FIX if at < 0 else rule.replaced(at, at + len(value), new, f"write {new}")


def _doubtful(
    rule: RuleLine, each: Option, name: str, value: str, at: int, files: Files
) -> Iterator[Finding]:
    """Options that are accepted, and still not what they seem."""
    if name in ("spawn", "twist", "aclexec"):
        yield from command_findings(rule, each, name, files)
    if name in ("user", "group"):
        yield rule.finding(
            _WARNING,
            "option-without-effect",
            f"Debian's libwrap never changes the {name} of a daemon for this option.",
            at,
        )
    elif name == "banners":
        yield from banner_findings(rule, value, at, files)
    elif name == "aclexec":
        decided = rule.options[-1] is not each and folded(option(rule.options[-1].text)[0]) in (
            "allow",
            "deny",
        )
        if decided:
            yield rule.finding(
                _WARNING,
                "aclexec-decided",
                "The option at the end decides, whatever the command of aclexec answers.",
                at,
            )
        elif rule.deny:
            yield rule.finding(
                _WARNING,
                "aclexec-grants",
                "When this command fails, is missing or is killed, the client is let in: the rest of "
                "hosts.deny is not read.",
                at,
            )


def runs_aclexec(rule: RuleLine) -> bool:
    """Whether a rule runs aclexec."""
    return any(folded(option(each.text)[0]) == "aclexec" for each in rule.options)


def refused(rule: RuleLine, files: Files) -> bool:
    """Whether libwrap refuses an option of the rule."""
    for index, each in enumerate(rule.options):
        key, value = option(each.text)
        try:
            check_shape(key, value, index == len(rule.options) - 1)
            _check_value(folded(key), value, files)
        except OptionError:
            return True
    return False


def aclexec_memory(rules: list[RuleLine], files: Files) -> Iterator[Finding]:
    """The flaw of Debian's aclexec: once it has failed, later rules with options do not count."""
    source = next((rule for rule in rules if runs_aclexec(rule)), None)
    if source is None:
        return
    for rule in rules:
        if runs_aclexec(rule) or not rule.options:
            continue
        if folded(option(rule.options[-1].text)[0]) in ("allow", "deny", "twist") or refused(rule, files):
            continue
        verdict = "lets the client in" if rule.deny else "does not let the client in"
        yield rule.finding(
            _WARNING,
            "aclexec-memory",
            f"Once the aclexec of {source.path} line {source.logical.first} has failed, a process that asks "
            f"again takes this rule, since it has options, for none: it {verdict}. End it with "
            f"{'deny' if rule.deny else 'allow'}.",
            rule.options[0].start,
            _ended(rule),
        )


def _ended(rule: RuleLine) -> Edits:
    text = rule.logical.text.rstrip("\n")
    tail = rule.options[-1].text
    if not tail.strip() or text.endswith("\\") or text != text.rstrip():
        return NO_FIX
    word = "deny" if rule.deny else "allow"
    return rule.replaced(len(text), len(text), f": {word}", f"end the rule with {word}")
