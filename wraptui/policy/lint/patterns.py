"""Knows which host patterns do not mean what they look like: those that never match, those that match more.

Source: hosts_access(5) and libwrap 7.6.q as policy/tables/patterns.py has it; what tcpdchk says, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wraptui.policy.lint.findings import Severity
from wraptui.policy.lint.rules import quoted
from wraptui.policy.tables.c_library import dotted_quad, leading_integer, numeric_ipv6
from wraptui.policy.tables.patterns import ipv4_network, may_match_name
from wraptui.policy.tables.ranges import NEVER, pattern, quad_number
from wraptui.syntax.hosts import split_at

LONGEST_STRING = 127
_DIGITS = frozenset("0123456789.")


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with one pattern; `new` is what was surely meant, "" where nobody can know."""

    severity: Severity
    code: str
    message: str
    new: str = ""


def host_objections(text: str, *, deny: bool) -> Iterator[Objection]:
    """What is wrong with a host pattern that is neither a file nor a netgroup."""
    upper = text.upper()
    parts = split_at(text, "/") if "/" in text else None
    if upper == "FAIL":
        yield Objection(
            Severity.WARNING,
            "fail-word",
            "FAIL means nothing any more: it is an ordinary name that nobody has. Use EXCEPT or deny.",
        )
    elif len(text) > LONGEST_STRING and parts is None and "*" not in text:
        yield _never(deny, "pattern-too-long", f"names and addresses are cut at {LONGEST_STRING} bytes", "")
    elif upper in ("ALL", "KNOWN", "UNKNOWN", "LOCAL", "PARANOID"):
        return
    elif parts is not None:
        yield from _network(text, *parts, deny=deny)
    elif odd := re.search(r"[;|\"'!]", text):
        yield _odd_byte(text, odd[0], deny)
    elif "*" in text or "?" in text:
        yield from _wildcards(text)
    elif text.startswith("."):
        yield from _suffix(text, deny)
    elif text.startswith("["):
        yield from _bracketed(text, deny)
    elif _DIGITS.issuperset(text):
        yield from _digits(text, deny)
    elif text.endswith("."):
        yield Objection(
            Severity.WARNING,
            "name-prefix",
            f"“{quoted(text)}” matches every host name that begins so, in whatever domain: whoever controls "
            "the reverse DNS of an address can have such a name.",
        )
    elif re.fullmatch(r"[0-9.]+-[0-9.]+", text):
        yield _never(deny, "address-range", "libwrap knows no ranges of addresses", "")
    elif re.fullmatch(r"(?:0[xX][0-9a-fA-F]+\.?)+", text):
        yield _never(deny, "odd-address", "an address is compared as text, in decimal", _decimal(text))


def _never(deny: bool, code: str, why: str, new: str) -> Objection:
    cost = "so this pattern denies nobody" if deny else "so this pattern lets nobody in"
    return Objection(
        Severity.ERROR if deny else Severity.WARNING, code, f"Never matches: {why}, {cost}.", new
    )


def _odd_byte(text: str, byte: str, deny: bool) -> Objection:
    why = {
        "!": "libwrap knows no negation by “!”; use EXCEPT",
        "'": "quotes are ordinary bytes to libwrap",
        '"': "quotes are ordinary bytes to libwrap",
    }.get(byte, f"“{byte}” does not separate patterns; use a blank or a comma")
    bare = text.strip("\"'")
    new = bare if byte in "\"'" and re.fullmatch(r"[A-Za-z0-9.\-_\[\]:]+", bare) else ""
    if byte in ";|" and re.fullmatch(r"[A-Za-z0-9.\-_\[\]:;|]+", text):
        new = re.sub(r"[;|]+", " ", text).strip()
    return _never(deny, "odd-byte", why, new)


def _decimal(text: str) -> str:
    number = dotted_quad(text)
    return "" if number is None else _quad(number)


def _quad(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def _network(text: str, net: str, mask: str, *, deny: bool) -> Iterator[Objection]:
    """`net/mask`."""
    if net.startswith("[") or mask.endswith("]") or ":" in net:
        yield from _ipv6_network(net, mask, deny)
        return
    if not _DIGITS.issuperset(net) and dotted_quad(net) is None:
        if "*" in net or "?" in net:
            yield _never(deny, "mask-on-wildcard", "wildcards take no mask", "")
        elif mask and not re.match(r"[0-9]", mask):
            yield _never(deny, "relative-file", "a file of patterns is named from / on", "")
        else:
            yield _never(deny, "mask-on-name", "a host name takes no mask", "")
        return
    found = ipv4_network(net, mask)
    length = leading_integer(mask)
    if found is not None:
        yield from _ipv4_network(text, net, mask, *found, deny=deny)
    elif dotted_quad(net) is None:
        new = ""
        runs = net.rstrip(".").split(".")
        if (
            len(runs) < 4
            and quad_number(".".join([*runs, "0", "0", "0"][:4])) is not None
            and 1 <= length <= 32
        ):
            new = _masked(".".join([*runs, "0", "0", "0"][:4]), length)
        yield _never(deny, "short-network", f"“{quoted(net)}” has not four parts", new)
    elif mask.strip() == "255.255.255.255":
        yield _never(
            deny, "mask-of-ones", "libwrap cannot read this mask; an exact address takes none", _exact(net)
        )
    elif length == 0:
        what = (
            "/0 is no length libwrap takes"
            if re.match(r"\s*[+-]?0", mask)
            else f"“/{quoted(mask)}” is no mask"
        )
        new = "0.0.0.0/0.0.0.0" if re.fullmatch(r"0+", mask) and not dotted_quad(net) else ""
        yield _never(deny, "mask-zero", what, new)
    else:
        yield _never(deny, "mask-out-of-range", f"“/{quoted(mask)}” is not between 1 and 32", "")


def _exact(net: str) -> str:
    number = dotted_quad(net)
    return "" if number is None else _quad(number)


def _masked(net: str, length: int) -> str:
    number = quad_number(net) or 0
    bits = 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF
    return f"{net}/{length}" if number & bits == number else ""


def _ipv4_network(
    text: str, net: str, mask: str, number: int, bits: int, *, deny: bool
) -> Iterator[Objection]:
    tidy_mask = mask if dotted_quad(mask) is not None else str(bits.bit_count())
    if number & ~bits & 0xFFFFFFFF:
        lowest = _quad(number & bits)
        yield _never(
            deny,
            "host-bits",
            f"“{quoted(net)}” is not the first address of that network ({lowest}/{quoted(mask)})",
            f"{lowest}/{tidy_mask}",
        )
    elif f"{_quad(number)}/{tidy_mask}" != text:
        yield Objection(
            Severity.WARNING,
            "odd-network",
            f"Read as {_quad(number)}/{tidy_mask}: libwrap takes leading zeros of an address for octal and "
            "ignores what follows the number of a mask.",
            f"{_quad(number)}/{tidy_mask}",
        )


def _ipv6_network(net: str, mask: str, deny: bool) -> Iterator[Objection]:
    if not (net.startswith("[") and net.endswith("]")):
        bare = numeric_ipv6(net)
        new = f"[{net}]/{mask}" if bare is not None and re.fullmatch(r"[0-9]{1,3}", mask) else ""
        yield _never(deny, "bare-ipv6", "an IPv6 network is written [net]/length", new)
        return
    number = numeric_ipv6(net[1:-1])
    length = leading_integer(mask)
    if number is None:
        yield _never(deny, "bad-ipv6", f"“{quoted(net)}” is no IPv6 address", "")
    elif not 0 <= length <= 128:
        yield _never(deny, "mask-out-of-range", f"“/{quoted(mask)}” is not between 0 and 128", "")
    elif length == 0 and not re.fullmatch(r"0+", mask):
        yield Objection(
            Severity.ERROR,
            "mask-not-a-number",
            f"Matches every IPv6 client: “/{quoted(mask)}” is read as /0.",
        )
    elif number >> 32 == 0xFFFF and length >= 96:
        yield _mapped(number, length - 96, deny)
    elif not re.fullmatch(r"[0-9]+", mask):
        yield Objection(
            Severity.WARNING,
            "odd-network",
            f"Read as {net}/{length}: libwrap ignores what follows the number of a mask.",
            f"{net}/{length}",
        )


def _mapped(number: int, length: int, deny: bool) -> Objection:
    quad = _quad(number & 0xFFFFFFFF)
    new = quad if length == 32 else _masked(_quad(number & 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF), length)
    return _never(
        deny,
        "mapped-address",
        "a client mapped into IPv6 is an IPv4 address to libwrap",
        new if length else "0.0.0.0/0.0.0.0",
    )


def _wildcards(text: str) -> Iterator[Objection]:
    if re.search(r"\*[*?]", text):
        yield Objection(
            Severity.WARNING,
            "double-star",
            f"In “{quoted(text)}” a * before another wildcard wants at least one byte more than it seems to.",
        )
    if re.match(r"[0-9?*]+(?:\.[0-9?*]+)*\.?\Z", text) and re.search(r"[0-9]", text):
        bare = re.fullmatch(r"((?:[0-9]+\.){1,3})(?:\*\.)*\*", text)
        new = bare[1] if bare and pattern(bare[1]) != NEVER else ""
        yield Objection(
            Severity.WARNING,
            "wildcard-on-names",
            f"“{quoted(text)}” is tried on the host name too: a client whose reverse DNS begins so, in any "
            "domain, matches. Write a network, or an address that ends in a dot.",
            new,
        )


def _suffix(text: str, deny: bool) -> Iterator[Objection]:
    if text.endswith(".") and not may_match_name(text):
        yield _never(deny, "odd-address", "no address ends in a dot", "")
    elif re.fullmatch(r"[0-9.]+", text):
        yield Objection(
            Severity.ERROR,
            "address-suffix",
            f"Matches every address that ends in “{quoted(text)}”, in all networks: a network is written "
            "with its first part first.",
        )
    elif text.endswith("."):
        yield _never(deny, "odd-name", "no host name ends in a dot", "")


def _bracketed(text: str, deny: bool) -> Iterator[Objection]:
    inside = text[1:].partition("]")[0]
    net, slash, length = inside.partition("/")
    if not text.endswith("]"):
        yield _never(deny, "bad-ipv6", f"“{quoted(text)}” is no IPv6 address in brackets", "")
    elif slash:
        valid = numeric_ipv6(net) is not None and re.fullmatch(r"[0-9]{1,3}", length) and int(length) <= 128
        yield _never(
            deny,
            "mask-in-brackets",
            "the length stands inside the brackets; write [net]/length",
            f"[{net}]/{length}" if valid else "",
        )
    elif (number := numeric_ipv6(inside)) is None:
        if "%" not in inside:
            quad = quad_number(inside)
            yield _never(
                deny, "bad-ipv6", f"“{quoted(text)}” is no IPv6 address", inside if quad is not None else ""
            )
    elif number >> 32 == 0xFFFF:
        yield _mapped(number, 32, deny)
    elif "%" in inside:
        yield Objection(
            Severity.WARNING,
            "ignored-zone",
            "The zone is ignored: the address matches on every interface.",
            f"[{inside.partition('%')[0]}]",
        )


def _digits(text: str, deny: bool) -> Iterator[Objection]:
    """Digits and dots only: an address, or its beginning."""
    if pattern(text) != NEVER:
        if quad_number(text) is not None and text.endswith(".0"):
            yield _network_address(text)
        return
    runs = text.rstrip(".").split(".")
    plain = [str(int(run)) if run else "" for run in runs]
    tidy = ".".join(plain)
    if any(len(run) > 1 and run[0] == "0" for run in runs) and pattern(tidy + "." * (len(runs) < 4)) != NEVER:
        yield _never(deny, "leading-zero", "an address is compared as text, and has no leading zeros", "")
    elif len(runs) < 4 and not text.endswith(".") and pattern(text + ".") != NEVER:
        yield _never(
            deny, "missing-dot", f"this is the beginning of an address and wants a dot: {text}.", f"{text}."
        )
    else:
        yield _never(deny, "odd-address", f"“{quoted(text)}” is no IPv4 address nor the beginning of one", "")


def _network_address(text: str) -> Objection:
    runs = text.split(".")
    while runs and runs[-1] == "0":
        runs.pop()
    network = ".".join(runs) + "." if runs else "ALL"
    return Objection(
        Severity.WARNING,
        "network-as-address",
        f"Matches the single address {text}, which hardly any host has. The network of that name is written "
        f"{network}",
        network,
    )
