"""Knows what the words of each attribute mean to xinetd: a `Draft` is an entry that is being read.

One function per attribute. It returns whether the daemon accepts the words, and leaves in the draft what the
daemon leaves there: a refused line may have changed something, and a later `disable = no` keeps it.
Verified against xinetd 2.3.15.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wraptui.policy import addresses, numbers
from wraptui.policy.addresses import Address
from wraptui.policy.databases import Databases
from wraptui.policy.files import Files
from wraptui.syntax.tree import shown
from wraptui.syntax.xinetd import folded

Complain = Callable[[str, str], None]

SERVICE_TYPES = ("RPC", "INTERNAL", "UNLISTED", "SPECIAL", "TCPMUX", "TCPMUXPLUS")
FLAGS = (
    "REUSE", "INTERCEPT", "NORETRY", "IDONLY", "NAMEINARGS", "NODELAY", "KEEPALIVE", "NOLIBWRAP", "SENSOR",
    "IPv4", "IPv6", "LABELED",
)  # fmt: skip
SOCKET_TYPES = ("stream", "dgram", "raw", "seqpacket")
ON_SUCCESS = ("HOST", "DURATION", "EXIT", "PID", "USERID", "TRAFFIC")
ON_FAILURE = ("HOST", "ATTEMPT", "USERID")
FACILITIES = (
    "daemon", "auth", "authpriv", "user", "mail", "lpr", "news", "uucp", "ftp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
UNLIMITED = -1
INFINITY = (1 << 64) - 1


@dataclass(slots=True)
class Draft:
    """One entry as far as it is read. Lists are None until a line, or defaults, made one: an empty
    only_from denies everybody, a missing one nobody."""

    name: str
    file: str = ""
    first: int = 0
    last: int = 0
    id: str = ""
    disabled: bool = False
    specified: set[str] = field(default_factory=set)
    present: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    socket_type: str = ""
    protocol: str = ""
    protocol_number: int = 0
    port: int = 0
    waits: bool = False
    user: int = 0
    user_group: int = 0
    group: int = 0
    server: str = ""
    arguments: tuple[str, ...] | None = None
    named_arguments: bool = False
    env: list[str] | None = None
    passenv: list[str] | None = None
    access_times: list[tuple[int, int]] | None = None
    only_from: list[Address] | None = None
    no_access: list[Address] | None = None
    on_success: set[str] = field(default_factory=set)
    on_failure: set[str] = field(default_factory=set)
    log: tuple[str | int, ...] = ()
    program: int = 0
    versions: tuple[int, int] = (0, 0)
    redirect: tuple[str, int] | None = None
    bind: tuple[int, int] | None = None  # version, number
    bind_name: str = ""  # a host with several addresses: which one is decided at the end
    cps: tuple[int, int] = (0, 0)
    max_load: float = 0.0
    plain: dict[str, int | str | bool] = field(default_factory=dict)
    enabled: list[str] | None = None
    disabled_ids: list[str] | None = None
    origin: dict[str, str] = field(default_factory=dict)
    lines: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """What the reading of values may ask: files and names of the root, where relative paths begin, the
    daemon's environment variables; and where complaints about the current line go."""

    files: Files
    databases: Databases
    directory: str
    environment: frozenset[str]
    complain: Complain

    def path(self, written: str) -> str:
        """A path of the configuration as `Files` wants it."""
        text = shown(written)
        return text if text.startswith("/") else self.directory.rstrip("/") + "/" + text


Words = Sequence[str]
Setter = Callable[[Draft, Words, str, World], bool]


def _canonical(word: str, names: Sequence[str]) -> str:
    wanted = folded(word)
    return next((name for name in names if name.lower() == wanted), "")


def _mark(
    words: Words, marks: set[str], names: Sequence[str], operator: str, what: str, world: World
) -> bool:
    for word in words:
        name = _canonical(word, names)
        if not name:
            world.complain("WARNING", f"Bad {what}: {word}")
            return False
        if operator == "+=":
            marks.add(name)
        else:
            marks.discard(name)
    return True


def _nothing_given(words: Words, name: str, world: World) -> bool:
    if words:
        return False
    world.complain("WARNING", f"attribute {name} expects at least 1 value and none was given.")
    return True


def set_type(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if _nothing_given(words, "type", world):
        return False
    return _mark(words, draft.types, SERVICE_TYPES, "+=", "service type", world)


def set_flags(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if _nothing_given(words, "flags", world):
        return False
    return _mark(words, draft.flags, FLAGS, "+=", "service flag", world)


def set_socket_type(draft: Draft, words: Words, operator: str, world: World) -> bool:
    name = _canonical(words[0], SOCKET_TYPES)
    if not name:
        world.complain("ERROR", f"Bad socket type: {words[0]}")
        return False
    draft.socket_type = name
    return True


def set_protocol(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = world.databases.protocol_number(words[0])
    if number is None:
        world.complain("ERROR", f"Protocol {words[0]} not in /etc/protocols")
        return False
    draft.protocol, draft.protocol_number = words[0], number
    return True


def _yes_or_no(words: Words, complaint: str, world: World) -> bool | None:
    answer = {"yes": True, "no": False}.get(folded(words[0]))
    if answer is None:
        world.complain("ERROR", f"{complaint}: {words[0]}")
    return answer


def set_wait(draft: Draft, words: Words, operator: str, world: World) -> bool:
    answer = _yes_or_no(words, "Bad value for wait", world)
    if answer is not None:
        draft.waits = answer
    return answer is not None


def set_disable(draft: Draft, words: Words, operator: str, world: World) -> bool:
    answer = _yes_or_no(words, "Bad value", world)
    if answer is not None:
        draft.disabled = answer
    return answer is not None


def set_groups(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _flag(draft, "groups", words, world)


def set_v6only(draft: Draft, words: Words, operator: str, world: World) -> bool:
    return _flag(draft, "v6only", words, world)


def _flag(draft: Draft, name: str, words: Words, world: World) -> bool:
    answer = _yes_or_no(words, f"Bad value for {name}", world)
    if answer is not None:
        draft.plain[name] = answer
    return answer is not None


def set_user(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if words[0].isdecimal():
        number = numbers.unsigned(words[0])
        if number is None:
            world.complain("ERROR", f"Error parsing user as a number: {words[0]}")
            draft.user = 0
            return False
        draft.user = draft.user_group = number
        return True
    found = world.databases.user(words[0])
    if found is None:
        world.complain("ERROR", f"Unknown user: {words[0]}")
        return False
    draft.user, draft.user_group = found
    return True


def set_group(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if words[0].isdecimal():
        number = numbers.unsigned(words[0])
        draft.group = number or 0
        if number is None:
            world.complain("ERROR", f"Error parsing group as a number: {words[0]}")
        return number is not None
    found = world.databases.group(words[0])
    if found is None:
        world.complain("ERROR", f"Unknown group: {words[0]}")
        return False
    draft.group = found
    return True


def set_server(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if not world.databases.executable(world.path(words[0])):
        world.complain("ERROR", f"Server {words[0]} is not executable")
        return False
    draft.server = words[0]
    return True


def set_server_args(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if _nothing_given(words, "server_args", world):
        return False
    draft.arguments = tuple(words)
    draft.named_arguments = "NAMEINARGS" in draft.flags
    return True


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


def set_id(draft: Draft, words: Words, operator: str, world: World) -> bool:
    draft.id = words[0]
    return True


def set_port(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = numbers.signed(words[0])
    if number is None or not 0 <= number < 65536:
        world.complain("ERROR", "port number is invalid")
        return False
    draft.port = number
    return True


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
    if _nothing_given(words, "log_type", world):
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
    facility = _canonical(words[1], FACILITIES)
    if not facility:
        world.complain("ERROR", f"Unknown syslog facility: {words[1]}")
        return False
    level = _canonical(words[2], LEVELS) if len(words) == 3 else "info"
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
    return _mark(words, marks, names, operator, what, world)


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


def _word(name: str) -> Setter:
    def setter(draft: Draft, words: Words, operator: str, world: World) -> bool:
        draft.plain[name] = words[0]
        return True

    return setter


set_banner = _word("banner")
set_banner_success = _word("banner_success")
set_banner_fail = _word("banner_fail")
set_libwrap = _word("libwrap")


def set_max_load(draft: Draft, words: Words, operator: str, world: World) -> bool:
    number = numbers.floating(words[0])
    if number is None:
        world.complain("ERROR", "error reading max_load argument")
        return False
    draft.max_load = number
    if number == 0:
        world.complain("ERROR", "error parsing max_load argument")
    return number != 0


def set_redirect(draft: Draft, words: Words, operator: str, world: World) -> bool:
    port = numbers.signed(words[1])
    if port is None or port <= 0:
        port = world.databases.service_port(words[1], "tcp")
        if port is None:
            world.complain("ERROR", "port number invalid")
            return False
    if port >= 65536:
        world.complain("ERROR", "port number too large")
        return False
    found = _resolved(words[0], 6 if ":" in words[0] else 4, world)
    if not found:
        world.complain("ERROR", "bad address")
        return False
    version, number = found[0]
    draft.redirect = (addresses.ipv4_text(number) if version == 4 else addresses.ipv6_text(number), port)
    return True


def set_bind(draft: Draft, words: Words, operator: str, world: World) -> bool:
    word = words[0]
    version = 4 if not word.strip(".0123456789") else 6 if ":" in word else 0
    found = _resolved(word, version, world)
    if not found:
        world.complain("ERROR", "bad address")
        return False
    if len(found) == 1:
        draft.bind = found[0]
    else:
        draft.bind_name = word
    return True


def _resolved(word: str, version: int, world: World) -> Sequence[tuple[int, int]]:
    """(version, number) of an address in figures or of a host in /etc/hosts; version 0 is either."""
    numeric = addresses.numeric_address(word)
    if numeric is not None:
        return [numeric] if version in (0, numeric[0]) else []
    return world.databases.addresses(word, version)


def resolved_as(word: str, version: int, world: World) -> tuple[int, int] | None:
    """The first address of a version that a host has in /etc/hosts."""
    return next(iter(_resolved(word, version, world)), None)


def set_access_times(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if draft.access_times is None:
        draft.access_times = []
    if _nothing_given(words, "access_times", world):
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
    draft.plain[name] = number or 0
    if number is None:
        world.complain("ERROR", f"Error parsing: {word}")
    return number is not None


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
        draft.plain[name] = number or 0
        if number is None:
            world.complain("ERROR", f"{what} limit is invalid: {text}")
        return number is not None

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
