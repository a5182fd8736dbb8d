"""What `check_tables` finds, one defect at a time, and what its fix makes of the file."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.lint.fixes import mended
from wraptui.policy.lint.tables import MEANT, RESTORING, check_tables
from wraptui.policy.tables.access import Tables, read_table
from wraptui.syntax.tree import Document

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"


@dataclass(frozen=True)
class Status:
    """A file of the test's tree."""

    kind: str = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class Tree:
    """Files by path: bytes, or None for a folder; `modes` and `owners` where they are not root's 0644."""

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)

    def _content(self, path: str) -> bytes | None:
        path = path.rstrip("/") or "/"
        if path in self.files:
            return self.files[path]
        if path == "/" or any(each.startswith(path + "/") for each in self.files):
            return None
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    def read(self, path: str) -> bytes:
        found = self._content(path)
        if found is None:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        return found

    def names(self, path: str) -> list[str]:
        return [each.rpartition("/")[2] for each in self.files if each.rpartition("/")[0] == path.rstrip("/")]

    def status(self, path: str) -> Status:
        folder = self._content(path) is None
        mode = self.modes.get(path, 0o755 if folder else 0o644)
        return Status("directory" if folder else "file", mode, self.owners.get(path, 0))

    def executable(self, path: str) -> bool:
        try:
            return bool(self.status(path).mode & 0o111)
        except OSError:
            return False


WHOLE = Tree(
    {
        "/bin/sh": b"",
        "/usr/bin/logger": b"",
        "/usr/bin/mine": b"",
        "/usr/bin/open": b"",
        "/usr/bin/plain": b"",
        "/etc/banners/sshd": b"",
        "/etc/lists/good": b"10.0.0.1\n.example.com\n2001:db8::1\n",
        "/etc/lists/remark": b"10.0.0.1 # office ALL\n",
        "/etc/lists/words": b"10.0.0.1,10.0.0.2 EXCEPT root@10.0.0.3\n",
        "/etc/lists/loop": b"10.0.0.1 /etc/lists/other\n",
        "/etc/lists/other": b"/etc/lists/loop\n",
        "/etc/lists/long": b"x" * 9000,
        "/etc/lists/open": b"10.0.0.1\n",
        "/etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        "/etc/group": b"root:x:0:\n",
        "/etc/netgroup": b"staff (host,,)\n",
    },
    modes={
        **{f"/usr/bin/{name}": 0o755 for name in ("logger", "mine")},
        "/bin/sh": 0o755,
        "/usr/bin/open": 0o757,
        "/etc/lists/open": 0o666,
    },
    owners={"/usr/bin/mine": 1000},
)


def found(
    allow: str = "", deny: str = "", files: Tree = WHOLE, **known: frozenset[str]
) -> tuple[Finding, ...]:
    return check_tables(Tables(read_table(ALLOW, allow), read_table(DENY, deny), files), **known)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in findings]


CLEAN = "sshd: 192.0.2.\nALL: LOCAL, .example.com EXCEPT bad.example.com\nvsftpd: [2001:db8::]/32 : allow\n"


def test_ordinary_files_are_clean() -> None:
    assert found(CLEAN, "# nobody else\nALL: ALL\n") == ()
    assert found("", "") == ()
    assert found("", 'sshd, vsftpd: ALL : spawn /usr/bin/logger "%h %a" &\n') == ()


# text in hosts.deny, code, line, column, and the text that the fix makes of it ("" without a fix)
DEFECTS = [
    ("ALL: ALL", "no-final-newline", 1, 0, "ALL: ALL\n"),
    ("ALL: ALL\n# end", "no-final-newline", 2, 0, "ALL: ALL\n# end\n"),
    ("ALL: ALL\\\n", "unfinished-continuation", 1, 0, "ALL: ALL\n"),
    ("sshd: ALL\\", "unfinished-continuation", 1, 0, "sshd: ALL\n"),
    ("#" + "x" * 3000 + "\n", "line-too-long", 1, 0, "#" + "x" * 1999 + "\n#" + "x" * 1001 + "\n"),
    ("\xef\xbb\xbfsshd: ALL\n", "byte-order-mark", 1, 1, "sshd: ALL\n"),
    (
        "sshd: 192.0.2.1\r\nvsftpd: 192.0.2.2\n",
        "carriage-return",
        1,
        16,
        "sshd: 192.0.2.1\nvsftpd: 192.0.2.2\n",
    ),
    ("sshd: 192.0.2.1 \\ \n  192.0.2.2\n", "broken-continuation", 1, 17, "sshd: 192.0.2.1 \\\n  192.0.2.2\n"),
    ("sshd: 192.0.2.1\0\nvsftpd: ALL\n", "nul-byte", 1, 0, ""),
    ("sshd ALL\n", "missing-separator", 1, 0, ""),
    ("sshd: [2001:db8::1\n", "unbalanced-brackets", 1, 7, ""),
    ("  # old\n", "indented-comment", 1, 3, "# old\n"),
    ("  # sshd: ALL\n", "indented-comment", 1, 3, "# sshd: ALL\n"),
    ("# old \\\nsshd: ALL\n", "comment-continues", 1, 7, "# old \n# sshd: ALL\n"),
    ("sshd: 192.0.2.1 # office\n", "trailing-comment", 1, 17, "# office\nsshd: 192.0.2.1\n"),
    ("sshd: ALL: deny # all\n", "trailing-comment", 1, 12, "# all\nsshd: ALL: deny\n"),
    (": ALL\n", "empty-daemon-list", 1, 0, ""),
    ("sshd:\n", "empty-client-list", 1, 0, ""),
    ("sshd: EXCEPT 192.0.2.1\n", "except-first", 1, 7, "sshd: ALL EXCEPT 192.0.2.1\n"),
    ("sshd: ALL EXCEPT\n", "except-nothing", 1, 11, ""),
    ("sshd: 10.0.0.1 EXCEPT 10.\n", "excepts-everything", 1, 0, ""),
    ("/usr/sbin/sshd: ALL\n", "daemon-path", 1, 1, "sshd: ALL\n"),
    ("LOCAL: ALL\n", "daemon-reserved", 1, 1, ""),
    ("@staff: ALL\n", "daemon-netgroup", 1, 1, ""),
    ("22: ALL\n", "daemon-port", 1, 1, ""),
    ("in.: ALL\n", "daemon-dot", 1, 1, ""),
    ("sshd;vsftpd: ALL\n", "odd-byte", 1, 1, "sshd vsftpd: ALL\n"),
    ("FAIL: ALL\n", "fail-word", 1, 1, ""),
    ("sshd: 0.0.0.0/0\n", "mask-zero", 1, 7, "sshd: 0.0.0.0/0.0.0.0\n"),
    ("sshd: 192.0.2.0/\n", "mask-zero", 1, 7, ""),
    ("sshd: 192.0.2.1/255.255.255.255\n", "mask-of-ones", 1, 7, "sshd: 192.0.2.1\n"),
    ("sshd: 192.0.2.0/33\n", "mask-out-of-range", 1, 7, ""),
    ("sshd: 192.0.2.1/24\n", "host-bits", 1, 7, "sshd: 192.0.2.0/24\n"),
    ("sshd: 10/8\n", "short-network", 1, 7, "sshd: 10.0.0.0/8\n"),
    ("sshd: 192.0.2.0/24abc\n", "odd-network", 1, 7, "sshd: 192.0.2.0/24\n"),
    ("sshd: 012.0.0.0/8\n", "odd-network", 1, 7, "sshd: 10.0.0.0/8\n"),
    ("sshd: [2001:db8::/32]\n", "mask-in-brackets", 1, 7, "sshd: [2001:db8::]/32\n"),
    ("sshd: [2001:db8::]/text\n", "mask-not-a-number", 1, 7, ""),
    ("sshd: [2001:db8::]/129\n", "mask-out-of-range", 1, 7, ""),
    ("sshd: [2001:zz::]\n", "bad-ipv6", 1, 7, ""),
    ("sshd: [192.0.2.1]\n", "bad-ipv6", 1, 7, "sshd: 192.0.2.1\n"),
    ("sshd: [::ffff:192.0.2.1]\n", "mapped-address", 1, 7, "sshd: 192.0.2.1\n"),
    ("sshd: [::ffff:192.0.2.0]/120\n", "mapped-address", 1, 7, "sshd: 192.0.2.0/24\n"),
    ("sshd: 2001:db8::1\n", "bare-ipv6", 1, 7, "sshd: [2001:db8::1]\n"),
    ("sshd: 2001:db8::/32 192.0.2.1\n", "bare-ipv6", 1, 7, "sshd: [2001:db8::]/32 192.0.2.1\n"),
    ("sshd: [fe80::1%lo]\n", "ignored-zone", 1, 7, "sshd: [fe80::1]\n"),
    ("sshd: 192.0.2\n", "missing-dot", 1, 7, "sshd: 192.0.2.\n"),
    ("sshd: 192.000.2.1\n", "leading-zero", 1, 7, ""),
    ("sshd: 192.0.2.300\n", "odd-address", 1, 7, ""),
    ("sshd: 206.182.68.0\n", "network-as-address", 1, 7, "sshd: 206.182.68.\n"),
    ("sshd: 192.0.2.1-192.0.2.9\n", "address-range", 1, 7, ""),
    ("sshd: !192.0.2.1\n", "odd-byte", 1, 7, ""),
    ("sshd: 192.0.2.1;192.0.2.2\n", "odd-byte", 1, 7, "sshd: 192.0.2.1 192.0.2.2\n"),
    ("sshd: host.example.com/24\n", "mask-on-name", 1, 7, ""),
    ("sshd: 10.*/8\n", "mask-on-wildcard", 1, 7, ""),
    ("sshd: lists/bad\n", "relative-file", 1, 7, ""),
    ("sshd: .10\n", "address-suffix", 1, 7, ""),
    ("sshd: 10.1*\n", "wildcard-on-names", 1, 7, ""),
    ("sshd: 10.1.*\n", "wildcard-on-names", 1, 7, "sshd: 10.1.\n"),
    ("sshd: a**\n", "double-star", 1, 7, ""),
    ("sshd: www.\n", "name-prefix", 1, 7, ""),
    ("sshd: " + "n" * 128 + "\n", "pattern-too-long", 1, 7, ""),
    ("sshd: @nobody\n", "netgroup-unknown", 1, 7, ""),
    ("sshd: root@\n", "user-without-host", 1, 7, "sshd: root@ALL\n"),
    ("sshd: @staff@192.0.2.1\n", "user-pattern", 1, 7, ""),
    ("sshd: .x@192.0.2.1\n", "user-dot", 1, 7, ""),
    ("sshd: LOCAL@192.0.2.1\n", "user-reserved", 1, 7, ""),
    ("sshd: /etc/lists/none\n", "pattern-file-missing", 1, 7, ""),
    ("sshd: /etc/lists\n", "pattern-file-directory", 1, 7, ""),
    ("sshd: /etc/lists/loop\n", "pattern-file-loop", 1, 7, ""),
    ("sshd: /etc/lists/open\n", "writable-by-others", 1, 7, ""),
    ("sshd: ALL :\n", "empty-option", 1, 12, "sshd: ALL \n"),
    ("sshd: ALL: allow: deny\n", "option-not-last", 1, 12, ""),
    ("sshd: ALL: allow:\n", "option-not-last", 1, 12, "sshd: ALL: allow\n"),
    ("sshd: ALL: alow\n", "unknown-option", 1, 12, "sshd: ALL: allow\n"),
    ("sshd: ALL: allow yes\n", "option-takes-no-value", 1, 12, ""),
    ("sshd: ALL: umask\n", "option-needs-value", 1, 12, ""),
    ("sshd: ALL: umask 999\n", "bad-option-value", 1, 12, ""),
    ("sshd: ALL: severity authpriv.warn\n", "bad-severity", 1, 12, "sshd: ALL: severity auth.warning\n"),
    ("sshd: ALL: setenv A=b\n", "bad-setenv", 1, 12, "sshd: ALL: setenv A b\n"),
    ("sshd: ALL: /usr/bin/logger no\n", "command-as-option", 1, 12, "sshd: ALL: spawn /usr/bin/logger no\n"),
    ("sshd: ALL: user root\n", "option-without-effect", 1, 12, ""),
    ("sshd: ALL: aclexec /usr/bin/logger\n", "aclexec-grants", 1, 12, ""),
    ("sshd: ALL: aclexec /usr/bin/logger : allow\n", "aclexec-decided", 1, 12, ""),
    ("sshd: ALL: spawn /bin/nothing\n", "program-missing", 1, 18, ""),
    ("sshd: ALL: twist /bin/ 'date'\n", "program-is-directory", 1, 18, ""),
    ("sshd: ALL: spawn /usr/bin/plain\n", "program-not-executable", 1, 18, ""),
    ("sshd: ALL: spawn /usr/bin/open\n", "writable-by-others", 1, 18, ""),
    ("sshd: ALL: spawn /usr/bin/mine\n", "writable-by-others", 1, 18, ""),
    ("sshd: ALL: spawn bin/x\n", "relative-program", 1, 18, ""),
    (
        "sshd: ALL: spawn /usr/bin/logger %h\n",
        "unquoted-expansion",
        1,
        34,
        'sshd: ALL: spawn /usr/bin/logger "%h"\n',
    ),
    ("sshd: ALL: spawn /usr/bin/logger %z\n", "unknown-expansion", 1, 34, ""),
    ("sshd: ALL: banners /etc/none\n", "banners-missing", 1, 12, ""),
    ("vsftpd: ALL: banners /etc/banners\n", "banner-missing", 1, 14, ""),
    ("sshd: ALL: banners etc/banners\n", "relative-banners", 1, 12, ""),
    ("sshd: 192.0.2.1\nSSHD: 192.0.2.1\n", "duplicate", 2, 0, "sshd: 192.0.2.1\n"),
    ("sshd: 192.0.2.\nsshd: 192.0.2.1\n", "unreachable", 2, 0, "sshd: 192.0.2.\n"),
    ("sshd: 10. EXCEPT 10.1.\nsshd: 10.2.\n", "unreachable", 2, 0, "sshd: 10. EXCEPT 10.1.\n"),
    ("ALL: ALL: deny\nsshd: 192.0.2.1\n", "unreachable", 2, 0, ""),
    ("sshd: 192.0.2.1\nALL: ALL\n", "redundant", 1, 0, "ALL: ALL\n"),
    ("sshd: 192.0.2.1 192.0.2.\n", "redundant-pattern", 1, 7, "sshd: 192.0.2.\n"),
]


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "fixed"), DEFECTS, ids=[each[1] for each in DEFECTS]
)
def test_a_defect_is_found_where_it_stands_and_its_fix_mends_it(
    text: str, code: str, line: int, column: int, fixed: str
) -> None:
    findings = [each for each in found(deny=text) if each.code == code]
    assert [(each.file, each.line, each.column) for each in findings] == [(DENY, line, column)]
    document = Document(text)
    for edit in findings[0].fix:
        document = edit.apply(document)
    assert (document.text if findings[0].fix else "") == fixed
    if fixed:
        assert code not in codes(found(deny=fixed))


@pytest.mark.parametrize(
    "text",
    [
        "sshd: 10. EXCEPT 10.1.\nsshd: 10.1.2.3\n",
        "sshd: .b.com\nsshd: .com\n",
        "sshd: 10.0.0.1\nALL: 10.0.0.1\n",
        "sshd: 10.: spawn /bin/sh -c true\nvsftpd: 10.0.0.1\n",
        "sshd: root@ALL\nsshd: 10.\n",
        "sshd: 10.0.0.\nsshd: 10.0.1.\nsshd: 10.0.0.0/22\n",
    ],
)
def test_what_some_client_still_reaches_is_not_called_unreachable(text: str) -> None:
    assert not {"unreachable", "duplicate"} & set(codes(found(deny=text)))


@pytest.mark.parametrize(
    "text",
    [
        "sshd: .com\nsshd: .b.com\n",
        "sshd: .com\nsshd: a.b.com\n",
        "sshd: ALL\nsshd: root@x\n",
        "sshd: 10.0.0.0/25\nsshd: 10.0.0.128/25\nsshd: 10.0.0.\n",
        "sshd: 10.0.0.2\nsshd: 10.0.0.3\nsshd: 10.0.0.2/31\n",
        "sshd: /etc/lists/good\nsshd: 10.0.0.1\n",
        "ALL EXCEPT vsftpd: 10.\nsshd: 10.0.0.1\n",
        "sshd: 10.*\nsshd: 10.1.\n",
        "sshd: root@.com\nsshd: root@a.com\n",
        "sshd: @staff\nsshd: @staff\n",
        "sshd: [2001:db8::]/32\nsshd: [2001:db8::1]\n",
    ],
)
def test_what_no_client_reaches_is_told(text: str) -> None:
    assert {"unreachable", "duplicate"} & set(codes(found(deny=text)))


def test_severity_of_harm() -> None:
    (missing,) = found(deny="sshd: ALL")
    assert missing.severity is Severity.ERROR
    assert "denies every client of every service" in missing.message
    (lost,) = found(allow="ALL: LOCAL", deny="ALL: ALL\n")
    assert "goes on to hosts.deny" in lost.message


def test_contradictions_between_the_files() -> None:
    findings = found("sshd: 10.\n", "sshd: 10.1.2.3\nvsftpd: 10.1.2.3\n")
    assert [(each.code, each.file, each.line) for each in findings] == [("contradiction", DENY, 1)]
    assert codes(found("ALL: ALL\n", "ALL: ALL\n")) == ["grants-everything", "contradiction"]
    assert codes(found("sshd: 10. : deny\n", "sshd: 10.1.2.3\n")) == ["overridden"]
    assert codes(found("sshd: 10.\n", "")) == ["nothing-denied"]


def test_an_aclexec_that_fails_hands_its_clients_on() -> None:
    allow = "sshd: 10.: aclexec /usr/bin/logger\nsshd: ALL\n"
    assert "contradiction" not in codes(found(allow, "sshd: 10.0.0.1\n"))
    findings = [each for each in found(allow, "ALL: ALL: severity info\n") if each.code == "aclexec-memory"]
    assert [(each.file, each.line) for each in findings] == [(DENY, 1)]
    assert findings[0].fix[0].new == ("ALL: ALL: severity info: deny\n",)


def test_unreadable_table() -> None:
    tables = Tables(read_table(ALLOW, ""), read_table(DENY, "", "Permission denied"), WHOLE)
    (finding,) = check_tables(tables)
    assert (finding.code, finding.severity) == ("table-unreadable", Severity.ERROR)
    assert "denies every client" in finding.message


def test_permissions_of_the_tables() -> None:
    files = Tree({ALLOW: b"", DENY: b""}, modes={DENY: 0o666})
    assert [(each.code, each.file) for each in found(files=files)] == [("table-writable", DENY)]
    files = Tree({ALLOW: b"", DENY: b""}, owners={ALLOW: 1000})
    assert [(each.code, each.file) for each in found(files=files)] == [("table-writable", ALLOW)]
    files = Tree({ALLOW: b"", DENY: b""}, modes={DENY: 0o600})
    assert codes(found(files=files)) == ["table-not-readable"]
    files = Tree({ALLOW: b"", DENY: b""}, modes={"/etc": 0o777})
    assert codes(found(files=files)) == ["table-writable", "table-writable"]
    files = Tree({ALLOW: b"", DENY: b""}, owners={"/": 1000, "/etc": 1000, ALLOW: 1000, DENY: 1000})
    assert found(files=files) == ()


def test_inside_files_of_patterns() -> None:
    assert found(deny="sshd: /etc/lists/good\n") == ()
    assert [
        (each.code, each.file, each.line, each.column, each.severity)
        for each in found(deny="sshd: /etc/lists/remark\n")
    ] == [("pattern-file-comment", "/etc/lists/remark", 1, 10, Severity.ERROR)]
    assert codes(found(deny="sshd: /etc/lists/words\n")) == [
        "pattern-file-comma",
        "pattern-file-except",
        "pattern-file-user",
    ]
    assert codes(found(deny="sshd: /etc/lists/long\n")) == ["pattern-file-word-too-long"]


def test_daemons_that_nothing_uses() -> None:
    here = frozenset({"sshd", "in.ftpd"})
    findings = found(deny="sshd: 10.0.0.1\nftp: 10.0.0.1\nALL: 10.0.0.2\nhttpd: LOCAL\n", daemons=here)
    assert [(each.code, each.line) for each in findings] == [("daemon-unused", 2), ("daemon-unused", 4)]
    (finding,) = found(deny="ssh: LOCAL\n", daemons=here)
    assert finding.fix[0].new == ("sshd: LOCAL\n",)
    assert found(deny="ssh: LOCAL\n") == ()


def test_columns_and_fixes_follow_continuations() -> None:
    text = "sshd: 192.0.2.1 \\\n  10.0.0.1/\\\n8\n"
    (finding,) = [each for each in found(deny=text) if each.code == "host-bits"]
    assert (finding.line, finding.column) == (2, 3)
    assert finding.fix[0].apply(Document(text)).text == "sshd: 192.0.2.1 \\\n  10.0.0.0/8\n"


def test_fixing_all_first_makes_rules_live_and_then_takes_out_the_dead() -> None:
    """A remark that shadows the rules below must go before they are judged."""
    deny = "sshd: 192.0.2.1 # office, not ALL\nsshd: 192.0.2.7\nsshd: 192.0.2.7\nvsftpd: 206.182.68.0"

    def check(documents: Mapping[str, Document]) -> tuple[Finding, ...]:
        return found(deny=documents[DENY].text)

    after = mended({DENY: Document(deny)}, check)[DENY].text
    assert after == "# office, not ALL\nsshd: 192.0.2.1\nsshd: 192.0.2.7\nvsftpd: 206.182.68.0\n"
    assert codes(found(deny=after)) == ["network-as-address"]
    assert "network-as-address" in MEANT


def test_every_code_with_a_fix_is_of_one_kind_or_leaves_the_verdicts() -> None:
    preserving = {
        *("carriage-return", "comment-continues", "odd-network", "ignored-zone", "unquoted-expansion"),
        *("duplicate", "unreachable", "redundant", "redundant-pattern"),
    }
    fixed = {code for _, code, _, _, text in DEFECTS if text}
    assert fixed <= RESTORING | MEANT | preserving
    assert not preserving & (RESTORING | MEANT)
