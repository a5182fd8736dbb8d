"""Who the report says can reach a service is whom `admit` lets in, asked address by address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from tests.files import Kept
from wraptui.policy.live.admission import admit
from wraptui.policy.report.building_reach import told
from wraptui.policy.report.reach import Reach, of_service
from wraptui.policy.report.words import networks
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.tables.effective import effective_policy
from wraptui.policy.tables.ranges import V4_LAST, V6_FIRST, Ranges
from wraptui.policy.xinetd.services import Service, read_configuration

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
RULES = st.sampled_from(
    [
        "in.ftpd: 192.0.2.1\n",
        "ALL: 192.0.2.\n",
        "in.ftpd, sshd: 198.51.100.0/24 EXCEPT 198.51.100.7\n",
        "in.ftpd: .example.org\n",
        "ALL EXCEPT in.ftpd: 203.0.113.7\n",
        "in.ftpd: 203.0.113.: deny\n",
        "ALL: [2001:db8::]/33\n",
        "in.ftpd: 203.0.113.128/25: twist /bin/echo no\n",
        "in.ftpd: UNKNOWN\n",
        "ALL: ALL\n",
        "no separator\n",
    ]
)
WORDS = (
    "192.0.2.0",
    "192.0.2.1",
    "198.51.0.0",
    "198.51.100.{5,7}",
    "203.0.113.64/26",
    "0.0.0.0",
    "2001:db8::/32",
    "2001:db8:8000::1",
    "::",
    "::ffff:198.51.100.0/120",
    "::/0",
    ".example.org",
)
LISTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)
EXTRAS = st.sampled_from(
    [
        "flags = IPv4",
        "flags = NOLIBWRAP",
        "flags = SENSOR",
        "instances = 0",
        "wait = yes",
        "v6only = yes",
        "bind = 127.0.0.1",
    ]
)
EDGES = (
    "0.0.0.0",
    "192.0.1.255",
    "192.0.2.0",
    "192.0.2.1",
    "192.0.3.0",
    "198.51.99.255",
    "198.51.100.0",
    "198.51.100.5",
    "198.51.100.7",
    "198.51.101.0",
    "203.0.113.63",
    "203.0.113.64",
    "203.0.113.127",
    "203.0.113.128",
    "203.0.113.255",
    "203.0.114.0",
    "::",
    "::1",
    "2001:db7:ffff::",
    "2001:db8::7",
    "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff",
    "2001:db8:8000::1",
    "2001:db9::",
)


def _service(attributes: list[str]) -> Service:
    wait = "no" if "wait = yes" not in attributes else "yes"
    own = [each for each in attributes if not each.startswith("wait")]
    lines = ["socket_type = stream", f"wait = {wait}", "user = root", "server = /bin/in.ftpd", *own]
    text = "service ftp\n{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"
    files = Kept(
        {
            "/etc/xinetd.conf": text.encode(),
            "/etc/services": b"ftp 21/tcp\n",
            "/etc/protocols": b"tcp 6 TCP\n",
            "/etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
            "/etc/group": b"root:x:0:\n",
            "/bin/in.ftpd": b"",
        }
    )
    [service] = read_configuration(files).services
    return service


def _holds(ranges: Ranges, address: str) -> bool:
    number = ip_address(address)
    place = V6_FIRST + int(number) if isinstance(number, IPv6Address) else int(number)
    return any(start <= place <= end for start, end in ranges)


@given(
    st.lists(RULES, max_size=4),
    st.lists(RULES, max_size=4),
    st.none() | LISTS,
    st.none() | LISTS,
    st.none() | EXTRAS,
    st.lists(st.ip_addresses().map(str), max_size=5),
)
def test_every_address_is_where_admit_puts_it(
    allow: list[str],
    deny: list[str],
    only_from: list[str] | None,
    no_access: list[str] | None,
    extra: str | None,
    others: list[str],
) -> None:
    attributes = [extra] if extra else []
    attributes += [f"only_from = {' '.join(only_from)}"] if only_from else []
    attributes += [f"no_access = {' '.join(no_access)}"] if no_access else []
    service = _service(attributes)
    tables = Tables(read_table(ALLOW, "".join(allow)), read_table(DENY, "".join(deny)), Kept({}))
    reach = of_service(service, tables, lambda name: effective_policy(tables, name))
    for address in (*EDGES, *others):
        if address.startswith("::ffff:"):
            continue  # an IPv4 client, which is told among those
        found = admit(service, address, tables, name="unknown", mapped_name="unknown")
        places = [outcome for outcome, ranges in reach.outcomes.items() if _holds(ranges, address)]
        if found.layers[0].name == "socket":
            assert places == []  # the socket cannot be reached from there
            continue
        if any("matches UNKNOWN" in each for each in reach.conditions):
            continue  # the name decides, and the page says so
        verdict = "granted" if found.granted else "denied"
        asked = found.refusal is None or found.refusal.name == "libwrap"
        if asked and found.decision and found.decision.verdict == "delegated":
            verdict = "delegated"
        assert places == [verdict], (address, found.layers, reach)


def test_conditions_by_name_are_told() -> None:
    tables = Tables(read_table(ALLOW, "in.ftpd: .example.org\n"), read_table(DENY, "ALL: ALL\n"), Kept({}))
    service = _service(["only_from = 192.0.2.0 .example.org", "no_access = .evil.example.org"])
    reach = of_service(service, tables, lambda name: effective_policy(tables, name))
    assert reach.conditions == (
        "refused before that, by host name: .evil.example.org (no_access)",
        "let through to libwrap, too, by host name: .example.org (only_from)",
        "let in before that: whoever matches .example.org (/etc/hosts.allow line 1)",
    )
    assert told(reach)["denied"] == ("everybody else",)


def test_sets_in_words() -> None:
    assert networks(((0, V4_LAST),)) == ("every IPv4 address",)
    assert networks(((1, 2), (V6_FIRST, V6_FIRST))) == ("0.0.0.1", "0.0.0.2", "::")
    many = tuple((2 * place, 2 * place) for place in range(100))
    assert len(networks(many)) == 25
    assert networks(many)[-1] == "and 76 networks more: wraptui policy lists them"
    words = told(Reach("x", (), {"granted": ((0, V4_LAST),)}))
    assert words == {
        "granted": ("every IPv4 address",),
        "denied": ("nobody",),
        "delegated": ("nobody",),
        "depends": ("nobody",),
    }
