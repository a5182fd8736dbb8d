"""The no_access list as `policy/live/sensor.py` rebuilds it, against how the real daemon answered."""

from __future__ import annotations

import gzip
import json
import time
from datetime import UTC
from functools import cache
from pathlib import Path

import pytest

from tests import client, trees, xinetd
from wraptui import cli
from wraptui.demo.binaries import Binaries
from wraptui.policy.live.logbook import Clock, Event, parse_all
from wraptui.policy.live.sensor import NoAccess, rebuild, refused

CASES = Path(__file__).parent.parent / "cases" / "sensor"
NAMES = sorted(path.stem for path in CASES.glob("*.json"))


@cache
def recorded(name: str) -> tuple[list[Event], list[tuple[float, str, str, bool]]]:
    packed, plain = CASES / f"{name}.log.gz", CASES / f"{name}.log"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    probes = json.loads((CASES / f"{name}.json").read_bytes())["probes"]
    clock = Clock(probes[-1][0], UTC)
    return list(parse_all(data.decode("latin-1").split("\n"), clock)), [tuple(probe) for probe in probes]


@cache
def listed(name: str, second: int) -> NoAccess:
    """The list in some second of a recording; the log knows no shorter time."""
    return rebuild(recorded(name)[0], second + 0.999)


def test_there_are_recordings() -> None:
    assert len(NAMES) >= 17


@pytest.mark.parametrize("name", NAMES)
def test_every_probe_of_a_recording(name: str) -> None:
    _, probes = recorded(name)
    wrong = []
    for at, who, socket, truth in probes:
        found = listed(name, int(at))
        answer = refused(found, who)
        if (answer.ipv4 if socket == "ipv4" else answer.dual) != truth:
            wrong.append((at, who, socket, truth, found.why))
        poisoned = any(
            event.address == "<unknown>" and event.kind == "adding" and event.time <= at
            for event in recorded(name)[0]
        )
        assert found.certain != poisoned, found.why
    assert not wrong


@pytest.mark.parametrize("name", ["basic", "dual", "hup", "many", "norefresh", "syslog", "udp", "wide"])
def test_what_a_released_client_was_promised(name: str) -> None:
    """No probe finds a client refused after the predicted release, or let in before it."""
    _, probes = recorded(name)
    promised: dict[tuple[str, str], tuple[float, float]] = {}
    for at, who, socket, truth in probes:
        release = promised.get((who, socket))
        if release and at > release[1] + 2:
            del promised[who, socket]
        elif release:
            assert truth or at > release[1] - 1, (at, who, socket, release)
        if not truth:
            continue
        entries = [
            entry
            for entry in listed(name, int(at)).entries
            if entry.address.removeprefix("::ffff:") == who
            and entry.release is not None
            and (socket == "dual" or "ipv4" in entry.blocks)
        ]
        if entries:
            promised[who, socket] = at, max(entry.release or 0 for entry in entries)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_tells_the_same(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last moment of each recording at which someone was refused, through `wraptui no-access`."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    _, probes = recorded(name)
    at = max(at for at, _, _, truth in probes if truth)
    near = [probe for probe in probes if int(probe[0]) == int(at)]
    log = next(CASES.glob(f"{name}.log*"))
    words = ["no-access", "--json", "--log", str(log), "--at", str(at)]
    assert cli.main([*words, *{who for _, who, _, _ in near}]) == cli.FINE
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"entries", "certain", "clients"}
    assert found["entries"]
    for _, who, socket, truth in near:
        assert found["clients"][who][socket] == truth


TRAPS = """defaults
{
	log_type = FILE /lab/out/log
	log_on_success = HOST PID
	log_on_failure = HOST
}
service trap4
{
	type = UNLISTED
	flags = SENSOR IPv4
	socket_type = stream
	protocol = tcp
	port = 18001
	wait = no
	user = root
	server = /usr/bin/true
	deny_time = 5
}
service trap6
{
	type = UNLISTED
	flags = SENSOR
	socket_type = stream
	protocol = tcp
	port = 18002
	wait = no
	user = root
	server = /usr/bin/true
	deny_time = FOREVER
}
service guard4
{
	type = UNLISTED
	flags = IPv4
	socket_type = stream
	protocol = tcp
	port = 18003
	wait = no
	user = root
	server = /usr/bin/echo
	server_args = in
}
service guard6
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = 18004
	wait = no
	user = root
	server = /usr/bin/echo
	server_args = in
}
"""


def test_a_live_daemon(real: Binaries, namespaces: None, tmp_path: Path) -> None:
    """Trip sensors, then ask the daemon and its log about everyone who might be concerned."""
    xinetd.furnish(
        tmp_path,
        {**trees.BASE, "/etc/xinetd.conf": TRAPS.replace("= root", f"= {client.daemon_user()}").encode()},
    )
    log = tmp_path / "lab/out/log"
    clients = [
        "127.0.0.9",
        "127.1.2.0",
        "127.1.2.3",
        "127.5.0.0",
        "127.5.6.7",
        "127.2.3.0",
        "127.2.3.4",
        "::1",
    ]
    with xinetd.running(tmp_path, real) as daemon:
        while b"Started working" not in (log.read_bytes() if log.exists() else b""):
            time.sleep(0.01)
        with client.beside(daemon.pid) as visitor:
            for source, port in (
                ("127.0.0.9", 18001),
                ("127.1.2.0", 18001),
                ("127.1.2.3", 18002),
                ("127.5.0.0", 18001),
                ("127.2.3.0", 18002),
                ("127.2.3.0", 18001),
                ("127.0.0.9", 18002),
                ("::1", 18002),
                ("127.7.7.7", 18003),
            ):
                visitor.tcp(source, port)
            truth = {
                who: (
                    None if ":" in who else visitor.tcp(who, 18003) == "",
                    visitor.tcp(who, 18004) == "",
                )
                for who in [*clients, "127.7.7.7"]
            }
        lines = log.read_text("latin-1").split("\n")
    assert set(truth.values()) > {(True, True), (False, False)}
    found = rebuild(list(parse_all(lines, Clock(time.time(), UTC))), time.time(), pid=daemon.pid)
    assert found.certain, found.why
    for who, (plain, dual) in truth.items():
        answer = refused(found, who)
        assert (answer.dual, answer.ipv4) == (dual, bool(plain)), who
    assert {entry.sensor for entry in found.entries} == {"trap4", "trap6"}
    assert [entry.minutes for entry in found.entries if entry.address == "127.0.0.9"] == [5]
