"""Knows names that an operator may want to type: daemons that listen here, clients that are connected."""

from __future__ import annotations

from wraptui.policy.live.admission import libwrap_name
from wraptui.tui.world import World

WILDCARDS = ("ALL", "LOCAL", "KNOWN", "UNKNOWN", "PARANOID", "EXCEPT")


def daemons(world: World) -> tuple[str, ...]:
    """Names that rules here may speak of."""
    services = [libwrap_name(each) for each in world.configuration.services if each.active]
    seen = [visit.process.argv0 for visit in world.snapshot.visits if visit.process and visit.process.argv0]
    standalone = [visit.service for visit in world.snapshot.visits if visit.guard == "standalone"]
    return tuple(dict.fromkeys([*services, *standalone, *seen, "sshd", "ALL", "EXCEPT"]))


def asked(world: World) -> tuple[str, ...]:
    """What a client can ask for: xinetd's services by id, then daemons."""
    return tuple(
        dict.fromkeys([*(each.id for each in world.configuration.services if each.active), *daemons(world)])
    )


def clients(world: World) -> tuple[str, ...]:
    """Client patterns worth completing: the wildcards, and who is connected."""
    seen = [bracketed(visit.connection.remote) for visit in world.snapshot.visits]
    trapped = [bracketed(entry.address) for entry in world.snapshot.no_access.entries]
    return tuple(dict.fromkeys([*WILDCARDS, *trapped, *seen]))


def bracketed(word: str) -> str:
    """A client pattern as libwrap wants it: an IPv6 address in brackets (with its prefix behind them), a
    mapped address as the IPv4 address that libwrap sees."""
    import ipaddress

    address, slash, prefix = word.partition("/")
    try:
        found = ipaddress.IPv6Address(address.strip("[]"))
    except ValueError:
        return word
    if found.ipv4_mapped is not None and not slash:
        return str(found.ipv4_mapped)
    inner = address.strip("[]")
    return f"[{inner}]{slash}{prefix}"


def bracketed_list(text: str) -> str:
    """A client list with every bare IPv6 address in brackets; separators stay as they are."""
    import re

    return "".join(
        piece if not piece or piece[0] in " \t," else bracketed(piece)
        for piece in re.split(r"([ \t,]+)", text)
    )
