"""Knows how to make trees of configuration files that reach xinetd's quirks, and how to read kept ones."""
# ruff: noqa: E501 - lists of words stay lists of words

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

SERVICES = b"""# name port/protocol
tcpmux 1/tcp
echo 7/tcp
echo 7/udp
discard 9/tcp sink null
discard 9/udp sink null
daytime 13/tcp
daytime 13/udp
chargen 19/tcp ttytst source
chargen 19/udp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
time 37/tcp timserver
time 37/udp timserver
tftp 69/udp
finger 79/tcp
www 80/tcp http # WorldWideWeb
auth 113/tcp authentication tap ident
onlytcp 4001/tcp
onlyudp 4002/udp
"""
PROTOCOLS = b"""ip 0 IP
icmp 1 ICMP
tcp 6 TCP
udp 17 UDP
"""
PASSWD = b"""root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh
"""
GROUP = b"""root:x:0:
daemon:x:1:
tty:x:5:
"""
HOSTS = b"""127.0.0.1 localhost
::1 localhost ip6-localhost
127.0.0.2 two.test two
127.0.0.3 three.test
"""
PROGRAMS = ("/srv/server", "/srv/other")
BASE: Mapping[str, bytes | str] = {
    "/etc/services": SERVICES,
    "/etc/protocols": PROTOCOLS,
    "/etc/passwd": PASSWD,
    "/etc/group": GROUP,
    "/etc/hosts": HOSTS,
    "/etc/host.conf": b"multi on\n",
    "/etc/networks": b"loopback 127.0.0.0\nlink-local 169.254.0.0\nlocalnet 10.1\n",
    "/etc/rpc": b"portmapper 100000 portmap\nrstatd 100001 rstat\n",
    "/etc/nsswitch.conf": b"".join(
        name + b": files\n"
        for name in (b"passwd", b"group", b"hosts", b"services", b"protocols", b"networks", b"rpc")
    ),
    "/srv/server": b"#!/bin/sh\n",
    "/srv/other": b"#!/bin/sh\n",
    "/srv/plain": b"not executable\n",
}


def read_case(case: Path) -> dict[str, bytes]:
    """A kept case: a file is /etc/xinetd.conf, a folder is a tree."""
    if case.is_file():
        return {"/etc/xinetd.conf": case.read_bytes()}
    return {
        "/" + str(path.relative_to(case)): path.read_bytes()
        for path in sorted(case.rglob("*"))
        if path.is_file()
    }


_SPACE = st.sampled_from(["\t", " ", "\t\t", "  ", " \t"])
_NUMBER = st.sampled_from(
    ["0", "1", "3", "007", "+5", "-1", "10", "60", "65535", "65536", "4294967296", "4294967297", "2147483648",
     "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "x", "1x", "1.5",
     "UNLIMITED", "unlimited", "Unlimited", "-", "+", "0x10", "1e3", "-0", "--1"]
)  # fmt: skip
_PORT = st.sampled_from(
    ["0", "7", "9", "21", "80", "113", "4001", "4002", "5001", "5002", "5003", "65535", "65536", "-1", "x"]
)
_YES = st.sampled_from(["yes", "no", "YES", "No", "true", "1", "on"])
_SIZE = st.sampled_from(
    ["0", "10", "10k", "10K", "3m", "3M", "1G", "k", "M", "-1", "UNLIMITED", "unlimited", "1kk", "18446744073709551615k",
     "18446744073709551616", "x"]
)  # fmt: skip
_ADDRESS = st.sampled_from(
    ["10.0.0.0", "10.1.0.0", "10.1.2.0", "10.1.2.3", "0.0.0.0", "127.0.0.1", "255.255.255.255", "192.168.1.0/24",
     "192.168.1.7/24", "10/8", "10.0.0.0/33", "10.0.0.0/0", "10.0.0.1/32", "10.0.0.1/40", "10.0.0.1/255.255.0.0",
     "10.0.0.1/-1x", "10.0.0.1/8x", "10.0.0.1/", "/8", "1.2.3.{4,5}", "1.2.{3,4}", "1.{2}", "{1,2}", "1.2.3.{4,,5}",
     "1.2.3.{}", "1.2.3.{4", "1.2.3.{4}5", "1.2.3.{4,x}", "1..2.{3}", ".1", "1.2.3.4,", "1.2.3.4,5.6.7.8",
     "::1", "::", "fe80::1", "fe80::/10", "2001:db8::/32", "2001:db8::1/127", "::ffff:10.0.0.1",
     "::ffff:10.0.0.0/104", "fe80::1%lo", "fe80::1%1", "fe80::1%nosuch", "localhost", "two.test", "TWO", "nosuch.test",
     ".example.com", ".", "..", ".1.2", "loopback", "localnet", "link-local", "300.1.1.1", "1.2.3.4.5", "010.1.1.1",
     "0x7f.1", "1", "10.1", "#", "ALL", "1.2.3.4:80", "1.2.3.300", "08.1.1.1", "[::1]", "é.test", "*"]
)  # fmt: skip
_TIME = st.sampled_from(
    ["0:00-23:59", "8:30-17:00", "17:00-8:30", "8-9", "8:00-8:00", "24:00-24:01", "8:60-9:00", "-", ":-:1", "08:05-09:07",
     "8:00-9:00x", "1:1-2:2", "8:00", "a:b-c:d", "0:0-0:99999999999"]
)  # fmt: skip
_LOG = st.sampled_from(
    ["SYSLOG daemon", "SYSLOG daemon info", "syslog LOCAL3 Debug", "SYSLOG nosuch", "SYSLOG daemon loud", "SYSLOG",
     "SYSLOG daemon info x", "FILE /var/log/one", "FILE /nosuch/dir/log", "FILE /var", "FILE /var/log/one 10k",
     "FILE /var/log/one 10k 20k", "FILE /var/log/one 20k 10k", "FILE /var/log/one x", "FILE /var/log/one 1 x",
     "FILE /var/log/one 10m", "FILE", "FILE a b c d", "PIPE x", "", "FILE relative.log"]
)  # fmt: skip
_LOAD = st.sampled_from(
    [
        "2.5",
        "0",
        "0.0",
        "x",
        "2.5abc",
        "-1",
        ".5",
        "1e2",
        "1e",
        "inf",
        "nan",
        "0x10",
        "0x",
        "+3",
        "infinit",
        "1e+",
    ]
)
_ON_SUCCESS = st.sampled_from(
    ["HOST", "PID", "EXIT", "DURATION", "USERID", "host", "TRAFFIC", "ATTEMPT", "RECORD", ""]
)
_ON_FAILURE = st.sampled_from(["HOST", "ATTEMPT", "USERID", "PID", "", "RECORD"])
_FLAGS = st.sampled_from(
    ["IPv4", "ipv6", "IPV4", "NOLIBWRAP", "NAMEINARGS", "SENSOR", "INTERCEPT", "REUSE", "NORETRY", "IDONLY", "NODELAY",
     "KEEPALIVE", "LABELED", "NOSUCH"]
)  # fmt: skip
_TYPE = st.sampled_from(
    [
        "UNLISTED",
        "UNLISTED",
        "UNLISTED",
        "INTERNAL",
        "unlisted",
        "SPECIAL",
        "TCPMUX",
        "TCPMUXPLUS",
        "NOSUCH",
        "INTERNAL",
    ]
)
_WORD = st.sampled_from(["a", "b", "-x", '"two', 'words"', "#", "\\", "=", "a=b", "é", "\r"])
_ENV = st.sampled_from(["A=1", "B=2", "A=", "=x", "NOVALUE", "PATH=/x", "a=b=c"])
_PASS = st.sampled_from(["PATH", "path", "TZ", "NOSUCH", "HOME"])
_HOST = st.sampled_from(
    ["127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::", "localhost", "two.test", "nosuch.test", "192.0.2.1", "10",
     "1.2.3", "::ffff:127.0.0.1", "2001:db8::1", "300.1.1.1", "ip6-localhost", "fe80::1", "224.0.0.1"]
)  # fmt: skip
_PATH = st.sampled_from(
    [
        "/srv/server",
        "/srv/server",
        "/srv/server",
        "/srv/other",
        "/srv/plain",
        "/srv/nosuch",
        "srv/server",
        "/srv",
        "/srv/",
        "/srv/server/",
        "./srv/server",
        "/srv/../srv/other",
    ]
)
_ID = st.sampled_from(["a", "b", "echo-stream", "echo", "A", "ftp", "x", "c"])
_USER = st.sampled_from(
    ["root", "nobody", "0", "12345", "nosuch", "4294967296", "99999999999999999999", "-1", "Root"]
)
_GROUP_NAME = st.sampled_from(["root", "tty", "5", "nosuch", "4294967297", "1x"])
_BANNER = st.sampled_from(["/etc/banner", "/nosuch", "x"])
_RPC = st.sampled_from(["1", "2-3", "3-2", "x", "1-x", "-", "1-", "-1", "-5--1"])


def _many(words: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(words, min_size=0, max_size=most).map(" ".join)


def _some(words: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(words, min_size=1, max_size=most).map(" ".join)


VALUES: Mapping[str, st.SearchStrategy[str]] = {
    "socket_type": st.sampled_from(["stream", "dgram", "Stream", "raw", "seqpacket", "tcp"]),
    "protocol": st.sampled_from(["tcp", "udp", "TCP", "icmp", "nosuch", "ip", "Tcp"]),
    "wait": _YES,
    "user": _USER,
    "group": _GROUP_NAME,
    "server": _PATH,
    "server_args": _many(_WORD),
    "instances": _NUMBER,
    "per_source": _NUMBER,
    "cps": st.lists(_NUMBER, min_size=1, max_size=3).map(" ".join),
    "log_type": _LOG,
    "log_on_success": _many(_ON_SUCCESS),
    "log_on_failure": _many(_ON_FAILURE),
    "only_from": _many(_ADDRESS),
    "no_access": _many(_ADDRESS),
    "access_times": _many(_TIME),
    "type": _some(_TYPE, 2),
    "flags": _some(_FLAGS),
    "id": _ID,
    "port": _PORT,
    "env": _many(_ENV),
    "passenv": _many(_PASS),
    "nice": _NUMBER,
    "redirect": st.tuples(
        _HOST, st.sampled_from(["80", "ftp", "tftp", "0", "65535", "65536", "-1", "x"])
    ).map(" ".join),
    "banner": _BANNER,
    "banner_success": _BANNER,
    "banner_fail": _BANNER,
    "bind": _HOST,
    "interface": _HOST,
    "groups": _YES,
    "disable": _YES,
    "max_load": _LOAD,
    "rlimit_as": _SIZE,
    "rlimit_cpu": _SIZE,
    "rlimit_data": _SIZE,
    "rlimit_files": _SIZE,
    "rlimit_rss": _SIZE,
    "rlimit_stack": _SIZE,
    "v6only": _YES,
    "deny_time": st.one_of(_NUMBER, st.sampled_from(["FOREVER", "never"])),
    "umask": st.sampled_from(["022", "0", "777", "1000", "8", "-1", "0777", "22 ", "0x1"]),
    "libwrap": _ID,
    "mdns": _YES,
    "rpc_version": _RPC,
    "rpc_number": _NUMBER,
    "enabled": _many(_ID),
    "disabled": _many(_ID),
    "nosuch": _YES,
}
_DEFAULT_NAMES = [
    "log_type", "log_on_success", "log_on_failure", "disabled", "no_access", "only_from", "instances", "passenv",
    "banner", "bind", "interface", "per_source", "groups", "banner_success", "banner_fail", "cps", "enabled",
    "max_load", "v6only", "umask", "user", "flags",
]  # fmt: skip
_FATAL_IF_BAD: Mapping[str, st.SearchStrategy[str]] = {
    "log_type": st.sampled_from(["SYSLOG daemon", "FILE /var/log/common", "FILE /nosuch/common"]),
    "log_on_success": st.sampled_from(["", "HOST", "PID EXIT"]),
    "log_on_failure": st.sampled_from(["", "HOST", "HOST USERID"]),
    "instances": st.sampled_from(["3", "UNLIMITED", "1 2"]),
    "per_source": st.sampled_from(["3", "UNLIMITED", "0"]),
    "cps": st.sampled_from(["3 4", "5", "0 0"]),
    "bind": st.sampled_from(["127.0.0.1", "127.0.0.2", "::1", "localhost"]),
    "interface": st.sampled_from(["127.0.0.1", "127.0.0.2"]),
    "groups": st.sampled_from(["yes", "no"]),
    "v6only": st.sampled_from(["yes", "no"]),
    "max_load": st.sampled_from(["2.5", "1 2"]),
    "umask": st.sampled_from(["022", "77"]),
    "only_from": _many(
        st.sampled_from(["10.0.0.0", "127.0.0.1", "nosuch.test", "::1", "1.2.3.{4,5}", "10.1.0.0/16"])
    ),
    "no_access": _many(st.sampled_from(["10.0.0.0", "127.0.0.1", "nosuch.test", "::1"])),
}
_OPERATOR = st.sampled_from(["="] * 30 + ["+=", "+=", "-=", "-=", ":=", "+ =", "=="])


def _mostly(usual: str, *others: str, weight: int = 20) -> st.SearchStrategy[str]:
    return st.sampled_from([usual] * weight + list(others))


@st.composite
def attribute_lines(draw: st.DrawFn, names: list[str], values: Mapping[str, st.SearchStrategy[str]]) -> str:
    """One attribute line, mostly well-formed."""
    name = draw(st.sampled_from(names))
    spelled = draw(st.sampled_from([name] * 8 + [name.upper(), name.capitalize()]))
    before = draw(st.sampled_from(["\t", " ", "", "\t "]))
    gap = draw(_mostly(" ", "\t", "\t\t", "  ", "\f", "", weight=40))
    operator = draw(_OPERATOR)
    after = draw(_mostly(" ", "\t", "  ", ""))
    behind = draw(_mostly("", " ", "\t", "\r", " # comment", " \\", weight=40))
    return f"{before}{spelled}{gap}{operator}{after}{draw(values[name])}{behind}"


_ODD = st.sampled_from(
    ["instances", "\tinstances", "\tport\t", "}", "{", "# comment", "", "  ", "\t}", "} # end", "server_args \\",
     "\tenv A=1", "service x", "=", " = 3", "= 3", "wait\0 = no", "\0", "wait = n\0o", "instances =", "+= 3", "bind =\t",
     "}}", "\f}", "}\r", "defaults", "include /etc/extra", "port 80", "port == 80", "a b c", "-= x", "wait = no \0 yes",
     "\tonly_from -= 10.0.0.0", "\tonly_from = 10.0.0.0 127.0.0.1", "\tonly_from =", "disable = no", "\tdisable\t= yes",
     "\tdisable = no", "\tdisable = no", "\tuser = nosuch", "\tport = x", "\tserver = /nosuch"]
)  # fmt: skip
_SERVICE_NAMES = [
    name for name in VALUES if name not in ("enabled", "disabled", "rpc_version", "rpc_number", "disable")
]
_KINDS = ["unlisted", "unlisted", "unlisted", "listed", "internal", "sensor", "redirect", "any", "udp", "mux"]


def _entry(kind: str, name: str, port: str) -> list[str]:
    """The lines of an entry of some kind that the daemon would take as it is."""
    lines = ["type = UNLISTED", f"port = {port}", "protocol = tcp", "socket_type = stream", "wait = no", "user = root",
             "server = /srv/server"]  # fmt: skip
    if kind == "any":
        return []
    if kind == "mux":
        lines[0] = "type = UNLISTED TCPMUX"
    elif kind == "udp":
        lines[2:5] = ["protocol = udp", "socket_type = dgram", "wait = yes"]
    elif kind == "redirect":
        lines[6] = "redirect = 127.0.0.1 80"
    elif kind == "sensor":
        lines += ["flags = SENSOR", "deny_time = 10"]
    elif kind == "listed":
        lines = ["socket_type = stream", "wait = no", "user = root", "server = /srv/server"]
    elif kind == "internal":
        lines = ["type = INTERNAL", "socket_type = stream", "wait = no", f"id = {name}-stream"]
    return ["\t" + line for line in lines]


_NAMES = {
    "listed": ["ftp", "telnet", "www", "auth", "ssh", "onlytcp", "onlyudp", "http", "FTP", "finger"],
    "internal": ["echo", "time", "daytime", "chargen", "discard", "tcpmux", "Echo", "ftp"],
}


@st.composite
def service_entries(draw: st.DrawFn) -> str:
    """One service entry: a good one of some kind, then changed, and now and then spoiled."""
    kind = draw(st.sampled_from(_KINDS))
    name = draw(st.sampled_from(_NAMES.get(kind, ["a", "b", "c", "ftp", "d"])))
    lines = _entry(kind, name, draw(st.sampled_from([str(port) for port in range(5001, 5020)])))
    extra = draw(st.lists(attribute_lines(_SERVICE_NAMES, VALUES), max_size=5))
    odd = draw(st.lists(_ODD, max_size=draw(st.sampled_from([0] * 8 + [1, 2]))))
    for line in [*extra, *odd]:
        lines.insert(draw(st.integers(0, len(lines))), line)
    if lines and draw(st.integers(0, 11)) == 0:
        del lines[draw(st.integers(0, len(lines) - 1))]
    header = draw(_mostly("service {}", "service {} {{", " Service\t{}", "service", "service {} more words", "serv {}",
                          "SERVICE {}\r", weight=60)).format(name)  # fmt: skip
    opening = draw(_mostly("{", " {\t", "{ # x", "", "{\r", "# c\n\n{", weight=60))
    closing = draw(_mostly("}", " }\t", "} # x", "", "}\r", "}}", weight=60))
    return "\n".join([header, opening, *lines, closing])


@st.composite
def default_entries(draw: st.DrawFn) -> str:
    """One defaults entry; now and then one that makes the daemon exit."""
    good = draw(st.integers(0, 15)) > 0
    values = {**VALUES, **_FATAL_IF_BAD} if good else VALUES
    lines = draw(st.lists(attribute_lines(_DEFAULT_NAMES, values), max_size=6))
    for line in draw(st.lists(_ODD, max_size=draw(st.sampled_from([0] * 12 + [1])))):
        lines.insert(draw(st.integers(0, len(lines))), line)
    closing = draw(_mostly("}", "} x", "", weight=40))
    return "\n".join(["defaults", draw(_mostly("{", "{ x", weight=40)), *lines, closing])


_TOP = st.sampled_from(
    ["# comment", "", "}", "garbage", "include /etc/extra", "includedir /etc/xinetd.d", "include /nosuch", "includedir /nosuch",
     "include", "includedir", "include /etc", "includedir /etc/extra", "include etc/extra", "include /etc/extra more",
     "includedir /etc/xinetd.d/", "\0service x", "Include /etc/extra", "{", "includedir /etc/xinetd.d",
     "includedir /etc/xinetd.d", "include /etc/extra", "include /etc/link",
     "include /etc/extra/", "include ./etc/extra", "includedir etc/xinetd.d", "include /etc/./extra"]
)  # fmt: skip


@st.composite
def file_texts(draw: st.DrawFn, top: bool = False) -> bytes:
    """One configuration file."""
    parts = draw(st.lists(service_entries(), max_size=5 if top else 2))
    if draw(st.integers(0, 1)) == 0:
        parts.insert(0, draw(default_entries()))
    if draw(st.integers(0, 15)) == 0:
        parts.insert(draw(st.integers(0, len(parts))), draw(default_entries()))
    if top:
        for line in draw(st.lists(_TOP, max_size=draw(st.sampled_from([0, 0, 1, 2])))):
            parts.insert(draw(st.integers(0, len(parts))), line)
    text = "\n".join(parts)
    if draw(st.integers(0, 9)) > 0:
        text += "\n"
    if draw(st.integers(0, 50)) == 0:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8")


_MEMBERS = st.sampled_from(["a", "B", "b~", "c.conf", "_d", "#e#", "f g", "a~b", "z", "é"])
_ODD_MEMBERS: Mapping[str, bytes | str] = {
    "dangling": "/nosuch",
    "zz": "/nosuch",
    "sub": "",
    "link": "/etc/extra",
}


@st.composite
def inetd_texts(draw: st.DrawFn) -> bytes:
    """An inetd.conf."""
    lines = []
    for _ in range(draw(st.integers(0, 4))):
        fields = [
            draw(_mostly(name, f"{name}/1", weight=30))
            if (
                name := draw(
                    st.sampled_from(["ftp", "echo", "time", "ssh", "www", "discard", "nosuch", "auth"])
                )
            )
            else "",
            draw(_mostly("stream", "dgram", "STREAM", "foo")),
            draw(_mostly("tcp", "udp", "tcp6", "TCP", weight=12)),
            draw(_mostly("nowait", "wait", "nowait.50", "NOWAIT", weight=12)),
            draw(_mostly("root", "nosuch", "root.tty", "root.nosuch", "nobody")),
            draw(st.sampled_from(["/srv/server", "internal", "/srv/nosuch", "Internal"])),
            *draw(st.lists(st.sampled_from(["server", "-x", "y"]), max_size=3)),
        ]
        lines.append(draw(_mostly(" ", "\t", "  ")).join(fields))
    lines += draw(st.lists(st.sampled_from(["# comment", "", " "]), max_size=2))
    return "\n".join(lines).encode()


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes | str]:
    """A tree of configuration files: path to content, to where a link leads (`str`), or "" for a directory."""
    text = draw(file_texts(top=True))
    files: dict[str, bytes | str] = {"/etc/xinetd.conf": text, "/etc/link": "extra", "/var/log": ""}
    text = text.lower()
    if b"extra" in text or b"link" in text:
        files["/etc/extra"] = draw(file_texts())
    if b"includedir" in text:
        files["/etc/xinetd.d/.keep"] = b""
        for name in draw(st.lists(_MEMBERS, max_size=3, unique=True)):
            files[f"/etc/xinetd.d/{name}"] = draw(file_texts())
        for name in draw(
            st.lists(st.sampled_from(sorted(_ODD_MEMBERS)), max_size=draw(st.sampled_from([0, 0, 1, 2])))
        ):
            files[f"/etc/xinetd.d/{name}"] = _ODD_MEMBERS[name]
    if draw(st.integers(0, 3)) == 0:
        files["/etc/host.conf"] = b""
    if draw(st.integers(0, 9)) == 0:
        files["/etc/inetd.conf"] = draw(inetd_texts())
    return files
