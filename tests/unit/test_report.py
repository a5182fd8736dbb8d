"""The report's own arithmetic: hours, words, bars, and the lines of daemons that ask libwrap themselves."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from wraptui.policy.live.logbook import Event
from wraptui.policy.report.markdown import sparkline
from wraptui.policy.report.page import Chart
from wraptui.policy.report.refused import SENSOR, first_hour, hourly, in_words, standalone, told_apart
from wraptui.policy.report.svg import BAR, INK, LINE, bars, scale
from wraptui.policy.report.words import counted, listed, span

NOW = 1_764_003_661.0  # one minute and one second into an hour


def _fail(time: float, reason: str = "libwrap", service: str = "ftp") -> Event:
    return Event(time, 7, "fail", service, "192.0.2.1", reason)


def test_refusals_fall_into_the_hours_of_the_clock() -> None:
    start = first_hour(NOW, 3)
    assert start == int(NOW) - 61 - 2 * 3600
    events = [
        _fail(start - 0.01),  # before
        _fail(start),
        _fail(start + 3599.99),
        _fail(start + 3600),
        _fail(NOW),
        _fail(NOW + 1),  # of a clock that is ahead
        _fail(NOW, "time"),
        Event(NOW, 7, "start", "ftp", "192.0.2.1"),
    ]
    assert [(each.reason, each.counts) for each in hourly(events, NOW, 3)] == [
        ("libwrap", (2, 1, 1)),
        ("time", (0, 0, 1)),
    ]
    assert hourly([], NOW, 24) == ()


def test_a_trap_is_told_from_the_list_it_fills() -> None:
    events = [_fail(NOW, "address", "telnet"), _fail(NOW, "address", "ftp"), _fail(NOW, "time", "telnet")]
    assert [each.detail for each in told_apart(events, {"telnet"})] == [SENSOR, "address", "time"]
    assert in_words(SENSOR) == "a SENSOR, the trap itself"
    assert in_words("per_source_limit") == "per_source"
    assert in_words("something new") == "something new"


def test_daemons_with_libwrap_of_their_own_are_counted() -> None:
    lines = [
        "2026-11-24T02:46:38.006309+00:00 server sshd[26]: refused connect from ::ffff:203.0.113.66 (x)",
        "Nov 24 02:46:39 server vsftpd[27]: refused connect from host.example.org (192.0.2.1)",
        "Nov 24 02:46:39 server xinetd[4]: refused connect from 192.0.2.1 due to excessive load",
        "Nov 24 02:46:39 server sshd[26]: Invalid user : refused connect from 192.0.2.2",
        "Foo 24 02:46:39 server sshd[26]: refused connect from 192.0.2.3",
        "2026-99-24T02:46:38+00:00 server sshd[26]: refused connect from 192.0.2.4",
    ]
    now = datetime(2026, 11, 24, 3, 0).timestamp()
    found = list(standalone(lines, now))
    assert [(each.service, each.address, each.kind, each.detail) for each in found] == [
        ("sshd", "::ffff:203.0.113.66", "fail", "libwrap"),
        ("vsftpd", "host.example.org", "fail", "libwrap"),
    ]
    assert found[0].time == datetime.fromisoformat("2026-11-24T02:46:38.006309+00:00").timestamp()
    assert found[1].time == datetime(2026, 11, 24, 2, 46, 39).timestamp()


@pytest.mark.parametrize(
    "most, top", [(0, 2), (1, 2), (2, 2), (3, 4), (7, 8), (11, 20), (99, 100), (101, 200)]
)
def test_the_scale_is_round_and_holds_all(most: int, top: int) -> None:
    assert scale(most) == top


def test_bars_are_as_tall_as_their_numbers() -> None:
    drawn = bars(Chart("t", "d", ("a", "b", "c"), (10, 5, 0)), "chart-1")
    heights = [float(each) for each in re.findall(r'<rect [^>]*height="([0-9.]+)"', drawn)]
    assert len(heights) == 2  # no bar for none
    assert heights[0] == pytest.approx(2 * heights[1])
    assert "xlink" not in drawn and "href" not in drawn and "<script" not in drawn


def test_the_colours_can_be_told_from_the_ground() -> None:
    """WCAG 2: 4.5:1 for text, 3:1 for what else matters."""

    def contrast(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)

    assert contrast(INK) >= 4.5
    assert contrast(BAR) >= 4.5
    assert contrast(LINE) >= 3


def test_words() -> None:
    assert sparkline((0, 1, 50, 100)) == " ▁▄█"
    assert sparkline(()) == ""
    assert [counted(0, "entry"), counted(1, "entry"), counted(2, "refusal")] == [
        "0 entries",
        "1 entry",
        "2 refusals",
    ]
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert [span(-5), span(59.9), span(61), span(3600), span(72 * 3600)] == [
        "0 s",
        "59 s",
        "1 min 1 s",
        "1 h 0 min",
        "3 days 0 h",
    ]
