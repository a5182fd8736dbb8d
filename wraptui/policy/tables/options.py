"""Knows the options of a rule: their arguments, their errors in libwrap's words, what they decide.

Options run from left to right while they are read; an error denies, whichever file the rule stands in.
Nothing is run here: commands are expanded and logged, `aclexec` answers what it is told to.
`user` and `group` never change who runs the process: Debian's library does that only in a dry run.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from wraptui.policy.files import Files
from wraptui.policy.tables.c_library import SPACE, folded, signed, unsigned
from wraptui.policy.tables.expansion import LONGEST_BANNER_LINE, Request, expanded
from wraptui.syntax.hosts import option, option_fields, split_at
from wraptui.syntax.tree import byte_text, shown

Outcome = Literal["granted", "denied", "delegated", "error"]

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "lpr", "news", "uucp", "cron"),
    *(f"local{number}" for number in range(8)),
)
_LOGGED = "option:   "
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


@dataclass(frozen=True, slots=True)
class Keyword:
    """How an option is written: whether it takes a value, is %-expanded, must be the last one."""

    value: Literal["none", "needed", "optional"]
    expanded: bool = False
    last: bool = False


KEYWORDS = {
    "user": Keyword("needed"),
    "group": Keyword("needed"),
    "umask": Keyword("needed"),
    "linger": Keyword("needed"),
    "keepalive": Keyword("none"),
    "aclexec": Keyword("needed", expanded=True),
    "spawn": Keyword("needed", expanded=True),
    "twist": Keyword("needed", expanded=True, last=True),
    "rfc931": Keyword("optional"),
    "setenv": Keyword("needed", expanded=True),
    "nice": Keyword("optional"),
    "severity": Keyword("needed"),
    "allow": Keyword("none", last=True),
    "deny": Keyword("none", last=True),
    "banners": Keyword("needed"),
}


class OptionError(Exception):
    """An error in an option, in libwrap's words."""


@dataclass(frozen=True)
class Conditions:
    """What options depend on beside the request: the root's files, aclexec's answer, a resident process."""

    files: Files
    aclexec: bool = True
    resident: bool = False


def run_options(options: str, request: Request, conditions: Conditions) -> Outcome | None:
    """What the options decide, or None when they leave the verdict to the table. Everything they log is in
    `request.messages`; raises `ProcessExit` where libwrap ends the process."""
    found = option_fields(options)
    for index, field in enumerate(found):
        try:
            outcome = _run(field, index == len(found) - 1, request, conditions)
        except OptionError as error:
            request.fail(str(error))
            return "error"
        if outcome:
            return outcome
    return None


def _run(field: str, last: bool, request: Request, conditions: Conditions) -> Outcome | None:
    key, value = option(field)
    name = folded(key)
    check_shape(key, value, last)
    logged = value
    if value and KEYWORDS[name].expanded:
        value = expanded(value, request).strip(SPACE)
        logged = value
    request.messages.append(f"{_LOGGED}{key} {logged}")
    if name == "allow":
        return "granted"
    if name == "deny":
        return "denied"
    if name == "twist":
        if conditions.resident:
            raise OptionError("twist option in resident process")
        return "delegated"
    if name == "aclexec":
        request.aclexec_failed = not conditions.aclexec
    elif name == "banners":
        _send_banner(value, request, conditions.files)
    elif name == "group":
        _check_group(value, conditions.files)
    elif name == "user":
        _check_user(value, conditions.files)
    elif name in CHECKS:
        CHECKS[name](value)
    return None


def in_words(message: str) -> str:
    """A message of a decision for people: what an option would do reads as such. For %p stands the word
    PID in it, since nobody knows the number beforehand."""
    if not message.startswith(_LOGGED):
        return message
    key, _, rest = message.removeprefix(_LOGGED).partition(" ")
    if key.lower() not in ("spawn", "twist", "aclexec"):
        return f"option {key} {rest}".rstrip()
    number = "  (PID: the number of the daemon's process)" if "PID" in rest else ""
    return f"{key} would run: {rest}{number}"


def check_shape(key: str, value: str, last: bool) -> None:
    """Raise `OptionError` unless there is such an option, with a value where it wants one, at its place."""
    if not key:
        raise OptionError("missing option name")
    keyword = KEYWORDS.get(folded(key))
    if keyword is None:
        raise OptionError(f'bad option name: "{key}"')
    if not value and keyword.value == "needed":
        raise OptionError(f'option "{key}" requires value')
    if value and keyword.value == "none":
        raise OptionError(f'option "{key}" requires no value')
    if keyword.last and not last:
        raise OptionError(f'option "{key}" must be at end')


def _check_umask(value: str) -> None:
    mask = unsigned(value, base=8)
    if mask is None or mask > 0o777:
        raise OptionError(f'bad umask value: "{value}"')


def _check_linger(value: str) -> None:
    seconds = signed(value)
    if seconds is None or seconds < 0:
        raise OptionError(f'bad linger value: "{value}"')


def _check_nice(value: str) -> None:
    if value and signed(value) is None:
        raise OptionError(f'bad nice value: "{value}"')


def _check_rfc931(value: str) -> None:
    if value and (signed(value) or 0) <= 0:
        raise OptionError(f'bad rfc931 timeout: "{value}"')


def _check_setenv(value: str) -> None:
    name = value[: next((at for at, char in enumerate(value) if char in " \t\r\n"), len(value))].strip(SPACE)
    if not name or "=" in name:
        raise OptionError("memory allocation failure")


def _check_severity(value: str) -> None:
    parts = split_at(value, ".")
    if parts is None:
        parts = ("daemon", value)
    for name, known in zip(parts, (FACILITIES, LEVELS), strict=True):
        if folded(name) not in known:
            raise OptionError(f'bad syslog facility or severity: "{name}"')


CHECKS: dict[str, Callable[[str], None]] = {
    "umask": _check_umask,
    "linger": _check_linger,
    "nice": _check_nice,
    "rfc931": _check_rfc931,
    "setenv": _check_setenv,
    "severity": _check_severity,
}
"""What the options that never decide do check, by name; each raises `OptionError`."""


def _check_group(name: str, files: Files) -> None:
    if name not in _database(files, "/etc/group", 3):
        raise OptionError(f'unknown group: "{name}"')


def _check_user(value: str, files: Files) -> None:
    parts = split_at(value, ".")
    if parts is not None:
        _check_group(parts[1], files)
    name = value if parts is None else parts[0]
    if name not in _database(files, "/etc/passwd", 4):
        raise OptionError(f'unknown user: "{name}"')


def _database(files: Files, path: str, numbered: int) -> set[str]:
    """The names in a user or group database: lines whose numeric fields are numbers."""
    try:
        text = byte_text(files.read(path))
    except OSError:
        return set()
    names = set()
    for line in text.split("\n"):
        columns = line.lstrip(SPACE).split(":")
        if len(columns) >= numbered and not columns[0].startswith("#"):
            numbers = columns[2:numbered]
            if columns[0] and all(number.isdigit() for number in numbers):
                names.add(columns[0])
    return names


def _send_banner(directory: str, request: Request, files: Files) -> None:
    """What sending DIRECTORY/daemon to the client logs, and does to the request."""
    try:
        data = files.read(rooted(f"{directory}/{request.daemon}"))
    except IsADirectoryError:
        return
    except OSError:
        try:
            files.status(rooted(directory))
        except OSError as error:
            request.warn(f"{directory}: {reason(error)}")
        return
    text = byte_text(data).lstrip("\0")
    position = 0
    while position < len(text):
        newline = text.find("\n", position, position + 8190)
        stop = newline + 1 if newline >= 0 else position + 8190
        line = text[position:stop].partition("\0")[0]
        cut = split_at(line, "\n")
        expanded(line if cut is None else cut[0] + "\r\n", request, LONGEST_BANNER_LINE)
        position = stop


def rooted(path: str) -> str:
    """A path in byte text as `Files` wants it; a relative one counts from `/`, where daemons run."""
    return shown(path if path.startswith("/") else "/" + path)


def reason(error: OSError) -> str:
    """Why a file could not be read, in the system's words."""
    if error.strerror:
        return error.strerror
    return "No such file or directory" if is_missing(error) else "Input/output error"


def is_missing(error: OSError) -> bool:
    return isinstance(error, FileNotFoundError) or error.errno == errno.ENOENT
