"""Knows which clients an entry of the no_access list refuses: widening, mapped addresses, families.

Verified against xinetd 2.3.15.3: a plain IPv4 address that ends in zero octets stands for the whole network.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

Key = tuple[int, int]
"""An address as the list holds it: bits and prefix of an IPv4 network, or 128 and one IPv6 address."""

ALL = 0xFFFFFFFF
MAPPED = 0xFFFF  # what stands above the IPv4 address in a mapped one


def key_of(address: str) -> Key:
    """What the daemon makes of an address that it adds; raises `ValueError` for one that it cannot read."""
    number = _ipv4(address)
    if number < 0:
        return 128, _ipv6(address)
    bits = 32
    while bits and not number & 0xFF:
        number >>= 8
        bits -= 8
    return bits, number


def network(key: Key) -> str:
    """What a key refuses, in CIDR notation and unmapped."""
    bits, prefix = key
    if bits == 128:
        if prefix >> 32 != MAPPED:
            from ipaddress import IPv6Address

            return f"{IPv6Address(prefix)}/128"
        bits, prefix = 32, prefix & ALL
    return ".".join(map(str, (prefix << (32 - bits)).to_bytes(4, "big"))) + f"/{bits}"


def _ipv4(text: str) -> int:
    """The number of an IPv4 address as the daemon writes it, -1 for anything else."""
    parts = text.split(".")
    if len(parts) != 4 or not text.isascii():
        return -1
    number = 0
    for part in parts:
        if not part.isdigit() or len(part) > 3 or int(part) > 255:
            return -1
        number = number << 8 | int(part)
    return number


def _ipv6(text: str) -> int:
    from ipaddress import IPv6Address

    return int(IPv6Address(text.partition("%")[0]))


def networks(number: int) -> Iterator[Key]:
    """The IPv4 networks that an entry may stand for and that hold this address."""
    return ((bits, number >> (32 - bits)) for bits in (32, 24, 16, 8))


@lru_cache(maxsize=4096)
def keys_of(peer: str) -> tuple[Key, ...]:
    """The keys under which an entry may refuse this peer, as it is logged; none for what is no address."""
    number = _ipv4(peer)
    if number >= 0:
        return tuple(networks(number))
    try:
        other = _ipv6(peer)
    except ValueError:
        return ()
    return ((128, other), *(networks(other & ALL) if other >> 32 == MAPPED else ()))


def client_keys(client: str, *, dual: bool) -> tuple[Key, ...]:
    """The keys under which an entry refuses a client on an IPv4 socket, or (`dual`) on an IPv6 one, which an
    IPv4 client reaches by its mapped address. Raises `ValueError` for what is no address."""
    text = client.removeprefix("[").removesuffix("]")
    number = _ipv4(text)
    try:
        other = MAPPED << 32 | number if number >= 0 else _ipv6(text)
    except ValueError:
        raise ValueError(f"{client!r} is no IPv4 or IPv6 address") from None
    plain = tuple(networks(other & ALL)) if other >> 32 == MAPPED else ()
    return ((128, other), *plain) if dual else plain
