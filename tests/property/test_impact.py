"""The impact of a change is what deciding about everybody before and after gives, by deciding about few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wraptui.policy.change.impact import (
    GRANTED,
    REFUSED,
    Client,
    Policy,
    groups,
    impact,
    verdict,
)
from wraptui.policy.change.reload import reload_effects
from wraptui.policy.tables.access import Tables, Visitor, decide, read_table
from wraptui.policy.xinetd.services import Configuration, Service, read_configuration
from wraptui.system.files import Tree

FILES = Tree("/nonexistent")
RULES = st.sampled_from(
    [
        "sshd: 192.0.2.1\n",
        "ALL: 192.0.2.\n",
        "in.ftpd, sshd: 198.51.100.0/24 EXCEPT 198.51.100.7\n",
        "sshd: .example.org\n",
        "ALL EXCEPT in.ftpd: 203.0.113.7\n",
        "in.ftpd: ALL: deny\n",
        "ALL: [2001:db8::]/32\n",
        "sshd: 192.0.2.1: nonsense\n",
        "# a remark\n",
        "# a remark \\\n",
        "sshd: 198.51.100.7, \\\n",
        "  192.0.2.9\n",
        "ALL: ALL\n",
        "ALL: UNKNOWN\n",
        "no separator\n",
        "\n",
    ]
)
TEXTS = st.builds(
    lambda rules, tail: "".join(rules) + tail,
    st.lists(RULES, max_size=8),
    st.sampled_from(["", "", "", "sshd: 192.0.2.1", "x \\\n"]),
)
NAMES = ["unknown", "host.example.org", "evil.test"]
ADDRESSES = ["192.0.2.1", "192.0.2.9", "198.51.100.7", "198.51.100.8", "203.0.113.7", "2001:db8::7"]
FTP = Service(
    "ftp",
    "ftp",
    "/f",
    1,
    9,
    True,
    attributes={"server": "/sbin/in.ftpd", "socket_type": "stream", "port": 21},
)
CLOSED = replace(FTP, active=False, why_not="disable = yes")
NARROW = replace(FTP, attributes={**FTP.attributes, "only_from": ("192.0.2.0",)})
CLIENTS = [
    Client("ftp" if daemon == "" else daemon, address, daemon)
    for daemon in ("sshd", "")
    for address in ADDRESSES
]


def policy(allow: str, deny: str, service: Service = FTP) -> Policy:
    tables = Tables(read_table("/etc/hosts.allow", allow), read_table("/etc/hosts.deny", deny), FILES)
    return Policy(tables, Configuration(True, (service,)))


def told(policy: Policy, client: Client, name: str) -> str:
    """The verdict by the slow, plain way."""
    if client.daemon:
        visitor = Visitor(client.daemon, client.address, name, server_name="")
        return GRANTED if decide(policy.tables, visitor).verdict == "granted" else REFUSED
    return verdict(policy, replace(client, name=name))[0]


SERVICES = st.sampled_from([FTP, CLOSED, NARROW])


@given(TEXTS, TEXTS, TEXTS, TEXTS, SERVICES, SERVICES)
def test_with_names_known_it_is_what_deciding_about_everybody_gives(
    allow: str, new_allow: str, deny: str, new_deny: str, service: Service, new_service: Service
) -> None:
    before, after = policy(allow, deny, service), policy(new_allow, new_deny, new_service)
    clients = [replace(client, name=name) for client in CLIENTS for name in NAMES]
    found = impact(before, after, clients)
    assert not found.uncertain
    turns = {turn.client: turn.after for turn in (*found.refused, *found.admitted)}
    for client in clients:
        then, now = told(before, client, client.name), told(after, client, client.name)
        assert turns.get(client) == (now if now != then else None), client


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_with_names_unknown_nothing_certain_is_wrong_for_any_name(
    allow: str, new_allow: str, deny: str, new_deny: str
) -> None:
    before, after = policy(allow, deny), policy(new_allow, new_deny)
    found = impact(before, after, CLIENTS)
    turns = {turn.client: turn.after for turn in (*found.refused, *found.admitted)}
    for client in CLIENTS:
        if client in found.uncertain:
            continue
        for name in NAMES:
            then, now = told(before, client, name), told(after, client, name)
            assert turns.get(client) == (now if now != then else None), (client, name)


@given(TEXTS, TEXTS, SERVICES)
def test_the_impact_of_nothing_is_nothing(allow: str, deny: str, service: Service) -> None:
    one = policy(allow, deny, service)
    assert impact(one, one, CLIENTS).nothing
    assert impact(one, policy(allow, deny, service), CLIENTS).nothing
    assert impact(one, one, [*CLIENTS, *CLIENTS]).asked == len(CLIENTS)


def test_turns_are_grouped_by_service_with_the_live_and_the_busy_first() -> None:
    before, after = policy("", ""), policy("", "sshd: 192.0.2.\n")
    clients = [
        Client("sshd", f"192.0.2.{n}", "sshd", times=n, live=n == 3, name="unknown") for n in range(1, 9)
    ]
    (group,) = groups(impact(before, after, clients).refused)
    assert (group.service, group.addresses, group.live) == ("sshd", 8, 1)
    assert group.examples == ("192.0.2.3", "192.0.2.8", "192.0.2.7", "192.0.2.6", "192.0.2.5")
    assert str(group).startswith("sshd: refuses 8 clients (1 connected now): 192.0.2.3, 192.0.2.8,")
    assert "/etc/hosts.deny:1" in str(group)


SERVICE = """service {name}
{{
\ttype\t= UNLISTED
\tsocket_type\t= stream
\tprotocol\t= tcp
\tport\t= {port}
\twait\t= no
\tuser\t= root
\tserver\t= /bin/cat
{more}}}
"""


def configuration(folder: Path, text: str) -> Configuration:
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/cat").write_text("")
    (folder / "bin/cat").chmod(0o755)
    (folder / "etc").mkdir(exist_ok=True)
    (folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (folder / "etc/protocols").write_text("tcp 6 TCP\n")
    (folder / "etc/xinetd.conf").write_text(text)
    return read_configuration(Tree(str(folder)))


@pytest.mark.parametrize(
    ("change", "started", "kept", "dropped", "killed"),
    [
        ("", (), ("a",), (), ()),
        ("\tinstances = 1\n", (), ("a",), (), ()),
        ("\tonly_from = 192.0.2.1\n", (), ("a",), (), ()),
        ("\tdisable = yes\n", (), (), ("a",), ("a",)),
        ("\tinstances = many\n", (), (), ("a",), ("a",)),
        ("\tid = other\n", ("other",), (), ("a",), ("a",)),
        ("\tbind = 127.0.0.1\n", (), ("a",), (), ("a",)),
        ("\tflags = IPv4\n", (), ("a",), (), ("a",)),
    ],
)
def test_a_reload_kills_what_xinetd_kills(
    tmp_path: Path,
    change: str,
    started: tuple[str, ...],
    kept: tuple[str, ...],
    dropped: tuple[str, ...],
    killed: tuple[str, ...],
) -> None:
    before = configuration(tmp_path, SERVICE.format(name="a", port=4001, more=""))
    after = configuration(tmp_path, SERVICE.format(name="a", port=4001, more=change))
    effects = reload_effects(before, after)
    assert (effects.started, effects.kept, effects.dropped, effects.killed) == (
        started,
        kept,
        dropped,
        killed,
    )
    assert effects.ends == ""


def test_a_bind_that_goes_changes_nothing_and_another_port_is_another_service(tmp_path: Path) -> None:
    bound = configuration(tmp_path, SERVICE.format(name="a", port=4001, more="\tbind = 127.0.0.1\n"))
    free = configuration(tmp_path, SERVICE.format(name="a", port=4001, more=""))
    assert reload_effects(bound, free).killed == ()
    moved = configuration(tmp_path, SERVICE.format(name="a", port=4002, more=""))
    assert reload_effects(free, moved).killed == ("a",) and reload_effects(free, moved).started == ("a",)


def test_an_error_in_defaults_ends_the_daemon(tmp_path: Path) -> None:
    good = SERVICE.format(name="a", port=4001, more="")
    before = configuration(tmp_path, good)
    after = configuration(tmp_path, "defaults\n{\n\tinstances = many\n}\n" + good)
    assert reload_effects(before, after).ends
