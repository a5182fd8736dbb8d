"""Knows how xinetd 2.3.15.3 reads /etc/inetd.conf, as it does under -inetd_compat (verified against it)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wraptui.policy.files import Files
from wraptui.policy.xinetd import numbers
from wraptui.policy.xinetd.draft import SOCKET_TYPES, Draft, World
from wraptui.syntax.tree import byte_text
from wraptui.syntax.xinetd import Scanner, folded

PATH = "/etc/inetd.conf"
SHORT = "a line with words missing: xinetd reads memory that is not its own, and may crash"
SHORTEST_RPC_NAME = 15
"""The daemon frees the first word before it reads the versions in it: what lies within 16 bytes is gone."""
_STREAMS = ("time", "daytime", "chargen", "echo")
_COMPAT = re.compile(r"^[ \t]*INETD_COMPAT=[\"']?([^\"'\s]*)", re.MULTILINE)
_OPTION = re.compile(r"^[ \t]*XINETD_OPTS=.*-inetd_compat\b", re.MULTILINE)


def compatibility(files: Files) -> bool:
    """Whether the init script starts xinetd with -inetd_compat, as /etc/default/xinetd or Debian says."""
    try:
        text = byte_text(files.read("/etc/default/xinetd"))
    except OSError:
        return True
    said = _COMPAT.findall(text)
    return bool(said and said[-1][:1] in ("Y", "y")) or bool(_OPTION.search(text))


class _Refused(Exception):
    """The line gives no service."""


def read_inetd(data: bytes, world: World, counted: Callable[[int], None]) -> Iterator[tuple[Draft, str]]:
    """The entries of inetd.conf, each with why it is lost, if it is. `counted` is told each line number."""
    scanner = Scanner(data, world.complain)
    while (words := scanner.words()) is not None:
        counted(scanner.count)
        name, slash, versions = words[0].partition("/")
        draft = Draft(name, PATH, scanner.line, scanner.last)
        draft.lines = {}
        try:
            _fill(draft, words, versions if slash else None, world)
        except _Refused as refused:
            draft.id = draft.id or draft.name
            yield draft, str(refused)
            continue
        world.complain("DEBUG", f"added service {draft.name}")
        where = f"{PATH}:{scanner.line}"
        draft.origin = dict.fromkeys(draft.specified, where) | {"flags": where, "type": where}
        yield draft, ""


def _fill(draft: Draft, words: tuple[str, ...], versions: str | None, world: World) -> None:
    def refuse(text: str) -> _Refused:
        text = f"inetd.conf - {text}"
        world.complain("ERROR", text)
        return _Refused(text)

    def word(place: int, complaint: str) -> str:
        if len(words) <= place:
            refuse(complaint)
            raise _Refused(SHORT)
        return words[place]

    draft.plain["groups"] = True
    kind = folded(word(1, "Invalid socket type"))
    if kind not in SOCKET_TYPES:
        raise refuse("Bad socket type: (null)")
    draft.socket_type = kind
    if len(words) < 3:
        raise _Refused(SHORT)
    protocol = words[2]
    if "rpc" in protocol:
        if versions is None:
            raise _Refused("inetd.conf - an RPC service without versions")
        if len(draft.name) < SHORTEST_RPC_NAME:
            raise _Refused("inetd.conf - xinetd loses the RPC versions of a short name")
        draft.versions = _versions(versions)
        _, slash, protocol = protocol.partition("/")
        if not slash:
            raise refuse("bad rpc version numbers")
        draft.types.add("RPC")
    number = world.databases.protocol_number(protocol)
    if number is None:
        raise refuse(f"Protocol {protocol} not in /etc/protocols")
    draft.protocol, draft.protocol_number = protocol, number
    wait = word(3, "No value specified for wait")
    if folded(wait) in ("wait", "nowait"):
        draft.waits = folded(wait) == "wait"
    else:
        world.complain("ERROR", f"inetd.conf - Bad value for wait: {wait}")
    user, dot, group = word(4, "No value specified for user").partition(".")
    if dot:
        number = world.databases.group(group)
        if number is None:
            raise refuse(f"Unknown group: {group}")
        draft.group = number
        draft.specified.add("group")
    found = world.databases.user(user)
    if found is None:
        raise refuse(f"Unknown user: {user}")
    draft.user, draft.user_group = found
    server = word(5, "No value specified for user")
    if folded(server) == "internal":
        draft.types.add("INTERNAL")
        name = folded(draft.name)
        if name in _STREAMS:
            draft.id = f"{name}-stream" if folded(protocol) == "stream" else f"{name}-dgram"
        elif name == "discard":
            text = "inetd.conf - service discard not supported"
            world.complain("WARNING", text)
            raise _Refused(text)
    else:
        draft.server = server
        draft.arguments, draft.named_arguments = words[6:], True
        draft.flags |= {"REUSE", "NOLIBWRAP", "NAMEINARGS"}
        draft.specified |= {"server", "server_args"}
        draft.id = draft.name
    draft.specified |= {"groups", "protocol", "user", "socket_type", "wait"}


def _versions(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    least = numbers.signed(low) if low else None
    most = (numbers.signed(high) if high else None) if dash else least
    if least is None or most is None or least > most:
        raise _Refused("inetd.conf - bad RPC versions")
    return least, most
