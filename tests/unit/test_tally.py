"""What is kept of a busy log: the counts are those of all its lines, and they do not grow with them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wraptui.policy.live import tally
from wraptui.policy.live.limits import connection_times, cps_state, pause, refusals
from wraptui.policy.live.logbook import Event
from wraptui.policy.live.tally import Tally
from wraptui.policy.xinetd.services import Service

T = 1_000_000.0
KNOWN = {"telnet": 3, "ftp": 0}

events = st.lists(
    st.builds(
        Event,
        time=st.integers(0, 300).map(lambda seconds: T + seconds),
        pid=st.just(7),
        kind=st.sampled_from(["start", "start", "start", "fail", "exit", "paused", "resumed", "reloaded"]),
        service=st.sampled_from(["telnet", "ftp"]),
        address=st.sampled_from(["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", ""]),
        detail=st.sampled_from(["libwrap", "per_source_limit", "connections per second"]),
        number=st.integers(0, 30),
    ),
    max_size=80,
).map(lambda found: sorted(found, key=lambda event: event.time))


def service(name: str) -> Service:
    return Service(name, name, "/etc/xinetd.conf", 1, 9, True)


@given(events, st.integers(1, 20), st.integers(1, 6), st.booleans())
def test_it_tells_what_all_lines_together_tell(told: list[Event], looks: int, most: int, forks: bool) -> None:
    counted = Tally()
    alone = () if forks else ("telnet",)
    step = -(-len(told) // looks) or 1
    for place in range(0, len(told), step):
        part = told[place : place + step]
        now = part[-1].time
        counted.take(part, now, {"telnet": most, "ftp": 0}, alone)
        times = connection_times(told[: place + step], "telnet", forks=forks)
        state = counted.cps("telnet")
        assert state == cps_state(times, most)
        # What was before a reload counts for the rate all the same.
        every = connection_times(
            [each for each in told[: place + step] if each.kind != "reloaded"], "telnet", forks=forks
        )
        rate = [0] * 60
        for time in every:
            if now - time < 60:
                rate[59 - int(now - time)] += 1
        assert counted.rate("telnet", now) == (tuple(rate) if any(rate) else ())
        assert counted.refusals("telnet") == tuple(
            each for each in refusals(told[: place + step], now) if each.service == "telnet"
        )
        here, there = (
            counted.pause(service("telnet"), now),
            pause(told[: place + step], service("telnet"), now),
        )
        assert (here and (here.since, here.returns, here.straw)) == (
            there and (there.since, there.returns, there.straw)
        )


def test_refusals_are_forgotten_after_an_hour() -> None:
    counted = Tally()
    counted.take([Event(T, 7, "fail", "ftp", "192.0.2.1", "libwrap")], T, KNOWN)
    counted.take([Event(T + 1800, 7, "fail", "ftp", "192.0.2.2", "libwrap")], T + 1800, KNOWN)
    assert [each.top for each in counted.refusals("ftp")] == [(("192.0.2.1", 1), ("192.0.2.2", 1))]
    counted.take([], T + 3600 + 60, KNOWN)
    assert [each.top for each in counted.refusals("ftp")] == [(("192.0.2.2", 1),)]
    counted.take([], T + 5400 + 60, KNOWN)
    assert counted.refusals("ftp") == ()


def test_forged_lines_do_not_fill_it() -> None:
    counted = Tally()
    for minute in range(3):
        forged = [
            Event(T + 60 * minute, 7, kind, name, f"10.{number}", reason)
            for number in range(tally.ENTRIES)
            for kind, name, reason in (
                ("start", f"made-up-{number}", ""),
                ("fail", "ftp", "libwrap"),
                ("paused", "ftp", ""),
            )
        ]
        counted.take(forged, T + 60 * minute, KNOWN)
    [refused] = counted.refusals("ftp")
    assert refused.count == 3 * tally.ENTRIES
    assert held(counted.__dict__) < 3 * tally.ENTRIES


def held(value: object) -> int:
    """How many values there are in nested containers."""
    if isinstance(value, dict):
        return sum(map(held, value.values())) + 1
    return sum(map(held, value)) + 1 if isinstance(value, (list, tuple, set)) else 1
