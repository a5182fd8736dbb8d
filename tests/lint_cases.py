"""Knows how to make small tables whose rules overlap a lot, and the visitors that tell their edges apart."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from random import Random

from wraptui.policy.tables.access import Visitor
from wraptui.policy.tables.c_library import dotted_quad, mapped, numeric_ipv6
from wraptui.policy.tables.ranges import quad_number


@dataclass(frozen=True)
class Status:
    """A file of root's."""

    kind: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class Memory:
    """A few files, all of root's."""

    files: Mapping[str, bytes]

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return self.files[path]

    def names(self, path: str) -> list[str]:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    def status(self, path: str) -> Status:
        if path not in ("/", "/etc"):
            self.read(path)
        return Status("file" if path in self.files else "directory")

    def executable(self, path: str) -> bool:
        return path in self.files


DAEMONS = (
    *(
        "sshd",
        "sshd",
        "sshd",
        "vsftpd",
        "ALL",
        "ALL",
        "sshd vsftpd",
        "ALL EXCEPT sshd",
        "SSHD",
        "s*",
        "KNOWN",
    ),
    *("ALL EXCEPT sshd EXCEPT vsftpd", "sshd@10.9.9.9", "22", "vs.", "sshd ALL", "in.telnetd"),
)
ADDRESSES = (
    *("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.", "10.0.", "10.0.0.", "10.0.1."),
    *("10.0.0.0/31", "10.0.0.2/31", "10.0.0.0/30", "10.0.0.0/8", "10.0.0.0/255.255.255.0", "0.0.0.0/1"),
    *("128.0.0.0/1", "0.0.0.0/0.0.0.0", "10.0.0.1/30", "010.0.0.1", "ALL"),
    *("[2001:db8::1]", "[2001:db8::]/32", "[2001:db8::]/127", "[2001:db8::0]", "[::]/0", "[2001:DB8:0::1]"),
    *("255.255.255.255", "255.255.255.254/31", "255."),
)
NAMES = (
    *(
        ".example.com",
        ".com",
        "a.example.com",
        "A.example.com",
        "LOCAL",
        "KNOWN",
        "UNKNOWN",
        "PARANOID",
        "host",
    ),
    *("*.example.com", "a.*", "10.0.0.*", "10.0.*", "root@ALL", "root@10.0.0.1", "ALL@10.0.0.0/8", "*", "a."),
    *("@group", "/etc/addresses", "/etc/names", "/etc/missing", "root@.example.com"),
)
OPTIONS = (
    *("", "", "", "", "", "", "", "", ": allow", ": deny", ": spawn /bin/true %h", ": severity info"),
    *(": aclexec /bin/true", ": aclexec /bin/true : deny", ": bogus", ":", ": twist /bin/true"),
)
FILES = Memory(
    {
        "/etc/addresses": b"10.0.0.0/31 10.0.0.2\n[2001:db8::]/32\n",
        "/etc/names": b".example.com 10.0.0.1\nroot@x\n",
    }
)
VISITING = (
    *("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.1", "10.255.0.0", "9.255.255.255"),
    *("::ffff:10.0.0.1", "2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db9::", "::1", "unknown"),
    *("255.255.255.254", "255.255.255.255", "128.0.0.0", "127.255.255.255", "0.0.0.0"),
)
EDGES = (
    *VISITING,
    *("10.0.0.255", "10.0.1.0", "10.0.1.255", "10.0.2.0", "10.0.255.255", "10.1.0.0", "11.0.0.0"),
    *("255.0.0.0", "254.255.255.255", "255.255.255.253", "::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)
CALLED = ("unknown", "paranoid", "a.example.com", "b.example.com", "host", "10.0.0.evil.net", "example.com")


def clients(random: Random, *, exact: bool = False) -> str:
    """A client list, of address patterns alone when `exact`."""
    words = []
    for _ in range(random.choice((1, 1, 1, 1, 2, 3))):
        pool = ADDRESSES if exact or random.random() < 0.75 else NAMES
        words.append(random.choice(pool))
    if random.random() < 0.15:
        words += ["EXCEPT", random.choice(ADDRESSES if exact or random.random() < 0.8 else NAMES)]
        if random.random() < 0.3:
            words += ["except", random.choice(ADDRESSES)]
    return " ".join(words)


def table(random: Random, *, longest: int = 8, exact: bool = False) -> str:
    """The text of a table; with `exact` of daemon names and addresses alone, and no options."""
    lines = []
    for _ in range(random.randint(0, longest)):
        if random.random() < 0.1:
            lines.append(random.choice(("# remark", "", "# stamp: 1")))
            continue
        daemon = (
            random.choice(("sshd", "sshd", "vsftpd", "ALL", "sshd vsftpd"))
            if exact
            else random.choice(DAEMONS)
        )
        options = "" if exact else random.choice(OPTIONS)
        lines.append(f"{daemon}: {clients(random, exact=exact)}{options}")
    return "".join(line + "\n" for line in lines)


def visitors() -> list[Visitor]:
    """A visitor to three daemons for every edge of the patterns above, and some with names and users."""
    found = [
        Visitor(daemon, address, name, user, server, "unknown", port)
        for daemon, server, port in (
            ("sshd", "10.9.9.9", 22),
            ("vsftpd", "10.9.9.8", 21),
            ("other", "unknown", 0),
        )
        for address in VISITING
        for name, user in (("unknown", "unknown"),)
    ]
    found += [
        Visitor(daemon, address, name, user, "unknown", "unknown", 22)
        for daemon in ("sshd", "vs.ftpd")
        for address in ("10.0.0.1", "192.0.2.1", "2001:db8::1")
        for name in CALLED
        for user in ("unknown", "root")
    ]
    return found


def possible(visitor: Visitor) -> bool:
    """Whether the system could hand libwrap this visitor: the address in its usual spelling, no number for a
    name (a reverse name that is one, libwrap takes for an attack)."""
    address, name = visitor.address, visitor.name
    if address != "unknown" and quad_number(mapped(address)) is None:
        if ":" not in address or "%" in address or address.lower().startswith("::ffff:"):
            return False
        if str(IPv6Address(address)) != address:
            return False
    return not (
        name.lower().startswith("::ffff:")
        or "[" in name
        or dotted_quad(name) is not None
        or numeric_ipv6(name) is not None
    )
