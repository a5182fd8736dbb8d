"""Clearing the no_access list: its price is told, a word must be typed, and what came of it is said."""

from __future__ import annotations

from dataclasses import replace

from tests.pilot.scenarios import BUSY, SERVICES, service
from tests.pilot.stage import console, played, screen, type_text, until
from wraptui.observe import Snapshot
from wraptui.policy.xinetd.services import Configuration
from wraptui.system.restart import NotRestarted, Restarted, Way
from wraptui.system.xinetd import Daemon
from wraptui.tui.app import Console
from wraptui.tui.dialogs.clear import ClearList, cut_off, obstacle, price
from wraptui.tui.display import plain
from wraptui.tui.world import World

BY_HAND = Way("SIGTERM, then the same command line again")
UNIT = Way("systemctl restart xinetd.service", ("systemctl", "restart", "xinetd.service"), ends_servers=True)


class Host:
    """Stands for what restarts xinetd, and counts how often it was asked to."""

    def __init__(self, result: Restarted | Exception) -> None:
        self.result, self.asked = result, 0

    def restart(self) -> Restarted:
        self.asked += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def staged(snapshot: Snapshot, host: Host, way: Way = BY_HAND, **options: str) -> Console:
    app = console(snapshot, **options)  # type: ignore[arg-type]

    async def clear() -> None:
        await app.push_screen(ClearList(app.world, "192.0.2.7", lambda: way, host.restart))

    app.protecting.clear = clear  # type: ignore[method-assign]
    return app


async def test_only_the_word_does_it() -> None:
    host = Host(Restarted(BY_HAND.how, Daemon(4712)))
    app = staged(BUSY, host)
    async with played(app, 100, 40) as pilot:
        await pilot.press("2", "X")
        await until(pilot, lambda: "3 entries" in screen(app) and "nobody is cut off" in screen(app))
        assert "SIGTERM, then the same command line again" in screen(app)
        await type_text(pilot, "yes")
        await pilot.press("enter")
        await until(pilot, lambda: "takes the word restart" in screen(app))
        assert host.asked == 0
        await pilot.press("backspace", "backspace", "backspace")
        await type_text(pilot, "restart")
        await pilot.press("enter")
        await until(pilot, lambda: "process 4712" in screen(app))
        assert "its list is empty" in screen(app) and host.asked == 1
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert host.asked == 1, "once is enough"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)


async def test_what_went_wrong_is_said() -> None:
    missing = Restarted(BY_HAND.how, Daemon(4712), (21,))
    gone = NotRestarted("xinetd has ended and did not start again; start it with: [b]xinetd")
    for result, said in ((missing, "Nobody listens any more on port 21"), (gone, "start it with: [b]xinetd")):
        host = Host(result)
        app = staged(BUSY, host)
        async with played(app, 110, 40) as pilot:
            await pilot.press("2", "X")
            await until(pilot, lambda app=app: "type restart" in screen(app))  # type: ignore[misc]
            await type_text(pilot, "restart")
            await pilot.press("enter")
            await until(pilot, lambda app=app, said=said: said in screen(app))  # type: ignore[misc]


async def test_it_is_not_offered_to_who_may_only_read_nor_without_entries() -> None:
    host = Host(Restarted(BY_HAND.how, Daemon(1)))
    empty = replace(BUSY, no_access=replace(BUSY.no_access, entries=()))
    for app in (staged(BUSY, host, read_only="you are not root"), staged(empty, host)):
        async with played(app, 100, 40) as pilot:
            await pilot.press("2", "X")
            await pilot.pause(0.1)
            assert app.screen is app.dashboard and "clear the list" not in screen(app)


async def test_a_daemon_that_would_not_start_again_is_left_alone() -> None:
    host = Host(Restarted(BY_HAND.how, Daemon(1)))
    app = staged(replace(BUSY, configuration=Configuration(False, SERVICES)), host)
    async with played(app, 100, 40) as pilot:
        await pilot.press("2", "X")
        await until(pilot, lambda: "would not start again" in screen(app))
        assert "type restart" not in screen(app)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert host.asked == 0


def test_whom_it_cuts_off() -> None:
    forwarding = service("ftp", redirect=("192.0.2.3", "21"))
    world = World(BUSY, ready=True)
    assert cut_off(world, BY_HAND) == []
    redirecting = World(replace(BUSY, configuration=Configuration(True, (forwarding,))), ready=True)
    assert {each.service for each in cut_off(redirecting, BY_HAND)} == {"ftp"}
    assert {each.service for each in cut_off(world, UNIT)} == {"ftp", "echo"}, "not who asks sshd itself"
    told = "\n".join(plain(line) for line in price(world, UNIT, "198.51.100.7"))
    assert "4 sessions cut off" in told and "one of them comes from 198.51.100.7, as you do" in told
    assert "2001:db8:bad::1" in told and "203.0.113.0/24" in told


def test_what_keeps_it_from_starting_again() -> None:
    assert obstacle(World(BUSY)) == ""
    idle = replace(BUSY, configuration=Configuration(True, ()))
    assert "no service" in obstacle(World(replace(idle, daemon=Daemon(700))))
    assert obstacle(World(replace(idle, daemon=Daemon(700, stay_alive=True)))) == ""
