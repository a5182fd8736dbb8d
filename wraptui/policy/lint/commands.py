"""Knows what is wrong with what a rule runs or sends: commands of spawn, twist and aclexec, banner files.

A command is read as far as its words are plain; what only a shell could know stays unsaid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wraptui.policy.files import Files
from wraptui.policy.lint.files import writable, written_by_others
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.rules import NO_FIX, Option, RuleLine, quoted
from wraptui.policy.tables.options import is_missing, reason, rooted
from wraptui.syntax.hosts import option
from wraptui.syntax.tree import shown

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
LETTERS = "aAcdhHnNprRsu%"
_HOSTILE = {
    "c": "client's name or user",
    "h": "client's host name",
    "n": "client's host name",
    "u": "client's user name",
}
_KEYWORDS = frozenset(("exec", "nohup", "command", "then", "do", "else", "if", "elif", "while", "until", "!"))
_SHELL = _KEYWORDS | {
    *("fi", "for", "done", "case", "esac", "in", "{", "}", "[", "[[", ":", ".", "eval", "exit", "set"),
    *("export", "test", "true", "false", "echo", "printf", "read", "cd", "umask", "trap", "wait", "kill"),
    *("time", "return", "shift", "unset"),
}


def command_findings(rule: RuleLine, each: Option, name: str, files: Files) -> Iterator[Finding]:
    """What is wrong with the command of one option."""
    value = option(each.text)[1]
    start = rule.logical.text.find(value, each.start, each.stop)
    exact = start >= 0
    start = start if exact else each.start
    yield from _expansions(rule, value, start, exact)
    for at, program in _programs(value):
        yield from _program(rule, program, start + at if exact else start, name, files)


def _expansions(rule: RuleLine, value: str, start: int, exact: bool) -> Iterator[Finding]:
    quote = ""
    at = 0
    while at < len(value):
        char = value[at]
        if char == "%" and at + 1 < len(value):
            letter = value[at + 1]
            place = start + at if exact else start
            if letter not in LETTERS:
                yield rule.finding(
                    _WARNING,
                    "unknown-expansion",
                    f"%{quoted(letter)} means nothing to libwrap and vanishes, with a warning in the log.",
                    place,
                )
            elif letter in _HOSTILE and not quote and (at == 0 or value[at - 1] in " \t"):
                yield rule.finding(
                    _WARNING,
                    "unquoted-expansion",
                    f"%{letter} is not quoted: the {_HOSTILE[letter]} is the client's own choice and may "
                    "begin with “-”, which the program then takes for an option.",
                    place,
                    rule.replaced(place, place + 2, f'"%{letter}"', "quote the expansion")
                    if exact
                    else NO_FIX,
                )
            at += 2
            continue
        if char == "\\" and quote != "'":
            at += 2
            continue
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        at += 1


_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def _programs(value: str) -> Iterator[tuple[int, str]]:
    """The programs that a command plainly names, each with its offset: the first words of simple commands."""
    if re.search(r"[`<]<|\$\(|`", value):
        return
    masked = re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", lambda match: "\0" * len(match[0]), value)
    for match in re.finditer(r"\A[ \t({]*|[;&|({\n][;&|({\n \t]*", masked):
        at = match.end()
        while at < len(masked):
            at += len(masked[at:]) - len(masked[at:].lstrip(" \t({"))
            word = _PLAIN.match(masked, at)
            if not word:
                break
            after = masked[word.end() : word.end() + 1]
            if after and after not in " \t;&|)}>\n":
                break  # part of a word with quotes or variables
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=.*", word[0]):
                at = word.end()
                continue
            if word[0] in _KEYWORDS:
                at = word.end()
                continue
            if not word[0].isdigit() and "%" not in word[0]:
                yield at, word[0]
            break


def _program(rule: RuleLine, program: str, at: int, name: str, files: Files) -> Iterator[Finding]:
    cost = {
        "spawn": "nothing is run, and nobody is told",
        "twist": "the client is cut off without an answer",
        "aclexec": "the command counts as failed",
    }[name]
    if program in _SHELL:
        return
    if "/" not in program:
        yield rule.finding(
            _NOTE,
            "relative-program",
            f"“{quoted(program)}” is looked for in the PATH of whichever daemon asks, which may lack it: "
            f"then {cost}. Name it from / on.",
            at,
        )
        return
    if not program.startswith("/"):
        yield rule.finding(
            _WARNING,
            "relative-program",
            f"“{quoted(program)}” counts from the working directory of whichever daemon asks; mostly {cost}.",
            at,
        )
        return
    path = rooted(program)
    try:
        kind = "directory" if program.endswith("/") else files.status(path).kind
    except OSError as error:
        why = "There is no" if is_missing(error) else f"Cannot look at ({reason(error)})"
        yield rule.finding(
            _ERROR if name != "spawn" else _WARNING,
            "program-missing",
            f"{why} {quoted(program)}: {cost}.",
            at,
        )
        return
    if kind == "directory":
        yield rule.finding(
            _ERROR,
            "program-is-directory",
            f"“{quoted(program)}” is a directory, not a program (a blank too many behind it?): {cost}.",
            at,
        )
    elif not files.executable(path):
        yield rule.finding(
            _ERROR, "program-not-executable", f"{quoted(program)} is not executable: {cost}.", at
        )
    else:
        yield from written_by_others(program, "what this rule runs as the daemon's user", files, rule, at)


def banner_findings(rule: RuleLine, directory: str, at: int, files: Files) -> Iterator[Finding]:
    """What is wrong with a folder of banners."""
    if not directory.startswith("/"):
        yield rule.finding(
            _WARNING,
            "relative-banners",
            f"“{quoted(directory)}” counts from the working directory of whichever daemon asks.",
            at,
        )
    path = rooted(directory)
    try:
        kind = files.status(path).kind
    except OSError as error:
        why = "There is no" if is_missing(error) else f"Cannot look at ({reason(error)})"
        yield rule.finding(
            _WARNING, "banners-missing", f"{why} {quoted(directory)}: no banner is sent to anybody.", at
        )
        return
    if kind != "directory":
        yield rule.finding(
            _WARNING,
            "banners-missing",
            f"{quoted(directory)} is no folder: banners are files in it, named like the daemons.",
            at,
        )
        return
    yield from written_by_others(directory, "the banner", files, rule, at)
    yield from _banner_files(rule, path, at, files)


def _banner_files(rule: RuleLine, path: str, at: int, files: Files) -> Iterator[Finding]:
    names = [
        shown(word.text)
        for word in rule.daemons
        if re.fullmatch(r"[A-Za-z0-9._-]+", word.text) and word.text.upper() not in ("ALL", "KNOWN", "EXCEPT")
    ]
    if any(word.text.upper() == "EXCEPT" for word in rule.daemons):
        names = []
    for name in names:
        file = f"{path.rstrip('/')}/{name}"
        try:
            files.status(file)
        except OSError as error:
            if is_missing(error):
                yield rule.finding(
                    _WARNING, "banner-missing", f"There is no {quoted(file)}: {name} sends no banner.", at
                )
            continue
        problem = writable(file, files)
        if problem and not writable(path, files):
            yield rule.finding(
                _ERROR, "writable-by-others", f"{problem}: who can write it decides what the banner says.", at
            )
