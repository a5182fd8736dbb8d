"""Knows what xinetd 2.3.15.3 makes of attributes whose words are lists, and of logs (verified)."""

from __future__ import annotations

from collections.abc import Sequence

from wraptui.policy.xinetd import addresses, numbers
from wraptui.policy.xinetd.addresses import Address
from wraptui.policy.xinetd.draft import (
    FACILITIES,
    LEVELS,
    ON_FAILURE,
    ON_SUCCESS,
    Draft,
    Words,
    World,
    canonical,
    mark,
    nothing_given,
)
from wraptui.syntax.xinetd import folded


def set_env(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if operator == "-=":
        world.complain("WARNING", "operator '-=' not supported for env attribute")
        return False
    if operator == "=" or draft.env is None:
        draft.env = []
    for word in words:
        if "=" not in word:
            world.complain("ERROR", f"{word} has no '='")
            return False
        draft.env.append(word)
    return True


def set_passenv(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if operator == "=" or draft.passenv is None:
        draft.passenv = []
    for word in words:
        there = next((name for name in draft.passenv if folded(name) == folded(word)), None)
        if operator == "-=":
            if there is not None:
                draft.passenv.remove(there)
        elif there is None:
            if word in world.environment:
                draft.passenv.append(word)
            else:
                world.complain("WARNING", f"undefined environment variable: {word}")
    return True


def set_enabled(draft: Draft, words: Words, operator: str, world: World) -> bool:
    draft.enabled = [*(draft.enabled or ()), *words]
    return True


def set_disabled(draft: Draft, words: Words, operator: str, world: World) -> bool:
    draft.disabled_ids = [*(draft.disabled_ids or ()), *words]
    return True


def set_log_type(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if nothing_given(words, "log_type", world):
        return False
    if draft.log:
        world.complain("ERROR", "Cannot set more than one log_type attribute")
        return False
    kind = folded(words[0])
    if kind not in ("file", "syslog"):
        world.complain("ERROR", f"Unknown log type: {words[0]}")
        return False
    return _log_file(draft, words, world) if kind == "file" else _log_syslog(draft, words, world)


def _log_file(draft: Draft, words: Words, world: World) -> bool:
    if not 2 <= len(words) <= 4:
        world.complain("ERROR", "wrong number of arguments")
        return False
    limits: tuple[int, ...] = ()
    if len(words) > 2:
        soft, _ = numbers.size(words[2])
        if soft is None:
            world.complain("ERROR", "soft limit is invalid")
            return False
        hard: int | None = soft + min(max(soft // 100 % (1 << 32), 5 * 1024), 20 * 1024)
        if len(words) == 4:
            hard, _ = numbers.size(words[3])
        if hard is None:
            world.complain("ERROR", "hard limit is invalid")
            return False
        if hard < soft:
            world.complain("ERROR", f"hard limit ({hard}) is less than soft limit ({soft})")
            return False
        limits = (soft, hard)
    draft.log = ("FILE", words[1], *limits)
    return True


def _log_syslog(draft: Draft, words: Words, world: World) -> bool:
    if not 2 <= len(words) <= 3:
        world.complain("ERROR", "wrong number of arguments")
        return False
    facility = canonical(words[1], FACILITIES)
    if not facility:
        world.complain("ERROR", f"Unknown syslog facility: {words[1]}")
        return False
    level = canonical(words[2], LEVELS) if len(words) == 3 else "info"
    if not level:
        world.complain("ERROR", f"Unknown syslog level: {words[2]}")
        return False
    draft.log = ("SYSLOG", facility, level)
    return True


def set_log_on_success(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _log_flags(draft.on_success, words, operator, ON_SUCCESS, "log_on_success flag", world)


def set_log_on_failure(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _log_flags(draft.on_failure, words, operator, ON_FAILURE, "log_on_failure flag", world)


def _log_flags(
    marks: set[str], words: Words, operator: str, names: Sequence[str], what: str, world: World
) -> bool:
    if operator == "=":
        marks.clear()
        operator = "+="
    return mark(words, marks, names, operator, what, world)


def set_only_from(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if operator == "=" or draft.only_from is None:
        draft.only_from = []
    return _change_list(draft.only_from, words, operator, world)


def set_no_access(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if operator == "=" or draft.no_access is None:
        draft.no_access = []
    return _change_list(draft.no_access, words, operator, world)


def _change_list(known: list[Address], words: Words, operator: str, world: World) -> bool:
    for word in words:
        if "," in word and "{" not in word:
            world.complain("ERROR", f"Address: {word} has a comma in it - remove the comma")
            return False
        try:
            found = addresses.read_addresses(word, world.databases, world.complain)
        except addresses.BadAddress:
            world.complain("ERROR", f"Failed adding: {word}")
            return False
        if operator == "-=":
            for gone in found:
                known[:] = [address for address in known if not addresses.same(gone, address)]
        else:
            known.extend(found)
    return True
