"""Knows which names, addresses and users a libwrap pattern matches.

The order of the questions is the library's own (hosts_access.c of 7.6.q), since the first that fits answers.
"""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from typing import Protocol

from wraptui.policy.tables.c_library import (
    dotted_quad,
    folded,
    leading_integer,
    mapped,
    numeric_ipv6,
    unsigned,
)
from wraptui.syntax.hosts import split_at

_ADDRESS_BYTES = frozenset("0123456789./")


class End(Protocol):
    """One end of a connection, as host patterns see it: byte text, `unknown` where nothing is known."""

    @property
    def address(self) -> str: ...

    @property
    def name(self) -> str:
        """May look the name up when it is asked for."""
        ...


class Surroundings(Protocol):
    """What host patterns may ask beside the connection."""

    @property
    def interfaces(self) -> Container[str]:
        """Names of network interfaces, for the zone of a link-local address."""
        ...

    def file_matches(self, path: str, end: End) -> bool:
        """Whether a host pattern in the file `path` matches."""
        ...


def text_matches(pattern: str, subject: str, interfaces: Container[str] = ("lo",)) -> bool:
    """The one text matcher, for daemons, users, host names and addresses alike."""
    subject = mapped(subject)
    if "*" in pattern or "?" in pattern:
        return glob_matches(pattern, subject)
    pattern_folded, subject_folded = folded(pattern), folded(subject)
    if pattern.startswith("."):
        return len(subject) > len(pattern) and subject_folded.endswith(pattern_folded)
    if pattern_folded == "all":
        return True
    if pattern_folded == "known":
        return subject_folded != "unknown"
    if pattern.endswith("."):
        return subject_folded.startswith(pattern_folded)
    if pattern.startswith("[") and pattern.endswith("]"):
        address = numeric_ipv6(pattern[1:-1], interfaces)
        return address is not None and address == numeric_ipv6(subject, interfaces)
    return pattern_folded == subject_folded


def glob_matches(pattern: str, subject: str) -> bool:
    """Wildcards: `?` is one byte, `*` any run, but a `*` before another wildcard wants a byte left.

    The library tries every way in turn; here all ways are followed at once, so no pattern takes long.
    """
    pattern, subject = folded(pattern), folded(subject)
    positions = [0]
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "*":
            if index == len(pattern):
                return True
            first, following = positions[0], pattern[index]
            if following in "*?":
                positions = list(range(first, len(subject)))
            else:
                index += 1
                positions = [at + 1 for at in range(first, len(subject)) if subject[at] == following]
        else:
            positions = [at + 1 for at in positions if at < len(subject) and char in ("?", subject[at])]
        if not positions:
            return False
    return positions[-1] == len(subject)


def may_match_name(pattern: str) -> bool:
    """Whether a host pattern is tried on the host name too: it has a byte no IPv4 network could have."""
    return not _ADDRESS_BYTES.issuperset(pattern)


def host_matches(pattern: str, end: End, around: Surroundings) -> bool:
    """Whether a host pattern (without `user@`) matches one end of a connection."""
    first = pattern[:1]
    if first == "@":  # innetgr(3) without a netgroup service: nobody, silently
        return False
    if first == "/":
        return around.file_matches(pattern, end)
    upper = pattern.upper()
    if upper == "KNOWN":
        return folded(end.address) != "unknown" and name_known(end.name)
    if upper == "LOCAL":
        return "." not in end.name and name_known(end.name)
    if "/" in pattern and (network := split_at(pattern, "/")) is not None:
        return network_matches(*network, end.address, around.interfaces)
    return text_matches(pattern, end.address, around.interfaces) or (
        may_match_name(pattern) and text_matches(pattern, end.name, around.interfaces)
    )


def name_known(name: str) -> bool:
    """Whether a host name is one: neither `unknown` nor `paranoid`."""
    return folded(name) not in ("unknown", "paranoid")


def network_matches(net: str, mask: str, address: str, interfaces: Container[str] = ("lo",)) -> bool:
    """Whether `net/mask` covers the address."""
    number = dotted_quad(mapped(address))
    if number is not None:
        network = ipv4_network(net, mask)
        return network is not None and number & network[1] == network[0]
    subject = numeric_ipv6(address, interfaces)
    if subject is None:
        return False
    network = ipv6_network(net, mask, interfaces)
    return network is not None and subject >> network[1] == network[0]


def ipv4_network(net: str, mask: str) -> tuple[int, int] | None:
    """The number and the mask of `net/mask`; None when it can never match. Host bits in `net` are not
    removed, so such a network matches nothing either."""
    number, bits = dotted_quad(net), ipv4_mask(mask)
    return None if number is None or bits is None else (number, bits)


@lru_cache(maxsize=1024)
def ipv4_mask(mask: str) -> int | None:
    """The bits that a mask or a prefix length stands for; None when it can never match."""
    bits = dotted_quad(mask)
    if bits is not None:
        return bits
    length = leading_integer(mask)
    return 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF if 1 <= length <= 32 else None


def ipv6_network(net: str, mask: str, interfaces: Container[str] = ("lo",)) -> tuple[int, int] | None:
    """The leading bits of `[net]/mask` and how many bits follow them; None when it can never match."""
    if not (net.startswith("[") and net.endswith("]")):
        return None
    number = numeric_ipv6(net[1:-1], interfaces)
    length = leading_integer(mask)
    if number is None or not 0 <= length <= 128:
        return None
    return number >> (128 - length), 128 - length


def port_number(pattern: str) -> int | None:
    """The server port that the left side of a daemon pattern stands for; None when it is a daemon name."""
    number = unsigned(pattern) if pattern[-1:].isdigit() else None
    return None if number is None or number > 65535 else number


def daemon_matches(pattern: str, daemon: str, port: int, interfaces: Container[str] = ("lo",)) -> bool:
    """Whether a daemon pattern (without `@host`) matches; `port` is the server's, 0 when not known."""
    wanted = port_number(pattern)
    if wanted is None:
        return text_matches(pattern, daemon, interfaces)
    return port != 0 and wanted == port


def split_host(pattern: str) -> tuple[str, str] | None:
    """The parts of `daemon@host` or `user@host`: cut at the first `@` from the second byte on."""
    if "@" not in pattern:
        return None
    parts = split_at(pattern[1:], "@")
    return None if parts is None else (pattern[0] + parts[0], parts[1])
