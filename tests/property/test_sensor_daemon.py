"""The rebuilt list follows a daemon that plays the facts second by second, and survives any log at all."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from wraptui.policy.live.logbook import Clock, parse_all
from wraptui.policy.live.sensor import rebuild, refused

START = 1795478400


def stamp(second: int) -> str:
    when = datetime.fromtimestamp(START + second, UTC)
    return f"{when:%y}/{when.month}/{when.day}@{when:%H:%M:%S}"


def adding(address: str, minutes: int) -> str:
    text = f"Adding {address} to the global_no_access list for {minutes} minutes"
    return f"CRITICAL: 5 {{process_sensor}} {text}"


class Daemon:
    """The daemon as the facts tell it, written the slow way: one step a second, one table of addresses."""

    def __init__(self) -> None:
        self.log = [f"{stamp(0)} xinetd[5]: NOTICE: Started working: 2 available services"]
        self.ends: dict[str, int | None] = {}
        self.run_at: int | None = None

    def second(self, now: int) -> None:
        if self.run_at != now:
            return
        gone = [address for address, end in self.ends.items() if end is not None and end <= now]
        for address in gone:
            del self.ends[address]
        self.run_at = now + 60 if self.ends else None
        if gone:
            self._say(now, "INFO: At least 1 DENY_TIME has expired, global_no_access list updated")
        if not self.ends:
            self._say(now, "INFO: global_no_access list is empty.")

    def hit(self, now: int, address: str, minutes: int) -> None:
        if minutes and not self.refuses(address):
            self._say(now, adding(address, minutes))
            self.ends[address] = None if minutes == -1 else now + 60 * minutes
            self.run_at = self.run_at or now + 60
        self.log.append(f"{stamp(now)}: FAIL: trap address from={address}")

    def refuses(self, peer: str) -> bool:
        mapped = peer.startswith("::ffff:")
        plain = peer.removeprefix("::ffff:").split(".")
        for address in self.ends:
            octets = address.removeprefix("::ffff:").split(".")
            if address.startswith("::ffff:"):
                if mapped and octets == plain:
                    return True
                continue
            while octets and octets[-1] == "0":
                octets.pop()
            if plain[: len(octets)] == octets:
                return True
        return False

    def _say(self, now: int, text: str) -> None:
        self.log.append(f"{stamp(now)} xinetd[5]: {text}")


ADDRESSES = [
    f"{mapped}{address}"
    for mapped in ("", "::ffff:")
    for address in ("10.0.0.1", "10.0.0.0", "10.0.9.0", "10.0.9.9")
]
HITS = st.tuples(st.integers(1, 500), st.sampled_from(ADDRESSES), st.sampled_from([-2, -1, 0, 1, 1, 2, 3]))


@given(st.lists(HITS, max_size=25), st.lists(st.integers(0, 900), min_size=1, max_size=12))
def test_as_the_daemon_would(hits: list[tuple[int, str, int]], moments: list[int]) -> None:
    daemon = Daemon()
    truth: dict[int, dict[str, bool]] = {}
    for second in range(901):
        daemon.second(second)
        for when, address, minutes in hits:
            if when == second:
                daemon.hit(second, address, minutes)
        if second in moments:
            truth[second] = {address: daemon.refuses(address) for address in ADDRESSES}
    events = list(parse_all(daemon.log, Clock(START + 1000, UTC)))
    for second, answers in truth.items():
        found = rebuild(events, START + second + 0.9)
        if "due this very moment" in found.why:
            continue  # the log cannot tell what came first in this second
        assert found.certain, found.why
        for address, answer in answers.items():
            ours = refused(found, address)
            assert (ours.dual if address.startswith("::") else ours.ipv4) == answer


LINES = [
    "26/11/24@00:00:10 xinetd[5]: NOTICE: Started working: 2 available services",
    f"26/11/24@00:00:20 xinetd[5]: {adding('10.0.0.0', 1)}",
    f"26/11/24@00:00:30 xinetd[5]: {adding('<unknown>', -1)}",
    f"26/11/24@00:00:30 xinetd[6]: {adding('::1', 99999999999)}",
    "26/11/24@00:01:20 xinetd[5]: INFO: At least 1 DENY_TIME has expired, global_no_access list updated",
    "26/11/24@00:01:20 xinetd[5]: INFO: global_no_access list is empty.",
    "26/11/24@00:02:20 xinetd[5]: ERROR: Maximum global_no_access count reached.",
    "26/11/24@00:02:20: FAIL: trap address from=10.0.0.7",
    "26/11/24@00:03:20 xinetd[5]: WARNING: Exiting...",
]


@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=60)), max_size=30), st.integers(0, 10_000))
def test_any_log_gives_some_list(lines: list[str], second: int) -> None:
    found = rebuild(parse_all(lines, Clock(START + 86400, UTC)), START + second)
    assert found.certain or found.why
    for entry in found.entries:
        assert refused(found, entry.address.partition("%")[0]).dual
