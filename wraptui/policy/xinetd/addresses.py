"""Knows xinetd's address lists: how only_from and no_access words are read, shown and matched.

Verified against xinetd 2.3.15.3: an IPv4 address that ends in zero octets stands for the whole network,
`a.b.{c,d}` is several addresses, names are matched by reverse DNS when a client connects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from wraptui.policy.tables.c_library import numeric_ipv6
from wraptui.policy.xinetd.databases import Databases
from wraptui.syntax.xinetd import folded

ALL32 = 0xFFFFFFFF
ALL128 = (1 << 128) - 1
_PART = re.compile(r"(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")
_MASKED = re.compile(r"([^/]{1,45})/[ \t\n\v\f\r]*([+-]?[0-9]+)")


LONGEST_MASK = 640
"""Bits of an IPv6 prefix that the daemon's stack bears: it sets them all, in the 16 bytes of a mask."""


class BadAddress(Exception):
    """The word spoils the whole line; the complaint has been made."""


class Crashed(Exception):
    """The daemon ends, or hangs, here; the message is a sentence about why."""


@dataclass(frozen=True, slots=True)
class Address:
    """One element of a list. `kind` is numeric, net or host; `version` 4, 6 or 0 (a name).

    `number` and `mask` are integers of 32 or 128 bits; `name` is a host name, or a domain with its dot.
    """

    kind: str
    version: int
    number: int = 0
    mask: int = 0
    name: str = ""

    @property
    def text(self) -> str:
        """The element as a word that xinetd would read back as the same element."""
        if self.kind == "host":
            return self.name or f"{ipv6_text(self.number)}/128"
        number = ipv4_text(self.number) if self.version == 4 else ipv6_text(self.number)
        # One of several (`127.0.{0,1}`) is not widened as it would be when it stood alone.
        exact = self.kind == "numeric" and (self.version == 6 or self.mask == widened(self.number))
        return number if exact else f"{number}/{self.mask.bit_count()}"

    @property
    def covers(self) -> str:
        """The network or name that the element really stands for, widening included."""
        if self.kind == "host":
            return self.name
        if self.version == 4:
            return f"{ipv4_text(self.number & self.mask)}/{self.mask.bit_count()}"
        if self.kind == "numeric":
            return f"{ipv6_text(self.number)}/128"
        return f"{ipv6_text(self.number & self.mask)}/{self.mask.bit_count()}"

    def matches(self, number: int, version: int, host: str = "") -> bool:
        """Whether a client is meant. `version` is that of the socket: a client that reaches a dual-stack
        socket by IPv4 is version 6 with a mapped number. `host` is its name by reverse DNS, if it has one."""
        if self.kind == "host":
            if not host or not self.name:
                return False
            name, other = folded(self.name), folded(host)
            if name.startswith("."):
                # The first occurrence has to be the end of the name.
                return len(name) <= len(other) and other.find(name) == len(other) - len(name)
            return name == other
        if version == 4:
            return self.version == 4 and number & self.mask == self.number & self.mask
        if self.version == 6:
            if self.kind == "numeric":
                return number == self.number
            return number & self.mask == self.number & self.mask
        return number >> 32 == 0xFFFF and number & ALL32 & self.mask == self.number & self.mask


def matching(addresses: Sequence[Address], number: int, version: int, host: str = "") -> Address | None:
    """The first element that means the client, or None."""
    return next((address for address in addresses if address.matches(number, version, host)), None)


@lru_cache(maxsize=8192)
def ipv4_number(text: str) -> int | None:
    """An IPv4 address as inet_aton reads it: one to four parts, decimal, octal or hexadecimal."""
    parts = text.split(".")
    if len(parts) > 4 or not all(_PART.match(part) for part in parts):
        return None
    numbers = [int(part, 16 if part[1:2] in ("x", "X") else 8 if part[0] == "0" else 10) for part in parts]
    *front, rest = numbers
    if any(number > 255 for number in front) or rest >= 1 << 8 * (4 - len(front)):
        return None
    for place, number in enumerate(front):
        rest |= number << 24 - 8 * place
    return rest


def ipv4_text(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def ipv6_text(number: int) -> str:
    """An IPv6 address as inet_ntop writes it."""
    from ipaddress import IPv6Address

    high = number >> 32
    if high == 0xFFFF:
        return "::ffff:" + ipv4_text(number & ALL32)
    if high == 0 and number >= 1 << 16:
        return "::" + ipv4_text(number & ALL32)
    return str(IPv6Address(number))


def widened(number: int) -> int:
    """The mask of a bare IPv4 address: its trailing zero octets count as the whole network."""
    mask = ALL32
    for shift in (8, 16, 24, 32):
        if number & (1 << shift) - 1:
            break
        mask = ALL32 << shift & ALL32
    return mask


def numeric_address(text: str) -> tuple[int, int] | None:
    """(version, number) of an address in figures, as getaddrinfo reads it; None for a name."""
    number = ipv4_number(text)
    if number is not None:
        return 4, number
    number = numeric_ipv6(text)
    return None if number is None else (6, number)


def read_addresses(word: str, databases: Databases, complain: Callable[[str, str], None]) -> list[Address]:
    """The elements that one word of only_from or no_access stands for; none when it cannot be parsed, which
    is complained about and survived. Raises `BadAddress` when the daemon gives the line up."""
    if "{" not in word:
        found = _masked(word) if "/" in word else _bare(word, databases)
        if found is not None:
            return [found]
    several = _factorised(word, complain)
    if several is not None:
        return several
    number = databases.network(word)
    if number:
        octets = max(1, (number.bit_length() + 7) // 8)
        shift = 32 - 8 * octets
        return [Address("net", 4, number << shift & ALL32, ALL32 << shift & ALL32)]
    complain("ERROR", f"failed to parse {word}")
    return []


def _bare(word: str, databases: Databases) -> Address | None:
    if ":" in word:
        number = numeric_ipv6(word)
        if number is not None:
            return Address("numeric", 6, number, ALL128 if number else 0)
    else:
        number = ipv4_number(word)
        if number is not None:
            return Address("numeric", 4, number, widened(number))
    if word.startswith("."):
        return Address("host", 0, name=word[:255]) if word.strip(".0123456789") else None
    return Address("host", 0, name=word[:255]) if databases.addresses(word) else None


def _masked(word: str) -> Address | None:
    found = _MASKED.match(word)
    address = numeric_address(found[1]) if found else None
    if found is None or address is None:
        return None
    bits = int(found[2])
    bits = ((1 << 64) - 1 if bits >= 1 << 64 else bits) % (1 << 32)
    version, number = address
    if version == 4:
        if bits == 32:
            return Address("numeric", 4, number, ALL32)
        return Address("net", 4, number, ALL32 << max(0, 32 - bits) & ALL32)
    if bits > LONGEST_MASK:
        raise Crashed(f"{word}: a prefix of {bits} bits overwrites xinetd's stack: it crashes")
    if bits >= 128:
        # The daemon takes this for a host without a name: it never matches.
        return Address("host", 6, number)
    return Address("net", 6, number, ALL128 << 128 - bits & ALL128)


def _factorised(word: str, complain: Callable[[str, str], None]) -> list[Address] | None:
    address, number, shift, last = 0, 0, 24, "."
    position = 0
    while word[position : position + 1] != "{":
        char = word[position : position + 1]
        if char in "0123456789" and char:
            number = (number * 10 + int(char)) & ALL32
        elif char == ".":
            if last == ".":
                complain("ERROR", f"Bad address: {word}. Consecutive dots")
                raise BadAddress
            address = (address * 256 + number) & ALL32
            number = 0
            shift -= 8
        else:
            return None
        last = char
        position += 1
    # C shifts a 32-bit number by the lowest five bits of the count.
    address = address << (shift + 8 & 31) & ALL32
    shift &= 31
    inside = word[position + 1 :]
    body, brace, rest = inside.partition("}")
    factors = body.split(",")
    for place, factor in enumerate(factors):
        if factor.strip("0123456789"):
            complain("ERROR", f"Bad address: {word}")
            raise BadAddress
        if not factor and (brace or place < len(factors) - 1):
            complain("ERROR", f"Bad address: {word}. Consecutive commas")
            raise BadAddress
    if not brace or rest:
        complain("ERROR", f"Bad address: {word}")
        raise BadAddress
    mask = ALL32 << shift & ALL32
    return [
        Address("numeric", 4, address + ((int(factor) & ALL32) << shift) & ALL32, mask) for factor in factors
    ]


def same(one: Address, other: Address) -> bool:
    """Whether `-=` of one removes the other."""
    if one.kind == other.kind == "host":
        return folded(one.name) == folded(other.name)
    return one.version == other.version != 0 and one.number == other.number and one.mask == other.mask
