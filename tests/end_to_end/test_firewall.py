"""The packet filter beside hosts.deny, judged by real nft, real iptables and real connections."""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import lacking
from wraptui.demo import binaries
from wraptui.demo.session import Session

FTP, TELNET = 21, 23
SCANNER = "203.0.113.77"


@pytest.fixture
def server(filtering_server: Session) -> Session:
    return filtering_server


@pytest.fixture
def tools(filter_tools: binaries.Binaries) -> binaries.Binaries:
    return filter_tools


def rows(server: Session) -> dict[str, dict[str, object]]:
    told = server.wraptui("firewall", "--json")
    return {str(row["place"]): row for row in json.loads(told.stdout)["rows"]}


def load(server: Session, text: str) -> None:
    server.write("/run/rules.nft", text.encode())
    done = server.run("nft", "-f", "/run/rules.nft")
    assert not done.returncode, done.stderr


def table(server: Session) -> str:
    """Our own table as the real nft lists it, "" where it is not there."""
    return server.run("nft", "list", "table", "inet", "wraptui").stdout


def newest(server: Session) -> dict[str, object]:
    found: dict[str, object] = json.loads(server.wraptui("history", "--json").stdout)[0]
    return found


def blocked(server: Session, address: str, port: int) -> bool:
    """Whether a new connection gets no answer at all; where it does, that comes within a moment."""
    return bool(server.hit(address, port, wait=0.7).problem)


def eventually(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


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
    assert blocked(server, "203.0.113.10", FTP)
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
    assert blocked(server, "198.51.100.77", FTP)


def test_a_no_access_entry_gets_a_timeout(server: Session) -> None:
    server.hit(SCANNER, TELNET)
    server.wait_for("Adding ::ffff:203.0.113.77 to the global_no_access list")
    text = server.wraptui("firewall", "--nft").stdout
    assert "203.0.113.77 timeout 1" in text
    load(server, text)
    assert blocked(server, SCANNER, FTP)
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
    assert blocked(server, "203.0.113.10", FTP)
    # Exported again it holds the same: what our own chain refuses already is not missing in it.
    assert server.wraptui("firewall", "--ip6tables").stdout == text


def test_the_iptables_form_of_a_catch_ends_by_the_clock(server: Session, tools: binaries.Binaries) -> None:
    server.environment["XTABLES_LIBDIR"] = os.path.join(tools.root, "usr/lib/x86_64-linux-gnu/xtables")
    server.write("/etc/hosts.deny", b"")
    server.hit(SCANNER, TELNET)
    server.wait_for("Adding ::ffff:203.0.113.77 to the global_no_access list")
    text = server.wraptui("firewall", "--iptables").stdout
    assert "-m time --datestop 20" in text
    long_ago = re.sub(r"--datestop 20\d\d", "--datestop 2020", text)
    for wanted, is_blocked in ((text, True), (long_ago, False)):
        done = server.run("iptables-nft-restore", "--noflush", input=wanted)
        if "time" in done.stderr:
            lacking(f"the kernel has no xt_time: {done.stderr.strip()}")
        assert not done.returncode, done.stderr
        if is_blocked:
            assert not server.run("iptables-nft", "-I", "INPUT", "-j", "WRAPTUI").returncode
        assert bool(server.visit(SCANNER, FTP).problem) is is_blocked


DENIES = b"in.ftpd: 203.0.113.0/24 [2001:db8:bad::]/48\nin.fingerd: .example.net\n"
FILE = "/etc/wraptui.nft"


def test_the_recipe_is_applied_blocks_and_one_restore_undoes_it(server: Session) -> None:
    server.write("/etc/hosts.allow", b"")
    server.write("/etc/hosts.deny", DENIES)
    shown = server.wraptui("recipe", "firewall")
    assert shown.returncode == 0, shown.stderr
    assert "/etc/hosts.deny:2 (in.fingerd: .example.net) not, or not all of it" in shown.stdout
    assert "holds until the next boot" in shown.stdout
    assert not table(server) and not os.path.exists(server.path(FILE))  # a plan changes nothing
    calls = server.log().count("START: ftp")
    done = server.wraptui("recipe", "firewall", "--apply", "--no-confirm", "--json")
    assert done.returncode == 0, done.stderr
    first = newest(server)["id"]
    steps = json.loads(done.stdout)["receipt"]["steps"]
    assert [each for each in steps if each.startswith("the packet filter holds the table inet wraptui")]
    assert blocked(server, "203.0.113.10", FTP)
    assert blocked(server, "2001:db8:bad::5", FTP)
    assert server.visit("198.51.100.21", FTP).heard.startswith(b"220 ")
    assert server.log().count("START: ftp") == calls + 1
    assert rows(server)["/etc/hosts.deny:1"]["blocked"] == "yes"
    again = server.wraptui("recipe", "firewall", "--apply", "--no-confirm")
    assert "nothing to change" in again.stderr  # and what is there is not lost by a second time
    assert table(server)
    server.run("nft", "flush", "ruleset")  # as after a boot: the file alone is no packet filter
    assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
    assert "203.0.113.0/24" in table(server)
    # Another rule: the table is written anew, and keeps what it had.
    server.write("/etc/hosts.deny", DENIES + b"in.ftpd: 198.51.100.99\n")
    assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
    assert blocked(server, "198.51.100.99", FTP) and blocked(server, "203.0.113.10", FTP)
    assert server.wraptui("restore", str(newest(server)["id"]), "--no-confirm").returncode == 0
    assert not server.visit("198.51.100.99", FTP).problem and blocked(server, "203.0.113.10", FTP)
    undone = server.wraptui("restore", str(first), "--no-confirm")
    assert undone.returncode == 0, undone.stderr
    assert not table(server) and not os.path.exists(server.path(FILE))
    assert not server.visit("203.0.113.10", FTP).problem


def test_what_is_not_confirmed_is_taken_out_of_the_packet_filter(server: Session) -> None:
    """By the guard, whose parent is gone, at the deadline."""
    server.write("/etc/hosts.deny", DENIES)
    done = server.wraptui("recipe", "firewall", "--apply", "--confirm-within", "3")
    assert done.returncode == 0, done.stderr
    assert "the packet filter holds the table inet wraptui" in done.stdout
    eventually(lambda: newest(server)["state"] == "rolled-back")
    assert not table(server)
    assert not os.path.exists(server.path(FILE))
    assert not server.visit("203.0.113.10", FTP).problem
    assert "no table inet wraptui any more" in str(newest(server)["steps"])


def test_confirmed_it_stays_and_rolled_back_the_one_before_is_there(server: Session) -> None:
    server.write("/etc/hosts.allow", b"")
    server.write("/etc/hosts.deny", DENIES)
    assert server.wraptui("recipe", "firewall", "--apply", "--confirm-within", "600").returncode == 0
    assert server.wraptui("confirm").returncode == 0
    before = server.read(FILE)
    server.write("/etc/hosts.deny", b"in.ftpd: 198.51.100.99\n")
    assert server.wraptui("recipe", "firewall", "--apply", "--confirm-within", "600").returncode == 0
    assert "198.51.100.99" in table(server) and "203.0.113.0/24" not in table(server)
    assert server.wraptui("rollback").returncode == 0
    assert server.read(FILE) == before
    assert "203.0.113.0/24" in table(server) and "198.51.100.99" not in table(server)


def test_the_operator_is_not_locked_out_by_accident(server: Session) -> None:
    server.write("/etc/hosts.allow", b"")
    server.write("/etc/hosts.deny", b"sshd: 192.0.2.0/24\n")
    refused = server.wraptui("recipe", "firewall", "--apply", "--no-confirm")
    assert refused.returncode == 3
    assert "the packet filter would refuse 192.0.2.7 on port 22" in refused.stderr
    assert not table(server) and not os.path.exists(server.path(FILE))
    words = ("recipe", "firewall", "--apply", "--no-confirm", "--even-if-locked-out")
    assert server.wraptui(*words).returncode == 0
    assert blocked(server, "192.0.2.7", 22)


def test_nobody_else_who_works_here_is_locked_out(server: Session) -> None:
    """Who is logged in tells utmp; the port is sshd's."""
    host = b"198.51.100.55"
    record = struct.pack(
        "=h2xi32s4s32s256shhiii16s20s", 7, 1, b"pts/9", b"9", b"ann", host, 0, 0, 0, 0, 0, b"", b""
    )
    server.write("/run/utmp", record)
    server.write("/etc/hosts.allow", b"")
    server.write("/etc/hosts.deny", b"in.ftpd: 198.51.100.0/24\n")
    done = server.wraptui("recipe", "firewall", "--apply", "--no-confirm")
    assert done.returncode == 0, done.stderr  # not on the port that ann came in by
    server.write("/etc/hosts.deny", b"sshd: 198.51.100.0/24\n")
    refused = server.wraptui("recipe", "firewall", "--apply", "--no-confirm")
    assert refused.returncode == 3
    assert "the packet filter would refuse 198.51.100.55 on port 22" in refused.stderr


def test_what_no_rule_refuses_any_more_is_told_and_goes(server: Session) -> None:
    server.write("/etc/hosts.deny", DENIES)
    assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
    server.write("/etc/hosts.deny", b"in.ftpd: 203.0.113.128/25 [2001:db8:bad::]/48\n")
    extra = rows(server)["table inet wraptui"]
    assert (extra["blocked"], extra["text"], extra["missing"]) == (
        "too much",
        "tcp port 21",
        ["203.0.113.0/25"],
    )
    assert server.wraptui("firewall").returncode == 1
    assert blocked(server, "203.0.113.10", FTP)
    assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
    assert server.wraptui("firewall").returncode == 0
    assert not server.visit("203.0.113.10", FTP).problem
    assert blocked(server, "203.0.113.130", FTP)


def test_a_change_that_lets_in_whom_the_table_still_refuses_says_so(server: Session) -> None:
    server.write("/etc/hosts.deny", DENIES)
    assert server.hit("203.0.113.10", FTP).heard == b""
    server.wait_for("FAIL: ftp libwrap from=::ffff:203.0.113.10")  # whom the log knows
    words = ("diff", "--allow", "in.ftpd: 203.0.113.10")
    assert "goes on refusing" not in server.wraptui(*words).stdout
    assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
    told = server.wraptui(*words).stdout
    assert "The table inet wraptui of the packet filter goes on refusing 203.0.113.10 to ftp" in told


def test_a_file_that_nft_does_not_take_or_that_does_more_is_never_loaded(server: Session) -> None:
    """Somebody has edited the file; a restore would bring that back."""
    server.write("/etc/hosts.deny", DENIES)
    assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
    text, stands = server.read(FILE), table(server)
    overlapping = text.replace(b"\t\t\t203.0.113.0/24,\n", b"\t\t\t203.0.113.0/24,\n\t\t\t203.0.113.7,\n")
    for edited, why in (
        (text + b"flush ruleset\n", "has lines that wraptui does not write"),
        (overlapping, "The real nft does not take /etc/wraptui.nft"),
    ):
        server.write(FILE, edited)
        server.write("/etc/hosts.deny", DENIES + b"in.ftpd: 192.0.2.99\n")
        assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
        assert "192.0.2.99" in table(server)
        before = str(newest(server)["id"])
        refused = server.wraptui("restore", before, "--no-confirm")
        assert refused.returncode == 3 and why in refused.stderr, refused.stderr
        insisted = server.wraptui("restore", before, "--no-confirm", "--even-if-locked-out")
        assert insisted.returncode == 4, insisted.stdout
        assert "192.0.2.99" in table(server) and b"192.0.2.99" in server.read(FILE)
        server.write("/etc/hosts.deny", DENIES)
        assert server.wraptui("recipe", "firewall", "--apply", "--no-confirm").returncode == 0
        assert table(server) == stands


LOADED_LATE = """
from wraptui.changes.filtering import load
from wraptui.system.machine import LocalMachine
print(load(LocalMachine(), open("/etc/wraptui.nft", "rb").read()))
"""


def test_a_catch_of_a_sensor_ends_when_xinetd_lets_it_go(server: Session) -> None:
    server.write("/etc/hosts.deny", b"")
    server.hit(SCANNER, TELNET)
    server.wait_for("Adding ::ffff:203.0.113.77 to the global_no_access list")
    assert (
        server.wraptui("recipe", "firewall", "--no-access", "no").returncode == 2
    )  # nothing else is refused
    done = server.wraptui("recipe", "firewall", "--apply", "--no-confirm")
    assert done.returncode == 0, done.stderr
    assert "203.0.113.77 timeout" in table(server)
    assert blocked(server, SCANNER, FTP)
    # The same file loaded when that time is over, by a restore for one: what it says lasts a second.
    server.write(FILE, re.sub(rb"until \d+", b"until 1700000000", server.read(FILE)))
    late = server.run(sys.executable, "-c", LOADED_LATE)
    assert "holds the table inet wraptui" in late.stdout, late.stderr
    eventually(lambda: not server.visit(SCANNER, TELNET).problem)


DYING = """
import os, sys
from wraptui.changes import landing
from wraptui.syntax.tree import Document
from wraptui.system.machine import LocalMachine
from wraptui.workspace import FileChange

deed, moment, within = sys.argv[1:]

class Dying(LocalMachine):
    def run(self, command, timeout=10.0, input=b""):
        loads = tuple(command[1:]) == ("-f", "-")
        if loads and moment == "before":
            os.kill(os.getpid(), 9)
        ran = super().run(command, timeout, input)
        if loads and moment == "after":
            os.kill(os.getpid(), 9)
        return ran

machine = Dying()
if deed == "apply":
    text = Document(open("/run/wanted", encoding="latin-1").read())
    proposal = landing.propose(machine, [FileChange("/etc/wraptui.nft", None, text)])
    landing.apply(machine, proposal, confirm_within=float(within))
else:
    landing.rollback(machine)
"""


RECOVERED = """
from wraptui.changes import landing
from wraptui.system.machine import LocalMachine
landing.recover(LocalMachine(), tell=print)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_loading_the_packet_filter_follows_the_files(server: Session, moment: str) -> None:
    server.write("/etc/hosts.deny", DENIES)
    server.write("/run/wanted", server.wraptui("firewall", "--nft").stdout.encode())
    # With a deadline the guard takes it back, since nobody makes the change any more.
    server.run(sys.executable, "-c", DYING, "apply", moment, "600")
    eventually(lambda: not os.path.exists(server.path(FILE)) and not table(server))
    eventually(lambda: newest(server)["state"] == "rolled-back")
    # Without one the new file stands, and the next start ends what was begun.
    server.run(sys.executable, "-c", DYING, "apply", moment, "0")
    assert os.path.exists(server.path(FILE))
    recovered = server.run(sys.executable, "-c", RECOVERED)
    assert "the new files stand" in recovered.stdout, recovered.stderr
    assert newest(server)["state"] == "kept"
    assert "203.0.113.0/24" in table(server)
    # Killed while it is rolled back, it can be done again.
    assert server.wraptui("restore", str(newest(server)["id"]), "--confirm-within", "600").returncode == 0
    assert not table(server)
    server.run(sys.executable, "-c", DYING, "rollback", moment, "0")
    assert newest(server)["state"] == "pending"
    assert server.wraptui("rollback").returncode == 0
    assert "203.0.113.0/24" in table(server)
    assert server.read(FILE) == server.read("/run/wanted")


def test_at_boot_it_is_included_and_harmless_when_the_file_is_gone(server: Session) -> None:
    server.write("/etc/hosts.deny", DENIES)
    assert (
        server.wraptui("recipe", "firewall", "--at-boot", "yes").returncode == 2
    )  # nothing is loaded at boot here
    server.write("/etc/nftables.conf", b"#!/usr/sbin/nft -f\n\nflush ruleset\n")
    words = ("recipe", "firewall", "--at-boot", "yes", "--apply", "--no-confirm")
    assert server.wraptui(*words).returncode == 0
    server.run("nft", "flush", "ruleset")
    assert not server.visit("203.0.113.10", FTP).problem
    assert server.run("nft", "-f", "/etc/nftables.conf").returncode == 0  # as its service does at boot
    assert blocked(server, "203.0.113.10", FTP)
    Path(server.path(FILE)).unlink()
    assert server.run("nft", "-f", "/etc/nftables.conf").returncode == 0
    assert not table(server)
