"""The main job in one story: an operator at a terminal, on a real server, from looking to restoring."""

from __future__ import annotations

import re

import pytest

from tests.terminal import Terminal, terminal
from wraptui.demo.session import Session

FTP, SSH, TELNET = 21, 22, 23
SCANNER = "203.0.113.77"
DENY, SERVICE = "/etc/hosts.deny", "/etc/xinetd.d/ftp"


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=["120x36", "80x24"])
def test_the_operators_story(demo_server: Session, size: tuple[int, int]) -> None:
    server = demo_server
    deny, service = server.read(DENY), server.read(SERVICE)
    everything = {
        name: server.read(name) for name in ("/etc/hosts.allow", "/etc/xinetd.conf", "/etc/xinetd.d/pop3")
    }
    first, second = server.visit("198.51.100.21", FTP), server.visit("198.51.100.21", FTP)
    third = server.visit("2001:db8:20::5", FTP)
    assert all(visit.heard.startswith(b"220 ") for visit in (first, second, third))

    with terminal(server.inside("wraptui"), *size, environment=server.environment) as console:
        # Who is connected, to which service, by which rule.
        console.wait(r"198\.51\.100\.21:\d+ .*granted allow:9")
        assert re.search(r"ftp +.*198\.51\.100\.21", console.text)

        # A scanner touches the trap, and appears with its time left.
        console.press("2")
        assert server.hit(SCANNER, TELNET).gone
        console.wait(rf"{re.escape(SCANNER)} .*telnet .* (29|30) min")

        # The ftp service at 3 of 4; its limits; per_source = 2.
        console.press("3")
        console.wait(r"ftp .* 3/4")
        to_row(console, "ftp")
        console.press("enter")
        console.wait(r"ftp in /etc/xinetd\.d/ftp")
        console.press("down", "backspace", "2")
        console.wait("xinetd reads it without complaint")
        console.press("enter")
        console.wait("1 edit not applied|1 edit")

        # A deny rule for the scanner's network.
        console.press("4")
        console.wait("deny:7")
        to_row(console, "deny:7")
        console.press("a")
        console.wait("a new rule")
        console.type("ALL")
        console.press("tab")
        console.type("203.0.113.0/24")
        console.wait("It refuses 203.0.113.0/24 for ALL")
        console.press("enter")
        console.wait("2 edits")
        assert server.read(DENY) == deny
        assert server.read(SERVICE) == service

        # One diff of both files; apply.
        console.press("w")
        console.wait("would be written", 30)
        console.wait(lambda screen: "+ALL: 203.0.113.0/24" in screen)
        reloads = server.log().count("Reconfigured:")
        console.press("A")
        console.wait("xinetd has reloaded", 30)
        console.wait("It is in the history")

        # Byte-exactly where asked, nowhere else; the backup exists; the daemon took it.
        rule = b"in.ftpd: 203.0.113.128/255.255.255.128\n"
        assert server.read(DENY) == deny.replace(rule, rule + b"ALL: 203.0.113.0/24\n")
        assert server.read(SERVICE) == service.replace(b"per_source\t= 3", b"per_source\t= 2")
        assert {name: server.read(name) for name in everything} == everything
        server.wait_for("Reconfigured:", reloads + 1)
        assert "PER_SOURCE = 2" in server.dump()
        kept = server.run("sh", "-c", "cat /var/lib/wraptui/history/*/before-*").stdout
        assert kept.encode("latin-1") in (deny + service, service + deny)

        # Really refused: the scanner's network, and a third connection from one source.
        assert server.visit("203.0.113.9", FTP).heard == b""
        server.wait_for("FAIL: ftp libwrap from=::ffff:203.0.113.9")
        server.wait_for("EXIT: ftp")
        assert server.visit("198.51.100.21", FTP).gone
        server.wait_for("FAIL: ftp per_source_limit from=::ffff:198.51.100.21")

        # Back from the history, and all is as before.
        console.press("escape")
        console.press("h")
        console.wait("hosts.deny")
        console.press("b")
        console.wait(lambda screen: "-ALL: 203.0.113.0/24" in screen, 30)
        console.wait("would be written", 30)
        console.press("A")
        server.wait_for("Reconfigured:", reloads + 2, seconds=30)
        console.wait("It is in the history", 30)
        assert server.read(DENY) == deny
        assert server.read(SERVICE) == service
        assert server.visit("203.0.113.9", FTP).heard.startswith(b"220 ")
        console.press("escape")
        console.press("q")
        assert console.ended() == 0
    assert not first.say(b"NOOP\r\n").gone  # nobody who was there was cut off


ROWS = {"ftp": r"/etc/xinetd\.d/ftp:2", "deny:7": r"/etc/hosts\.deny:7"}


def to_row(console: Terminal, words: str) -> None:
    """Move the cursor down until the details under the list are of this row."""
    console.press("home")
    console.read(1)
    for _ in range(20):
        before = details(console.text)
        if re.search(ROWS[words], before):
            return
        console.press("down")
        console.wait(lambda screen, before=before: details(screen) != before)  # type: ignore[misc]
    raise AssertionError(f"no row {words}:\n{console.text}")


def details(screen: str) -> str:
    """The lines under the list, without what time changes."""
    return re.sub(r"[0-9.]+ (s|min|KiB|MiB|%)|load .*", "", "\n".join(screen.splitlines()[-5:]))
