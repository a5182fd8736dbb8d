"""Knows the recipe of the resource limits: values from what a service has really seen, set in its entry.

xinetd.conf(5): instances, per_source, cps, rlimit_as, rlimit_cpu, max_load; the arithmetic is that of
`policy.limits`, verified against xinetd 2.3.15.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from wraptui.policy.change.service_edits import set_attribute
from wraptui.policy.live.admission import is_sensor
from wraptui.policy.live.limits import cps_words
from wraptui.policy.recipes.history import History, Limits, history, refused_by, stays
from wraptui.policy.recipes.plan import BadAnswer, Circumstances, Plan, Question, Recipe, Sample, made
from wraptui.policy.recipes.xinetd_files import candidate
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import Edit

AUTO, KEEP = "auto", "keep"
_ENOUGH = 20  # connections from which on a history says something
_MEGABYTE = 1 << 20


def plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    """The service's entry with the limits that were asked for, or that its history suggests."""
    service = around.service(answers["service"])
    if is_sensor(service):
        raise BadAnswer(f"{service.id} is a trap: it serves nobody, so limits do nothing there.")
    connections = stays(around.events, service.id, around.now)
    seen = history(connections)
    warnings: list[str] = []
    wanted = {
        name: words
        for name, words in (
            ("instances", _count(answers["instances"], seen, _instances(seen), "instances", warnings)),
            ("per_source", _count(answers["per_source"], seen, _per_source(seen), "per_source", warnings)),
            ("cps", _cps(answers["cps"], seen, warnings)),
            ("rlimit_as", _memory(answers["rlimit_as"], service, around, warnings)),
            ("rlimit_cpu", _cpu(answers["rlimit_cpu"], service, around, warnings)),
            ("max_load", _load(answers["max_load"], around)),
        )
        if words
    }
    wanted = {name: words for name, words in wanted.items() if not _has(service, name, words)}
    if not wanted:
        raise BadAnswer(
            f"Nothing to change: {service.id} has these limits already, or its log says too little "
            f"({seen.count} connections) to propose any. Give the values yourself."
        )
    if any(name.startswith("rlimit") for name in wanted) and "INTERNAL" in _words(service, "type"):
        raise BadAnswer(f"{service.id} is built into xinetd: there is no process that rlimit_* could limit.")
    edits = _edits(service, wanted, around)
    return Plan(
        "limits",
        f"Limits of {service.id}",
        edits,
        (),
        tuple(_sentence(service, name, words) for name, words in wanted.items()),
        (
            "The limits count connections, not people: many behind one address share its per_source.",
            "cps pauses the service for everybody: whoever floods it shuts all others out meanwhile.",
            "Running servers stay as they are; new connections meet the new limits.",
        ),
        (*warnings, *_now_over(service, wanted, around)),
        _samples(service, seen, wanted, around),
    )


def _words(service: Service, name: str) -> tuple[str, ...]:
    value = service.attributes.get(name, ())
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def _has(service: Service, name: str, words: str) -> bool:
    """Whether the service's own entry says so already (what comes from defaults may change)."""
    own = service.origin.get(name, "built-in") not in ("built-in", "defaults")
    return own and " ".join(_words(service, name)).upper() == words.upper()


def _instances(seen: History) -> int:
    return max(ceil(1.5 * seen.peak), seen.peak + 2)


def _per_source(seen: History) -> int:
    return max(ceil(1.5 * seen.source_usual), seen.source_usual + 1)


def _enough(seen: History, name: str, warnings: list[str]) -> bool:
    if seen.count >= _ENOUGH:
        return True
    warnings.append(f"{name} is left as it is: the log has {seen.count} connections, too few to tell from.")
    return False


def _count(answer: str, seen: History, proposed: int, name: str, warnings: list[str]) -> str:
    if answer == KEEP:
        return ""
    if answer == AUTO:
        return str(proposed) if _enough(seen, name, warnings) else ""
    if answer.upper() == "UNLIMITED":
        return "UNLIMITED"
    if not _natural(answer):
        raise BadAnswer(
            f"{name} is a number from 1 on, or UNLIMITED, not {answer!r}; 0 would refuse everyone."
        )
    return str(int(answer))


def _natural(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 2**31


def _cps(answer: str, seen: History, warnings: list[str]) -> str:
    if answer == KEEP:
        return ""
    if answer == AUTO:
        return f"{max(ceil(1.5 * seen.burst), 5)} 30" if _enough(seen, "cps", warnings) else ""
    words = answer.split()
    if len(words) != 2 or not all(map(_natural, words)):
        raise BadAnswer(f"cps is two numbers from 1 on (per second, seconds of pause), not {answer!r}.")
    return f"{int(words[0])} {int(words[1])}"


def _memory(answer: str, service: Service, around: Circumstances, warnings: list[str]) -> str:
    if answer == KEEP:
        return ""
    if answer == AUTO:
        used = around.usage.get(service.id)
        if not used or not used.memory:
            warnings.append("rlimit_as is left as it is: no server runs now whose memory could be looked at.")
            return ""
        warnings.append(
            f"The largest server has {used.memory / _MEGABYTE:.0f} MB of address space now; rlimit_as is "
            "three times that: try it."
        )
        return f"{max(ceil(3 * used.memory / _MEGABYTE), 32)}M"
    match = re.fullmatch(r"(\d{1,12})([kKmM]?)", answer)
    if answer.upper() == "UNLIMITED":
        return "UNLIMITED"
    if not match or not int(match[1]):
        raise BadAnswer(
            f"rlimit_as is a number of bytes, or with K or M (xinetd knows no G), not {answer!r}."
        )
    size = int(match[1]) * {"": 1, "k": 1024, "m": _MEGABYTE}[match[2].lower()]
    if size < 8 * _MEGABYTE:
        warnings.append(f"Hardly a program starts with {answer} of address space: it would fail at once.")
    return answer


def _cpu(answer: str, service: Service, around: Circumstances, warnings: list[str]) -> str:
    if answer == KEEP:
        return ""
    if answer == AUTO:
        used = around.usage.get(service.id)
        if not used:
            warnings.append("rlimit_cpu is left as it is: no server runs now whose time could be looked at.")
            return ""
        return str(max(ceil(10 * used.cpu), 10))
    if answer.upper() == "UNLIMITED":
        return "UNLIMITED"
    if not _natural(answer):
        raise BadAnswer(f"rlimit_cpu is a number of seconds from 1 on, not {answer!r}.")
    return str(int(answer))


def _load(answer: str, around: Circumstances) -> str:
    if answer == KEEP:
        return ""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,2})?", answer) or not float(answer):
        raise BadAnswer(f"max_load is a load average such as 8 or 2.5, not {answer!r}.")
    if around.live and around.load >= float(answer):
        raise BadAnswer(
            f"The load is {around.load:.2f} now: with max_load = {answer} everyone would be refused."
        )
    return answer


def _edits(service: Service, wanted: Mapping[str, str], around: Circumstances) -> tuple[Edit, ...]:
    before = document = around.document(service.file)
    edits: list[Edit] = []
    entry = service
    for name, words in wanted.items():
        new = set_attribute(document, entry, name, words)
        lines = len(document.lines)
        document = made(document, new)
        entry = replace(entry, last=entry.last + len(document.lines) - lines)
        edits += new
    if before == document:
        raise BadAnswer(f"Nothing to change: {service.id} has these limits already.")
    after = candidate(around, {service.file: document})
    found = [each for each in after.services if (each.id, each.first) == (service.id, service.first)]
    if len(found) != 1 or not found[0].active or not after.starts:
        raise BadAnswer(f"With these limits {service.id} would not run: mend its entry first.")
    for name, words in wanted.items():
        if not _has(found[0], name, words) and name not in ("rlimit_as", "max_load"):
            raise BadAnswer(
                f"{name} = {words} would not take effect in {service.file}: mend the entry first."
            )
    if len(after.services) != len(around.configuration.services):
        raise BadAnswer("With these limits other services would change: mend the errors of the files first.")
    return tuple(edits)


def _sentence(service: Service, name: str, words: str) -> str:
    if name == "instances":
        return (
            f"instances = {words}: at most {words} servers of {service.id} at once; the next one is refused."
        )
    if name == "per_source":
        return f"per_source = {words}: at most {words} of them for one address."
    if name == "cps":
        most, wait = map(int, words.split())
        return f"cps = {words}: {cps_words(most, wait)}"
    if name == "rlimit_as":
        return f"rlimit_as = {words}: a server that wants more address space is denied it, and mostly ends."
    if name == "rlimit_cpu":
        return f"rlimit_cpu = {words}: the kernel ends a server that has computed for {words} s."
    return f"max_load = {words}: while the load is that high, everyone is refused."


def _now_over(service: Service, wanted: Mapping[str, str], around: Circumstances) -> list[str]:
    """Who is over the new limits already."""
    here = [each for each in around.clients if each.live and each.service == service.id]
    found = []
    if wanted.get("instances", "").isdigit() and len(here) >= int(wanted["instances"]):
        found.append(f"{len(here)} servers run now: the next connection is refused.")
    if wanted.get("per_source", "").isdigit():
        for address in dict.fromkeys(each.address for each in here):
            count = sum(each.address == address for each in here)
            if count > int(wanted["per_source"]):
                found.append(f"{address} has {count} connections now, more than it may have.")
    return found


def _samples(
    service: Service, seen: History, wanted: Mapping[str, str], around: Circumstances
) -> tuple[Sample, ...]:
    if not seen.count:
        return ()
    effective = {
        name: wanted.get(name) or " ".join(_words(service, name)) for name in ("instances", "per_source")
    }
    cps = (wanted.get("cps") or " ".join(_words(service, "cps"))).split()
    limits = Limits(
        int(effective["instances"]) if effective["instances"].isdigit() else -1,
        int(effective["per_source"]) if effective["per_source"].isdigit() else -1,
        int(cps[0]) if len(cps) == 2 else 0,
        int(cps[1]) if len(cps) == 2 else 0,
    )
    stopped = refused_by(stays(around.events, service.id, around.now), limits)
    lines = [
        f"{each.address}: {each.count} of {each.of} connections, by {each.limit}" for each in stopped[:10]
    ]
    return (
        Sample(
            "What its log shows",
            f"{seen.count} connections; at once at most {seen.peak}, from one source {seen.source_peak} "
            f"({seen.source}), for 99 of 100 connections at most {seen.source_usual}; within two seconds at "
            f"most {seen.burst}",
        ),
        Sample("Who would have been refused", "\n".join(lines) or "nobody"),
    )


RECIPE = Recipe(
    "limits",
    "Resource limits",
    "Limits for a service, from what it has really seen.",
    (
        Question("service", "Which service?", needed=True, help="its id"),
        Question("instances", "How many servers at once?", AUTO, help="a number, UNLIMITED, auto or keep"),
        Question("per_source", "How many for one address?", AUTO, help="a number, UNLIMITED, auto or keep"),
        Question(
            "cps", "How many new ones?", AUTO, help="per second and the pause in seconds: 25 30; auto, keep"
        ),
        Question("rlimit_as", "How much address space?", KEEP, help="64M, auto or keep"),
        Question("rlimit_cpu", "How many seconds of processor time?", KEEP, help="a number, auto or keep"),
        Question("max_load", "Up to which load?", KEEP, help="8, or keep"),
    ),
    plan,
)
