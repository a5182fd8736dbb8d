"""Knows the machine's logs: where they are, how to read them back to a line, and how to follow them.

What the lines mean is not known here; lines are byte text without their newline, journald's are its JSON.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, BinaryIO, cast

from wraptui.system.machine import Machine

JOURNAL = "journald"
"""Stands for journald where a path is expected."""

JOURNALS = ("/run/log/journal", "/var/log/journal")

DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
"""The message by which journald tells that a unit logged too much, and how much of it is lost."""

SYSLOG_FILES = ("/var/log/syslog", "/var/log/daemon.log", "/var/log/messages")

BLOCK = 1 << 20
"""Bytes read at once: enough to make Python's own work small, little enough to stay in the cache."""

MOST = 16 * BLOCK
"""Bytes of one log that are followed at once: what a burst or a long sleep leaves comes in pieces."""

JOURNAL_PATIENCE = 20.0
"""Seconds that journalctl may take."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a daemon logs: `internal` what it does itself, `services` what its services do. Each is a path
    inside the machine's root, or `JOURNAL`; a place may be in both. `problem` says what is missing."""

    internal: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    problem: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.internal + self.services))


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of one log, oldest first. `reached` tells whether the line to stop at was found; `end` is where
    to follow on from, by file: bytes, or journald's cursor. `problems` are sentences."""

    lines: tuple[str, ...] = ()
    reached: bool = False
    end: Mapping[str, int | str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def places(
    machine: Machine, filelog: str = "", log_types: Iterable[Sequence[str]] = (), since: float = 0.0
) -> Places:
    """Where a daemon logs: `filelog` is the path of its option -filelog ("" without one), `log_types` are the
    words of its services' log_type attributes (`FILE path ...`, `SYSLOG facility ...`), `since` is its start,
    of which it logs (seconds since the epoch)."""
    syslog = _syslog(machine, since)
    internal = (filelog,) if filelog else syslog
    services: list[str] = []
    for words in log_types:
        if len(words) > 1 and words[0].upper() == "FILE":
            services.append(os.path.normpath(os.path.join("/", words[1])))
        elif words and words[0].upper() == "SYSLOG":
            services += syslog
    problem = (
        "" if internal else "there is neither a syslog file nor journald: xinetd's own log is not to be had"
    )
    return Places(internal, tuple(dict.fromkeys(services)), problem)


def _syslog(machine: Machine, since: float) -> tuple[str, ...]:
    """Where syslog messages of the facility daemon end up: the first file that exists, else journald; nor is
    it a file that a syslog daemon has left behind which is no more, where there is journald."""
    journal = machine.live and any(_is(machine, path, "directory") for path in JOURNALS)
    for path in SYSLOG_FILES:
        if _is(machine, path, "file") and not (journal and machine.status(path).modified < since):
            return (path,)
    return (JOURNAL,) if journal else ()


def _is(machine: Machine, path: str, kind: str) -> bool:
    try:
        return machine.status(path).kind == kind
    except OSError:
        return False


def rotated(machine: Machine, path: str) -> tuple[str, ...]:
    """A log and what rotation made of its predecessors, newest first: `x.log`, `x.log.1`, `x.log.2.gz`,
    `x.log-20261124`."""
    folder, name = os.path.split(path)
    older: list[tuple[float, int, str]] = []
    try:
        names = machine.names(folder or "/")
    except OSError:
        names = []
    for other in names:
        found = _ROTATED.fullmatch(other[len(name) :]) if other.startswith(name) else None
        if found is None:
            continue
        try:
            status = machine.status(os.path.join(folder, other))
        except OSError:
            continue
        if status.kind == "file":
            # Files rotated in one second keep their order by number.
            number = int(found[1] or 0) if len(found[1] or "") < 6 else 0
            older.append((-status.modified, number, os.path.join(folder, other)))
    return (path, *(other for _, _, other in sorted(older)))


_ROTATED = re.compile(r"(?:\.(\d+)|-\d{8}(?:-?\d+)?|\.old)(?:\.gz|\.xz|\.bz2)?")


def read_back(
    machine: Machine,
    paths: Sequence[str],
    wanted: Sequence[bytes],
    stop: Callable[[str], bool],
    *,
    stop_word: bytes = b"Started working: ",
    since: float = 0.0,
    written: bool = True,
    end: int | None = None,
) -> Passage:
    """The lines with any of the `wanted` words, from the last line on for which `stop` is true (among those
    with `stop_word`), that one included; all lines when there is none. Without a `stop_word`, `stop` is asked
    about the first line of every block alone, and ends the reading before it.

    `paths` are newest first, as `rotated` gives them; one that was last written before `since` is not read.
    A log that is still `written` may end in half a line, which is left to whoever follows. Of the newest
    file only what is before byte `end` is read."""
    parts: list[list[str]] = []
    problems: list[str] = []
    ends: dict[str, int | str] = {}
    reached = False
    for path in paths:
        try:
            if since and machine.status(path).modified < since:
                break
            with machine.open(path) as file:
                if path.endswith((".gz", ".xz", ".bz2")):
                    with _unpacked(path, file) as plain:
                        found, reached = _forward(plain, wanted, stop, stop_word)
                    parts.append(found)
                else:
                    most = end if path == paths[0] else None
                    ends[path], reached = _back(file, wanted, stop, stop_word, written, parts, most)
        except FileNotFoundError:
            continue  # rotated away this very moment, or not there yet
        except (OSError, EOFError, ValueError) as error:
            problems.append(f"{path}: {_words(error)}")
        if reached:
            break
    return Passage(tuple(line for part in reversed(parts) for line in part), reached, ends, tuple(problems))


def _words(error: Exception) -> str:
    return (
        error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    ) or "cannot be read"


def _back(
    file: BinaryIO,
    wanted: Sequence[bytes],
    stop: Callable[[str], bool],
    stop_word: bytes,
    written: bool,
    parts: list[list[str]],
    most: int | None,
) -> tuple[int, bool]:
    """Adds a file's lines to `parts`, block by block from its end; returns that end, and whether the line to
    stop at was found."""
    size = file.seek(0, os.SEEK_END)
    size = end = size if most is None else min(size, most)
    if written and size:
        end = size - len(_last_piece(file, size))
    for block in _blocks_back(file, end if written else size):
        if not stop_word and stop(_line_at(block, 0)[1]):
            parts.append(_lines(block, wanted))
            return end, True
        at = len(block) if stop_word else 0
        while at and (at := block.rfind(stop_word, 0, at)) >= 0:
            start, stopped = _line_at(block, at)
            if stop(stopped):
                parts.append([stopped, *_lines(block[start + len(stopped) + 1 :], wanted)])
                return end, True
        parts.append(_lines(block, wanted))
    return end, False


def _blocks_back(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The file up to `end` in blocks of whole lines, from the last to the first."""
    tail = b""
    size = BLOCK // 4  # what is asked for mostly stands near the end
    while end > 0:
        start = max(0, end - size)
        size = min(2 * size, BLOCK)
        file.seek(start)
        data = file.read(end - start) + tail
        end = start
        cut = data.find(b"\n") + 1 if start else 0
        if start and not cut:
            tail = data  # a line longer than a block
            continue
        tail = data[:cut]
        yield data[cut:]


def _last_piece(file: BinaryIO, size: int) -> bytes:
    """What stands behind the last newline."""
    window = 1 << 12
    while True:
        start = max(0, size - window)
        file.seek(start)
        data = file.read(size - start)
        cut = data.rfind(b"\n") + 1
        if cut or not start:
            return data[cut:]
        window *= 16


def _line_at(block: bytes, at: int) -> tuple[int, str]:
    """The line around a position: where it starts, and its text."""
    start = block.rfind(b"\n", 0, at) + 1
    end = block.find(b"\n", at)
    return start, block[start : end if end >= 0 else len(block)].decode("latin-1")


def _lines(block: bytes, wanted: Sequence[bytes]) -> list[str]:
    """The lines of a block with any of the wanted words, in their order. To search the words and then the
    line ends around them is several times as fast as to look at every line."""
    if not wanted:
        return [line.decode("latin-1") for line in block.splitlines()]
    if not block.endswith(b"\n"):
        block += b"\n"
    find, rfind = block.find, block.rfind
    starts: list[int] = []
    found: list[bytes] = []
    for word in wanted:
        at = find(word)
        while at >= 0:
            start = rfind(b"\n", 0, at) + 1
            at = find(b"\n", at)
            starts.append(start)
            found.append(block[start:at])
            at = find(word, at)
    if not found:
        return []
    if len(wanted) > 1:
        found = [line for _, line in sorted(dict(zip(starts, found, strict=True)).items())]
    return b"\n".join(found).decode("latin-1").split("\n")


# --- forward -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a long log, and how far it is read: bytes done, of all."""

    lines: list[str]
    done: int
    total: int


def history(machine: Machine, paths: Sequence[str], wanted: Sequence[bytes]) -> Iterator[Piece]:
    """All lines with any of the `wanted` words, oldest first, block by block; `paths` are newest first.
    Memory stays bounded; raises `OSError` for a file that cannot be read."""
    sizes = {path: machine.status(path).size for path in paths}
    total = sum(sizes.values())
    before = 0
    for path in reversed(paths):
        with machine.open(path) as file:
            packed = path.endswith((".gz", ".xz", ".bz2"))
            for block in _blocks(_unpacked(path, file) if packed else file):
                yield Piece(_lines(block, wanted), before + file.tell(), total)
        before += sizes[path]


def _forward(
    file: IO[bytes], wanted: Sequence[bytes], stop: Callable[[str], bool], stop_word: bytes
) -> tuple[list[str], bool]:
    found: list[str] = []
    reached = False
    words = (*wanted, stop_word) if stop_word else wanted
    for block in _blocks(file):
        for line in _lines(block, words):
            if stop_word and stop_word in line.encode("latin-1") and stop(line):
                found, reached = [], True
            found.append(line)
    return found, reached


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The file in blocks of whole lines."""
    tail = b""
    while data := file.read(BLOCK):
        cut = data.rfind(b"\n") + 1
        if not cut:
            tail += data
            continue
        yield tail + data[:cut]
        tail = data[cut:]
    if tail:
        yield tail


def _unpacked(path: str, file: BinaryIO) -> IO[bytes]:
    if path.endswith(".gz"):
        import gzip

        return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))
    if path.endswith(".xz"):
        import lzma

        return lzma.LZMAFile(file)
    import bz2

    return bz2.BZ2File(file)


# --- following ---------------------------------------------------------------------------------------------


class Follower:
    """Follows one log file: every `read` gives the whole lines that were written since the one before.

    A renamed file is read on beside the new one, for xinetd writes its -filelog into the renamed file until
    it is started anew; a file that became shorter (copytruncate) is read from its beginning. A place that
    does not exist yet is waited for."""

    def __init__(self, machine: Machine, path: str, end: int | None = None, *, pinned: bool = False) -> None:
        """Starts behind byte `end`, or at the end of what the file holds now. A `pinned` one stays with the
        file that has this name now, whatever comes in its place."""
        self._machine = machine
        self.path = path
        self._open: list[_Opened] = []
        self._first = True
        self._end = end
        self._pinned = pinned
        self.problem = ""

    def read(self) -> list[str]:
        """The new lines, oldest first; `problem` says when the file cannot be read."""
        if self._first or not self._pinned:
            self._look()
        lines: list[str] = []
        for opened in self._open:
            lines += opened.read()
        return lines

    def close(self) -> None:
        for opened in self._open:
            opened.file.close()
        self._open = []

    def _look(self) -> None:
        try:
            file = self._machine.open(self.path)
            self.problem = ""
        except FileNotFoundError:
            self._first = False  # whatever appears here is new
            return
        except OSError as error:
            self.problem = f"{self.path}: {_words(error)}"
            return
        status = os.fstat(file.fileno())
        if any((opened.device, opened.inode) == (status.st_dev, status.st_ino) for opened in self._open):
            file.close()
            return
        start = 0
        if self._first:
            start = status.st_size if self._end is None else min(self._end, status.st_size)
            self._first = False
        self._open.append(_Opened(file, status.st_dev, status.st_ino, start))
        if len(self._open) > 2:
            self._open.pop(0).file.close()


class _Opened:
    """One open file and how far it is read."""

    def __init__(self, file: BinaryIO, device: int, inode: int, position: int) -> None:
        self.file, self.device, self.inode, self.position = file, device, inode, position
        self._tail = b""

    def read(self) -> list[str]:
        if os.fstat(self.file.fileno()).st_size < self.position:
            self.position, self._tail = 0, b""
        self.file.seek(self.position)
        data = self.file.read(MOST)
        if not data:
            return []
        self.position += len(data)
        data = self._tail + data
        cut = data.rfind(b"\n") + 1
        self._tail = data[cut:] if len(data) - cut <= BLOCK else b""  # no daemon writes such a line
        return data[:cut].decode("latin-1").split("\n")[:-1]


class JournalFollower:
    """Follows what xinetd says to journald, with the same `read` as a file's follower."""

    path = JOURNAL

    def __init__(self, machine: Machine, cursor: str = "", since: float = 0.0, unit: str = "") -> None:
        """Starts behind `cursor`, or at `since` (seconds since the epoch); `unit` as in `read_journal`."""
        self._machine = machine
        self._unit = unit
        self._cursor = cursor
        self._since = since
        self.problem = ""

    def read(self) -> list[str]:
        """The new records as JSON lines, oldest first."""
        passage = read_journal(self._machine, self._since, self._cursor, self._unit)
        self.problem = "; ".join(passage.problems)
        self._cursor = str(passage.end.get(JOURNAL, self._cursor))
        return list(passage.lines)

    def close(self) -> None:
        """Nothing is held open."""


def read_journal(machine: Machine, since: float, cursor: str = "", unit: str = "") -> Passage:
    """What xinetd said to journald since a moment, or behind a cursor, and what journald says that it lost of
    the words of its `unit` ("": nothing is asked of that)."""
    where = f"--after-cursor={cursor}" if cursor else f"--since=@{int(since)}"
    lost = ["+", f"MESSAGE_ID={DROPPED}", f"OBJECT_SYSTEMD_UNIT={unit}"] if unit else []
    wanted = ["SYSLOG_IDENTIFIER=xinetd", *lost]
    command = ["journalctl", "--output=json", "--no-pager", "--quiet", *wanted, where]
    try:
        ran = machine.run(command, timeout=JOURNAL_PATIENCE)
    except OSError as error:
        return Passage(problems=(f"journalctl: {_words(error)}",))
    if ran.code != 0:
        said = ran.errors.decode("utf-8", "replace").strip() or f"ended with {ran.code}"
        return Passage(problems=(f"journalctl: {said}",))
    lines = tuple(ran.output.decode("latin-1").splitlines())
    last = _CURSOR.search(lines[-1]) if lines else None
    return Passage(lines, False, {JOURNAL: last[1]} if last else {}, ())


_CURSOR = re.compile(r'"__CURSOR"\s*:\s*"([^"]*)"')
