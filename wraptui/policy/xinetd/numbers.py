"""Knows how xinetd reads numbers: C's strtol and its relatives, with their blanks, wraps and prefixes."""

from __future__ import annotations

import re

_BLANKS = " \t\n\v\f\r"
_DIGITS = {8: "0-7", 10: "0-9"}
_NUMBER = {
    base: re.compile(rf"[ \t\n\v\f\r]*([+-]?)([{digits}]+)", re.ASCII) for base, digits in _DIGITS.items()
}
_FLOAT = re.compile(
    r"[ \t\n\v\f\r]*([+-]?)(?:(inf(?:inity)?|nan(?:\([0-9a-z_]*\))?)|"
    r"0x((?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]*)(?:p[+-]?[0-9]+)?)|"
    r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?))",
    re.ASCII | re.IGNORECASE,
)


def _scanned(text: str, base: int) -> int | None:
    """The number that makes up all of `text`, before any limit; None when there is more or something else."""
    found = _NUMBER[base].match(text)
    if found is None:
        return 0 if text and not text.strip(_BLANKS) else None
    if text[found.end() :].strip(_BLANKS):
        return None
    return int(found[1] + found[2], base)


def signed(text: str, base: int = 10) -> int | None:
    """`text` as xinetd reads a signed number: beyond 64 bits it is refused, beyond 32 it wraps."""
    number = _scanned(text, base)
    if number is None or not -(1 << 63) <= number < 1 << 63:
        return None
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def unsigned_long(text: str) -> int | None:
    """`text` as xinetd reads a 64-bit number: a negative one wraps."""
    number = _scanned(text, 10)
    if number is None or abs(number) >= 1 << 64:
        return None
    return number % (1 << 64)


def unsigned(text: str) -> int | None:
    """`text` as xinetd reads an unsigned number: beyond 32 bits it wraps, and so does a negative one."""
    number = unsigned_long(text)
    return None if number is None else number % (1 << 32)


def size(text: str) -> tuple[int | None, str]:
    """A size in bytes with an optional suffix k, K, m or M, and the text that a complaint would show
    (xinetd cuts the suffix off before it looks at the number)."""
    if not text:
        return None, text
    end = len(text) - 1
    while end > 0 and text[end] in _BLANKS:
        end -= 1
    factor = {"k": 1 << 10, "K": 1 << 10, "m": 1 << 20, "M": 1 << 20}.get(text[end], 1)
    if factor > 1:
        text = text[:end]
    number = unsigned_long(text) if text else None
    if number is None or number * factor >= 1 << 64:
        return None, text
    return number * factor, text


def floating(text: str) -> float | None:
    """The floating-point number that `text` begins with, as scanf reads it; None when it begins with none."""
    found = _FLOAT.match(text)
    if found is None:
        return None
    sign, word, hexadecimal, decimal = found.groups()
    rest = text[found.end() :].lower()
    # scanf cannot take back what it has read of a word that then is none.
    if word:
        if word.lower() == "inf" and rest[:1] == "i":
            return None
        number = float(word[:3])
    elif hexadecimal:
        number = _hexadecimal(hexadecimal)
    elif decimal == "0" and rest[:1] == "x":
        return None
    else:
        number = float(decimal)
    return -number if sign == "-" else number


def _hexadecimal(digits: str) -> float:
    try:
        return float.fromhex("0x" + digits)
    except OverflowError:
        return float("inf")
    except ValueError:  # a point without a digit
        return 0.0
