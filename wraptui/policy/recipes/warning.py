"""Knows the recipe of the attack warning: a line in a log, or a script, whenever a network comes.

libwrap runs `spawn` in /bin/sh. Of what it expands it replaces every byte but letters, digits and some signs
(hosts_access(5), verified against libwrap 7.6.q); quoted, and as data of printf, the rest does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from wraptui.policy.recipes.placing import concerned, daemon_names, network, place_rule, plain_path, unasked
from wraptui.policy.recipes.plan import BadAnswer, Circumstances, Made, Plan, Question, Recipe, Sample

_DATE = "/bin/date"


def plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    """A rule for the network that logs or runs something, and says itself whether it lets in."""
    daemons = daemon_names(answers["daemon"])
    meant, clients = network(answers["network"])
    verdict = answers["verdict"]
    warnings = list(unasked(around, daemons))
    made: tuple[Made, ...] = ()
    if answers["script"]:
        option, warned = _script(answers["script"], around)
        warnings += warned
        what = f"runs {answers['script']} with the daemon, the client and its address as arguments"
    else:
        log = plain_path(answers["log"], "The log")
        option = _logging(log, verdict, around)
        made, warned = _log(log, around)
        warnings += warned
        what = f"writes a line into {log}"
    edits, path, line = place_rule(around, daemons, clients, meant, option, verdict)
    own = concerned(around, meant)
    if own and verdict == "deny":
        warnings.append(f"{', '.join(own)}, from where you work, is in {clients}: it would be refused.")
    if clients == "ALL":
        warnings.append("Every connection runs a shell: a flood of them costs as many processes.")
    who = "any daemon that asks libwrap" if daemons == ("ALL",) else ", ".join(daemons)
    return Plan(
        "warning",
        f"Warning of {clients}",
        edits,
        made,
        (
            f"A connection from {clients} to {who} {what}, and is "
            f"{'refused' if verdict == 'deny' else 'let in'}.",
            f"The rule is line {line} of {path}: no rule before it can match one of them.",
        ),
        (
            "It tells what libwrap is asked about: a scan that completes no connection, and what the packet "
            "filter or xinetd's own limits refuse before, is not seen.",
            "The log grows with every connection: have it rotated.",
        ),
        tuple(warnings),
        (Sample("A line of the log", f"{_example(verdict, daemons)}"),)
        if made or not answers["script"]
        else (),
    )


def _logging(log: str, verdict: str, around: Circumstances) -> str:
    date = _DATE if around.files.executable(_DATE) else "/usr/bin/date"
    word = "refused" if verdict == "deny" else "let in"
    return (
        f"spawn (printf '%%s %%s\\: {word} %%s (%%s)\\n' \"$({date} '+%%F %%T')\" '%d' '%c' '%a' >> {log}) &"
    )


def _example(verdict: str, daemons: tuple[str, ...]) -> str:
    daemon = "sshd" if daemons == ("ALL",) else daemons[0]
    word = "refused" if verdict == "deny" else "let in"
    return f"2026-11-24 02:30:00 {daemon}: {word} host.example.org (203.0.113.9)"


def _log(path: str, around: Circumstances) -> tuple[tuple[Made, ...], list[str]]:
    """The log, to be made first for root alone: a shell would make it for everybody to read."""
    folder = path.rpartition("/")[0] or "/"
    try:
        status = around.files.status(folder)
    except OSError as error:
        raise BadAnswer(f"{folder} must be there before a log can be in it.") from error
    if status.kind != "directory":
        raise BadAnswer(f"{folder} is no folder.")
    if status.mode & 0o002 and not status.mode & 0o1000:
        raise BadAnswer(f"Everybody may write in {folder}: a log there can be put in another's place.")
    try:
        there = around.files.status(path)
    except OSError:
        return (Made("log", path, 0o600),), []
    if there.kind != "file":
        raise BadAnswer(f"{path} is no ordinary file.")
    if there.mode & 0o022:
        return (), [f"{path} is there already, and others than root may write it (mode {there.mode:04o})."]
    return (), []


def _script(text: str, around: Circumstances) -> tuple[str, list[str]]:
    script = plain_path(text, "The script")
    try:
        status = around.files.status(script)
    except OSError as error:
        raise BadAnswer(f"There is no {script}.") from error
    if status.kind != "file" or not around.files.executable(script):
        raise BadAnswer(f"{script} is no program that can be run.")
    if status.mode & 0o022 or status.uid:
        raise BadAnswer(f"Others than root may change {script}, and libwrap's daemons run it as root.")
    warnings = [f"{script} runs as the daemon's user, mostly root, at every connection: it must be quick."]
    return f"spawn ({script} '%d' '%c' '%a') &", warnings


RECIPE = Recipe(
    "warning",
    "Attack warning",
    "A line in a log, or a script, whenever a given network comes.",
    (
        Question(
            "network", "Which network?", needed=True, help="192.0.2.0/24, 2001:db8::/32, one address, or ALL"
        ),
        Question("daemon", "Which daemons?", "ALL", help="names as libwrap is asked: in.ftpd sshd, or ALL"),
        Question("verdict", "Refuse or let in?", "deny", ("deny", "allow")),
        Question(
            "log", "Into which log?", "/var/log/hosts_access.warning", help="made for root alone (0600)"
        ),
        Question("script", "Or which script instead?", help="it gets the daemon, the client and its address"),
    ),
    plan,
)
