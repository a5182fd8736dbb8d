"""What `policy/xinetd/services.py` tells beyond the daemon's words: sources, lines, lost entries, doubts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.files import Kept
from tests.trees import BASE
from wraptui.policy.xinetd.activation import local_addresses
from wraptui.policy.xinetd.addresses import Address, matching, numeric_address, read_addresses
from wraptui.policy.xinetd.attributes import ANY, TABLE, attribute
from wraptui.policy.xinetd.databases import Databases
from wraptui.policy.xinetd.inetd import compatibility
from wraptui.policy.xinetd.numbers import floating, signed, size, unsigned
from wraptui.policy.xinetd.partial import completed
from wraptui.policy.xinetd.services import Configuration, Service, read_configuration

GOOD = b"""\
# telnet for the old switches
service a
{
	type        = UNLISTED
	socket_type = stream
	port        = 5001
	wait        = no
	user        = root
	server      = /srv/server
	instances   = 3
	instances   = 4
}
"""


def reading(files: dict[str, bytes], **options: object) -> Configuration:
    known = {path: data for path, data in BASE.items() if isinstance(data, bytes)}
    return read_configuration(Kept({**known, **files}), **options)  # type: ignore[arg-type]


def only(text: bytes) -> Service:
    (service,) = reading({"/etc/xinetd.conf": text}).services
    return service


def test_a_service_tells_its_values_their_sources_and_its_lines() -> None:
    service = only(b"defaults\n{\n\tper_source = 2\n}\n" + GOOD)
    assert (service.id, service.name, service.file, service.first, service.last) == (
        "a", "a", "/etc/xinetd.conf", 6, 16,
    )  # fmt: skip
    assert service.active and not service.why_not
    assert service.attributes["instances"] == 3
    assert service.attributes["per_source"] == 2
    assert service.attributes["cps"] == (50, 10)
    assert service.attributes["port"] == 5001
    assert service.attributes["wait"] == "no"
    assert service.attributes["protocol"] == "tcp"
    assert service.origin["instances"] == "/etc/xinetd.conf:14"
    assert service.origin["per_source"] == "defaults"
    assert service.origin["cps"] == "built-in"
    assert service.lines["instances"] == ((14, 14), (15, 15))
    assert only(GOOD).attributes["per_source"] == "UNLIMITED"


def test_interface_is_bind() -> None:
    service = only(GOOD.replace(b"user  ", b"Interface = 127.0.0.1\n\tuser  "))
    assert service.attributes["bind"] == "127.0.0.1"
    assert service.lines["bind"] == ((8, 8),)


def test_a_disabled_service_still_shows_what_it_would_be() -> None:
    service = only(GOOD.replace(b"{\n", b"{\n\tdisable = yes\n\tid = other\n", 1))
    assert not service.active
    assert service.why_not == "disable = yes"
    assert service.id == "other"
    assert service.attributes["port"] == 5001
    assert service.lines["port"] == ((8, 8),)


def test_an_entry_that_an_error_swallows_is_told() -> None:
    configuration = reading({"/etc/xinetd.conf": b"stray\n" + GOOD + GOOD.replace(b"5001", b"5002")})
    lost, kept = configuration.services
    assert (lost.first, lost.last, lost.active) == (3, 13, False)
    assert "swallows" in lost.why_not
    assert kept.active and kept.attributes["port"] == 5002


def test_a_missing_brace_does_not_give_one_entry_the_lines_of_the_next() -> None:
    text = GOOD.replace(b"}\n", b"") + GOOD.replace(b"service a", b"service b")
    first, second = reading({"/etc/xinetd.conf": text}).services
    assert (first.first, first.last, second.first, second.last) == (2, 12, 13, 23)
    assert first.lines["port"] == ((6, 6),)
    assert first.why_not == "Bad operator for attribute: service"


def test_a_cycle_of_includes_ends_and_is_told() -> None:
    files = {
        "/etc/xinetd.conf": b"include /etc/a\n" + GOOD,
        "/etc/a": b"includedir /etc/d\n",
        "/etc/d/x": b"include /etc/a\n",
    }
    configuration = reading(files)
    assert [doubt.file for doubt in configuration.doubts] == ["/etc/d/x"]
    assert "again and again" in configuration.doubts[0].text
    assert [service.id for service in configuration.services if service.active] == ["a"]


def test_a_name_at_the_end_of_the_file_is_doubtful() -> None:
    configuration = reading({"/etc/xinetd.conf": b"service a\n{\n\tinstances"})
    assert [(doubt.line, "may crash" in doubt.text) for doubt in configuration.doubts] == [(3, True)]


def test_a_file_that_the_operator_may_not_read_is_doubtful() -> None:
    class Shut(Kept):
        def read(self, path: str) -> bytes:
            if path in ("/etc/a", "/etc/d/x"):
                raise PermissionError(13, "Permission denied", path)
            return super().read(path)

    files = {"/etc/xinetd.conf": b"include /etc/a\nincludedir /etc/d\n", "/etc/a": GOOD, "/etc/d/x": GOOD}
    configuration = read_configuration(Shut(files))
    assert [doubt.line for doubt in configuration.doubts] == [1, 2]
    assert configuration.messages == ()


def test_no_file_no_daemon() -> None:
    configuration = reading({})
    assert not configuration.starts
    assert configuration.messages[0].text == (
        "open( /etc/xinetd.conf ) failed: No such file or directory (errno = 2)"
    )


def test_a_fatal_defaults_error_stops_all() -> None:
    configuration = reading({"/etc/xinetd.conf": GOOD + b"defaults\n{\n\tinstances = many\n}\n" + GOOD})
    assert not configuration.starts
    assert [service.active for service in configuration.services] == [False]
    assert "xinetd exits" in configuration.services[0].why_not


def test_addresses_that_this_machine_lacks() -> None:
    text = GOOD.replace(b"user  ", b"bind = 192.0.2.1\n\tuser  ")
    assert reading({"/etc/xinetd.conf": text}).services[0].active
    (service,) = reading({"/etc/xinetd.conf": text}, local=("192.0.2.2",)).services
    assert service.why_not == "bind failed (Cannot assign requested address (errno = 99))"
    assert reading({"/etc/xinetd.conf": text}, local=("192.0.2.1",)).services[0].active
    elsewhere = b"  |-- 192.0.2.2\n     /32 host LOCAL\n"
    assert not reading({"/etc/xinetd.conf": text, "/proc/net/fib_trie": elsewhere}).services[0].active


def test_this_machines_addresses_are_read_where_the_kernel_shows_them() -> None:
    trie = b"Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.0\n        /24 link UNICAST\nLocal:\n"
    trie += b"  |-- 192.0.2.7\n     /32 host LOCAL\n  |-- 192.0.2.255\n     /32 link BROADCAST\n"
    six = b"20010db8000000000000000000000001 02 40 00 80 eth0\n"
    files = {"/proc/net/fib_trie": trie, "/proc/net/if_inet6": six}
    assert local_addresses(Kept(files)) == frozenset(("192.0.2.7", "2001:db8::1"))
    assert local_addresses(Kept({})) is None


def test_relative_paths_count_from_the_directory() -> None:
    files = {"/etc/xinetd.conf": b"include more\n", "/srv/here/more": GOOD}
    (service,) = reading(files, directory="/srv/here").services
    assert service.file == "/srv/here/more"
    assert reading(files).services == ()


def test_the_portmapper_decides_about_rpc() -> None:
    text = (
        b"service rstatd\n{\n\ttype = RPC\n\tsocket_type = dgram\n\tprotocol = udp\n\twait = yes\n"
        b"\tuser = root\n\tserver = /srv/server\n\trpc_version = 2-4\n}\n"
    )
    (without,) = reading({"/etc/xinetd.conf": text}).services
    (with_one,) = reading({"/etc/xinetd.conf": text, "/sbin/rpcbind": b""}).services
    assert (without.active, with_one.active) == (False, True)
    assert with_one.attributes["rpc_number"] == 100001
    assert with_one.attributes["rpc_version"] == "2-4"


def test_what_a_copy_of_etc_lacks_is_this_machines() -> None:
    names = {path: data for path, data in BASE.items() if isinstance(data, bytes) and path != "/srv/server"}
    machine = Kept({**names, "/usr/bin/server": b"", "/var/log/x": b"", "/srv/server": b""})
    text = GOOD.replace(b"/srv/server", b"/usr/bin/server").replace(
        b"user  ", b"log_type = FILE /var/log/y\nuser  "
    )
    copy = Kept({"/etc/xinetd.conf": text})
    (service,) = read_configuration(completed(copy, machine)).services
    assert service.active, service.why_not
    (service,) = read_configuration(copy).services
    assert not service.active
    (service,) = read_configuration(completed(Kept({**copy.files, "/usr/bin/other": b""}), machine)).services
    assert not service.active
    (service,) = read_configuration(
        completed(Kept({"/etc/xinetd.conf": GOOD, "/srv/x": b""}), machine)
    ).services
    assert "server" in service.why_not


def test_inetd_conf_counts_as_the_init_script_says() -> None:
    assert compatibility(Kept({}))
    assert compatibility(Kept({"/etc/default/xinetd": b"INETD_COMPAT=Yes\n"}))
    assert not compatibility(Kept({"/etc/default/xinetd": b"INETD_COMPAT=Yes\nINETD_COMPAT='no'\n"}))
    assert compatibility(Kept({"/etc/default/xinetd": b'XINETD_OPTS="-stayalive -inetd_compat"\n'}))
    assert not compatibility(Kept({"/etc/default/xinetd": b"# nothing\n"}))


def test_every_attribute_has_help_and_is_found_in_any_case() -> None:
    for each in TABLE:
        assert each.help
        scope = "service" if each.service else "defaults"
        assert attribute(each.name.upper(), scope) is each
        assert each.count in (ANY, 1, 2)
    assert attribute("mdns") is None
    assert attribute("user", "defaults") is None
    assert attribute("disabled") is None


def test_numbers_are_read_as_c_reads_them() -> None:
    assert [signed(word) for word in ("+5", "010", "4294967297", "1x", "-", "9223372036854775808", "\r")] == [
        5, 10, 1, None, None, None, 0,
    ]  # fmt: skip
    assert signed("0777", 8) == 511
    assert unsigned("-1") == 4294967295
    assert size("10k") == (10240, "10")
    assert size("1G") == (None, "1G")
    assert [floating(word) for word in ("2.5abc", "x", ".5", "1e", "0x10", "-1", "infi")] == [
        2.5, None, 0.5, 1.0, 16.0, -1.0, None,
    ]  # fmt: skip


def test_addresses_match_as_the_daemon_matches_them() -> None:
    databases = Databases(Kept({path: data for path, data in BASE.items() if isinstance(data, bytes)}))

    def element(word: str) -> Address:
        (found,) = read_addresses(word, databases, lambda level, text: None)
        return found

    def meant(word: str, client: str, version: int = 0, host: str = "") -> bool:
        known = numeric_address(client)
        assert known is not None
        if version == 6 and known[0] == 4:
            known = (6, 0xFFFF << 32 | known[1])
        return matching([element(word)], known[1], known[0], host) is not None

    assert element("10.20.0.0").covers == "10.20.0.0/16"
    assert meant("10.20.0.0", "10.20.30.40") and not meant("10.20.0.0", "10.21.0.0")
    assert meant("10.20.0.0", "10.20.30.40", 6)
    assert meant("0.0.0.0", "9.9.9.9")
    assert meant("10.0.0.1/24", "10.0.0.77") and not meant("10.0.0.1/40", "10.0.0.2")
    assert meant("fe80::/10", "febf::1") and not meant("fe80::/10", "fec0::1")
    assert meant("::", "::") and not meant("::", "::1")
    assert not meant("::ffff:10.0.0.1", "10.0.0.1") and meant("::ffff:10.0.0.1", "10.0.0.1", 6)
    assert not meant("2001:db8::1/128", "2001:db8::1")
    assert meant(".example.com", "10.0.0.1", host="a.Example.COM")
    assert not meant(".example.com", "10.0.0.1", host="a.example.com.example.com")
    assert not meant(".example.com", "10.0.0.1")
    assert meant("two.test", "10.0.0.1", host="TWO.test") and not meant("two.test", "127.0.0.2")


def test_the_command_prints_the_documented_json(
    tmp_path: Path, wraptui: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    for path, data in {**BASE, "/etc/xinetd.conf": GOOD + "junk\n}\nservice änd\n}\n".encode()}.items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else b"")
    (tmp_path / "srv/server").chmod(0o755)
    ran = wraptui("services", "--json", "--root", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["starts"] is True
    service, lost = told["services"]
    assert (lost["id"], lost["active"]) == ("änd", False)
    assert {"id", "name", "file", "line", "active", "why_not", "attributes", "origin"} == service.keys()
    assert service["file"] == "/etc/xinetd.conf" and service["line"] == 2 and service["active"] is True
    assert service["attributes"]["cps"] == [50, 10]
    assert service["attributes"]["per_source"] == "UNLIMITED"
    assert {"level", "text", "file", "line"} == told["messages"][0].keys()
    assert {
        "level": "ERROR", "text": "missing service keyword", "file": "/etc/xinetd.conf", "line": 13,
    } in told["messages"]  # fmt: skip
    assert "Service änd: missing '{'" in [message["text"] for message in told["messages"]]
    table = wraptui("services", "--root", str(tmp_path))
    assert "5001" in table.stdout and "ERROR: /etc/xinetd.conf:13: missing service keyword" in table.stdout
    assert "Service änd: missing" in table.stdout.encode("latin-1").decode()
    assert wraptui("services", "--root", str(tmp_path / "nowhere")).returncode == 2
