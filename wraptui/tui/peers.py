"""Knows how addresses, places in files and verdicts are said in a few words."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from wraptui.tui.bars import Glyphs
from wraptui.tui.display import Piece, Words, words

if TYPE_CHECKING:
    from wraptui.policy.tables.access import Decision


def address(text: str) -> str:
    """An address as people say it: mapped IPv4 without its prefix."""
    return text[7:] if text.lower().startswith("::ffff:") and "." in text else text


def endpoint(host: str, port: int) -> str:
    """`192.0.2.1:22`, `[2001:db8::1]:22`."""
    host = address(host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_order(text: str) -> tuple[int, bytes]:
    """A sort key: IPv4 by number, then IPv6 by number; what is no address comes first."""
    host = address(text).partition("%")[0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return int(family), socket.inet_pton(family, host)
    except (OSError, UnicodeError, ValueError):
        return 0, host.encode("utf-8", "surrogatepass")


def short(path: str) -> str:
    """The file's own name: `hosts.allow`."""
    return path.rstrip("/").rpartition("/")[2] or path


def place(decision: Decision) -> str:
    """Where the deciding rule stands: `allow:3` for line 3 of hosts.allow, or `no rule`."""
    if decision.file is None or decision.line is None:
        return "no rule"
    return f"{short(decision.file).removeprefix('hosts.')}:{decision.line}"


def verdict(decision: Decision | None, glyphs: Glyphs) -> Words:
    """A verdict as glyph, word and place."""
    if decision is None:
        return words(Piece(f"{glyphs.off} not checked", "dim"))
    glyph, tone = {
        "granted": (glyphs.good, "good"),
        "delegated": (glyphs.arrow, "accent"),
    }.get(decision.verdict, (glyphs.bad, "bad"))
    return words(Piece(f"{glyph} {decision.verdict} ", tone), Piece(place(decision), "dim"))
