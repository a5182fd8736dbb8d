"""Knows how to write a change of xinetd's files so that it takes effect, in the style of the lines around it.

Verified against xinetd 2.3.15.3: of a repeated attribute the first line counts, so the others go when a value
is set; white space before the operator is a must; `disable = no` behind a bad value would revive the service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wraptui.policy.change.diff import differences
from wraptui.policy.change.edits import BadText, Edits
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import Document, Edit

# Attributes that must stand before others, or before a bad value, to mean what they say.
_FIRST = ("disable", "flags", "type")
_SAME = {"interface": "bind"}

_ATTRIBUTE = re.compile(
    r"([ \t]*)([^\s=+#-][^\s=+]*?)([ \t\r\f\v]*)([+-]?=)([ \t\r\f\v]*)([^\n]*?)([ \t]*)(\n?)\Z"
)
_HEADER = re.compile(r"[ \t]*(service|defaults|include|includedir)(?:[ \t]+(\S+))?[^\n]*\n?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """An entry's physical lines, 1-based and inclusive, from its header to its `}`."""

    kind: str
    name: str
    first: int
    last: int


def blocks(document: Document) -> tuple[Block, ...]:
    """The complete entries of an ordinary file; of odd ones `read_configuration` knows what becomes."""
    found: list[Block] = []
    header: tuple[str, str, int] | None = None
    opened = False
    for number, line in enumerate(document.lines, 1):
        text = line.strip(" \t\r\n\f\v")
        if not text or text.startswith("#"):
            continue
        if header is None:
            match = _HEADER.match(line)
            if match and match[1].lower() in ("service", "defaults"):
                header = (match[1].lower(), match[2] or "", number)
        elif not opened:
            if text != "{":
                header = None
            opened = text == "{"
        elif text == "}":
            found.append(Block(*header, number))
            header, opened = None, False
    return tuple(found)


def set_attribute(document: Document, service: Service, name: str, words: str, operator: str = "=") -> Edits:
    """`service`'s attribute set to `words`, so that nothing else in its entry says otherwise."""
    return _set(service.file, document, service.first, service.last, name, words, operator)


def remove_attribute(document: Document, service: Service, name: str) -> Edits:
    """Without any line of the attribute in the service's entry: defaults then count, or what is built in."""
    return _remove(service.file, document, service.first, service.last, name)


def set_default(path: str, document: Document, name: str, words: str) -> Edits:
    """The attribute set in the file's `defaults` entry, which is made before all services if need be."""
    for block in blocks(document):
        if block.kind == "defaults":
            return _set(path, document, block.first, block.last, name, words, "=")
    entry = _entry("defaults", {name: words})
    at = next((n for n, line in enumerate(document.lines) if _HEADER.match(line)), len(document.lines))
    return _inserted(path, document, at, [*entry, "\n"], f"defaults: {name} = {words}")


def remove_default(path: str, document: Document, name: str) -> Edits:
    """Without any line of the attribute in the file's `defaults` entry."""
    for block in blocks(document):
        if block.kind == "defaults":
            return _remove(path, document, block.first, block.last, name)
    return ()


def add_service(path: str, document: Document, name: str, attributes: Mapping[str, str]) -> Edits:
    """A new entry at the end of the file, its attributes in the order given."""
    entry = _entry(f"service {_word(name)}", attributes)
    gap = ["\n"] if document.lines and document.lines[-1].strip() else []
    return _inserted(path, document, len(document.lines), [*gap, *entry], f"add service {name}")


def copy_service(document: Document, service: Service, name: str, attributes: Mapping[str, str]) -> Edits:
    """The service's entry once more behind itself, called `name`, with some attributes set otherwise.

    Give it an id, port or bind of its own, or the daemon will not run both."""
    lines = list(document.lines[service.first - 1 : service.last])
    header = re.match(r"([ \t]*service[ \t]+)(\S+)(.*)\Z", lines[0], re.IGNORECASE | re.DOTALL)
    if not header:
        raise BadText(f"{service.file}: line {service.first} does not begin a service.")
    lines[0] = header[1] + _word(name) + header[3]
    copy = Document("".join(lines) if lines[-1].endswith("\n") else "".join(lines) + "\n")
    for attribute, words in attributes.items():
        for edit in _set("", copy, 1, len(copy.lines), attribute, words, "="):
            copy = edit.apply(copy)
    return _inserted(
        service.file, document, service.last, ["\n", *copy.lines], f"copy service {service.id} to {name}"
    )


def delete_service(document: Document, service: Service) -> Edits:
    """Without the service's entry."""
    lines = document.lines[service.first - 1 : service.last]
    return (Edit(service.file, service.first - 1, lines, (), f"delete service {service.id}"),)


def _set(path: str, document: Document, first: int, last: int, name: str, words: str, operator: str) -> Edits:
    words = _words(words)
    old = document.lines[first - 1 : last]
    new: list[str] = []
    placed = False
    for line in old:
        match = _ATTRIBUTE.match(line)
        if not match or _key(match[2]) != _key(name):
            new.append(line)
        elif not placed:
            placed = True
            if (match[4], match[6]) == (operator, words) and match[3]:
                new.append(line)
                continue
            text = f"{match[1]}{match[2]}{match[3] or ' '}{operator}{match[5] or ' '}{words}"
            new.append(text.rstrip(" \t") + match[8])
    if not placed:
        at = _place(new, name, path, first)
        new.insert(at, _styled(new, at, name, operator, words))
    return _edits(path, old, new, first, f"{name} {operator} {words}")


def _remove(path: str, document: Document, first: int, last: int, name: str) -> Edits:
    old = document.lines[first - 1 : last]
    return _edits(path, old, [line for line in old if not _is(line, name)], first, f"without {name}")


def _edits(path: str, old: Sequence[str], new: Sequence[str], first: int, summary: str) -> Edits:
    found = differences(path, Document("".join(old)), Document("".join(new)))
    return tuple(Edit(path, e.first + first - 1, e.old, e.new, summary) for e in reversed(found))


def _is(line: str, name: str) -> bool:
    match = _ATTRIBUTE.match(line)
    return bool(match) and _key(match[2] if match else "") == _key(name)


def _key(name: str) -> str:
    lower = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)
    return _SAME.get(lower, lower)


def _place(lines: Sequence[str], name: str, path: str, first: int) -> int:
    """Where in an entry's lines a new attribute goes: behind the last one, or first where that matters."""
    opening = next((n for n, line in enumerate(lines) if line.strip(" \t\r\n\f\v") == "{"), -1)
    if opening < 0:
        raise BadText(f"{path}: the entry at line {first} has no line with only {{; mend that first.")
    attributes = [n for n in range(opening + 1, len(lines)) if _ATTRIBUTE.match(lines[n])]
    if _key(name) in _FIRST or not attributes:
        return opening + 1
    return attributes[-1] + 1


def _styled(lines: Sequence[str], at: int, name: str, operator: str, words: str) -> str:
    """A new attribute line, indented and aligned as its nearest neighbour."""
    neighbours = [*reversed(lines[:at]), *lines[at:]]
    matches = [m for line in neighbours if (m := _ATTRIBUTE.match(line)) and m[3]]
    # A stray carriage return is no style to follow.
    match = next((m for m in matches if not set(m[3] + m[5]) - {" ", "\t"}), None)
    if match is None:
        return f"\t{name} {operator} {words}".rstrip(" \t") + "\n"
    indent, gap, behind = match[1], match[3], match[5]
    column = len((indent + match[2] + gap).expandtabs(8))
    text = indent + name
    fill = "\t" if "\t" in gap else " "
    text += fill if fill == "\t" and len((text + fill).expandtabs(8)) <= column else " "
    while len((text + fill).expandtabs(8)) <= column:
        text += fill
    if fill == "\t":
        text += " " * (column - len(text.expandtabs(8)))
    return f"{text}{operator}{behind or ' '}{words}".rstrip(" \t") + "\n"


def _entry(header: str, attributes: Mapping[str, str]) -> list[str]:
    width = max([len(name) for name in attributes], default=0)
    lines = [
        f"\t{_word(name):<{width}} = {_words(words)}".rstrip(" ") + "\n" for name, words in attributes.items()
    ]
    return [f"{header}\n", "{\n", *lines, "}\n"]


def _inserted(path: str, document: Document, at: int, new: Sequence[str], summary: str) -> Edits:
    lines = document.lines
    if at and at == len(lines) and not lines[-1].endswith("\n"):
        return (Edit(path, at - 1, lines[-1:], (lines[-1] + "\n", *new), summary),)
    return (Edit(path, at, (), tuple(new), summary),)


def _words(words: str) -> str:
    if "\n" in words or "\0" in words:
        raise BadText("A value is one line: xinetd knows no continuation and no quotes.")
    return words.strip(" \t")


def _word(name: str) -> str:
    if not name or re.search(r"[\s\0={}]", name) or name.startswith("#"):
        raise BadText("A name is one word without blanks, = or braces.")
    return name
