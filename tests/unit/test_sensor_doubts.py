"""What the rebuilt no_access list admits not to know, and what it knows in spite of gaps."""

from __future__ import annotations

from datetime import UTC

import pytest

from wraptui.policy.live.logbook import Clock, Event, parse_all
from wraptui.policy.live.sensor import NoAccess, Refused, holding, rebuild, refused, widened

DAY = 1795478400.0  # 2026-11-24 00:00:00 UTC

ADDING = "xinetd[7]: CRITICAL: 7 {process_sensor} Adding"
LOG = f"""26/11/24@01:00:00 xinetd[7]: NOTICE: Started working: 3 available services
26/11/24@01:00:10 {ADDING} 192.0.2.1 to the global_no_access list for 1 minutes
26/11/24@01:00:10: FAIL: trap address from=192.0.2.1
26/11/24@01:00:40 {ADDING} 192.0.2.2 to the global_no_access list for 1 minutes
26/11/24@01:00:40: FAIL: snare address from=192.0.2.2
26/11/24@01:00:50: START: telnet pid=8 from=192.0.2.2
26/11/24@01:00:50: FAIL: telnet address from=192.0.2.2
26/11/24@01:01:10 xinetd[7]: INFO: At least 1 DENY_TIME has expired, global_no_access list updated
26/11/24@01:02:10 xinetd[7]: INFO: At least 1 DENY_TIME has expired, global_no_access list updated
26/11/24@01:02:10 xinetd[7]: INFO: global_no_access list is empty.
"""


def events(text: str) -> list[Event]:
    return list(parse_all(text.split("\n"), Clock(DAY + 86400, UTC)))


def at(clock: str) -> float:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return DAY + hours * 3600 + minutes * 60 + seconds


def addresses(found: NoAccess) -> list[str]:
    return [entry.address for entry in found.entries]


def test_the_whole_story() -> None:
    log = events(LOG)
    one = rebuild(log, at("1:00:59"))
    assert one.certain and one.pid == 7 and one.since == at("1:00:00")
    first, second = one.entries
    assert (first.sensor, second.sensor) == ("trap", "snare")
    assert (first.until, first.release) == (at("1:01:10"), at("1:01:10"))
    assert (second.until, second.release) == (at("1:01:40"), at("1:02:10"))
    assert (first.hits, second.hits) == (0, 1)
    assert addresses(rebuild(log, at("1:01:50"))) == ["192.0.2.2"]
    assert rebuild(log, at("1:03:00")) == NoAccess(pid=7, since=at("1:00:00"))


def test_lost_clearing_lines_are_noticed() -> None:
    log = events("\n".join(line for line in LOG.split("\n") if "INFO" not in line))
    before, after = rebuild(log, at("1:01:05")), rebuild(log, at("1:01:30"))
    assert before.certain and len(before.entries) == 2
    assert addresses(after) == ["192.0.2.2"] and not after.certain and "lost" in after.why
    assert after.entries[0].certain, "it cannot have left before its nominal end"
    late = rebuild(log, at("1:01:55"))
    assert addresses(late) == ["192.0.2.2"] and not late.entries[0].certain
    assert not rebuild(log, at("1:05:00")).entries


def test_the_moment_of_a_run_is_doubtful() -> None:
    log = events(LOG.split("26/11/24@01:01:10")[0])
    found = rebuild(log, at("1:01:11"))
    assert len(found.entries) == 2 and not found.certain
    assert [entry.certain for entry in found.entries] == [False, True]


def test_a_log_that_begins_after_the_daemon() -> None:
    log = events(LOG.split("\n", 1)[1])
    found = rebuild(log, at("1:00:59"))
    assert len(found.entries) == 2 and not found.certain and "the least" in found.why
    assert all(entry.certain for entry in found.entries)
    assert found.since == 0.0


def test_an_empty_log_proves_nothing() -> None:
    found = rebuild([], at("1:00:00"))
    assert found.entries == () and not found.certain


def test_a_list_is_never_carried_over_a_start() -> None:
    again = LOG.replace("[7]", "[9]").replace("@01:00:0", "@01:00:3").split("\n")[0]
    log = events(LOG.split("26/11/24@01:00:40")[0] + again)
    found = rebuild(log, at("1:00:59"))
    assert found == NoAccess(pid=9, since=at("1:00:30"))


def test_lines_of_another_daemon_do_not_count() -> None:
    log = events(LOG)
    assert not rebuild(log, at("1:00:59"), pid=9).certain
    assert rebuild(log, at("1:00:59"), pid=9).entries == ()
    reused = rebuild(log, at("1:00:59"), pid=7, began=at("1:00:30"))
    assert not reused.certain and addresses(reused) == ["192.0.2.2"]


def test_a_daemon_that_ended_has_no_list() -> None:
    log = events(LOG.split("26/11/24@01:00:40")[0] + "26/11/24@01:00:30 xinetd[7]: WARNING: Exiting...")
    assert rebuild(log, at("1:00:29")).entries
    gone = rebuild(log, at("1:00:31"))
    assert gone.entries == () and gone.certain and "ended" in gone.why


def test_a_lost_adding_line_is_noticed() -> None:
    log = events("\n".join(line for line in LOG.split("\n") if "Adding 192.0.2.2" not in line))
    assert not rebuild(log, at("1:01:30")).certain
    assert rebuild(log, at("1:00:59")).certain, "nothing shows it yet"


def test_a_run_that_falls_into_a_long_reload_comes_after_it() -> None:
    log = (
        LOG.split("26/11/24@01:01:10")[0]
        + """26/11/24@01:01:08 xinetd[7]: NOTICE: Starting reconfiguration
26/11/24@01:01:20 xinetd[7]: NOTICE: Reconfigured: new=0 old=3 dropped=0 (services)
26/11/24@01:01:20 xinetd[7]: INFO: At least 1 DENY_TIME has expired, global_no_access list updated
"""
    )
    during, after = rebuild(events(log), at("1:01:18")), rebuild(events(log), at("1:01:50"))
    assert len(during.entries) == 2 and not during.certain
    assert addresses(after) == ["192.0.2.2"] and after.certain
    assert after.entries[0].release == at("1:02:20")


def test_a_clock_that_was_set_back() -> None:
    back = LOG.replace("26/11/24@01:00:40 ", "26/11/24@00:30:00 ")
    assert not rebuild(events(back), at("1:00:59")).certain


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.0", "192.0.2.0/24"),
        ("10.1.0.0", "10.1.0.0/16"),
        ("10.0.0.0", "10.0.0.0/8"),
        ("10.0.1.0", "10.0.1.0/24"),
        ("10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.1.0.0", "10.1.0.0/32"),
        ("2001:db8::", "2001:db8::/128"),
        ("fe80::1%eth0", "fe80::1/128"),
    ],
)
def test_widening(address: str, network: str) -> None:
    assert widened(address) == network


def test_who_is_refused_where() -> None:
    log = events(
        LOG.replace("Adding 192.0.2.1", "Adding ::ffff:192.0.2.9").replace(
            "Adding 192.0.2.2", "Adding 10.1.0.0"
        )
    )
    found = rebuild(log, at("1:00:59"))
    assert refused(found, "192.0.2.9") == refused(found, "::ffff:192.0.2.9") == Refused(False, True)
    assert refused(found, "10.1.2.3") == Refused(True, True)
    assert refused(found, "10.2.0.0") == refused(found, "2001:db8::1") == Refused(False, False)
    assert holding(found, "192.0.2.9", dual=False) is None
    assert (entry := holding(found, "10.1.255.255", dual=False)) and entry.address == "10.1.0.0"
    for wrong in ("", "telnet", "192.0.2.0/24", "192.0.2"):
        with pytest.raises(ValueError, match="no IPv4 or IPv6 address"):
            refused(found, wrong)
