"""Every form of every line that xinetd logs, as an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from wraptui.policy.live.logbook import Clock, Event, moment, parse, parse_all

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()
AT = datetime(2026, 11, 24, 1, 35, 22, tzinfo=UTC).timestamp()
STAMP = "26/11/24@01:35:22"


def clock() -> Clock:
    return Clock(NOW, UTC)


SERVICE = {
    "START: telnet pid=12 from=192.0.2.7": Event(AT, 0, "start", "telnet", "192.0.2.7", "", 12),
    "START: echo": Event(AT, 0, "start", "echo"),
    "START: echo from=::ffff:192.0.2.7": Event(AT, 0, "start", "echo", "::ffff:192.0.2.7"),
    "FAIL: telnet connections per second from=192.0.2.7": Event(
        AT, 0, "fail", "telnet", "192.0.2.7", "connections per second"
    ),
    "FAIL: telnet address": Event(AT, 0, "fail", "telnet", "", "address"),
    "FAIL: trap address from=<no address>": Event(AT, 0, "fail", "trap", "<no address>", "address"),
    "EXIT: telnet status=0 pid=12 duration=34(sec)": Event(AT, 0, "exit", "telnet", "", "status=0", 12, 34),
    "EXIT: telnet signal=9 pid=12": Event(AT, 0, "exit", "telnet", "", "signal=9", 12),
    "EXIT: telnet duration=3(sec)": Event(AT, 0, "exit", "telnet", "", "", 0, 3),
    "NOID: telnet 192.0.2.7 no server": Event(AT, 0, "noid", "telnet", "", "192.0.2.7 no server"),
    "USERID: telnet UNIX :mallory": Event(AT, 0, "userid", "telnet", "", "UNIX :mallory"),
    "TRAFFIC: www in=5(bytes) out=7(bytes)": Event(AT, 0, "traffic", "www", "", "in=5(bytes) out=7(bytes)"),
}


@pytest.mark.parametrize("text", SERVICE)
def test_service_lines(text: str) -> None:
    event = SERVICE[text]
    assert parse(f"{STAMP}: {text}\n", clock()) == event
    assert parse(f"Nov 24 01:35:22 host xinetd[77]: {text}", clock()) == event._replace(pid=77)


INTERNAL = {
    ("CRITICAL", "77 {process_sensor} Adding 192.0.2.7 to the global_no_access list for -1 minutes"): (
        "adding", "", "192.0.2.7", -1
    ),
    ("INFO", "At least 1 DENY_TIME has expired, global_no_access list updated"): ("expired", "", "", 0),
    ("INFO", "global_no_access list is empty."): ("empty", "", "", 0),
    ("ERROR", "Maximum global_no_access count reached."): ("full", "", "", 0),
    ("ERROR", "failed to parse <unknown> [file=/etc/xinetd.conf] [line=58]"): ("unparsed", "", "", 0),
    ("NOTICE", "Started working: 1 available service"): ("started", "", "", 1),
    ("NOTICE", "Starting reconfiguration"): ("reloading", "", "", 0),
    ("NOTICE", "Reconfigured: new=1 old=2 dropped=0 (services)"): ("reloaded", "", "", 0),
    ("ERROR", "reconfiguration failed"): ("reload-failed", "", "", 0),
    ("WARNING", "Exiting..."): ("stopped", "", "", 0),
    ("CRITICAL", "77 {init_services} no services. Exiting..."): ("stopped", "", "", 0),
    (
        "ERROR",
        "A fatal error was encountered while parsing the default section. xinetd will exit. "
        "[file=/etc/xinetd.conf] [line=3]",
    ): ("stopped", "", "", 0),
    (
        "ERROR",
        "Deactivating service telnet due to excessive incoming connections.  Restarting in 30 seconds.",
    ): ("paused", "telnet", "", 30),
    ("ERROR", "Activating service telnet"): ("resumed", "telnet", "", 0),
    ("INFO", "libwrap refused connection to telnet (libwrap=in.telnetd) from 192.0.2.7"): (
        "libwrap", "telnet", "192.0.2.7", 0
    ),
    (
        "ERROR",
        "Service=telnet: only_from list and no_access list match equally the address 192.0.2.7",
    ): ("both-lists", "telnet", "192.0.2.7", 0),
    ("ERROR", "refused connect from 192.0.2.7 due to excessive load"): ("overload", "", "192.0.2.7", 0),
    ("NOTICE", "readjusting service telnet"): ("message", "", "", 0),
}  # fmt: skip


@pytest.mark.parametrize(("level", "text"), INTERNAL)
def test_internal_lines(level: str, text: str) -> None:
    lines = [
        f"{STAMP} xinetd[77]: {level}: {text}",
        f"Nov 24 01:35:22 host xinetd[77]: {text}",
        f"<27>Nov 24 01:35:22 xinetd[77]: {text}",
        f"Nov 24 01:35:22.250000 host xinetd[77]: {text}",
        f"2026-11-24T02:35:22.000000+01:00 host xinetd[77]: {text}",
        f"<27>1 2026-11-24T01:35:22Z host xinetd 77 - - {text}",
        f'<27>1 2026-11-24T01:35:22Z host xinetd 77 - [a x="\\]"][b] \xef\xbb\xbf{text}',
        json.dumps(
            {
                "__REALTIME_TIMESTAMP": str(int(AT) * 1_000_000),
                "_PID": "77",
                "SYSLOG_IDENTIFIER": "xinetd",
                "PRIORITY": "3",
                "MESSAGE": text,
            }
        ),
    ]
    for line in lines:
        event = parse(line, clock())
        assert event is not None, line
        assert (event.time, event.pid) == (AT, 77)
        assert (event.kind, event.service, event.address, event.number) == INTERNAL[level, text], line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        "26/11/24@01:35",
        "26/13/24@01:35:22: START: a",
        "26/11/24@01:35:xx: START: a",
        "Nov 24 01:35:22 host sshd[77]: Adding 192.0.2.7 to the global_no_access list for 1 minutes",
        "Nov 24 01:35:22 host evil: xinetd[77]: global_no_access list is empty.",
        "Nov 24 01:35:22 host xinetd 77 - - global_no_access list is empty.",
        "<30>1 2026-11-24T01:35:22Z host sshd 77 - - global_no_access list is empty.",
        '<30>1 2026-11-24T01:35:22Z host sshd 77 - [x y="] xinetd 77 - - "] global_no_access list is empty.',
        "Nov 31 01:35:22 host xinetd[77]: global_no_access list is empty.",
        "{",
        "{}",
        '{"MESSAGE": null, "__REALTIME_TIMESTAMP": "1"}',
        '{"MESSAGE": "x", "__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "sshd"}',
        "\0" * 40,
        "\xff\xfe" * 40,
    ],
)
def test_lines_of_others_are_no_events(line: str) -> None:
    assert parse(line, clock()) is None


def test_a_journal_record_of_bytes() -> None:
    record = {"__REALTIME_TIMESTAMP": "1000000", "_PID": "7", "MESSAGE": list(b"FAIL: caf\xe9 address")}
    assert parse(json.dumps(record), clock()) == Event(1.0, 7, "fail", "caf\xe9", "", "address")


def test_what_journald_lost_is_told_by_journald_alone() -> None:
    record = {"__REALTIME_TIMESTAMP": "1000000", "_PID": "5", "MESSAGE": "Suppressed 113 messages from x"}
    record |= {"N_DROPPED": "113", "SYSLOG_IDENTIFIER": "systemd-journald", "_TRANSPORT": "driver"}
    assert parse(json.dumps(record), clock()) == Event(1.0, 5, "lost", number=113)
    assert parse(json.dumps({**record, "_TRANSPORT": "journal"}), clock()) is None
    assert parse(json.dumps({**record, "N_DROPPED": "many"}), clock()) is None


def test_a_syslog_year_is_the_last_one_that_is_not_in_the_future() -> None:
    january = datetime(2027, 1, 2, tzinfo=UTC).timestamp()
    event = parse("Dec 31 23:59:59 h xinetd[1]: Starting reconfiguration", Clock(january, UTC))
    assert event and event.time == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    then = Clock(datetime(2029, 5, 1, tzinfo=UTC).timestamp(), UTC, at=january)
    event = parse("Dec 31 23:59:59 h xinetd[1]: Starting reconfiguration", then)
    assert event and event.time == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    event = parse("Jan  9 00:00:00 h xinetd[1]: Starting reconfiguration", then)
    assert event and event.time == datetime(2027, 1, 9, tzinfo=UTC).timestamp()
    behind = Clock(datetime(2026, 5, 1, tzinfo=UTC).timestamp(), UTC, at=january)  # this machine's clock
    event = parse("Dec 31 23:59:59 h xinetd[1]: Starting reconfiguration", behind)
    assert event and event.time == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    leap = parse("Feb 29 00:00:00 h xinetd[1]: Starting reconfiguration", Clock(january, UTC))
    assert leap and leap.time == datetime(2024, 2, 29, tzinfo=UTC).timestamp()


def test_the_repeated_hour_in_autumn_is_told_by_the_order_of_lines() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    lines = [
        f"26/10/25@{text}: START: a" for text in ("02:30:00", "02:59:59", "02:00:00", "02:30:00", "03:00:00")
    ]
    clock = Clock(NOW, berlin)
    times = [event.time - first for event in parse_all(lines, clock)]
    assert times == [0, 1799, 1800, 3600, 5400]
    assert not clock.unsettled
    clock = Clock(NOW, berlin)
    times = [event.time - first for event in parse_all(lines[:2] + lines[4:], clock)]
    assert times == [0, 1799, 5400]
    assert clock.unsettled


def test_moments_as_operators_type_them() -> None:
    for text in (
        str(int(AT)),
        "2026-11-24T01:35:22",
        "2026-11-24 01:35:22",
        "2026-11-24T02:35:22+01:00",
        "26/11/24@01:35:22",
        "Nov 24 01:35:22",
    ):
        assert moment(text, NOW, UTC) == AT, text
    for text in ("", "yesterday", "nan", "inf", "26/13/24@01:35:22", "2026-11-24T99:00"):
        with pytest.raises(ValueError, match="is no time"):
            moment(text, NOW, UTC)
