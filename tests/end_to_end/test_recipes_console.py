"""Every recipe from the console of a real server: asked for, shown, applied, and undone by one restore."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from tests.terminal import Terminal, terminal
from wraptui.demo.session import Session
from wraptui.policy.recipes import RECIPES

# For each recipe what is typed into its first fields, and what its review shows among what would be written.
ANSWERS: dict[str, tuple[Sequence[str], str]] = {
    "banner": (("in.ftpd",), "+220-Hello, %c."),
    "warning": (("203.0.113.0/24",), "+ALL: 203.0.113.0/24: spawn"),
    "severity": (("sshd", "203.0.113.0/24"), "severity auth.alert"),
    "trap": (("2424",), "+service trap-2424"),
    "limits": (("ftp", "keep", "2", "keep"), "2"),
    "firewall": ((), "+table inet wraptui {"),
    "default-deny": ((), "+ALL: ALL"),
}


def files(server: Session) -> dict[str, bytes]:
    """Everything below the server's /etc that a recipe could write."""
    root = Path(server.path("/etc"))
    names = ["hosts.allow", "hosts.deny", "xinetd.conf", "wraptui.nft"]
    paths = [*(root / name for name in names), *root.glob("xinetd.d/*"), *root.glob("banners/*")]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths if path.is_file()}


def proved(server: Session, recipe: str) -> None:
    """It took effect on the real daemons."""
    if recipe == "banner":
        assert server.hit("198.51.100.21", 21).heard.startswith(b"220-Hello, 198.51.100.21.")
    elif recipe == "warning":
        assert server.hit("203.0.113.5", 21).heard == b""
        assert os.path.exists(server.path("/var/log/hosts_access.warning"))
    elif recipe == "severity":
        assert server.hit("203.0.113.5", 22).heard == b""
    elif recipe == "trap":
        assert server.hit("203.0.113.99", 2424).gone
        server.wait_for("Adding ::ffff:203.0.113.99 to the global_no_access list")
    elif recipe == "limits":
        assert b"per_source\t= 2" in server.read("/etc/xinetd.d/ftp")
    elif recipe == "firewall":
        assert "203.0.113.128/25" in server.run("nft", "list", "table", "inet", "wraptui").stdout
        assert server.visit("203.0.113.150", 21).problem
    else:
        assert server.hit("192.0.2.98", 21).heard == b""


def test_every_recipe_from_the_console(filtering_server: Session) -> None:
    server = filtering_server
    assert set(ANSWERS) == {each.name for each in RECIPES}
    before = files(server)
    with terminal(server.inside("wraptui"), 120, 40, environment=server.environment) as console:
        console.wait("in.ftpd")
        for place, recipe in enumerate(RECIPES):
            answers, written = ANSWERS[recipe.name]
            if recipe.name == "firewall":  # from the list of what the packet filter does
                console.press("C", "2")
                console.wait("block it there, too", 60)
                console.press("b")
            else:
                console.press("R")
                console.wait("protections that are asked for")
                console.press(*["down"] * place, "enter")
            answered(console, recipe.title, answers)
            if recipe.name == "firewall":
                console.wait("who guards what", 60)
                console.press("escape")
            console.wait("edit[s]? not applied", 60)
            console.press("w")
            console.wait("would be written", 60)
            console.wait(lambda screen, written=written: written in screen, 60)  # type: ignore[misc]
            assert files(server) == before
            console.press("A")
            console.wait("It is in the history", 60)
            assert files(server) != before
            proved(server, recipe.name)
            console.press("escape")
            newest = json.loads(server.wraptui("history", "--json").stdout)[0]["id"]
            undone = server.wraptui("restore", newest, "--no-confirm")
            assert undone.returncode == 0, undone.stderr
            assert files(server) == before, recipe.name
        assert not server.run("nft", "list", "table", "inet", "wraptui").stdout
        console.press("q")
        assert console.ended(30) == 0


def answered(console: Terminal, title: str, answers: Sequence[str]) -> None:
    """The recipe's questions with these answers; its plan joins the edits that wait."""
    console.wait(lambda screen: title in screen.split("\n")[0])
    for number, answer in enumerate(answers):
        if number:
            console.press("tab")
        console.press("ctrl+u")
        console.type(answer)
    console.press("enter")
