"""Editing by keys: each edit touches its own lines, can be undone, and is seen before it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from tests.pilot.stage import FILES, console, played, screen, tree, type_text, until
from wraptui.system.machine import FileMachine
from wraptui.tui.app import Console
from wraptui.tui.desk import UNSAVED
from wraptui.tui.panes.rule_rows import RuleRow

ALLOW, DENY, ECHO = "/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.d/echo"


@asynccontextmanager
async def rules_pane(folder: Path, place: str = "") -> AsyncIterator[tuple[Console, Pilot[int], FileMachine]]:
    machine = tree(str(folder))
    app = console(machine=machine)
    async with played(app, 140, 40) as pilot:
        await pilot.press("4")
        if place:
            go_to(app, place)
            await pilot.pause()
        yield app, pilot, machine


def go_to(app: Console, place: str) -> RuleRow:
    """Put the cursor on `allow:2`, `deny:1`, `echo:1`."""
    pane = app.dashboard.panes[3]
    rows: Sequence[RuleRow] = pane.table.rows
    for row in rows:
        name = row.file.rpartition("/")[2].removeprefix("hosts.")
        if f"{name}:{row.first}" == place:
            assert pane.table.select(pane.view.key(row)) or pane.table.current == row
            return row
    raise AssertionError(f"no row {place}")


def text(app: Console, path: str) -> str:
    """The file with the edits that wait."""
    return app.workspace.document(path).text


async def test_a_rule_is_added_by_form_and_ipv6_gets_its_brackets(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "deny:1") as (app, pilot, machine):
        await pilot.press("a")
        await type_text(pilot, "sshd")
        await pilot.press("tab")
        await type_text(pilot, "2001:db8:bad::/48 10.0.0.1")
        await until(pilot, lambda: "It refuses [2001:db8:bad::]/48 10.0.0.1" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "1 edit not applied" in screen(app))
        first, *rest = FILES[DENY].splitlines(keepends=True)
        assert text(app, DENY) == first + "sshd: [2001:db8:bad::]/48 10.0.0.1\n" + "".join(rest)
        assert machine.read(DENY).decode() == FILES[DENY]
        row = app.dashboard.front.table.current
        assert isinstance(row, RuleRow)
        assert (row.file, row.first, row.pending) == (DENY, 2, True)
        assert "✎ deny:2" in screen(app)


async def test_an_empty_field_is_asked_for(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, _):
        await pilot.press("a", "enter")
        await pilot.pause()
        assert "The daemon list is empty" in screen(app)
        await pilot.press("escape")
        assert not app.workspace.changed


async def test_a_rule_is_changed_by_form(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "allow:2") as (app, pilot, _):
        await pilot.press("enter", "tab", "end")
        await type_text(pilot, " 10.1.2.3")
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.changed)
        wanted = FILES[ALLOW].replace("198.51.100.0/24", "198.51.100.0/24 10.1.2.3")
        assert text(app, ALLOW) == wanted


async def test_a_raw_line_keeps_what_nobody_touched(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, machine):
        odd = b"# x\nsshd:\t10.0.0.1 \\\n \x1b[31m\xff\n"
        (tmp_path / "etc/hosts.allow").write_bytes(odd)
        await until(pilot, lambda: len(app.world.tables.allow.rules) == 1)  # type: ignore[union-attr]
        go_to(app, "allow:2")
        await pilot.press("r")
        await pilot.pause()
        assert all(line.isprintable() for line in screen(app).splitlines())
        await pilot.press("home", "x", "enter")
        await until(pilot, lambda: app.workspace.changed)
        assert text(app, ALLOW).encode("latin-1") == odd.replace(b"sshd", b"xsshd")
        assert machine.read(ALLOW) == odd


async def test_copy_move_disable_delete_undo_redo(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "deny:1") as (app, pilot, _):
        one, two, three = FILES[DENY].splitlines(keepends=True)
        await pilot.press("c")
        assert text(app, DENY) == one + one + two + three
        await pilot.press("u")
        assert text(app, DENY) == one + two + three
        go_to(app, "deny:1")
        await pilot.press("J")
        assert text(app, DENY) == two + one + three
        await pilot.press("J")
        assert text(app, DENY) == two + three + one
        await pilot.press("K")
        assert text(app, DENY) == two + one + three
        await pilot.press("space")
        assert text(app, DENY) == two + "# " + one + three
        await pilot.pause()
        assert "disab" in screen(app)
        await pilot.press("space")
        assert text(app, DENY) == two + one + three
        await pilot.press("d")
        assert text(app, DENY) == two + three
        await pilot.press(*["u"] * 10)
        assert not app.workspace.changed
        await pilot.press("ctrl+r")
        assert text(app, DENY) == two + one + three


async def test_a_disabled_rule_is_shown_and_prose_is_not(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, _):
        comments = (
            "# /etc/hosts.allow: list of hosts that are allowed to access the system.\n"
            "# Example:    ALL: LOCAL @some_netgroup\n#             ALL: .foobar.edu EXCEPT x.foobar.edu\n"
            "# If you're going to protect the portmapper use the name: rpcbind\n#in.ftpd: 10.0.0.1\n"
        )
        (tmp_path / "etc/hosts.allow").write_text(comments)
        await until(pilot, lambda: app.world.tables.allow.text == comments)  # type: ignore[union-attr]
        rows = app.dashboard.panes[3].table.rows
        assert [(row.first, row.text) for row in rows if row.effect == "disabled"] == [
            (5, "in.ftpd: 10.0.0.1")
        ]


async def test_limits_by_form_change_only_their_line(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, _):
        await pilot.press("3", "enter")
        await until(pilot, lambda: "echo in /etc/xinetd.d/echo" in screen(app))
        assert "how many servers at once" in screen(app)
        await pilot.press("end", "backspace", "m", "a", "n", "y")
        await until(pilot, lambda: "xinetd would say" in screen(app))
        assert "The service would stop" in screen(app)
        await pilot.press("backspace", "backspace", "backspace", "backspace", "7", "down", "2", "enter")
        await until(pilot, lambda: app.workspace.changed)
        wanted = FILES[ECHO].replace("instances = 4", "instances = 7\n\tper_source = 2")
        assert text(app, ECHO) == wanted
        await until(pilot, lambda: "1 edit not applied" in screen(app))


async def test_a_service_is_switched_off_and_on(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "echo:1") as (app, pilot, _):
        await pilot.press("space")
        assert "disable = yes" in text(app, ECHO)
        assert not app.world.configuration.services[0].active
        go_to(app, "echo:1")
        await pilot.press("space")
        assert app.world.configuration.services[0].active


async def test_findings_stand_beside_their_rules_and_are_mended(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, _):
        (tmp_path / "etc/hosts.deny").write_text("sshd: 2001:db8::1\n")
        await until(pilot, lambda: any(f.code == "bare-ipv6" for f in app.world.findings))
        go_to(app, "deny:1")
        await pilot.press("f")
        await until(pilot, lambda: text(app, DENY) == "sshd: [2001:db8::1]\n")
        await until(pilot, lambda: not any(f.code == "bare-ipv6" for f in app.world.findings))
        await pilot.press("u")
        await until(pilot, lambda: any(f.code == "bare-ipv6" for f in app.world.findings))
        await pilot.press("F")
        await until(pilot, lambda: "bare-ipv6" in screen(app))


async def test_edits_survive_somebody_elses(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "deny:1") as (app, pilot, _):
        await pilot.press("space")
        with open(tmp_path / "etc/hosts.deny", "a") as file:
            file.write("ALL: 203.0.113.99\n")
        await until(pilot, lambda: "203.0.113.99" in text(app, DENY))
        assert text(app, DENY) == "# " + FILES[DENY] + "ALL: 203.0.113.99\n"
        await until(pilot, lambda: "changed meanwhile" in screen(app))


async def test_a_step_that_clashes_is_dropped_and_named(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "deny:1") as (app, pilot, _):
        await pilot.press("space")
        (tmp_path / "etc/hosts.deny").write_text("ALL: 192.0.2.1\n")
        await until(pilot, lambda: "dropped" in screen(app))
        assert text(app, DENY) == "ALL: 192.0.2.1\n"


async def test_edits_not_applied_are_kept_and_offered_again(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "deny:1") as (app, pilot, machine):
        await pilot.press("space", "q")
        await until(pilot, lambda: "1 edit is not applied" in screen(app))
        await pilot.press("k")
    assert "kept for the next start" in app.farewell
    assert machine.read(UNSAVED)
    again = console(machine=machine)
    async with played(again, 140, 40) as pilot:
        await until(pilot, lambda: "were not applied" in screen(again))
        await pilot.press("k")
        await until(pilot, lambda: again.workspace.changed)
        assert text(again, DENY) == "# " + FILES[DENY]
        await pilot.press("u", "q")
    assert again.return_value == 0


async def test_read_only_edits_nothing(tmp_path: Path) -> None:
    machine = tree(str(tmp_path))
    app = console(machine=machine, read_only="not root")
    async with played(app, 140, 40) as pilot:
        await pilot.press("4", "a", "d", "space", "c", "J", "enter", "r")
        assert app.screen is app.dashboard
        assert not app.workspace.changed


async def test_ask_about_any_client(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, _):
        await pilot.press("x")
        await type_text(pilot, "sshd")
        await pilot.press("tab")
        await type_text(pilot, "10.0.0.1")
        await until(pilot, lambda: "denied deny:3" in screen(app))
        assert "the client list does not match 10.0.0.1" in screen(app)
        await pilot.press("escape", "x")
        await type_text(pilot, "echo")
        await pilot.press("tab")
        await type_text(pilot, "203.0.113.66")
        await until(pilot, lambda: "is refused" in screen(app))
        await type_text(pilot, "\\[bold]")
        await pilot.pause()
        screen(app)


async def test_a_trapped_address_goes_into_hosts_deny(tmp_path: Path) -> None:
    from tests.pilot.scenarios import BUSY

    app = console(BUSY, tree(str(tmp_path)))
    async with played(app, 140, 40) as pilot:
        await pilot.press("2", "end", "p")
        await until(pilot, lambda: "It refuses [2001:db8:bad::1] for ALL" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.changed)
        *before, comment, rule = text(app, DENY).splitlines()
        assert before == FILES[DENY].splitlines()
        assert comment.startswith("# 2001:db8:bad::1 touched the sensor telnet on 2023-11-14")
        assert rule == "ALL: [2001:db8:bad::1]"


async def test_a_rule_with_an_end(tmp_path: Path) -> None:
    async with rules_pane(tmp_path, "deny:3") as (app, pilot, _):
        await pilot.press("a")
        await type_text(pilot, "ALL")
        await pilot.press("tab")
        await type_text(pilot, "10.9.8.7")
        await pilot.press("tab", "tab")
        await type_text(pilot, "2x")
        await until(pilot, lambda: "2x is no time" in screen(app))
        await pilot.press("backspace", "h", "enter")
        await until(pilot, lambda: app.workspace.changed)
        *before, stamp, rule = text(app, DENY).splitlines()
        assert before == FILES[DENY].splitlines()
        assert stamp.startswith("# wraptui: until 20")
        assert rule == "ALL: 10.9.8.7"
        await until(pilot, lambda: "1 h 59 min left" in screen(app) or "2 h left" in screen(app))


async def test_a_new_service_and_a_copy(tmp_path: Path) -> None:
    async with rules_pane(tmp_path) as (app, pilot, _):
        await pilot.press("3", "n")
        await type_text(pilot, "ssh")
        await pilot.press("down")
        await type_text(pilot, "INTERNAL")
        await until(pilot, lambda: "xinetd would say" in screen(app) or "would not serve" in screen(app))
        await pilot.press("escape")
        assert not app.workspace.changed
        await pilot.press("c", "down")
        await type_text(pilot, "echo2")
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.changed)
        assert text(app, ECHO).startswith(FILES[ECHO])
        assert text(app, ECHO).count("service echo") == 2
        assert "id" in text(app, ECHO)
        assert "echo2" in text(app, ECHO)
