"""The report on the real server says what its real log says; without anything it says that, too."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from wraptui.demo import session
from wraptui.demo.session import Session

FTP, SSH, TELNET, POP3 = 21, 22, 23, 110
Run = Callable[..., subprocess.CompletedProcess[str]]


class Tables(HTMLParser):
    """The tables of an HTML page by caption: rows of cells as text; and every tag's attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._rows: list[list[str]] = []
        self._text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("caption", "th", "td"):
            self._text = ""
        elif tag == "tr":
            self._rows.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self._rows = self.found[self._text] = []
        elif tag in ("th", "td"):
            self._rows[-1].append(self._text)
        elif tag == "li":
            self._text += "\n"

    def handle_data(self, data: str) -> None:
        self._text += data


REASONS = {
    "address": "no_access, only_from or the no_access list",
    "libwrap": "hosts.allow and hosts.deny",
    "per_source_limit": "per_source",
    "service_limit": "instances",
    "connections per second": "cps",
    "load": "max_load",
}


def counted_from(log: str, auth: str) -> Counter[tuple[str, str]]:
    """Refusals by service and reason, read from the log's text by the simplest means."""
    found: Counter[tuple[str, str]] = Counter()
    for service, reason in re.findall(r"FAIL: (\S+) (.+?) from=", log):
        trap = service == "telnet" and reason == "address"
        found[service, "a SENSOR, the trap itself" if trap else REASONS[reason]] += 1
    found["sshd", REASONS["libwrap"]] += auth.count("sshd[") and len(re.findall(r"\]: refused connect", auth))
    return +found


def reported(page: Tables) -> Counter[tuple[str, str]]:
    rows = page.found["Who was refused by what"][1:]
    return Counter({(service, reason): int(times) for service, reason, times, _ in rows})


def test_its_numbers_are_those_of_the_log(real: object, namespaces: None) -> None:
    with session.started(visitors=True) as server:
        server.wait_for("FAIL: pop3 per_source_limit", seconds=20)
        server.wait_for("refused connect from", seconds=20, name="auth.log")
        # The visitors go on meanwhile: a report between two equal readings of the log must be like both.
        for _ in range(10):
            before = counted_from(server.log(), server.log("auth.log"))
            told = server.wraptui("report", "--html", "--hours", "2")
            if counted_from(server.log(), server.log("auth.log")) == before:
                break
        else:
            pytest.fail("the log was never quiet for the time of a report")
        listed = server.wraptui("no-access").stdout
    assert told.returncode == 0, told.stderr
    page = Tables(told.stdout.encode("latin-1").decode())
    assert reported(page) == before
    (captions,) = [caption for caption in page.found if caption.startswith("The same in numbers")]
    header, *rows, totals = page.found[captions]
    by_reason: Counter[str] = Counter()
    for (_, reason), times in before.items():
        by_reason[reason] += times
    assert dict(zip(header[1:-1], map(int, totals[1:-1]), strict=True)) == by_reason
    assert int(totals[-1]) == sum(before.values())
    for place in range(1, len(header)):
        assert sum(int(row[place]) for row in rows) == int(totals[place])
    for address in [row[0] for row in page.found["Refused by the no_access list"][1:]]:
        assert address in listed
    assert "script" not in [tag for tag, _ in page.tags]
    links = {"href", "src", "action", "xlink:href"}
    assert not [tag for tag, attributes in page.tags if links & set(attributes)]


def test_who_gets_in_is_who_really_gets_in(demo_server: Session) -> None:
    page = Tables(demo_server.wraptui("report", "--html").stdout)
    rows = {row[0]: row for row in page.found["Who is let in"][1:]}
    assert rows["ftp"][1:4] == ["TCP port 21", "everybody else", "203.0.113.128/25"]
    assert demo_server.hit("203.0.113.127", FTP).heard.startswith(b"220 ")
    assert demo_server.hit("203.0.113.128", FTP).heard == b""
    assert rows["sshd"][2].split() == ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:10::/48"]
    assert demo_server.hit("2001:db8:10::22", SSH).heard.startswith(b"SSH-2.0-")
    assert demo_server.hit("2001:db8:20::5", SSH, wait=0.5).heard == b""
    assert rows["telnet"][2:4] == ["nobody", "everybody"]
    assert "198.51.100.98" in rows["finger"][2].split()
    assert "198.51.100.99" not in rows["finger"][2].split()


def test_limits_and_the_list_are_as_they_are_now(demo_server: Session) -> None:
    visits = [demo_server.visit("198.51.100.21", FTP) for _ in range(3)]
    assert all(visit.heard.startswith(b"220 ") for visit in visits)
    demo_server.hit("203.0.113.77", TELNET)
    demo_server.wait_for("Adding ::ffff:203.0.113.77 to the global_no_access list")
    page = Tables(demo_server.wraptui("report", "--html").stdout)
    limits = {(row[0], row[2]): row for row in page.found["Limits by service"][1:]}
    assert limits["ftp", "per_source"][3:] == ["3 of 3, FULL", "198.51.100.21"]
    assert limits["ftp", "instances"][3] == "3 of 4"
    [entry] = page.found["Refused by the no_access list"][1:]
    assert (entry[0], entry[1], entry[6]) == ("203.0.113.77", "telnet", "certain")
    minutes = int(re.match(r"(\d+) min", entry[3])[1])  # type: ignore[index]
    assert 28 <= minutes <= 31


def test_a_stranger_in_the_log_writes_no_markup(demo_server: Session) -> None:
    line = "2026-11-24T02:46:38+00:00 server xinetd[4]: FAIL: <script>x</script> libwrap from=<img/src=x>\n"
    stamp = demo_server.log().split()[0]
    demo_server.write(
        "/var/log/syslog", demo_server.read("/var/log/syslog") + line.replace(line.split()[0], stamp).encode()
    )
    page = Tables(demo_server.wraptui("report", "--html").stdout)
    assert ("<script>x</script>", REASONS["libwrap"]) in reported(page)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    told = demo_server.wraptui("report").stdout
    assert r"\<script\>x\</script\>" in told


@pytest.mark.parametrize("words", [[], ["--html"]])
def test_an_empty_machine_gives_a_page_that_says_so(wraptui: Run, tmp_path: Path, words: list[str]) -> None:
    told = wraptui("report", "--root", str(tmp_path), *words)
    assert told.returncode == 0, told.stderr
    assert "Nothing is configured here" in told.stdout
    assert "libwrap lets everybody in to every daemon" in told.stdout
    assert "Traceback" not in told.stderr


def test_a_tree_of_files_is_reported_with_its_own_log(wraptui: Run, tmp_path: Path) -> None:
    for folder in ("etc", "var/log"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/hosts.deny").write_text("sshd: ALL EXCEPT 192.0.2.0/24\n")
    told = wraptui("report", "--root", str(tmp_path))
    assert r"| sshd |  | 192.0.2.0/24 | everybody else | named in the rules |" in told.stdout
    assert "Nothing is configured here" not in told.stdout


def test_where_it_is_written(wraptui: Run, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    told = wraptui("report", "--root", str(tmp_path), "--output", str(target))
    assert (told.returncode, told.stdout) == (0, "")
    assert target.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o600
    told = wraptui("report", "--root", str(tmp_path), "--markdown", "--output", str(target))
    assert target.read_text().startswith("# ")
    told = wraptui("report", "--root", str(tmp_path), "--output", str(tmp_path / "no" / "where"))
    assert told.returncode == 2
    assert "No such file" in told.stderr
    told = wraptui("report", "--root", str(tmp_path / "nowhere"))
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    assert wraptui("report", "--hours", "0").returncode == 2
