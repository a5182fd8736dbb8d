"""Knows the recipe of the raised severity: connections of a kind are logged as more than routine.

The names are libwrap's own (hosts_options(5), option severity): no authpriv, ftp or warn. Whoever asks
libwrap logs with it (sshd, tcpd); xinetd logs refusals itself, as its log_type says (verified against
2.3.15.3).
"""

from __future__ import annotations

from collections.abc import Mapping

from wraptui.policy.recipes.placing import concerned, daemon_names, network, place_rule, unasked
from wraptui.policy.recipes.plan import Circumstances, Plan, Question, Recipe, Sample
from wraptui.policy.tables.options import FACILITIES, LEVELS

_PLAIN = ("warning", "notice", "info", "debug")


def plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    """A rule for these daemons whose log lines have this facility and level."""
    daemons = daemon_names(answers["daemon"])
    meant, clients = network(answers["network"])
    facility, level, verdict = answers["facility"], answers["level"], answers["verdict"]
    severity = f"{facility}.{level}"
    edits, path, line = place_rule(around, daemons, clients, meant, f"severity {severity}", verdict)
    warnings = [*unasked(around, daemons), *_by_xinetd(around, daemons)]
    if level == "emerg":
        warnings.append(
            "Most syslog daemons write an emerg line on the terminal of everybody who is logged in: a scan "
            "would fill their screens. alert is as loud in the log."
        )
    if level in _PLAIN:
        warnings.append(f"{level} is no more than what libwrap's programs log anyway (info to warning).")
    if facility == "kern":
        warnings.append("What programs log as kern, most syslog daemons file as user.")
    own = concerned(around, meant) if verdict == "deny" else ()
    if own:
        warnings.append(f"{', '.join(own)}, from where you work, is in {clients}: it would be refused.")
    who = "any daemon" if daemons == ("ALL",) else ", ".join(daemons)
    return Plan(
        "severity",
        f"Severity {severity} for {who}",
        edits,
        (),
        (
            f"A connection from {clients} to {who} is {'refused' if verdict == 'deny' else 'let in'} and "
            f"logged with facility {facility} and level {level}.",
            f"The rule is line {line} of {path}: no rule before it can match one of them.",
        ),
        (
            "Where the line is written, and whether anybody is told, is up to the syslog daemon.",
            "It reads as every other refusal; only facility and level are raised.",
        ),
        tuple(warnings),
        (Sample("The line, as syslog gets it", _line(daemons, facility, level, verdict)),),
    )


def _by_xinetd(around: Circumstances, daemons: tuple[str, ...]) -> list[str]:
    """A sentence where nobody but xinetd itself asks for one of these daemons."""
    silent = []
    for name in daemons:
        asking = [each for each in around.coverage if each.honours == "yes" and name in each.daemons]
        if asking and all(each.listener.by_xinetd and "through tcpd" not in each.why for each in asking):
            silent.append(name)
    if not silent:
        return []
    return [
        f"xinetd itself asks for {', '.join(silent)}, and logs what it refuses as its log_type says: the "
        "severity is not seen there. It is for programs that ask by themselves, or through tcpd."
    ]


def _line(daemons: tuple[str, ...], facility: str, level: str, verdict: str) -> str:
    number = _NUMBERS[facility] * 8 + LEVELS.index(level)
    daemon = "sshd" if daemons == ("ALL",) else daemons[0]
    return (
        f"<{number}>{daemon}[4711]: {'refused connect' if verdict == 'deny' else 'connect'} from 203.0.113.9"
    )


_NUMBERS = dict(zip(FACILITIES, (*range(5), *range(6, 10), *range(16, 24)), strict=True))
"""The numbers of the facilities in a line to /dev/log; 5 is syslog's own."""

RECIPE = Recipe(
    "severity",
    "Raised severity",
    "Connections that should not happen are logged louder than routine.",
    (
        Question(
            "daemon", "Which daemons?", needed=True, help="those that nobody should use here: in.telnetd"
        ),
        Question("network", "From which network?", "ALL", help="192.0.2.0/24, 2001:db8::/32, or ALL"),
        Question("facility", "Which facility?", "auth", FACILITIES),
        Question("level", "Which level?", "alert", LEVELS, "emerg is written on every terminal"),
        Question("verdict", "Refuse or let in?", "deny", ("deny", "allow")),
    ),
    plan,
)
