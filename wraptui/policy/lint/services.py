"""Knows what is wrong with xinetd's configuration: what the daemon says of it, and what that costs.

Source: xinetd 2.3.15.3 as policy/xinetd/services.py has it; every consequence was seen in the real daemon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from wraptui.policy.files import Files
from wraptui.policy.lint.files import writable
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.xinetd.services import Configuration, Message, Service
from wraptui.syntax.tree import Document, Edit, byte_text, shown

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_KILLS = "if it runs now, the next reload kills its sessions at once"

_DROPPED = f"the entry is dropped; {_KILLS}"
_STRAY = "all up to the next } is skipped: the next entry is lost"
_OPERATOR = "the entry is dropped, and perhaps the next one too"
_IGNORED = "the line is ignored"
_GONE = "its services are gone; a reload kills their sessions"

_KINDS: tuple[tuple[str, Severity, str, str], ...] = (
    ("needs a space before operator", _ERROR, "xinetd-space", f"the whole entry is dropped; {_KILLS}"),
    ("Bad operator for attribute|Nothing after attribute", _ERROR, "xinetd-operator", _OPERATOR),
    ("missing service keyword|service name missing", _ERROR, "xinetd-stray-line", _STRAY),
    (r"missing '\{'|incomplete entry|missing \}", _ERROR, "xinetd-brace", _DROPPED),
    ("bad service attribute", _WARNING, "xinetd-unknown-attribute", _IGNORED),
    ("should not be in default section", _WARNING, "xinetd-not-in-defaults", _IGNORED),
    ("attribute already set", _WARNING, "xinetd-repeated", "the first line counts, this one is ignored"),
    ("operator '.=' (?:cannot be used|not supported)", _WARNING, "xinetd-wrong-operator", _IGNORED),
    ("expects .* value", _WARNING, "xinetd-wrong-count", _IGNORED),
    ("only 1 defaults entry", _ERROR, "xinetd-second-defaults", "this defaults entry is ignored"),
    ("Unable to open included|Unable to read included directory", _ERROR, "xinetd-include", _GONE),
    (
        "Unable to stat|not a regular file|Error reading included",
        _WARNING,
        "xinetd-include",
        "the file is skipped",
    ),
    (
        "failed to parse",
        _WARNING,
        "xinetd-address",
        "the address is left out of the list; if the list ends up empty it fits nobody",
    ),
    ("undefined environment variable", _WARNING, "xinetd-passenv", "the variable is not passed on"),
    ("failed to start and is deactivated", _ERROR, "xinetd-not-started", "the service does not run"),
    ("cannot be intercepted", _WARNING, "xinetd-intercept", "the flag INTERCEPT is dropped"),
    ("clearing USERID", _WARNING, "xinetd-identity", "no user names are logged"),
    ("creation of .* log failed", _ERROR, "xinetd-log", "the service does not run, or nothing is logged"),
    (
        "must be set for|Must specify|must have a port|DISABLING|not in /etc/services|expects port|"
        "can't find service|must not wait|unknown RPC|should not have TRAFFIC|No such internal|duplicate|"
        "identical|should have UNLISTED",
        _ERROR,
        "xinetd-service-dropped",
        f"the service does not run; {_KILLS}",
    ),
)
_SILENT = re.compile(
    r"Error parsing attribute|removing |bind retry attempt|^Exiting|bind failed|Reading included"
)


def check_configuration(configuration: Configuration, files: Files) -> tuple[Finding, ...]:
    """All findings on xinetd's files, by file and line."""
    main = configuration.files[0] if configuration.files else "/etc/xinetd.conf"
    found = [
        *_messages(configuration, files, main),
        *_lists(configuration),
        *_attributes(configuration, files),
        *_logging(configuration, main),
        *_includes(configuration, files),
        *_programs(configuration, files),
    ]
    return tuple(
        sorted(dict.fromkeys(found), key=lambda each: (each.file, each.line, each.column, each.code))
    )


def _messages(configuration: Configuration, files: Files, main: str) -> Iterator[Finding]:
    """What the daemon says while it loads."""
    messages = configuration.messages
    for index, message in enumerate(messages):
        text = message.text.strip()
        if message.level in ("DEBUG", "INFO", "NOTICE") or _SILENT.search(text):
            continue
        file, line = _place(message, configuration.services, main)
        if index + 1 < len(messages) and "fatal error was encountered" in messages[index + 1].text:
            cost = "a bad value in defaults makes xinetd itself exit, at start and at reload"
            yield Finding(_ERROR, "xinetd-fatal-defaults", f"{_sentence(text)} Here: {cost}.", file, line)
            continue
        if _refused_value(messages, index):
            cost = f"the service does not run; {_KILLS}"
            yield Finding(_ERROR, "xinetd-bad-value", f"{_sentence(text)} Here: {cost}.", file, line)
            continue
        if "fatal error was encountered" in text:
            continue  # the value that caused it has been told
        if text.startswith("open( "):
            yield Finding(_ERROR, "xinetd-unreadable", f"{_sentence(text)} xinetd does not start.", file, 0)
            continue
        for pattern, severity, code, cost in _KINDS:
            if re.search(pattern, text):
                fix = _spaced(files, file, line) if code == "xinetd-space" else ()
                yield Finding(severity, code, f"{_sentence(text)} Here: {cost}.", file, line, 0, fix)
                break
        else:
            severity = _ERROR if message.level in ("ERROR", "CRITICAL") else _WARNING
            if message.level != "CRITICAL":
                yield Finding(severity, "xinetd-message", _sentence(text), file, line)


def _place(message: Message, services: Sequence[Service], main: str) -> tuple[str, int]:
    """The file and line that a message is about; those of the service it names when it tells no line."""
    if message.file:
        return shown(message.file), message.line or 0
    for service in services:
        for name in (service.id, service.name):
            if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", message.text):
                return service.file, service.first
    return main, 0


def _refused_value(messages: Sequence[Message], index: int) -> bool:
    """Whether a message tells why a value was refused: the next one of its line says that it was."""
    here = messages[index]
    for later in messages[index + 1 : index + 3]:
        if (later.file, later.line) != (here.file, here.line):
            return False
        if later.text.startswith("Error parsing attribute"):
            return True
    return False


def _sentence(text: str) -> str:
    return f"xinetd says “{' '.join(shown(text).split())}”."


def _spaced(files: Files, file: str, line: int) -> tuple[Edit, ...]:
    """The fix that puts a blank before the operator."""
    try:
        lines = Document(byte_text(files.read(file))).lines
    except OSError:
        return ()
    if not 1 <= line <= len(lines):
        return ()
    old = lines[line - 1]
    new = re.sub(r"\A([ \t]*[A-Za-z_0-9]+)([+-]?=)", r"\1 \2", old)
    return (Edit(file, line - 1, (old,), (new,), "put a blank before the operator"),) if new != old else ()


def _line_of(service: Service, attribute: str) -> int:
    places = service.lines.get(attribute)
    return places[0][0] if places else service.first


def _words(service: Service, attribute: str) -> tuple[str, ...]:
    value = service.attributes.get(attribute)
    return tuple(str(each) for each in value) if isinstance(value, tuple) else ()


def _lists(configuration: Configuration) -> Iterator[Finding]:
    """only_from and no_access: what the manual page tells otherwise."""
    for service in configuration.services:
        if not service.active:
            continue
        only_from = service.attributes.get("only_from")
        if only_from == ():
            yield Finding(
                _WARNING,
                "xinetd-only-from-empty",
                f"only_from of {service.id} is empty: nobody gets in, though the dump says “All sites”.",
                service.file,
                _line_of(service, "only_from"),
            )
        both = set(_words(service, "only_from")) & set(_words(service, "no_access"))
        if both:
            yield Finding(
                _WARNING,
                "xinetd-both-lists",
                f"{', '.join(sorted(both))} stands in only_from and in no_access of {service.id}: "
                "xinetd refuses it.",
                service.file,
                _line_of(service, "no_access"),
            )
        if (
            only_from
            and service.attributes.get("wait") == "yes"
            and service.attributes.get("socket_type") == "stream"
        ):
            yield Finding(
                _ERROR,
                "xinetd-wait-only-from",
                f"{service.id} waits (wait = yes) on a stream: xinetd knows no address then, so this "
                "only_from refuses everybody, again and again, until cps stops the service.",
                service.file,
                _line_of(service, "only_from"),
            )


def _attributes(configuration: Configuration, files: Files) -> Iterator[Finding]:
    """Attributes that do something else than they say."""
    for service in configuration.services:
        if not service.active:
            continue
        flags = _words(service, "flags")
        if "v6only" in service.lines and service.attributes.get("v6only") == "no":
            yield Finding(
                _WARNING,
                "xinetd-v6only",
                f"v6only = no switches IPv4 off for {service.id}: any value does. Leave the line out.",
                service.file,
                _line_of(service, "v6only"),
            )
        named, arguments = _line_of(service, "flags"), _line_of(service, "server_args")
        if "NAMEINARGS" in flags and named > arguments > service.first:
            yield Finding(
                _ERROR,
                "xinetd-nameinargs",
                f"NAMEINARGS stands behind server_args: every connection to {service.id} ends in a crash of "
                "its server process.",
                service.file,
                _line_of(service, "flags"),
            )
        if "SENSOR" in flags and service.attributes.get("deny_time") == -1:
            yield Finding(
                _NOTE,
                "xinetd-forever",
                f"Whoever touches {service.id} is shut out of all services until xinetd is restarted: a "
                "reload does not help.",
                service.file,
                _line_of(service, "deny_time"),
            )


def _logging(configuration: Configuration, main: str) -> Iterator[Finding]:
    """Services that are told to log, and nowhere to log to."""
    if "log_type" in configuration.defaults:
        return
    mute = [
        service
        for service in configuration.services
        if service.active
        and "log_type" not in service.attributes
        and (service.attributes.get("log_on_success") or service.attributes.get("log_on_failure"))
    ]
    if mute:
        yield Finding(
            _WARNING,
            "xinetd-nothing-logged",
            f"Without log_type nothing is logged for {', '.join(each.id for each in mute[:5])}"
            f"{' and others' if len(mute) > 5 else ''}, whatever log_on_success and log_on_failure say.",
            mute[0].file or main,
            mute[0].first,
        )


_BACKUP = re.compile(r"~\Z|\.(?:bak|old|orig|save|disabled|off|dpkg-\w+|rpm\w+|ucf-\w+|swp|pacnew)\Z|\A\.")


def _includes(configuration: Configuration, files: Files) -> Iterator[Finding]:
    """Paths that mean something else at reload, and files that includedir passes over."""
    for path in configuration.files:
        try:
            text = byte_text(files.read(path))
        except OSError:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            found = re.match(r"[ \t]*(include|includedir)[ \t]+(\S+)", line, re.IGNORECASE)
            if not found:
                continue
            target = shown(found[2])
            if not target.startswith("/"):
                yield Finding(
                    _WARNING,
                    "xinetd-relative-include",
                    f"“{target}” counts from xinetd's working directory at start and from / at reload: its "
                    "services may be gone, and their sessions killed, at the first reload.",
                    path,
                    number,
                )
            elif found[1].lower() == "includedir":
                yield from _passed_over(target, path, number, files)


def _passed_over(folder: str, path: str, number: int, files: Files) -> Iterator[Finding]:
    try:
        names = files.names(folder)
    except OSError:
        return
    for name in sorted(names):
        if "." in name and not _BACKUP.search(name):
            yield Finding(
                _NOTE,
                "xinetd-file-passed-over",
                f"{folder.rstrip('/')}/{name} is not read: includedir passes over names with a dot.",
                path,
                number,
            )


def _programs(configuration: Configuration, files: Files) -> Iterator[Finding]:
    """Who else can write what xinetd runs or reads."""
    for path in configuration.files:
        problem = writable(path, files)
        if problem:
            message = f"{problem}: who can write it decides what xinetd runs as root."
            yield Finding(_ERROR, "xinetd-writable", message, path)
    for service in configuration.services:
        server = service.attributes.get("server")
        if not service.active or not isinstance(server, str) or not server.startswith("/"):
            continue
        problem = writable(server, files)
        if problem:
            user = service.attributes.get("user", "root")
            yield Finding(
                _ERROR,
                "xinetd-server-writable",
                f"{problem}: who can write it runs programs as user {user} by connecting to {service.id}.",
                service.file,
                _line_of(service, "server"),
            )
