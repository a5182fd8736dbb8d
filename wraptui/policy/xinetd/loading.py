"""Knows how xinetd walks its files: includes, defaults, entries, and every line's fate, with its messages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from wraptui.policy.files import Files
from wraptui.policy.xinetd.activation import Sockets
from wraptui.policy.xinetd.addresses import Crashed
from wraptui.policy.xinetd.checking import Checks, Dropped
from wraptui.policy.xinetd.databases import Databases
from wraptui.policy.xinetd.draft import Draft, World
from wraptui.policy.xinetd.effective import default_attributes, effective_attributes
from wraptui.policy.xinetd.entries import FatalDefaults, inherit, note_line, read_attributes, recognise
from wraptui.policy.xinetd.services import Configuration, Defaults, Doubt, Message, Service
from wraptui.syntax.tree import shown, typed
from wraptui.syntax.xinetd import Assignment, Broken, Header, Scanner, folded, service_blocks

FATAL = "A fatal error was encountered while parsing the default section. xinetd will exit."
STRAYED = (
    "an attribute name with nothing behind it, at the end of the file: xinetd reads beyond, and may crash"
)
CYCLE = (
    "this file is being read already: xinetd would read it again and again until it can open no more files"
)
NO_ID = "an internal service that inetd.conf cannot have: xinetd has no id for it, and may crash"
LOST = "xinetd does not see this entry: an error before it swallows it"
MISFIT = "an IPv4 address for an IPv6 socket: xinetd listens on all addresses, or does not start"
HIDDEN = "you may not read this, xinetd may: what it makes of it is unknown here"
TOO_MANY = "more files are included than anybody needs; the rest is not looked at here"
MOST_FILES = 20_000
LONGEST = 2048
"""What fits into one message of the daemon, its level, file and line included."""


@dataclass(slots=True)
class Record:
    """One service entry: what was read of it, and why it does not run."""

    draft: Draft
    why_not: str = ""


@dataclass
class Loader:
    """One reading of a configuration."""

    files: Files
    path: str
    inetd_compat: bool
    directory: str
    environment: frozenset[str]
    local: Collection[str] | None
    messages: list[Message] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    entries: list[Defaults] = field(default_factory=list)
    doubts: dict[Doubt, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.databases = Databases(self.files)
        self.world = World(self.files, self.databases, self.directory, self.environment, self.complain)
        self.defaults = Draft("(null)")
        self.file = typed(self.path)  # as the daemon names the current file
        self.line = 0
        self.open: list[str] = []  # the files being read, outermost first

    # -- messages

    def complain(self, level: str, text: str) -> None:
        """A message about the current line."""
        length = len(level) + 2 + len(text)
        place = f" [file={self.file}] [line={self.line}]"
        if length + len(place) > LONGEST:
            text = (text + place)[: LONGEST - len(level) - 2]
            self.messages.append(Message(level, text))
        else:
            self.messages.append(Message(level, text, self.file, self.line))

    def say(self, level: str, text: str) -> None:
        """A message about no line."""
        self.messages.append(Message(level, text[: LONGEST - len(level) - 2]))

    def doubt(self, path: str, line: int, text: str) -> None:
        self.doubts[Doubt(path, line, text)] = None

    # -- the whole

    def configuration(self) -> Configuration:
        try:
            data = self._data(self.path)
        except OSError as error:
            number = error.errno or 0
            reason = f"{error.strerror} (errno = {number})"
            self.say("ERROR", f"open( {self.file} ) failed: {reason}")
            self.say("CRITICAL", "couldn't get configuration. Exiting...")
            return self._result(False)
        try:
            self._file(data, self.file)
        except Crashed as crash:
            return self._crashed(self.open[-1], self.line, crash)
        except FatalDefaults:
            self.say("ERROR", FATAL)
            self.say("WARNING", "Exiting...")
            self._stop("xinetd exits: fatal error in defaults")
            return self._result(False)
        if self.inetd_compat:
            self._inetd()
        self._disable()
        try:
            self._check()
        except Crashed as crash:
            return self._crashed(self.defaults.file, self.defaults.first, crash)
        self._activate()
        return self._result(True)

    def _stop(self, why: str) -> None:
        for record in self.records:
            record.why_not = record.why_not or why

    def _crashed(self, path: str, line: int, crash: Crashed) -> Configuration:
        self.doubt(path, line, shown(str(crash)))
        self._stop("xinetd crashes")
        return self._result(False)

    def _inetd(self) -> None:
        from wraptui.policy.xinetd.inetd import PATH, SHORT, read_inetd

        path = PATH
        try:
            data = self._data(path)
        except OSError:
            return
        self.file, self.line = path, 0
        for draft, why_not in read_inetd(data, self.world, self._counted):
            self.records.append(Record(draft, why_not))
            if why_not == SHORT:
                self.doubt(path, draft.first, SHORT)
            if not draft.id:
                draft.id = draft.name
                self.doubt(path, draft.first, NO_ID)

    def _counted(self, line: int) -> None:
        self.line = line

    def _result(self, starts: bool) -> Configuration:
        return Configuration(
            starts,
            tuple(self._service(record) for record in self.records),
            tuple(self.messages),
            default_attributes(self.defaults),
            tuple(self.read),
            tuple(self.entries),
            tuple(self.doubts),
        )

    def _service(self, record: Record) -> Service:
        draft = record.draft
        attributes, origin = effective_attributes(draft)
        return Service(
            shown(draft.id or draft.name),
            shown(draft.name),
            draft.file,
            draft.first,
            draft.last,
            not record.why_not,
            shown(record.why_not),
            attributes,
            origin,
            draft.lines,
        )

    # -- files

    def _data(self, path: str, data: bytes | None = None) -> bytes:
        if data is None:
            if self.databases.misnamed(path):
                raise NotADirectoryError(20, "Not a directory", path)
            try:
                data = self.files.read(path)
            except IsADirectoryError:
                data = b""
        self.read.append(path)
        return data

    def _file(self, data: bytes, name: str) -> None:
        path = self.world.path(name)
        self.open.append(path)
        known, said = len(self.records), len(self.messages)
        self._entries(data, name, path)
        self.open.pop()
        if any(message.level == "ERROR" for message in self.messages[said:]):
            self._lost(data, path, known)

    def _lost(self, data: bytes, path: str, known: int) -> None:
        """Record, for people only, the entries of a file that an error before them swallowed."""
        ours = [record for record in self.records[known:] if record.draft.file == path]
        read = {record.draft.first for record in ours}
        for first, last, name in service_blocks(data):
            if first in read:
                continue
            lost = Record(Draft(name, path, first, last, name), LOST)
            around = next((one.draft for one in ours if one.draft.first < first <= one.draft.last), None)
            if around is not None:
                around.last = first - 1
                around.lines = {
                    name: kept
                    for name, places in around.lines.items()
                    if (kept := tuple(place for place in places if place[0] < first))
                }
            later = next((record for record in ours if record.draft.first > first), None)
            self.records.insert(self.records.index(later) if later else len(self.records), lost)

    def _entries(self, data: bytes, name: str, path: str) -> None:
        self.file, self.line = name, 0
        scanner = Scanner(data, self._scanned)
        self._scanner = scanner
        found_defaults = False
        while True:
            try:
                header = scanner.header()
            except Broken:
                self._skip(scanner)
                continue
            finally:
                if scanner.strayed:
                    self.doubt(path, scanner.strayed, STRAYED)
                    scanner.strayed = 0
            self.line = scanner.count
            if header is None:
                return
            if header.keyword == "service":
                self._service_entry(scanner, header, path)
            elif header.keyword == "defaults":
                if found_defaults:
                    self.complain("ERROR", "only 1 defaults entry is allowed. This entry will be ignored")
                    self._skip(scanner)
                else:
                    found_defaults = self._defaults_entry(scanner, header, path)
            else:
                if header.keyword == "include":
                    self._include(header.name, header.line)
                else:
                    self._include_directory(header.name, header.line)
                self._scanner, self.file, self.line = scanner, name, scanner.count

    def _scanned(self, level: str, text: str) -> None:
        self.line = self._scanner.count
        self.complain(level, text)

    def _skip(self, scanner: Scanner) -> list[Assignment]:
        passed = scanner.skip()
        self.line = scanner.count
        return passed

    def _include(self, name: str, line: int, data: bytes | None = None) -> bool:
        """Read another file, whose content is `data` if that is known; False when it cannot be opened."""
        path = self.world.path(name)
        try:
            if path in self.open or len(self.read) >= MOST_FILES:
                self.doubt(self.open[-1], line, CYCLE if path in self.open else TOO_MANY)
                raise OSError
            data = self._data(path, data)
        except PermissionError:
            self.doubt(self.open[-1], line, f"{shown(name)}: {HIDDEN}")
            return False
        except OSError:
            self.complain("ERROR", f"Unable to open included configuration file: {name}")
            return False
        self.complain("DEBUG", f"Reading included configuration file: {name}")
        self._file(data, name)
        return True

    def _unread(self, path: str) -> bool:
        """Say why a member of a directory is not read; True when that leaves an error number."""
        try:
            kind = self.files.status(self.world.path(path)).kind
        except OSError:
            self.complain("ERROR", f"Unable to stat includedir file {path}")
            return True
        if kind == "file":
            self.complain("ERROR", f"Unable to open included configuration file: {path}")
            return True
        self.say("ERROR", f"{path} is not a regular file. It is being skipped.")
        return False

    def _include_directory(self, directory: str, line: int) -> None:
        try:
            names = sorted(typed(name) for name in self.files.names(self.world.path(directory)))
        except PermissionError:
            self.doubt(self.open[-1], line, f"{shown(directory)}: {HIDDEN}")
            return
        except OSError:
            self.complain("ERROR", f"Unable to read included directory: {directory}")
            return
        entered = failed = False
        for name in names:
            if "." in name or name.endswith("~"):
                continue
            path = f"{directory}/{name}"
            if entered:
                # The daemon writes the next path over the last one, by which it still names the file.
                self.file = path
            try:
                data = self.files.read(self.world.path(path))
            except PermissionError:
                self.doubt(self.open[-1], line, f"{shown(path)}: {HIDDEN}")
                continue
            except OSError:
                failed = self._unread(path) or failed
                continue
            # The end of every file that is read clears the error number.
            failed = not self._include(path, line, data)
            entered = entered or not failed
        if failed:
            self.complain("ERROR", f"Error reading included directory: {directory}")

    # -- entries

    def _service_entry(self, scanner: Scanner, header: Header, path: str) -> None:
        draft = Draft(header.name, path, header.line, header.line)
        inherit(draft, self.defaults)
        record = Record(draft)
        self.records.append(record)
        try:
            whole = read_attributes(scanner, draft, "service", self.world, self._counted)
        except Broken:
            record.why_not = self.messages[-1].text
            whole = False
        if not whole:
            passed = self._skip(scanner)
            for line in passed:
                note_line(draft, line)
            if not record.why_not:
                record.why_not = "disable = yes"
                recognise(draft, passed, self.world)
        draft.last = scanner.last
        if not draft.id:
            draft.id = draft.name

    def _defaults_entry(self, scanner: Scanner, header: Header, path: str) -> bool:
        draft = self.defaults
        draft.file, draft.first, draft.lines = path, header.line, {}
        try:
            whole = read_attributes(scanner, draft, "defaults", self.world, self._counted)
        except Broken:
            return False
        else:
            if draft.bind is None:
                draft.specified.discard("bind")
            return whole
        finally:
            self.entries.append(Defaults(path, header.line, scanner.last, draft.lines))

    # -- which run

    def _running(self) -> list[Record]:
        return [record for record in self.records if not record.why_not]

    def _disable(self) -> None:
        if self.defaults.enabled is not None and "enabled" in self.defaults.specified:
            ids = {folded(word) for word in self.defaults.enabled}
            for record in self._running():
                record.draft.disabled = folded(record.draft.id) not in ids
        for record in self._running():
            if record.draft.disabled:
                self.say("DEBUG", f"removing {record.draft.name}")
                named = "enabled" in self.defaults.specified
                record.why_not = "not named in enabled" if named else record.draft.spoiled
        if "disabled" in self.defaults.specified:
            ids = {folded(word) for word in self.defaults.disabled_ids or ()}
            for record in self._running():
                if folded(record.draft.id) in ids:
                    record.why_not = "named in disabled"

    def _check(self) -> None:
        passed: list[Draft] = []
        checks = Checks(self.defaults, self.world, self.say)
        for record in self._running():
            try:
                checks.fill(record.draft)
                checks.check(record.draft, passed)
            except Dropped:
                record.why_not = self.messages[-1].text
                continue
            if record.draft.bind is not None:
                passed.append(record.draft)

    def _activate(self) -> None:
        portmapper = any(self.files.executable(path) for path in ("/sbin/rpcbind", "/usr/sbin/rpcbind"))
        sockets = Sockets(self.world, self.local, portmapper, self.defaults.log)
        for record in self._running():
            draft = record.draft
            if draft.bind is not None and draft.bind[0] == 4 and "IPv4" not in draft.flags:
                line = draft.lines.get("bind", ((draft.first, draft.last),))[0][0]
                self.doubt(draft.file, line, MISFIT)
            record.why_not = sockets.activate(draft, self.say)
