"""Who guards what: coverage, packet filter and audit on one screen, and the way from there to a change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pilot.scenarios import ALLOW, BUSY, DENY
from tests.pilot.stage import FILES, console, played, screen, tree, type_text, until
from wraptui.policy.hardening.checks import Check
from wraptui.policy.hardening.firewall import Redundancy
from wraptui.policy.hardening.own_table import Block
from wraptui.policy.live.coverage import Coverage, Listener
from wraptui.syntax.tree import Document, Edit
from wraptui.tui import protecting
from wraptui.tui.app import Console
from wraptui.tui.dialogs.guards import Guards, MissingRules
from wraptui.tui.panes.guards import Found

XINETD = Listener("tcp6", "::", 21, 4, "/usr/sbin/xinetd", "xinetd", "loaded", True)
WEB = Listener("tcp", "0.0.0.0", 80, 9, "/usr/sbin/[b]ngx", "[b]ngx", "none")
MAIL = Listener("tcp", "127.0.0.1", 25, 0, "", "", "unknown")
LISTENING = (
    Coverage(XINETD, "yes", ("in.ftpd",), "xinetd asks libwrap"),
    Coverage(WEB, "no", (), "no [/b]libwrap"),
    Coverage(MAIL, "unknown", (), "not visible"),
)
MISSING = (Block(((0xC000_0200, 0xC000_02FF),), (("tcp", 21),), DENY),)
SEEN = Found(
    LISTENING,
    (
        Redundancy(f"{DENY}:1", "ALL: 203.0.113.66", "yes", "the packet filter refuses the same"),
        Redundancy(f"{DENY}:2", "in.slowd: .example.net", "not possible", "it asks for names only"),
        Redundancy("no_access", "192.0.2.9 by telnet", "no", "it still reaches xinetd", ("192.0.2.9/32",)),
    ),
    MISSING,
    True,
    checks=(
        Check("a", "hosts.allow exists", "CIS 3.3.2", "pass", "/etc/hosts.allow: 4 rules"),
        Check("b", "no [b]bold[/b] rule", "wraptui", "fail", "/etc/hosts.deny:1 x", "Take it out.",
              (Edit(DENY, 0, ("ALL: 203.0.113.66\n",), (), "take it out"),)),
        Check("c", "tftp is confined", "STIG", "unknown", "no server line"),
        Check("d", "telnet is off", "CIS", "not applicable", "none"),
    ),
    ready=True,
)  # fmt: skip


def staged(app: Console, seen: Found = SEEN) -> None:
    """A console whose look at the guards finds this."""
    asked = app.protecting._of_guards

    async def guards() -> None:
        await app.push_screen(Guards(app.world, lambda: seen, asked))

    app.protecting.guards = guards  # type: ignore[method-assign]


async def test_three_lists_each_with_glyph_word_and_reason() -> None:
    app = console(BUSY)
    staged(app)
    async with played(app, 120, 30) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: "1 without libwrap" in screen(app))
        shown = screen(app)
        assert "✓ yes" in shown and "✗ no" in shown and "? unknown" in shown
        assert "[b]ngx" in shown and "no [/b]libwrap" in shown
        await pilot.press("down")
        assert "have no effect here" in screen(app)
        await pilot.press("tab")
        await until(pilot, lambda: "still reaches xinetd" in screen(app))
        shown = screen(app)
        assert "1 not alike" in shown and "○ not possible" in shown and "✓ yes" in shown
        await pilot.press("end")
        await until(pilot, lambda: "Not blocked: 192.0.2.9/32" in screen(app))
        await pilot.press("3")
        await until(pilot, lambda: "✗ fail" in screen(app))
        shown = screen(app)
        assert "no [b]bold[/b] rule" in shown and "1 of 4 failed" in shown and "→ Take it out." in shown
        assert "hosts.allow exists" not in shown and "tftp is confined" in shown
        await pilot.press("a")
        await until(pilot, lambda: "hosts.allow exists" in screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)


async def test_the_filter_takes_letters_that_are_keys_elsewhere() -> None:
    app = console(BUSY)
    staged(app)
    async with played(app, 120, 30) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: "in.ftpd" in screen(app))
        await pilot.press("slash")
        await type_text(pilot, "2r3")
        await pilot.press("backspace", "backspace", "backspace")
        await type_text(pilot, "ngx")
        await until(pilot, lambda: "in.ftpd" not in screen(app))
        assert "have no effect here" in screen(app), "the line that says why follows the filter"
        await pilot.press("escape")
        await until(pilot, lambda: "in.ftpd" in screen(app))
        assert isinstance(app.screen, Guards)


async def test_missing_rules_are_written_only_where_one_says(tmp_path: Path) -> None:
    machine = tree(str(tmp_path))
    app = console(machine=machine)
    staged(app)
    async with played(app, 100, 30) as pilot:
        await pilot.press("C", "2")
        await until(pilot, lambda: "still reaches xinetd" in screen(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, MissingRules))
        assert "table inet wraptui {" in screen(app) and "192.0.2.0/24" in screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "whole path" in screen(app))
        await type_text(pilot, DENY)
        await pilot.press("enter")
        await until(pilot, lambda: "there already" in screen(app) or "already;" in screen(app))
        assert machine.read(DENY).decode() == FILES[DENY]
        await pilot.press(*["backspace"] * len(DENY))
        await type_text(pilot, "/etc/missing.nft")
        await pilot.press("enter")
        await until(pilot, lambda: "nft -f /etc/missing.nft" in screen(app))
        assert b"192.0.2.0/24" in machine.read("/etc/missing.nft")
        assert machine.status("/etc/missing.nft").mode & 0o7777 == 0o600


async def test_a_failed_check_is_mended_with_the_other_edits(tmp_path: Path) -> None:
    app = console(machine=tree(str(tmp_path)))
    staged(app)
    async with played(app, 100, 30) as pilot:
        await pilot.press("C", "3")
        await until(pilot, lambda: "f mends it" in screen(app))
        await pilot.press("f")
        await until(pilot, lambda: app.workspace.changed == (DENY,))
        assert app.workspace.document(DENY).text == FILES[DENY].removeprefix("ALL: 203.0.113.66\n")


async def test_a_look_at_files_says_what_files_cannot_tell(tmp_path: Path) -> None:
    app = console(machine=tree(str(tmp_path)))
    async with played(app, 140, 30) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: "what listens on their machine is not known" in screen(app))
        await pilot.press("2")
        await until(pilot, lambda: "packet filter" in screen(app))
        assert "e rules" not in screen(app).splitlines()[-1]
        await pilot.press("3")
        await until(pilot, lambda: "✗ fail" in screen(app))
        os.chmod(f"{tmp_path}{ALLOW}", 0o666)
        await pilot.press("r")
        await until(pilot, lambda: f"{ALLOW} belongs to root" in screen(app))


async def test_what_is_looked_at_counts_the_edits_that_wait(tmp_path: Path) -> None:
    app = console(machine=tree(str(tmp_path)))
    async with played(app, 140, 30) as pilot:
        before = protecting._looked(app.machine, app.world, app.workspace)
        lines = Document(FILES[DENY]).lines
        workspace = app.workspace.with_file(DENY, FILES[DENY].encode())
        app.hold(workspace.do("deny", Edit(DENY, len(lines), (), ("ALL: ALL\n",), "deny")))
        await until(pilot, lambda: app.world.pending.count == 1)
        after = protecting._looked(app.machine, app.world, app.workspace)
        title = "whoever no rule names is denied"
        results = [{c.title: c.result for c in found.checks}[title] for found in (before, after)]
        assert results == ["fail", "pass"]


@pytest.mark.parametrize("size", [(44, 12), (80, 24), (160, 50)])
async def test_every_size(size: tuple[int, int]) -> None:
    app = console(BUSY)
    staged(app)
    async with played(app, *size) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: "✓ yes" in screen(app))
        for key, word in (("2", "3 1 not alike"), ("3", "✗ fail")):
            await pilot.press(key)
            await until(pilot, lambda word=word: word in screen(app))  # type: ignore[misc]
            lines = screen(app).splitlines()
            assert len(lines) == size[1] and all(len(line) <= size[0] for line in lines)
