"""Knows what xinetd 2.3.15.3 makes of attributes whose words are numbers and times (verified)."""

from __future__ import annotations

from wraptui.policy.xinetd import numbers
from wraptui.policy.xinetd.draft import INFINITY, UNLIMITED, Draft, Setter, Words, World, nothing_given
from wraptui.syntax.xinetd import folded


def set_instances(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _limit(draft, "instances", words[0], "Number of instances is invalid", world)


def set_per_source(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _limit(draft, "per_source", words[0], "Number of per source instances is invalid", world)


def _limit(draft: Draft, name: str, word: str, complaint: str, world: World) -> bool:
    number = UNLIMITED if folded(word) == "unlimited" else numbers.signed(word)
    if number is None or (number < 0 and folded(word) != "unlimited"):
        world.complain("ERROR", f"{complaint}: {word}")
        return False
    draft.plain[name] = number
    return True


def set_cps(draft: Draft, words: Words, operator: str, world: World) -> bool:
    rate, pause = numbers.unsigned(words[0]), numbers.unsigned(words[1])
    if rate is None or pause is None:
        what = "cps argument" if rate is None else "cps time argument"
        world.complain("ERROR", f"{what} not a number")
        return False
    draft.cps = (rate, pause)
    return True


def set_port(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = numbers.signed(words[0])
    if number is None or not 0 <= number < 65536:
        world.complain("ERROR", "port number is invalid")
        return False
    draft.port = number
    return True


def set_max_load(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = numbers.floating(words[0])
    if number is None:
        world.complain("ERROR", "error reading max_load argument")
        return False
    draft.max_load = number
    if number == 0:
        world.complain("ERROR", "error parsing max_load argument")
    return number != 0


def set_nice(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _number(draft, "nice", words[0], world)


def set_deny_time(draft: Draft, words: Words, operator: str, world: World) -> bool:
    known = {"forever": -1, "never": 0}.get(folded(words[0]))
    if known is not None:
        draft.plain["deny_time"] = known
        return True
    return _number(draft, "deny_time", words[0], world)


def _number(draft: Draft, name: str, word: str, world: World) -> bool:
    number = numbers.signed(word)
    if number is None:
        world.complain("ERROR", f"Error parsing: {word}")
        return False
    draft.plain[name] = number
    return True


def set_umask(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = numbers.signed(words[0], 8)
    if number is None or not 0 <= number <= 0o777:
        world.complain("ERROR", "umask argument is invalid.\n")
        return False
    draft.plain["umask"] = number
    return True


def _resource(name: str, what: str) -> Setter:
    def setter(draft: Draft, words: Words, operator: str, world: World) -> bool:
        if folded(words[0]) == "unlimited":
            draft.plain[name] = INFINITY
            return True
        number, text = numbers.size(words[0])
        if number is None:
            world.complain("ERROR", f"{what} limit is invalid: {text}")
            return False
        draft.plain[name] = number
        return True

    return setter


set_rlimit_as = _resource("rlimit_as", "Address space")


set_rlimit_data = _resource("rlimit_data", "Data")


set_rlimit_files = _resource("rlimit_files", "Max files")


set_rlimit_rss = _resource("rlimit_rss", "RSS")


set_rlimit_stack = _resource("rlimit_stack", "Stack")


def set_rlimit_cpu(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if folded(words[0]) == "unlimited":
        draft.plain["rlimit_cpu"] = INFINITY
        return True
    number = numbers.unsigned_long(words[0])
    if number is None:
        world.complain("ERROR", f"CPU limit is invalid: {words[0]}")
        return False
    draft.plain["rlimit_cpu"] = number
    return True


def set_rpc_version(draft: Draft, words: Words, operator: str, world: World) -> bool:
    low, dash, high = words[0].partition("-")
    least = numbers.signed(low) if low else None
    most = (numbers.signed(high) if high else None) if dash else least
    if least is None or most is None or least > most:
        world.complain("ERROR", f"bad version range: {low}")
        return False
    draft.versions = (least, most)
    return True


def set_rpc_number(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = numbers.signed(words[0])
    if number is None:
        world.complain("ERROR", f"Error parsing: {words[0]}")
        return False
    draft.program = number
    return True


def set_access_times(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if draft.access_times is None:
        draft.access_times = []
    if nothing_given(words, "access_times", world):
        return False
    for word in words:
        interval = _interval(word, world)
        if interval is None:
            return False
        draft.access_times.append(interval)
    return True


def _interval(word: str, world: World) -> tuple[int, int] | None:
    rest = word
    clock = []
    for stop, most in ((":", 23), ("-", 59), (":", 23), ("", 59)):
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        rest = rest[len(digits) :]
        if rest[:1] != stop:
            world.complain("ERROR", "incorrect time interval")
            return None
        number = (int(digits or "0") + (1 << 31)) % (1 << 32) - (1 << 31)
        if not 0 <= number <= most:
            world.complain("ERROR", "invalid time interval")
            return None
        clock.append(number)
        rest = rest[1:]
    start, end = clock[0] * 60 + clock[1], clock[2] * 60 + clock[3]
    if start >= end:
        world.complain("ERROR", f"invalid time interval: {word}")
        return None
    return start, end
