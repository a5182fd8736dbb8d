"""What admission says where no daemon can be asked: places, names, doubts, a service without a daemon."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from wraptui.policy.live.admission import Admission, Live, admit, libwrap_name, place, socket_of
from wraptui.policy.live.limits import CpsState
from wraptui.policy.live.sensor import Entry, NoAccess
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.xinetd.addresses import read_addresses
from wraptui.policy.xinetd.databases import Databases
from wraptui.policy.xinetd.services import Configuration, Defaults, Service, Value
from wraptui.system.files import Tree

FILE = "/etc/xinetd.d/telnet"


def service(attributes: Mapping[str, Value] | None = None, **origin: str) -> Service:
    values: dict[str, Value] = {"socket_type": "stream", "wait": "no", "server": "/usr/sbin/in.telnetd"}
    return Service(
        "t", "telnet", FILE, 3, 9, True, attributes={**values, **(attributes or {})}, origin=origin
    )


def tables(allow: str = "", deny: str = "") -> Tables:
    return Tables(
        read_table("/etc/hosts.allow", allow), read_table("/etc/hosts.deny", deny), Tree("/nowhere")
    )


def asked(
    of: Service, client: str = "192.0.2.7", live: Live | None = None, name: str = "", mapped_name: str = ""
) -> Admission:
    return admit(of, client, tables(), live=live, name=name, mapped_name=mapped_name)


def refusal(admission: Admission) -> str:
    return admission.refusal.name if admission.refusal else ""


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({}, "in.telnetd"),
        ({"server": "bare"}, "bare"),
        ({"libwrap": "other"}, "other"),
        ({"libwrap": "other", "flags": ("NOLIBWRAP",)}, ""),
        ({"flags": ("NAMEINARGS",), "server_args": ("/x/argv0", "b")}, "argv0"),
        ({"redirect": ("192.0.2.1", "23")}, "telnet"),
        ({"type": ("INTERNAL",)}, "telnet"),
        ({"type": ("RPC", "UNLISTED")}, ""),
        ({"type": ("RPC",), "socket_type": "dgram"}, "in.telnetd"),
    ],
)
def test_the_name_that_libwrap_is_asked_for(attributes: Mapping[str, Value], name: str) -> None:
    assert libwrap_name(service(attributes)) == name


@pytest.mark.parametrize(
    ("attributes", "origin", "family"),
    [
        ({}, {}, "dual"),
        ({"flags": ("IPv4",)}, {}, "ipv4"),
        ({"flags": ("IPv6",)}, {}, "dual"),
        ({"bind": "192.0.2.1"}, {}, "ipv4"),
        ({"bind": "::"}, {}, "dual"),
        ({"bind": "2001:db8::1"}, {}, "ipv6"),
        ({"v6only": "no"}, {"v6only": f"{FILE}:4"}, "ipv6"),
        ({"v6only": "yes"}, {"v6only": "defaults"}, "dual"),
    ],
)
def test_the_family_of_the_socket(
    attributes: Mapping[str, Value], origin: Mapping[str, str], family: str
) -> None:
    assert socket_of(service(attributes, **origin)) == family


def test_where_an_attribute_stands() -> None:
    defaults = Defaults("/etc/xinetd.conf", 1, 5, {"per_source": ((3, 3),)})
    configuration = Configuration(True, default_entries=(defaults,))
    found = service({}, per_source="defaults", cps="built-in", instances=f"{FILE}:7")
    assert place(found, "per_source", configuration) == ("/etc/xinetd.conf", 3)
    assert place(found, "instances", configuration) == (FILE, 7)
    assert place(found, "cps", configuration) == place(found, "nothing") == ("", 0)


def test_a_service_that_does_not_run() -> None:
    off = Service("t", "telnet", FILE, 3, 9, False, "disable = yes")
    answer = asked(off)
    assert refusal(answer) == "service" and answer.refusal and answer.refusal.line == 3
    assert len(answer.layers) == 1 and answer.decision is None


def test_host_names_in_the_lists() -> None:
    names = service({"only_from": (".example.net", "192.0.2.1")})
    assert not asked(names).certain, "the name has not been looked up"
    assert asked(names, "192.0.2.1").granted and asked(names, "192.0.2.1").certain
    assert refusal(asked(names, name="unknown")) == refusal(asked(names, name="a.example.org")) == "addresses"
    mapped = asked(names, name="a.example.net")
    assert not mapped.certain, "DNS names a mapped address, /etc/hosts does not"
    assert asked(names, name="a.example.net", mapped_name="a.example.net").certain
    assert refusal(asked(names, name="a.example.net", mapped_name="unknown")) == "addresses"
    plain = service({"only_from": (".example.net",), "flags": ("IPv4",)})
    assert asked(plain, name="a.EXAMPLE.net").granted and asked(plain, name="a.example.net").certain


def test_without_a_daemon_nobody_else_is_connected() -> None:
    limited = service({"instances": 1, "per_source": 1, "cps": (5, 10)})
    assert asked(limited).granted and asked(limited).certain
    assert refusal(asked(service({"instances": 0}))) == "instances"
    timed = asked(service({"access_times": ("08:00-17:00",), "max_load": 2.0}))
    assert timed.granted and not timed.certain


def test_the_order_of_the_layers() -> None:
    everything: dict[str, Value] = {
        "cps": (1, 10),
        "max_load": 1.0,
        "access_times": ("00:00-00:00",),
        "instances": 0,  # a sensor has no servers that a greater limit could count
        "per_source": 0,
        "flags": ("SENSOR", "IPv4"),
        "no_access": ("192.0.2.7",),
    }
    entry = Entry("192.0.2.7", "192.0.2.7/32", "trap", 0.0, 5, 300.0, 300.0, ("ipv4", "ipv6"), True)
    now = 1_795_500_000.0  # not at midnight
    live = Live(now, 1, 1, 5.0, CpsState(1, int(now)), None, NoAccess((entry,)), 9, 9)
    answer = admit(service(everything), "192.0.2.7", tables(deny="ALL: ALL\n"), live=live)
    assert [layer.name for layer in answer.layers if layer.verdict == "refuses"] == [
        "cps", "max_load", "access_times", "instances", "per_source", "-limit",
        "sensor", "no_access list", "addresses", "libwrap",
    ]  # fmt: skip
    assert [layer.reason for layer in answer.layers if layer.verdict == "refuses"] == [
        "connections per second", "load", "time", "service_limit", "per_source_limit", "process_limit",
        "address", "address", "address", "libwrap",
    ]  # fmt: skip
    assert refusal(answer) == "cps"


def test_an_uncertain_list() -> None:
    entry = Entry("192.0.2.7", "192.0.2.7/32", "", 0.0, 5, 300.0, 360.0, ("ipv4", "ipv6"), False)
    doubtful = NoAccess((entry,), False, "lines are lost")
    on, off = (
        asked(service(), client, Live(310.0, no_access=doubtful)) for client in ("192.0.2.7", "192.0.2.8")
    )
    assert on.granted and not on.certain and off.granted and not off.certain


def test_what_is_no_client() -> None:
    for text in ("", "telnet", "192.0.2.0/24"):
        with pytest.raises(ValueError, match="no IPv4 or IPv6 address"):
            asked(service(), text)


def test_one_of_several_addresses_is_not_widened_like_one_alone() -> None:
    """`127.0.{0,1}` is two networks of 256 (verified against xinetd 2.3.15.3); 127.0.0.0 is all of 127."""
    found = read_addresses("127.0.{0,1}", Databases(Tree("/nowhere")), lambda level, text: None)
    assert found is not None
    assert [each.text for each in found] == ["127.0.0.0/24", "127.0.1.0"]
    again = read_addresses(found[0].text, Databases(Tree("/nowhere")), lambda level, text: None)
    assert again and (again[0].number, again[0].mask) == (found[0].number, found[0].mask)
