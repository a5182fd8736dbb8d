"""Which listeners honour the tables, on the real server; and the audit of its files."""

from __future__ import annotations

import csv
import io
import json
import os

from wraptui.demo.session import Session

Row = dict[str, object]


def listeners(server: Session) -> dict[int, tuple[str, list[str], str]]:
    told = json.loads(server.wraptui("coverage", "--json").stdout)["listeners"]
    return {row["listener"]["port"]: (row["honours"], row["daemons"], row["why"]) for row in told}


def test_each_listener_is_known_by_what_it_really_does(demo_server: Session) -> None:
    found = listeners(demo_server)
    assert found[22][:2] == ("yes", ["sshd"])
    assert "has loaded libwrap" in found[22][2]
    assert found[21] == ("yes", ["in.ftpd"], "xinetd asks libwrap for service ftp as in.ftpd")
    assert found[23][0] == "no"
    assert "SENSOR" in found[23][2]


def test_the_daemon_agrees_with_the_coverage(demo_server: Session) -> None:
    """The names are right when a rule on them bites, and a service with NOLIBWRAP does not ask."""
    path = "/etc/xinetd.d/ftp"
    demo_server.write("/etc/hosts.deny", b"in.ftpd: 203.0.113.9\n")
    assert demo_server.visit("203.0.113.9", 21).heard == b""
    demo_server.write(path, demo_server.read(path).replace(b"{", b"{\n\tflags = NOLIBWRAP", 1))
    demo_server.reload()
    assert demo_server.visit("203.0.113.9", 21).heard.startswith(b"220 ")
    assert listeners(demo_server)[21] == ("no", [], "service ftp has the flag NOLIBWRAP")


def test_a_program_without_libwrap_is_told_apart(demo_server: Session) -> None:
    script = (
        "import socket, subprocess, sys; s = socket.create_server(('127.0.0.1', 4711)); "
        f"sys.exit(subprocess.call([{demo_server.inside('x')[0]!r}, '-m', 'wraptui', 'coverage', '--json']))"
    )
    told = json.loads(demo_server.run(demo_server.inside("x")[0], "-c", script).stdout)["listeners"]
    (row,) = [row for row in told if row["listener"]["port"] == 4711]
    assert row["honours"] == "no"
    assert "has not loaded libwrap" in row["why"]


def checks(server: Session) -> dict[str, list[Row]]:
    rows = json.loads(server.wraptui("audit", "--json").stdout)["checks"]
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(str(row["id"]), []).append(row)
    return by_id


def test_the_audit_reads_what_scanners_only_grep_for(demo_server: Session) -> None:
    entry = b"service chargen\n{\n\ttype = INTERNAL\n\tsocket_type = stream\n\twait = no\n\tid = noise\n}\n"
    demo_server.write("/etc/xinetd.d/chargen", entry)
    found = checks(demo_server)
    enabled = {str(row["title"]).split()[0]: row["result"] for row in found["B2"]}
    assert enabled["noise"] == "fail"  # no `disable` line at all: enabled
    assert enabled["telnet"] == "pass"  # a SENSOR only refuses
    assert enabled["daytime-stream"] == "pass"
    assert found["A3"][0]["result"] == "fail"
    assert found["A8"][0]["result"] == "pass"  # sshd's own rules refuse strangers
    demo_server.write("/etc/hosts.deny", b"all:\\\n  ALL\n")
    assert checks(demo_server)["A3"][0]["result"] == "pass"
    demo_server.write("/etc/hosts.deny", b"")
    assert checks(demo_server)["A8"][0]["result"] == "fail"
    assert demo_server.hit("203.0.113.41", 22).heard.startswith(b"SSH-")


def test_permissions_are_part_of_it_and_csv_says_the_same(demo_server: Session) -> None:
    told = demo_server.wraptui("audit", "--csv")
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    assert told.returncode == 1
    # A plain user's private server is his: then its files do not belong to root, and the audit says so.
    roots = os.geteuid() == 0
    assert {row["result"] for row in rows if row["id"] == "A4"} == {"pass" if roots else "fail"}
    demo_server.run("chmod", "0666", "/etc/hosts.deny")
    rows = list(csv.DictReader(io.StringIO(demo_server.wraptui("audit", "--csv").stdout)))
    bad = [row["evidence"] for row in rows if row["id"] == "A4" and row["result"] == "fail"]
    assert [each for each in bad if "/etc/hosts.deny" in each and "mode 0666" in each]


NOISE = b"""service discard
{
\ttype = INTERNAL
\tsocket_type = stream
\twait = no
\tid = noise
}
service telnetx
{
\ttype = UNLISTED
\tport = 4711
\tflags = SENSOR
\tdeny_time = FOREVER
\tsocket_type = stream
\twait = no
\tuser = nobody
\tserver = /bin/true
}
"""


def test_what_the_audit_mends_is_mended_for_the_real_daemon(demo_server: Session) -> None:
    """Through the ordinary path, and one restore brings it back."""
    path = "/etc/xinetd.d/discard"
    user = next(
        each.split()[2] for each in demo_server.read("/etc/xinetd.d/ftp").split(b"\n") if b"user" in each
    )
    entry = NOISE.replace(b"nobody", user)
    demo_server.write(path, entry)
    demo_server.reload()
    assert not demo_server.hit("198.51.100.21", 9).problem
    shown = demo_server.wraptui("audit").stdout
    assert "(--fix B2)" in shown and "(--fix B8.sensor)" in shown
    refused = demo_server.wraptui("audit", "--fix", "B3")
    assert (refused.returncode, "safe fix" in refused.stderr) == (2, True)
    words = ("audit", "--fix", "B2", "--fix", "B8.sensor", "--fix", "B5", "--no-confirm", "--json")
    done = demo_server.wraptui(*words)
    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads(done.stdout)
    assert told["receipt"]["state"] == "kept" and told["proposal"]["findings_added"] == []
    found = checks(demo_server)
    for id in ("B2", "B5", "B8.sensor"):
        assert {row["result"] for row in found[id]} == {"pass"}, id
    assert demo_server.hit("198.51.100.21", 9).problem  # nobody listens any more
    demo_server.hit("203.0.113.50", 4711)
    demo_server.wait_for("Adding ::ffff:203.0.113.50 to the global_no_access list for 60 minutes")
    assert demo_server.wraptui("restore", told["receipt"]["id"], "--no-confirm").returncode == 0
    assert demo_server.read(path) == entry
    assert not demo_server.hit("198.51.100.21", 9).problem
