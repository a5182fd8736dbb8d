"""The packet filter beside hosts.deny, judged by real nft, real iptables and real connections."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.conftest import lacking
from wraptui.demo import binaries, session
from wraptui.demo.session import Session

FTP, TELNET = 21, 23
SCANNER = "203.0.113.77"


@pytest.fixture(scope="module")
def tools(real: binaries.Binaries) -> binaries.Binaries:
    try:
        return binaries.find(packages=("xinetd", "tcpd", "nftables", "iptables"))
    except binaries.BinariesMissing as error:
        lacking(str(error))
        raise


@pytest.fixture
def server(tools: binaries.Binaries, namespaces: None) -> Iterator[Session]:
    with session.started() as started:
        started.environment["LD_LIBRARY_PATH"] = tools.environment().get("LD_LIBRARY_PATH", "")
        if started.run("nft", "list", "ruleset").returncode:
            lacking("the kernel gives no nf_tables to a private network namespace")
        yield started


def rows(server: Session) -> dict[str, dict[str, object]]:
    told = server.wraptui("firewall", "--json")
    return {str(row["place"]): row for row in json.loads(told.stdout)["rows"]}


def load(server: Session, text: str) -> None:
    server.write("/run/rules.nft", text.encode())
    done = server.run("nft", "-f", "/run/rules.nft")
    assert not done.returncode, done.stderr


def test_what_is_missing_is_written_loaded_and_then_really_blocks(server: Session) -> None:
    server.write("/etc/hosts.deny", b"in.ftpd: 203.0.113.0/24 EXCEPT 203.0.113.128/25 [2001:db8:bad::]/48\n")
    assert rows(server)["/etc/hosts.deny:1"]["blocked"] == "no"
    assert server.visit("203.0.113.9", FTP).heard == b""  # libwrap refuses, after xinetd has taken the call
    server.wait_for("FAIL: ftp libwrap from=::ffff:203.0.113.9")
    rules = server.wraptui("firewall", "--nft")
    assert rules.returncode == 1
    load(server, rules.stdout)
    assert rows(server)["/etc/hosts.deny:1"]["blocked"] == "yes"
    assert server.wraptui("firewall").returncode == 0
    calls = server.log().count("START: ftp")
    assert server.visit("203.0.113.10", FTP).problem
    assert server.log().count("START: ftp") == calls
    assert server.visit("203.0.113.200", FTP).heard.startswith(b"220 ")
    assert server.visit("198.51.100.21", FTP).heard.startswith(b"220 ")


def test_nobody_who_is_connected_is_cut_off(server: Session) -> None:
    there = server.visit("198.51.100.77", FTP)
    assert there.heard.startswith(b"220 ")
    server.write("/etc/hosts.allow", b"")
    server.write("/etc/hosts.deny", b"ALL: 198.51.100.77\n")
    load(server, server.wraptui("firewall", "--nft").stdout)
    assert there.say(b"NOOP\r\n").heard
    assert server.visit("198.51.100.77", FTP).problem


def test_a_no_access_entry_gets_a_timeout(server: Session) -> None:
    server.hit(SCANNER, TELNET)
    server.wait_for("Adding ::ffff:203.0.113.77 to the global_no_access list")
    text = server.wraptui("firewall", "--nft").stdout
    assert "203.0.113.77 timeout 1" in text
    load(server, text)
    assert server.visit(SCANNER, FTP).problem
    assert rows(server)["no_access"]["blocked"] == "yes"


def test_who_may_be_let_in_is_never_blocked(server: Session) -> None:
    server.write("/etc/hosts.allow", b"in.ftpd: 198.51.100.8 .example.org\nsshd: 192.0.2.7\n")
    server.write("/etc/hosts.deny", b"in.ftpd: 198.51.100.0/24\nsshd: .evil.example\nsshd: 192.0.2.0/24\n")
    found = rows(server)
    # A name in hosts.allow may be anybody's: nothing may be blocked for in.ftpd.
    assert found["/etc/hosts.deny:1"]["blocked"] == "not possible"
    assert found["/etc/hosts.deny:2"]["blocked"] == "not possible"
    assert found["/etc/hosts.deny:3"]["blocked"] == "no"
    missing = found["/etc/hosts.deny:3"]["missing"]
    assert isinstance(missing, list)
    assert "192.0.2.7" not in missing
    assert "192.0.2.6" in missing


@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
def test_rules_that_are_already_there_are_seen(server: Session, tools: binaries.Binaries, tool: str) -> None:
    if tool == "iptables-legacy" and os.geteuid():
        pytest.skip("only root may read the names of the kernel's legacy tables")
    folder = os.path.join(tools.root, "usr/lib/x86_64-linux-gnu/xtables")
    server.environment["XTABLES_LIBDIR"] = folder
    server.write("/etc/hosts.deny", b"in.ftpd: 203.0.113.0/24\nin.ftpd: 198.51.100.99\n")
    server.write("/etc/hosts.allow", b"")
    for words in (
        ["-N", "BAD"],
        ["-A", "BAD", "-j", "DROP"],
        ["-A", "INPUT", "-s", "203.0.113.0/24", "-j", "BAD"],
    ):
        done = server.run(tool, *words)
        if done.returncode and tool == "iptables-legacy":
            lacking(f"the kernel has no {tool}: {done.stderr.strip()}")
        assert not done.returncode, done.stderr
    found = rows(server)
    assert found["/etc/hosts.deny:1"]["blocked"] == "yes"
    assert found["/etc/hosts.deny:2"]["blocked"] == "no"


def test_the_iptables_form_is_taken_by_the_real_restore(server: Session, tools: binaries.Binaries) -> None:
    server.environment["XTABLES_LIBDIR"] = os.path.join(tools.root, "usr/lib/x86_64-linux-gnu/xtables")
    server.write("/etc/hosts.deny", b"in.ftpd: 203.0.113.0/24 [2001:db8:bad::]/48\n")
    server.write("/etc/hosts.allow", b"")
    for form, tool in (("--iptables", "iptables-nft"), ("--ip6tables", "ip6tables-nft")):
        text = server.wraptui("firewall", form).stdout
        done = server.run(f"{tool}-restore", "--noflush", input=text)
        assert not done.returncode, done.stderr
        assert not server.run(tool, "-I", "INPUT", "-j", "WRAPTUI").returncode
    assert rows(server)["/etc/hosts.deny:1"]["blocked"] == "yes"
    assert server.visit("203.0.113.10", FTP).problem
