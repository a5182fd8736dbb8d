"""Knows our own table of the packet filter as text: how it is written, read again, and what of it is over.

The file is one transaction that replaces the table `inet wraptui` and nothing else. Every element has a line
of its own; one with an end names that end as a time of day, so that loading the file later shortens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wraptui.policy.hardening.packet_filter import network_of
from wraptui.policy.tables.ranges import (
    NOBODY,
    V4_LAST,
    V6_FIRST,
    Ranges,
    blocks,
    ipv6_text,
    joined,
    minus,
)
from wraptui.policy.xinetd.addresses import ipv4_text

FILE = "/etc/wraptui.nft"
"""Where it is kept."""
TABLE = ("inet", "wraptui")
CHAIN = "WRAPTUI"
"""The name of our chain for iptables."""

INCLUDE = 'include "/etc/wraptui.nf[t]"'
"""The line that loads it with others; a pattern, so that nothing fails where the file is not there."""

PORTS = tuple[tuple[str, int], ...]  # protocol (tcp, udp) and port


@dataclass(frozen=True, slots=True)
class Block:
    """Sources to refuse on these ports; `until` is when that ends (seconds since the epoch), 0 for never;
    `place` says whose wish it is."""

    ranges: Ranges
    ports: PORTS
    place: str
    until: int = 0


@dataclass(frozen=True, slots=True)
class OwnTable:
    """What such a file says: its blocks, and the lines (1-based) that we would not have written so."""

    blocks: tuple[Block, ...] = ()
    strange: tuple[int, ...] = ()

    def blocked(self, protocol: str, port: int, since: float = 0.0) -> Ranges:
        """Whom it refuses on this port, without what ends before `since`."""
        return joined(
            piece
            for block in self.blocks
            if (protocol, port) in block.ports and (not block.until or block.until >= since)
            for piece in block.ranges
        )

    @property
    def ports(self) -> PORTS:
        """All ports that somebody is refused on."""
        return tuple(sorted({port for block in self.blocks for port in block.ports}))


def networks(ranges: Ranges) -> Iterable[str]:
    """The networks that make up the ranges, as packet filters write them."""
    for start, end in ranges:
        if start <= V4_LAST:
            for number, rest in blocks(start, min(end, V4_LAST), 32):
                yield ipv4_text(number) + (f"/{32 - rest}" if rest else "")
        if end >= V6_FIRST:
            for number, rest in blocks(max(start, V6_FIRST) - V6_FIRST, end - V6_FIRST, 128):
                yield ipv6_text(number) + (f"/{128 - rest}" if rest else "")


def spans(ranges: Ranges) -> Iterator[str]:
    """The same as nft may write it, shorter: `192.0.2.5-192.0.2.9` for what is not one network."""
    for start, end in ranges:
        if start <= V4_LAST:
            yield _span(start, min(end, V4_LAST), 0, 32)
        if end >= V6_FIRST:
            yield _span(max(start, V6_FIRST), end, V6_FIRST, 128)


def _span(start: int, end: int, base: int, bits: int) -> str:
    text = ipv6_text if bits == 128 else ipv4_text
    if start == end:
        return text(start - base)
    size = end - start + 1
    if size & (size - 1) == 0 and (start - base) % size == 0:
        return f"{text(start - base)}/{bits - size.bit_length() + 1}"
    return f"{text(start - base)}-{text(end - base)}"


def merged(found: Iterable[Block]) -> tuple[Block, ...]:
    """One block for all sources of the same wish on the same ports with the same end; of several ends of one
    source the last counts."""
    together: dict[tuple[PORTS, str, int], list[tuple[int, int]]] = {}
    for block in found:
        together.setdefault((block.ports, block.place, block.until), []).extend(block.ranges)
    kept: list[Block] = []
    taken: dict[tuple[PORTS, str], Ranges] = {}
    for (ports, place, until), pieces in sorted(together.items(), key=lambda each: -(each[0][2] or 1 << 62)):
        ranges = minus(joined(pieces), taken.get((ports, place), NOBODY))
        taken[ports, place] = joined(taken.get((ports, place), NOBODY) + ranges)
        if ranges:
            kept.append(Block(ranges, ports, place, until))
    order = {key[:2]: number for number, key in reversed(list(enumerate(together)))}
    return tuple(sorted(kept, key=lambda each: (order[each.ports, each.place], each.until, each.ranges)))


# As nft reads it

_HEAD = f"""\
# What hosts.deny and the no_access list refuse, new connections alone.
# `nft -f {FILE}` loads it, and replaces no other table.
table inet wraptui
delete table inet wraptui

table inet wraptui {{
"""
_CHAIN = "\tchain input {\n\t\ttype filter hook input priority filter - 5; policy accept;\n"
_NEW = "tcp flags & (fin | syn | rst | ack) == syn "
_TYPES = {"4": ("ip", "ipv4_addr"), "6": ("ip6", "ipv6_addr")}

_ELEMENT = re.compile(
    r'\t\t\t([0-9a-f:./]+)(?:-([0-9a-f:.]+))?(?: timeout (\d{1,9})s comment "until (\d{1,12})")?,'
)
_SET = re.compile(r"\tset (deny\d+_[46]) \{")
_RULE = re.compile(
    rf"\t\t(?:{re.escape(_NEW)}(?=tcp))?(tcp|udp) dport \{{ (\d+(?:, \d+)*) \}} ip6? saddr @(deny\d+_[46])"
    r' drop comment "([^"\n]*)"'
)
_OTHER = frozenset(
    [*_HEAD.split("\n"), *_CHAIN.split("\n"), "\t\telements = {", "\t\t}", "\t}", "}"]
    + [f"\t\ttype {type}" for _, type in _TYPES.values()]
    + ["\t\tflags interval", "\t\tflags interval, timeout"]
)
_INCLUDED = re.compile(r'[ \t]*include[ \t]+"(?:/etc/wraptui\.nf(?:t|\[t\])|/etc/\*\.nft)"')
_STAMP = re.compile(r"# Written by wraptui at [0-9TZ:-]{20}\.")
_TIMED = re.compile(r'timeout \d{1,9}s comment "until (\d{1,12})"')


def nft(wanted: Sequence[Block], now: float) -> str:
    """The file that refuses just this."""
    sets, rules = [], []
    groups: dict[tuple[PORTS, str], list[Block]] = {}
    for block in wanted:
        groups.setdefault((block.ports, block.place), []).append(block)
    for number, ((ports, place), members) in enumerate(groups.items(), 1):
        timed = any(block.until for block in members)
        elements = [(each, block) for block in members for each in spans(block.ranges)]
        for family, (word, type) in _TYPES.items():
            found = [
                f"\t\t\t{each}{_end(block, now)},\n"
                for each, block in elements
                if (":" in each) == (family == "6")
            ]
            if not found:
                continue
            name = f"deny{number}_{family}"
            flags = "interval, timeout" if timed else "interval"
            inner = f"\t\ttype {type}\n\t\tflags {flags}\n\t\telements = {{\n{''.join(found)}\t\t}}\n"
            sets.append(f"\tset {name} {{\n{inner}\t}}\n\n")
            for protocol in ("tcp", "udp"):
                numbers = ", ".join(str(port) for each, port in ports if each == protocol)
                if numbers:
                    new = _NEW if protocol == "tcp" else ""
                    source = f"{word} saddr @{name} drop comment {_comment(place)}"
                    rules.append(f"\t\t{new}{protocol} dport {{ {numbers} }} {source}\n")
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"# Written by wraptui at {stamp}.\n" + _HEAD + "".join(sets) + _CHAIN + "".join(rules) + "\t}\n}\n"
    )


def _end(block: Block, now: float) -> str:
    return f' timeout {_left(block.until, now)}s comment "until {block.until}"' if block.until else ""


def _left(until: int, now: float) -> int:
    return max(int(until - now), 1)


def as_of(text: str, now: float) -> str:
    """The file as it is to be loaded at this time: what is over ends after a second."""
    return _TIMED.sub(lambda found: f'timeout {_left(int(found[1]), now)}s comment "until {found[1]}"', text)


def read(text: str) -> OwnTable:
    """What a file of ours says."""
    elements: dict[str, dict[int, list[tuple[int, int]]]] = {}
    found: list[Block] = []
    strange: list[int] = []
    here: dict[int, list[tuple[int, int]]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        element = _ELEMENT.fullmatch(line)
        if element:
            first, last = network_of(element[1]), network_of(element[2] or element[1])
            if first is None or last is None or first[0] > last[1] or (element[2] and "/" in element[1]):
                strange.append(number)
            else:
                here.setdefault(int(element[4] or 0), []).append((first[0], last[1]))
        elif begun := _SET.fullmatch(line):
            here = elements.setdefault(begun[1], {})
        elif (rule := _RULE.fullmatch(line)) and rule[3] in elements:
            ports = tuple((rule[1], int(port)) for port in rule[2].split(", "))
            found += [Block(joined(each), ports, rule[4], until) for until, each in elements[rule[3]].items()]
        elif line not in _OTHER and not _STAMP.fullmatch(line):
            strange.append(number)
    return OwnTable(tuple(found), tuple(strange))


def included(text: str) -> bool:
    """Whether a file of nft (its rules for the boot) includes ours."""
    return any(_INCLUDED.match(line) for line in text.split("\n"))


# As iptables-restore reads it


def iptables(wanted: Sequence[Block], *, ipv6: bool = False) -> str:
    """The same for iptables-restore --noflush (ip6tables-restore with `ipv6`): an own chain, to which INPUT
    must jump. What has an end stops to match then."""
    lines = ["*filter", f":{CHAIN} - [0:0]"]
    for block in wanted:
        end = ""
        if block.until:
            stop = datetime.fromtimestamp(block.until, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            end = f" -m time --datestop {stop}"
        for network in networks(block.ranges):
            if (":" in network) != ipv6:
                continue
            for protocol, port in block.ports:
                new = " --syn" if protocol == "tcp" else ""
                lines.append(
                    f"-A {CHAIN} -s {network} -p {protocol} -m {protocol} --dport {port}{new}{end} "
                    f"-m comment --comment {_comment(block.place)} -j DROP"
                )
    return "\n".join([*lines, "COMMIT", ""])


def _comment(text: str) -> str:
    """A comment in quotes; only harmless characters, and no more than nft takes."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "/.:-_ ") else "_" for char in text)
    return f'"{kept[:100]}"'
