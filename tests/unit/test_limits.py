"""The arithmetic of limits: cps windows, pauses, refusals, gauges. What the daemon does with them is proved
by real connections in `tests/differential/test_admission.py`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wraptui.policy.live.limits import (
    CpsState,
    Refusals,
    connection_times,
    cps_room,
    cps_state,
    cps_step,
    fullness,
    gauges,
    pause,
    refusals,
    sources,
    suggestions,
)
from wraptui.policy.live.logbook import Event
from wraptui.policy.xinetd.services import Service

T = 1_000_000.0


def start(time: float, service: str = "telnet", address: str = "192.0.2.1") -> Event:
    return Event(T + time, 0, "start", service, address)


def fail(time: float, reason: str, address: str = "192.0.2.1", service: str = "telnet") -> Event:
    return Event(T + time, 0, "fail", service, address, reason)


def service(**attributes: object) -> Service:
    return Service("telnet", "telnet", "/etc/xinetd.conf", 1, 9, True, attributes=attributes)  # type: ignore[arg-type]


def refused_at(schedule: list[float], most: int) -> list[int]:
    state, found = CpsState(), []
    for place, time in enumerate(schedule):
        state, refused = cps_step(state, T + time, most)
        if refused:
            found.append(place)
    return found


def test_the_window_of_cps() -> None:
    assert refused_at([0] * 9, 3) == [3, 4, 5, 6, 7, 8], "4 // 1 > 3"
    assert refused_at([0, 0, 0, 2, 2, 2, 2, 2], 3) == [7], "8 // 2 > 3"
    assert refused_at([0, 0, 0, 3, 3, 3, 6], 3) == [], "a new window after 3 s"
    assert refused_at([0, 0.9, 1.1, 1.9], 1) == [1, 3], "N is the length of the window too"
    assert refused_at([0] * 100, 0) == [], "0 is no limit"
    assert refused_at([5, 0, 0, 0, 0], 2) == [], "a clock set back never refuses"


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(0, 5), st.integers(0, 13))
def test_the_room_that_is_left_is_what_goes_through(offsets: list[int], most: int, now: int) -> None:
    state = cps_state([T + offset for offset in sorted(offsets)], most)
    moment = max(T + now, *(T + offset for offset in offsets)) if offsets else T + now
    room = cps_room(state, moment, most)
    if most == 0:
        assert room == -1
        return
    for _ in range(room):
        state, refused = cps_step(state, moment, most)
        assert not refused
    assert cps_step(state, moment, most)[1]


def test_connections_as_the_log_tells_them() -> None:
    events = [
        start(0),
        Event(T + 1, 7, "reloaded"),
        start(2),
        fail(2, "libwrap"),
        fail(3, "per_source_limit"),
        start(4, "ftp"),
        fail(5, "address"),
    ]
    assert connection_times(events, "telnet") == [T + 2, T + 3]
    assert connection_times(events, "telnet", forks=False) == [T + 2, T + 2, T + 3, T + 5]


def test_a_pause_and_who_caused_it() -> None:
    events = [
        *(start(place, address=f"::ffff:192.0.2.{place % 2}") for place in range(5)),
        fail(5, "connections per second", "192.0.2.0"),
        Event(T + 5, 7, "paused", "telnet", "", "excessive incoming connections", 30),
    ]
    found = pause(events, service(), T + 10)
    assert found and (found.since, found.returns, found.straw) == (T + 5, T + 35, "192.0.2.0")
    assert found.top == (("192.0.2.0", 4), ("192.0.2.1", 2))
    assert pause(events, service(), T + 4) is None
    assert pause(events, service(), T + 41) is None, "the line of its return was lost"
    assert pause([*events, Event(T + 6, 7, "reloaded")], service(), T + 10) == found, "a reload ends nothing"
    assert pause([*events, Event(T + 35, 7, "resumed", "telnet")], service(), T + 36) is None
    assert pause([*events, Event(T + 7, 8, "started")], service(), T + 10) is None
    other = Service("other", "telnet", "/etc/xinetd.conf", 1, 9, True)
    assert pause(events, other, T + 10, sharing=2) is None, "the log names both alike"
    assert pause(events, service(), T + 10, sharing=2) == found


def test_refusals_of_the_last_hour() -> None:
    events = [
        fail(-3600, "per_source_limit"),
        *(fail(-place, "per_source_limit", "::ffff:198.51.100.7") for place in range(12)),
        fail(-1, "per_source_limit", "<no address>"),
        fail(-1, "libwrap", "198.51.100.8", "ftp"),
        fail(1, "libwrap", "198.51.100.8", "ftp"),
        start(0),
    ]
    found = refusals(events, T)
    assert found == (
        Refusals("telnet", "per_source_limit", 13, (("198.51.100.7", 12),)),
        Refusals("ftp", "libwrap", 1, (("198.51.100.8", 1),)),
    )
    assert suggestions(found) == ("telnet: 12 refusals by per_source from 198.51.100.7 in an hour.",)


def test_suggestions_for_crowds() -> None:
    crowd = tuple((f"192.0.2.{place}", 3) for place in range(5))
    assert suggestions([Refusals("telnet", "service_limit", 40, crowd)]) == (
        "telnet: 40 refusals by instances in an hour, from many: the limit may be too low.",
    )
    assert suggestions([Refusals("telnet", "connections per second", 3, (("192.0.2.9", 3),))]) == (
        "telnet was paused 3 times by cps in an hour, the last straws from 192.0.2.9 (3).",
    )
    assert suggestions([Refusals("telnet", "time", 2, ())]) == ()


def test_gauges_and_their_words() -> None:
    telnet = service(
        instances=5, per_source="UNLIMITED", cps=(10, 30), max_load=2.0, rlimit_as=100, rlimit_cpu=0
    )
    addresses = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"]
    found = gauges(telnet, addresses, room=2, load=1.7, unseen=1, memory=120)
    assert [(each.limit, each.used, each.most, each.source, each.fullness) for each in found] == [
        ("instances", 4, 5, "", "near"),
        ("per_source", 2, -1, "192.0.2.1", "ok"),
        ("cps", 8, 10, "", "near"),
        ("max_load", 1.7, 2.0, "", "near"),
        ("rlimit_as", 120, 100, "", "full"),
    ]
    assert [fullness(used, 5) for used in (0, 3, 4, 5, 9)] == ["ok", "ok", "near", "full", "full"]
    assert fullness(0, 0) == "full", "a limit of 0 refuses everyone"
    assert sources(addresses) == (("192.0.2.1", 2), ("2001:db8::1", 1))
