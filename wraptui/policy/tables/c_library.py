"""Knows how the C library reads numbers and addresses, which libwrap leaves to it: wrap-around, octal, junk.

Verified against glibc 2.36 through libwrap 7.6.q; all texts are byte text.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache

SPACE = " \t\n\v\f\r"
"""What isspace(3) takes for white space."""

_SCANNED = {base: re.compile(rf"[ \t\n\v\f\r]*([+-]?)([0-{base - 1}]+)") for base in (8, 10)}
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|[0-9]+")
_PLAIN_QUAD = re.compile(r"\.".join([r"(0|[1-9][0-9]{0,2})"] * 4))
_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def folded(text: str) -> str:
    """Text in lower case as strcasecmp(3) sees it: ASCII letters only."""
    return text.lower() if text.isascii() else text.translate(_UPPER_TO_LOWER)


def unsigned(text: str, base: int = 10) -> int | None:
    """What sscanf(text, "%u%c") (or "%o%c") stores when it finds one number and nothing behind it."""
    match = _SCANNED[base].fullmatch(text)
    if not match:
        return None
    value = int(match[2], base)
    if value >= 1 << 64:
        return 0xFFFFFFFF
    return (-value if match[1] == "-" else value) & 0xFFFFFFFF


def signed(text: str) -> int | None:
    """What sscanf(text, "%d%c") stores when it finds one number and nothing behind it."""
    return leading_integer(text) if _SCANNED[10].fullmatch(text) else None


def leading_integer(text: str) -> int:
    """atoi(3): the leading integer, junk behind it ignored, 0 when there is none, wrapped to 32 bits."""
    match = _SCANNED[10].match(text)
    if not match:
        return 0
    value = int(match[1] + match[2])
    value = min(max(value, -(1 << 63)), (1 << 63) - 1) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def dotted_quad(text: str) -> int | None:
    """The address that libwrap's dot_quad_addr finds: four runs between dots that inet_addr(3) accepts.

    Octal and hexadecimal parts count, junk behind white space does not; 255.255.255.255 is no address
    (inet_addr has no other way to say so).
    """
    plain = _PLAIN_QUAD.fullmatch(text)
    if plain:
        first, second, third, fourth = map(int, plain.groups())
        if first < 256 and second < 256 and third < 256 and fourth < 256:
            value = first << 24 | second << 16 | third << 8 | fourth
            return None if value == 0xFFFFFFFF else value
        return None
    return _odd_quad(text)


@lru_cache(maxsize=4096)
def _odd_quad(text: str) -> int | None:
    if len([run for run in text.split(".") if run]) != 4:
        return None
    value = _inet_aton(text)
    return None if value == 0xFFFFFFFF else value


def _inet_aton(text: str) -> int | None:
    parts: list[int] = []
    position = 0
    while True:
        match = _NUMBER.match(text, position)
        if not match:
            return None
        number, base = match[0], 10
        if number[:2] in ("0x", "0X"):
            base = 16
        elif number[0] == "0":
            number, base = re.match(r"[0-7]+", number)[0], 8  # type: ignore[index]
        position += len(number)
        parts.append(int(number, base))
        if parts[-1] > 0xFFFFFFFF:
            return None
        if text[position : position + 1] != ".":
            break
        if len(parts) > 3 or parts[-1] > 0xFF:
            return None
        position += 1
    if position < len(text) and text[position] not in SPACE:
        return None
    *upper, last = parts
    if last > 0xFFFFFFFF >> (8 * len(upper)):
        return None
    value = last
    for index, part in enumerate(upper):
        value |= part << (24 - 8 * index)
    return value


def mapped(text: str) -> str:
    """The text without a leading `::ffff:` when a dotted quad follows it."""
    if text.startswith("::") and text[:7].lower() == "::ffff:" and dotted_quad(text[7:]) is not None:
        return text[7:]
    return text


def numeric_ipv6(text: str, interfaces: Container[str] = ("lo",)) -> int | None:
    """The address that getaddrinfo(3) finds in a numeric IPv6 text; None when it finds none.

    A zone (`%eth0`) must be one of `interfaces` on a link-local address, or a number; it is then ignored,
    as libwrap does.
    """
    address, percent, zone = text.partition("%")
    value = _inet_pton6(address)
    if value is None or not percent:
        return value
    link_local = value >> 118 == 0x3FA or (value >> 120 == 0xFF and (value >> 112) & 0xF in (1, 2))
    if link_local and zone in interfaces:
        return value
    if re.fullmatch(r"[0-9]+", zone) and int(zone) <= 0xFFFFFFFF:
        return value
    return None


@lru_cache(maxsize=4096)
def _inet_pton6(text: str) -> int | None:
    head, gap, tail = text.partition("::")
    if "::" in tail or (gap and tail.startswith(":")):
        return None
    left = _groups(head, quad_allowed=not gap)
    right = _groups(tail, quad_allowed=True) if gap else []
    if left is None or right is None:
        return None
    missing = 8 - len(left) - len(right)
    if missing < 1 if gap else missing != 0:
        return None
    value = 0
    for group in [*left, *[0] * missing, *right]:
        value = value << 16 | group
    return value


def _groups(text: str, *, quad_allowed: bool) -> list[int] | None:
    """The 16-bit groups of half an IPv6 address; its last piece may be a dotted quad."""
    if not text:
        return []
    groups: list[int] = []
    pieces = text.split(":")
    for index, piece in enumerate(pieces):
        if re.fullmatch(r"[0-9A-Fa-f]{1,4}", piece):
            groups.append(int(piece, 16))
        elif quad_allowed and index == len(pieces) - 1 and (quad := _PLAIN_QUAD.fullmatch(piece)):
            parts = [int(part) for part in quad.groups()]
            if max(parts) > 255:
                return None
            groups += [parts[0] << 8 | parts[1], parts[2] << 8 | parts[3]]
        else:
            return None
    return groups
