"""Knows an entry of xinetd.conf that is being read, and what the reading of its lines may ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wraptui.policy.files import Files
from wraptui.policy.xinetd.addresses import Address
from wraptui.policy.xinetd.databases import Databases
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
    spoiled: str = ""  # the last line that the daemon refused
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
"""Takes the words of a line and its operator. It returns whether the daemon accepts them, and leaves in the
draft what the daemon leaves there: a refused line may change something, which `disable = no` then keeps."""


def canonical(word: str, names: Sequence[str]) -> str:
    """The name that a word means in any case; "" when it means none."""
    wanted = folded(word)
    return next((name for name in names if name.lower() == wanted), "")


def mark(words: Words, marks: set[str], names: Sequence[str], operator: str, what: str, world: World) -> bool:
    """Set the marks that the words name, or clear them; False at the first word that names none."""
    for word in words:
        name = canonical(word, names)
        if not name:
            world.complain("WARNING", f"Bad {what}: {word}")
            return False
        if operator == "+=":
            marks.add(name)
        else:
            marks.discard(name)
    return True


def nothing_given(words: Words, name: str, world: World) -> bool:
    """Whether the line has no words, which is complained about."""
    if words:
        return False
    world.complain("WARNING", f"attribute {name} expects at least 1 value and none was given.")
    return True
