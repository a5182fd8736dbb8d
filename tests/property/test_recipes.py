"""A recipe does to verdicts what it says: a banner nothing, a warning only what was asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.differential import libwrap_cases as cases
from wraptui.policy.change.impact import Client
from wraptui.policy.change.overlay import overlay
from wraptui.policy.recipes import BY_NAME, BadAnswer, Circumstances, Plan
from wraptui.policy.recipes.placing import network
from wraptui.policy.tables.access import Decision, Table, Tables, Visitor, decide, read_table
from wraptui.policy.xinetd.services import Configuration
from wraptui.syntax.tree import to_bytes
from wraptui.system.files import Tree
from wraptui.workspace import Workspace

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = tmp_path_factory.mktemp("world")
    os.makedirs(made / "etc")
    yield str(made)


def around(allow: str, deny: str, root: str = "/") -> Circumstances:
    texts = Workspace().with_file(ALLOW, to_bytes(allow)).with_file(DENY, to_bytes(deny))
    files = overlay(Tree(root), texts.documents)
    tables = Tables(read_table(ALLOW, allow), read_table(DENY, deny), files)
    return Circumstances(files=files, tables=tables, configuration=Configuration(starts=True))


def tables_after(before: Circumstances, plan: Plan) -> Tables:
    workspace = Workspace()
    for path in plan.paths:
        try:
            workspace = workspace.with_file(path, before.files.read(path))
        except FileNotFoundError:
            workspace = workspace.with_file(path, None)
    workspace = workspace.do(plan.title, *plan.edits)
    files = overlay(before.files, workspace.documents)

    def table(path: str, old: Table) -> Table:
        return read_table(path, workspace.documents[path].text) if path in plan.paths else old  # type: ignore[union-attr]

    return Tables(table(ALLOW, before.tables.allow), table(DENY, before.tables.deny), files)


def asked(tables: Tables, visitor: Visitor, **how: bool) -> Decision:
    return decide(tables, visitor, look_up=lambda _: ("host.example.com", ()), **how)


@given(st.randoms(use_true_random=False), st.sampled_from(["vsftpd", "x", "in.telnetd"]))
def test_a_banner_changes_no_verdict(folder: str, random: Random, daemon: str) -> None:
    world = cases.make_world(folder, random)
    before = around(cases.table(random, world), cases.table(random, world), "/")
    try:
        plan = BY_NAME["banner"].plan({"daemon": daemon, "folder": "/nonexistent/banners"}, before)
    except BadAnswer:
        return
    after = tables_after(before, plan)
    for _ in range(25):
        visitor = cases.visitor(random, world)
        for how in ({"aclexec": True}, {"aclexec": False}, {"resident": True}):
            then, now = asked(before.tables, visitor, **how), asked(after, visitor, **how)
            assert (now.verdict, now.reason == "option-error") == (
                then.verdict,
                then.reason == "option-error",
            ), (visitor, plan.edits)


@given(st.randoms(use_true_random=False))
def test_a_banner_is_met_by_all_that_get_in_and_by_no_other(folder: str, random: Random) -> None:
    """In tables without quirks: whoever gets in meets a rule with the banner, nobody else does."""
    clients = ["10.0.0.1", "10.0.0.0/24", "ALL EXCEPT 10.0.0.", "10.0.1.0/24", "[2001:db8::]/32", "ALL"]
    daemons = ["vsftpd", "sshd", "ALL", "vsftpd, sshd", "ALL EXCEPT sshd"]
    endings = ["", "", ": allow", ": severity mail.info", ": deny", ": spawn /bin/true: allow"]

    def table() -> str:
        rules = [
            f"{random.choice(daemons)}: {random.choice(clients)}{random.choice(endings)}\n"
            for _ in range(random.randint(0, 5))
        ]
        return "".join(rules)

    before = around(table(), table())
    after = tables_after(before, BY_NAME["banner"].plan({"daemon": "vsftpd"}, before))
    for address in ("10.0.0.1", "10.0.0.9", "10.0.1.1", "192.0.2.1", "2001:db8::1", "::1", "unknown"):
        visitor = Visitor("vsftpd", address)
        decision = decide(after, visitor)
        assert decision.verdict == decide(before.tables, visitor).verdict
        shown = any("banners /etc/banners" in message for message in decision.messages)
        if decision.file == DENY and decision.verdict == "granted" and not shown:
            continue  # a rule of hosts.deny that says `allow` itself
        assert shown == (decision.verdict == "granted"), (address, before.tables, decision)


NETWORKS = ["10.0.0.0/24", "10.0.0.1", "10.0.1.0/25", "2001:db8::/32", "ALL", "0.0.0.0/0", "10."]


@given(st.randoms(use_true_random=False), st.sampled_from(NETWORKS), st.sampled_from(["allow", "deny"]))
def test_a_warning_decides_about_its_network_and_about_nobody_else(
    folder: str, random: Random, clients: str, verdict: str
) -> None:
    world = cases.make_world(folder, random)
    before = around(cases.table(random, world), cases.table(random, world))
    answers = {"daemon": "sshd vsftpd", "network": clients, "verdict": verdict, "log": "/warning"}
    try:
        plan = BY_NAME["warning"].plan(answers, before)
    except BadAnswer:
        return
    after = tables_after(before, plan)
    meant, _ = network(clients)
    for _ in range(25):
        visitor = cases.visitor(random, world)
        decision = asked(after, visitor)
        logs = any("spawn" in message and "/warning" in message for message in decision.messages)
        if visitor.daemon.lower() in ("sshd", "vsftpd") and within(visitor.address, meant):
            assert decision.verdict == ("granted" if verdict == "allow" else "denied"), visitor
            assert logs
        elif not logs:
            assert decision.verdict == asked(before.tables, visitor).verdict, visitor


def within(text: str, meant: tuple[tuple[int, int], ...]) -> bool:
    """Whether libwrap surely gets this as an address of these."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if str(address) != text or text == "255.255.255.255":
        return False
    if address.version == 6:
        if address.ipv4_mapped:
            return False
        return any(start <= int(address) + (1 << 32) + 1 <= end for start, end in meant)
    return any(start <= int(address) <= end for start, end in meant)


@given(st.randoms(use_true_random=False), st.sampled_from(["exact", "networks"]))
def test_default_deny_keeps_everybody_and_lets_in_nobody_new(random: Random, group: str) -> None:
    clients = [
        "10.0.0.1",
        "10.0.0.0/25",
        "ALL EXCEPT 10.0.0.",
        "10.0.1.0/24",
        "[2001:db8::]/32",
        ".example.com",
    ]
    daemons = ["vsftpd", "sshd", "ALL", "vsftpd, sshd", "ALL EXCEPT sshd"]
    endings = ["", "", ": allow", ": severity mail.info", ": deny", ": aclexec /bin/true", ": nonsense"]

    def table() -> str:
        return "".join(
            f"{random.choice(daemons)}: {random.choice(clients)}{random.choice(endings)}\n"
            for _ in range(random.randint(0, 5))
        )

    addresses = ["10.0.0.1", "10.0.0.9", "10.0.0.200", "10.0.1.1", "192.0.2.1", "2001:db8::1", "2001:db9::1"]
    names = ["unknown", "host.example.com", ""]
    here = tuple(
        Client(daemon, address, daemon, name=random.choice(names), live=random.random() < 0.5)
        for daemon in ("vsftpd", "sshd")
        for address in addresses
        if random.random() < 0.5
    )
    before = replace(around(table(), table()), clients=here)
    try:
        after = tables_after(before, BY_NAME["default-deny"].plan({"group": group}, before))
    except BadAnswer:
        return
    known = {(client.daemon, client.address): client for client in here}
    for daemon in ("vsftpd", "sshd"):
        for address in (*addresses, "10.0.0.2", "2001:db8::2"):
            client = known.get((daemon, address))
            for name in [client.name] if client and client.name else ["unknown", "host.example.com"]:
                visitor = Visitor(daemon, address, name)
                then, now = (decide(tables, visitor).verdict for tables in (before.tables, after))
                if client and client.name:
                    assert now == then, (visitor, after)
                elif then == "denied" and not (client and client.live):
                    assert now == "denied", (visitor, after)
