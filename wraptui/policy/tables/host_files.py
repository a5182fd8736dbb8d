"""Knows the words of /file patterns, and what beside the request a pattern may depend on."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import cached_property

from wraptui.policy.files import Files
from wraptui.policy.tables.expansion import ProcessExit, Request
from wraptui.policy.tables.options import is_missing, reason, rooted
from wraptui.policy.tables.patterns import End, host_matches
from wraptui.syntax.tree import byte_text

LONGEST_WORD = 8191
"""Bytes of a word that fit libwrap's buffer; a longer one overwrites its stack."""

DEEPEST = 900
"""Files inside files that libwrap's stack bears, about."""


class Surroundings:
    """The root's files and interfaces, for one request."""

    def __init__(self, files: Files, request: Request) -> None:
        self._files = files
        self._request = request

    @cached_property
    def interfaces(self) -> Container[str]:
        """Network interfaces; `lo` alone where the root does not tell."""
        try:
            return frozenset(self._files.names("/sys/class/net")) or frozenset({"lo"})
        except OSError:
            return frozenset({"lo"})

    def file_matches(self, path: str, end: End) -> bool:
        """Whether a host pattern in the file matches, files named in it included."""
        opened = [path]
        readers = [self._words(path)]
        while readers:
            word = next(readers[-1], None)
            if word is None:
                readers.pop()
                opened.pop()
            elif not word.startswith("/"):
                if host_matches(word, end, self):
                    return True
            elif word in opened or len(opened) >= DEEPEST:
                self._crash(f"{word} includes itself without end")
            else:
                opened.append(word)
                readers.append(self._words(word))
        return False

    def _words(self, path: str) -> Iterator[str]:
        """The words of a file, each cut at a NUL. A file that is missing, or a directory, has none."""
        try:
            data = self._files.read(rooted(path))
        except IsADirectoryError:
            return
        except OSError as error:
            if not is_missing(error):
                self._request.warn(f"open {path}: {reason(error)}")
            return
        for word in data.split():
            if len(word) > LONGEST_WORD:
                self._crash(f"{path} holds a word of {len(word)} bytes, more than libwrap's buffer")
            yield byte_text(word.partition(b"\0")[0])

    def _crash(self, why: str) -> None:
        self._request.warn(f"{why}: the process that asks crashes")
        raise ProcessExit
