"""Knows how to make hosts files full of libwrap's quirks, and visitors that nearly match them.

Everything is drawn from a `random.Random`, so hypothesis (which hands in one of its own and shrinks what it
drew) and a long run over plain seeds share one generator. All texts are byte text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from wraptui.policy.tables.access import Visitor
from wraptui.syntax.tree import to_bytes

DAEMONS = (
    "sshd",
    "vsftpd",
    "in.telnetd",
    "SSHD",
    "known",
    "except",
    "22",
    "x",
    "#",
    "unknown",
    "a b",
    "d(1)",
    ".sshd",
)
ADDRESSES = (
    *(
        "10.0.0.1",
        "10.0.0.2",
        "10.0.1.1",
        "10.10.0.1",
        "192.168.1.5",
        "127.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
    ),
    *("::1", "::", "fe80::1", "fe80::1%lo", "fe80::1%nosuch", "FE80::1", "ff02::1%lo", "ff01::1%lo", "::1%1"),
    *("2001:db8::1", "2001:DB8:0::1", "2001:db8:1::2", "::ffff:10.0.0.1", "::FFFF:10.0.0.2", "::ffff:a00:1"),
    *(
        "::ffff:255.255.255.255",
        "::ffff:012.0.0.1",
        "unknown",
        "012.0.0.1",
        "10.0.0.01",
        "10.0.0.1 x",
        "2001",
    ),
    *("::10.0.0.1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "64:ff9b::10.0.0.1", "KNOWN", "10.0.0", "10.1"),
)
NAMES = (
    *("unknown", "paranoid", "localhost", "host", "host.example.com", "www.example.com", "WWW.Example.COM"),
    *("example.com", "10.1.evil.example", "10.0.0.1.evil.example", "PARANOID", "::ffff:10.0.0.1", "h\xe9.x"),
    *(
        "a*b",
        "x y.example.com",
        "[::1]",
        "::1",
        "10.0.0.1",
        "n" * 127,
        "n" * 130,
        ".example.com",
        ".com",
        "example.com.",
    ),
)
USERS = ("unknown", "root", "alice", "ALICE", "a b", "[::1]", "bob.smith", "u;id", "u" * 128)
SERVERS = ("unknown", "10.0.0.9", "::ffff:10.0.0.9", "fe80::9", "2001:db8::9")
SERVER_NAMES = ("unknown", "srv.example.com", "paranoid", "srv")
PORTS = (0, 0, 22, 21, 65535)

NUMBERS = (
    *(
        "0",
        "1",
        "8",
        "08",
        "010",
        "24",
        "+8",
        "-1",
        "32",
        "33",
        "31",
        "128",
        "129",
        "64",
        "",
        "24abc",
        "8/9",
        "8.",
    ),
    *(
        "255.255.255.0",
        "255.0.255.0",
        "0.0.0.0",
        "255.255.255.255",
        "0xff.0.0.0",
        "4294967320",
        "18446744073709551617",
    ),
    *("255.255.255.255.", "9223372036854775808", "-9223372036854775809", "\f8", "0x8", "text"),
)
NETS = (
    *(
        "10.0.0.0",
        "10.0.0.1",
        "10.0.0",
        "10",
        "012.0.0.0",
        "0xa.0.0.0",
        "192.168.0.0",
        "0.0.0.0",
        "10.0.0.0.",
    ),
    *("[fe80::]", "[fe80::1]", "[2001:db8::]", "[::]", "[::ffff:0:0]", "[::ffff:10.0.0.0]", "[", "[]", "[*]"),
    *(
        "[fe80::%lo]",
        "[::1%0]",
        "2001:db8::",
        "[fe80::%nosuch]",
        "255.255.255.255",
        "host.example.com",
        "10.0.*",
    ),
    *("10.0.0.0\fx", "1.2.3\v.4", "999.0.0.0", "08.0.0.0", "[10.0.0.0]", "]10.0.0.0[", "..10.0.0.1"),
)
BYTES = "\0\f\v\r\t ,:;#@%/\\[]*?.!\"'=|~\x7f\x80\xa0\xff\xe9aA1"
OPTION_NAMES = (
    *(
        "user",
        "group",
        "umask",
        "linger",
        "keepalive",
        "aclexec",
        "spawn",
        "twist",
        "rfc931",
        "setenv",
        "nice",
    ),
    *("severity", "allow", "deny", "banners"),
)
OPTIONS = (
    *(
        "allow",
        "deny",
        "ALLOW",
        "Deny",
        " allow ",
        "",
        " ",
        "\t",
        "bogus",
        "=",
        "= allow",
        "allow=",
        "allow = x",
    ),
    *(
        "allow # remark",
        "keepalive",
        "keepalive x",
        "keepalive=",
        "spawn",
        "spawn /bin/x %h %c %s %d",
        "spawn = x",
    ),
    *("twist /bin/x %u@%h", "twist", "TWIST=/bin/y", "aclexec /bin/true", "aclexec", "severity info"),
    *(
        "severity local0.info",
        "severity authpriv.info",
        "severity mail.warn",
        "severity x.y",
        "severity info.mail",
    ),
    *("severity .info", "severity mail.", "severity MAIL.Crit", "severity [a.info", "severity mail.info.x"),
    *(
        "severity = info",
        "severity",
        "umask 022",
        "umask 0777",
        "umask 1000",
        "umask 8",
        "umask +7",
        "umask -1",
    ),
    *(
        "umask 40000000022",
        "umask x",
        "umask 22x",
        "linger 0",
        "linger 10",
        "linger -1",
        "linger x",
        "linger 5 ",
    ),
    *("linger 4294967296", "linger 2147483648", "nice", "nice 5", "nice -5", "nice x", "nice 5x", "nice="),
    *(
        "rfc931",
        "rfc931 5",
        "rfc931 0",
        "rfc931 -1",
        "rfc931 x",
        "rfc931 4294967297",
        "setenv A b",
        "setenv A",
    ),
    *("setenv A=b", "setenv = A b", "setenv A =", "setenv %z", "setenv A%h b", "setenv %u x", "setenv \f x"),
    *("user root", "user nobody", "user nosuchuser", "user root.root", "user root.nosuch", "user root:root"),
    *("user .root", "user root.", "user nosuch.nosuch", "user 0", "user ROOT", "group root", "group nosuch"),
    *(
        "group [root",
        "user [root.x",
        "user",
        "group",
        "umask",
        "linger",
        "setenv",
        "banners",
        "banners /nosuch",
    ),
    *(
        "spawn a\\:b %% %",
        "spawn %",
        "spawn \\",
        "spawn \\:",
        "spawn %z%h%n%N%H%A%a%r%R%s",
        "spawn %\xff",
        "spawn\tx",
    ),
    *("spawn\fx", "\fspawn x", "spawn ==x", "spawn = = x", "spawn [a:b]", "/bin/mail root", "db8::1", "# x"),
    *("spawn %h\\:%d", "setenv X %n", "spawn %d %u %n", "spawn %%h", "spawn %:allow", "spawn x\v"),
)


@dataclass(frozen=True)
class World:
    """Few subjects, so that patterns often match, and a folder of the machine with the files that patterns
    and banners may name."""

    folder: str
    paths: tuple[str, ...]
    banners: str
    daemons: tuple[str, ...]
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    users: tuple[str, ...]


def make_world(folder: str, random: Random) -> World:
    """Fill `folder` with /files (nested, broken, odd) and banner files."""
    names = ("f0", "f1", "f2", "f3")
    banners = os.path.join(folder, "banners")
    paths = tuple(os.path.join(folder, name) for name in (*names, "missing", "sub", "f0/x", "sub/../f1"))
    world = World(
        folder,
        paths,
        banners,
        daemons=("sshd", *random.sample(DAEMONS, 2)),
        addresses=(random.choice(ADDRESSES[:8]), *random.sample(ADDRESSES, 3)),
        names=("unknown", *random.sample(NAMES, 3)),
        users=("unknown", *random.sample(USERS, 1)),
    )
    for index, name in enumerate(names):
        pieces = []
        for _ in range(random.randint(0, 6)):
            inner = os.path.join(folder, random.choice((*names[index + 1 :], "missing", "sub")))
            word = random.choice(
                (host(random, world), host(random, world), "#", "EXCEPT", "alice@ALL", inner)
            )
            if random.random() < 0.1:
                word = mutated(random, word)
            if word in [os.path.join(folder, each) for each in names[: index + 1]]:
                continue
            pieces.append(word + random.choice((" ", "\n", "\r\n", "\t", "\f", "\v", ",", "  ")))
        write(os.path.join(folder, name), "".join(pieces))
    os.makedirs(os.path.join(folder, "sub"), exist_ok=True)
    os.makedirs(banners, exist_ok=True)
    for name in ("sshd", "vsftpd", "a_b"):
        text = random.choice(
            ("Hello %h\n", "\0\0%u %z [\n%c\n]\n", "%d%n", "%c" * random.choice((10, 70, 200)) + "\n")
        )
        write(os.path.join(banners, name), text * random.choice((1, 1, 100)))
    return world


def write(path: str, text: str) -> None:
    with open(path, "wb") as file:
        file.write(to_bytes(text))


def mutated(random: Random, text: str) -> str:
    """The text with one byte put in, taken out, or replaced."""
    at = random.randint(0, len(text))
    return text[:at] + random.choice((random.choice(BYTES), "")) + text[at + random.randint(0, 1) :]


def globbed(random: Random, text: str) -> str:
    """A pattern with wildcards that nearly is the text."""
    pieces = list(text)
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(pieces))
        pieces[at : at + random.randint(0, 3)] = random.choice(("*", "?", "**", "*?", "?*", "*a", "***"))
    return "".join(pieces)


def subject_pattern(random: Random, subject: str) -> str:
    """A pattern of the generic text matcher that nearly matches the subject."""
    makers: Sequence[Callable[[], str]] = (
        lambda: subject,
        lambda: subject.upper() if subject.isascii() else subject,
        lambda: globbed(random, subject),
        lambda: subject[random.randint(0, len(subject)) :],
        lambda: "." + subject.rpartition(".")[2],
        lambda: subject[subject.find(".") :],
        lambda: subject[: random.randint(0, len(subject))] + ".",
        lambda: subject[: subject.find(".") + 1],
        lambda: f"[{subject}]",
        lambda: mutated(random, subject),
    )
    return random.choice(makers)()


def host(random: Random, world: World) -> str:
    """A host pattern."""
    kind = random.random()
    if kind < 0.35:
        return subject_pattern(random, random.choice(world.addresses))
    if kind < 0.5:
        return subject_pattern(random, random.choice(world.names))
    if kind < 0.75:
        address = random.choice(world.addresses)
        net = random.choice((random.choice(NETS), random.choice(NETS), f"[{address}]", address))
        return net + "/" + random.choice(NUMBERS)
    if kind < 0.8:
        return random.choice(world.paths)
    special = (
        "ALL",
        "all",
        "KNOWN",
        "UNKNOWN",
        "LOCAL",
        "local",
        "PARANOID",
        "@grp",
        "@",
        "/",
        "*",
        "?",
        ".",
        "..",
    )
    return random.choice(
        (*special, "[fe80::1%lo]", "[::1]", "::1", "FAIL", "[::ffff:10.0.0.1]", "[2001:db8:0:0::1]")
    )


def client(random: Random, world: World) -> str:
    pattern = host(random, world)
    if random.random() < 0.15:
        user = random.choice(
            (subject_pattern(random, random.choice(world.users)), "ALL", "KNOWN", "UNKNOWN", "LOCAL", "@")
        )
        pattern = f"{user}@{pattern}"
    return pattern


def daemon(random: Random, world: World) -> str:
    kind = random.random()
    if kind < 0.5:
        pattern = random.choice(("ALL", "sshd", "sshd", "vsftpd", "all", "*"))
    elif kind < 0.8:
        pattern = subject_pattern(random, random.choice(world.daemons))
    else:
        ports = (
            "22",
            "022",
            "+22",
            "65536",
            "4294967318",
            "-4294967274",
            "18446744073709551638",
            "\f22",
            "22\f",
        )
        pattern = random.choice(
            (*ports, "21", "65535", "0", "KNOWN", "UNKNOWN", "LOCAL", "/usr/sbin/sshd", "-0")
        )
    if random.random() < 0.15:
        pattern += "@" + (host(random, world) if random.random() < 0.5 else random.choice(SERVERS))
    return pattern


def listed(random: Random, make: Callable[[Random, World], str], world: World) -> str:
    """A list with separators of every kind and nested EXCEPTs."""
    pieces = []
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))):
        if random.random() < 0.15:
            pieces.append(random.choice(("EXCEPT", "except", "Except", "EXCEPT EXCEPT")))
        word = make(random, world)
        pieces.append(mutated(random, word) if random.random() < 0.05 else word)
    if random.random() < 0.05:
        pieces.append("EXCEPT")
    between = (" ", " ", " ", ", ", ",", "\t", " \r ", ",,")
    return "".join(piece + random.choice(between) for piece in pieces)


def options(random: Random, world: World) -> str:
    found = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        option = random.choice(OPTIONS)
        if random.random() < 0.1:
            option = f"banners {random.choice((world.banners, world.folder, world.paths[0]))}"
        elif random.random() < 0.03:
            option = "setenv X " + random.choice(("%c", "%u", "%n", "%s", "a%u")) * random.choice(
                (30, 63, 64, 65, 90)
            )
        elif random.random() < 0.1:
            option = mutated(random, option)
        found.append(option)
    return ":".join(found)


def rule(random: Random, world: World) -> str:
    if random.random() < 0.2:
        return (
            random.choice(("ALL: ALL", "sshd: ALL", "ALL: " + host(random, world)))
            + ":"
            + options(random, world)
        )
    text = listed(random, daemon, world) + ":" + random.choice(("", " ")) + listed(random, client, world)
    if random.random() < 0.35:
        text += ":" + options(random, world)
    return text


def table(random: Random, world: World) -> str:
    """The text of a hosts file."""
    lines = []
    for _ in range(random.choice((0, 1, 2, 3, 6, 10))):
        kind = random.random()
        if kind < 0.8:
            lines.append(rule(random, world))
        elif kind < 0.9:
            lines.append(
                random.choice(
                    ("", " \t\r", "# ALL: ALL", " # ALL: ALL", "#\\", "\\", "no colon", "[a:b", "\f")
                )
            )
        else:
            lines.append(mutated(random, rule(random, world)))
    ending = "\r\n" if random.random() < 0.05 else "\n"
    text = "".join(line + ending for line in lines)
    if random.random() < 0.3:
        for _ in range(random.randint(1, 4)):
            at = random.randint(0, len(text))
            text = text[:at] + random.choice(("\\\n", "\\\n", "\\\\\n", "\\ \n", "\\\r\n", "\n")) + text[at:]
    if random.random() < 0.1:
        text = mutated(random, text)
    if random.random() < 0.06:
        text = lengthened(random, text)
    if random.random() < 0.04:
        text = "\xef\xbb\xbf" + text
    if random.random() < 0.04:
        text = text[:-1]
    return text


def lengthened(random: Random, text: str) -> str:
    """The text with one line brought to about 2,046 bytes, in one piece or several."""
    at = random.randint(0, len(text))
    begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    line = text[begin : end if end >= 0 else len(text)]
    missing = random.randint(2040, 2052) - len(line)
    if missing <= 0:
        return text
    pad = random.choice((" ", "x", "#")) * missing
    for _ in range(random.randint(0, 2)):
        cut = (
            random.randint(max(0, len(pad) - 5), len(pad))
            if random.random() < 0.5
            else random.randint(0, len(pad))
        )
        pad = pad[:cut] + random.choice(("\\\n", "\\\n", "\0")) + pad[cut:]
    return text[: begin + len(line)] + pad + text[begin + len(line) :]


def visitor(random: Random, world: World) -> Visitor:
    """Somebody whom the patterns of this world nearly match."""
    return Visitor(
        daemon=random.choice(world.daemons),
        address=random.choice(world.addresses),
        name=random.choice(world.names),
        user=random.choice(world.users),
        server_address=random.choice(SERVERS),
        server_name=random.choice(SERVER_NAMES),
        server_port=random.choice(PORTS),
    )
