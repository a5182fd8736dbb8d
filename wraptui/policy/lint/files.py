"""Knows what is wrong with the files that the tables depend on: pattern files, and who may write what.

Source: libwrap 7.6.q for the contents, tcpdchk for the permissions it warns of.
"""

from __future__ import annotations

from collections.abc import Iterator

from wraptui.policy.files import Files
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.patterns import host_objections
from wraptui.policy.lint.rules import RuleLine, Word, quoted
from wraptui.policy.tables.c_library import numeric_ipv6
from wraptui.policy.tables.host_files import LONGEST_WORD
from wraptui.policy.tables.options import is_missing, reason, rooted
from wraptui.policy.tables.ranges import file_words
from wraptui.syntax.tree import byte_text, shown

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_WORLD, _GROUP, _STICKY = 0o002, 0o020, 0o1000


def file_findings(rule: RuleLine, word: Word, files: Files) -> Iterator[Finding]:
    """What is wrong with a file of patterns that a rule names."""
    path = rooted(word.text)
    try:
        kind = files.status(path).kind
        if kind != "directory":
            files.read(path)
    except OSError as error:
        nobody = "denies nobody" if rule.deny else "lets nobody in"
        why = "There is no such file" if is_missing(error) else f"Cannot be read ({reason(error)})"
        yield rule.finding(
            _ERROR if rule.deny else _WARNING,
            "pattern-file-missing" if is_missing(error) else "pattern-file-unreadable",
            f"{why}: the pattern never matches, silently, and {nobody}.",
            word.start,
        )
        return
    if kind == "directory":
        yield rule.finding(
            _WARNING,
            "pattern-file-directory",
            "A directory: libwrap reads it as an empty file, and the pattern never matches.",
            word.start,
        )
        return
    loop = _loop(word.text, files, ())
    if loop:
        yield rule.finding(
            _ERROR,
            "pattern-file-loop",
            f"{quoted(' names '.join(loop))}: every daemon that asks about this rule crashes.",
            word.start,
        )
    yield from written_by_others(word.text, "this file of patterns", files, rule, word.start)


def _loop(path: str, files: Files, above: tuple[str, ...]) -> tuple[str, ...]:
    """The chain of files that includes itself, () when there is none."""
    if path in above or len(above) > 50:
        return (*above, path)
    try:
        words = file_words(files, path)
    except OSError:
        return ()
    for word in dict.fromkeys(each for each in words if each.startswith("/")):
        found = _loop(word, files, (*above, path))
        if found:
            return found
    return ()


def pattern_files(paths: set[tuple[str, bool]], files: Files) -> Iterator[Finding]:
    """What is wrong inside the files of patterns; each is given with whether hosts.deny names it."""
    seen: set[str] = set()
    waiting = sorted(paths)
    while waiting:
        path, deny = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        try:
            data = files.read(rooted(path))
        except OSError:
            continue
        yield from _contents(shown(path), byte_text(data), deny)
        waiting += [(word, deny) for word in file_words(files, path) if word.startswith("/")]


def _contents(path: str, text: str, deny: bool) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), 1):
        if "#" in line:
            live = line[line.index("#") :].split()
            if live:
                wide = any(word.upper() in ("ALL", "KNOWN", "LOCAL") or "*" in word for word in live)
                yield Finding(
                    _ERROR if wide else _WARNING,
                    "pattern-file-comment",
                    f"There are no comments in a file of patterns: these words are live patterns: "
                    f"{quoted(' '.join(live))}"
                    + (" - and one of them matches nearly everybody." if wide else "."),
                    path,
                    number,
                    line.index("#") + 1,
                )
            line = line[: line.index("#")]
        column = 0
        for word in line.split():
            column = line.index(word, column) + 1
            found = _file_word(word, deny)
            if found:
                yield Finding(*found, path, number, column)
            column += len(word) - 1


def _file_word(word: str, deny: bool) -> tuple[Severity, str, str] | None:
    if len(word) > LONGEST_WORD:
        return (
            _ERROR,
            "pattern-file-word-too-long",
            f"A word of {len(word)} bytes: libwrap overwrites its stack with it, and the daemon crashes.",
        )
    if word.upper() == "EXCEPT":
        return _WARNING, "pattern-file-except", "A file of patterns knows no EXCEPT: what follows it matches."
    if word.startswith(("/", "@")):
        return None
    if word.endswith(",") or "," in word:
        return (
            _ERROR if deny else _WARNING,
            "pattern-file-comma",
            f"Commas do not separate in a file of patterns: “{quoted(word)}” is one word, and never matches.",
        )
    if "@" in word[1:]:
        return _WARNING, "pattern-file-user", "Never matches: user@host does not work in a file of patterns."
    if numeric_ipv6(word) is not None:
        return None
    for each in host_objections(word, deny=deny):
        return each.severity, each.code, each.message
    return None


def written_by_others(
    path: str, what: str, files: Files, rule: RuleLine, at: int | None = None
) -> Iterator[Finding]:
    """Whether somebody else than root may change a file that a rule depends on."""
    problem = writable(rooted(path), files)
    if problem:
        yield rule.finding(
            _ERROR, "writable-by-others", f"{problem}: who can write it decides what {what} says or does.", at
        )


def writable(path: str, files: Files) -> str:
    """Who beside root may change `path` or swap it for another, as a sentence; "" for nobody.

    Root is whoever owns the root directory: that of an inspected tree may be its author."""
    try:
        root = files.status("/")
    except OSError:
        return ""
    here = path
    while True:
        try:
            status = files.status(here)
        except OSError:
            return ""
        folder = status.kind == "directory"
        if status.mode & _WORLD and not (folder and status.mode & _STICKY and here != path):
            return f"{here} is world writable"
        if status.uid not in (0, root.uid):
            return f"{here} belongs to user {status.uid}, not to root"
        if (
            status.mode & _GROUP
            and status.gid not in (0, root.gid)
            and not (folder and status.mode & _STICKY)
        ):
            return f"{here} may be written by group {status.gid}"
        if here in ("/", ""):
            return ""
        here = here.rpartition("/")[0] or "/"


def table_permissions(path: str, files: Files, *, deny: bool) -> Iterator[Finding]:
    """Who may write a table, and whether daemons that are not root can read it."""
    try:
        status = files.status(path)
    except OSError:
        return
    problem = writable(path, files)
    if problem:
        yield Finding(
            _ERROR, "table-writable", f"{problem}: who can write it decides who gets in, everywhere.", path
        )
    if status.kind == "directory":
        yield Finding(
            _WARNING, "table-directory", "A directory: libwrap reads it as an empty table, silently.", path
        )
    elif not status.mode & 0o004:
        cost = "and it denies everybody" if deny else "and none of its rules counts for it"
        yield Finding(
            _WARNING,
            "table-not-readable",
            f"Mode {status.mode:04o}: a daemon that has given up root cannot open it, {cost}.",
            path,
        )
