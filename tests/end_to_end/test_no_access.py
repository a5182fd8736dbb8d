"""`wraptui no-access` and `wraptui explain --service` on a running server, against what its daemon does."""

from __future__ import annotations

import json
from typing import Any

from wraptui.cli import FINE, FOUND
from wraptui.demo.session import Session

FTP, TELNET, FINGER = 21, 23, 79


def listed(server: Session, *clients: str) -> dict[str, Any]:
    told = server.wraptui("no-access", "--json", *clients)
    assert told.returncode == FINE, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def explained(server: Session, service: str, client: str, *words: str) -> dict[str, Any]:
    told = server.wraptui("explain", "--service", service, client, "--name", "unknown", "--json", *words)
    found: dict[str, Any] = json.loads(told.stdout)
    assert told.returncode == (FINE if found["verdict"] == "granted" else FOUND), told.stderr
    return found


def test_the_list_of_the_running_daemon(demo_server: Session) -> None:
    assert listed(demo_server, "203.0.113.77") == {
        "entries": [],
        "certain": True,
        "clients": {"203.0.113.77": {"ipv4": False, "dual": False}},
    }
    demo_server.hit("203.0.113.77", TELNET)
    demo_server.hit("2001:db8:66::6", TELNET)
    demo_server.wait_for("FAIL: telnet address", 2)
    assert demo_server.hit("203.0.113.77", FTP).heard == b""
    found = listed(demo_server, "203.0.113.77", "2001:db8:66::6", "198.51.100.1")
    assert found["certain"]
    assert [(entry["address"], entry["covers"]) for entry in found["entries"]] == [
        ("::ffff:203.0.113.77", "203.0.113.77/32"),
        ("2001:db8:66::6", "2001:db8:66::6/128"),
    ]
    for entry in found["entries"]:
        assert (entry["sensor"], entry["minutes"], entry["blocks"]) == ("telnet", 30, ["ipv6"])
        assert entry["until"] == entry["since"] + 1800 and 0 <= entry["release"] - entry["until"] < 60
    assert found["clients"] == {
        "203.0.113.77": {"ipv4": False, "dual": True},
        "2001:db8:66::6": {"ipv4": False, "dual": True},
        "198.51.100.1": {"ipv4": False, "dual": False},
    }
    demo_server.reload()
    assert listed(demo_server)["entries"] == found["entries"], "a reload keeps the list"
    told = demo_server.wraptui("no-access").stdout
    assert "203.0.113.77" in told and "telnet" in told

    answer = explained(demo_server, "ftp", "203.0.113.77")
    assert (answer["verdict"], answer["by"], answer["certain"]) == ("denied", "no_access list", True)


def test_the_first_layer_that_refuses(demo_server: Session) -> None:
    assert explained(demo_server, "ftp", "198.51.100.21")["verdict"] == "granted"
    held = [demo_server.visit("198.51.100.21", FTP) for _ in range(3)]
    assert [visit.heard[:4] for visit in held] == [b"220 "] * 3
    answer = explained(demo_server, "ftp", "198.51.100.21")
    assert (answer["by"], answer["file"]) == ("per_source", "/etc/xinetd.d/ftp")
    assert demo_server.visit("198.51.100.21", FTP).gone
    assert explained(demo_server, "ftp", "198.51.100.22")["verdict"] == "granted"
    assert demo_server.visit("198.51.100.22", FTP).heard.startswith(b"220 ")
    answer = explained(demo_server, "ftp", "2001:db8:20::5")
    assert (answer["by"], answer["file"]) == ("instances", "/etc/xinetd.d/ftp")
    assert demo_server.visit("2001:db8:20::5", FTP).gone


def test_lists_libwrap_and_pauses(demo_server: Session) -> None:
    text = demo_server.read("/etc/xinetd.d/finger").decode().split("\n")
    answer = explained(demo_server, "finger", "203.0.113.5")
    assert (answer["by"], answer["file"]) == ("addresses", "/etc/xinetd.d/finger")
    assert "only_from" in text[answer["line"] - 1]
    answer = explained(demo_server, "finger", "198.51.100.99")
    assert answer["by"] == "addresses", "in both lists: xinetd knows no better match"
    assert "both match" in next(layer["why"] for layer in answer["layers"] if layer["layer"] == "addresses")
    answer = explained(demo_server, "ftp", "203.0.113.150")
    assert (answer["by"], answer["file"]) == ("libwrap", "/etc/hosts.deny")
    assert answer["libwrap"]["reason"] == "rule"
    for _ in range(5):
        demo_server.hit("198.51.100.7", FINGER, wait=0.01)
    demo_server.wait_for("Deactivating service finger")
    answer = explained(demo_server, "finger", "198.51.100.8")
    assert answer["by"] == "cps" and "paused" in answer["layers"][0]["why"]
    assert answer["file"] == "/etc/xinetd.d/finger"


def test_questions_that_cannot_be_answered(demo_server: Session) -> None:
    for words, said in (
        (["explain", "--service", "nosuch", "192.0.2.1"], "there is no service nosuch"),
        (["explain", "--service", "ftp"], "needs one CLIENT"),
        (["no-access", "telnet"], "no IPv4 or IPv6 address"),
        (["no-access", "--log", "/etc"], "Is a directory"),
        (["no-access", "--log", "/nosuch"], "No such file"),
        (["no-access", "--at", "yesterday"], "is no time"),
    ):
        told = demo_server.wraptui(*words)
        assert told.returncode == 2 and said in told.stderr and not told.stdout, words
