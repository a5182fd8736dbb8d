"""Knows what xinetd 2.3.15.3 makes of attributes whose words are names and addresses (verified)."""

from __future__ import annotations

from collections.abc import Sequence

from wraptui.policy.xinetd import addresses, numbers
from wraptui.policy.xinetd.draft import (
    FLAGS,
    SERVICE_TYPES,
    SOCKET_TYPES,
    Draft,
    Setter,
    Words,
    World,
    canonical,
    mark,
    nothing_given,
)
from wraptui.syntax.xinetd import folded


def set_type(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if nothing_given(words, "type", world):
        return False
    return mark(words, draft.types, SERVICE_TYPES, "+=", "service type", world)


def set_flags(draft: Draft, words: Words, operator: str, world: World) -> bool:
    if nothing_given(words, "flags", world):
        return False
    return mark(words, draft.flags, FLAGS, "+=", "service flag", world)


def set_socket_type(draft: Draft, words: Words, operator: str, world: World) -> bool:
    name = canonical(words[0], SOCKET_TYPES)
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
    if nothing_given(words, "server_args", world):
        return False
    draft.arguments = tuple(words)
    draft.named_arguments = "NAMEINARGS" in draft.flags
    return True


def set_id(draft: Draft, words: Words, operator: str, world: World) -> bool:
    draft.id = words[0]
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
    zone = "".join(words[0].partition("%")[1:])
    text = addresses.ipv4_text(number) if version == 4 else addresses.ipv6_text(number) + zone
    draft.redirect = (text, port)
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
