"""xinetd's configuration as `policy/xinetd/services.py` reads it, against the real daemon's reading of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests import trees, xinetd
from wraptui.demo.binaries import Binaries
from wraptui.policy.xinetd.databases import Databases
from wraptui.policy.xinetd.services import Configuration, Service, Value, read_configuration
from wraptui.system.files import Tree

CASES = sorted((Path(__file__).parent.parent / "cases" / "xinetd").glob("*"))


def disagreements(root: Path, files: Mapping[str, bytes | str], real: Binaries) -> list[str]:
    """Where our reading of a tree and the daemon's differ, each in one line."""
    xinetd.furnish(root, {**trees.BASE, **files})
    for name in trees.PROGRAMS:
        (root / name.lstrip("/")).chmod(0o755)
    compat = "/etc/inetd.conf" in files
    real_answer = xinetd.answer(root, real, *(["-inetd_compat"] if compat else []))
    ours = read_configuration(Tree(str(root)), inetd_compat=compat, local=())
    doubts = [f"doubt: {doubt.text}" for doubt in ours.doubts]
    return doubts or compared(ours, real_answer, Databases(Tree(str(root))))


def compared(ours: Configuration, theirs: xinetd.Answer, databases: Databases) -> list[str]:
    found = []
    if ours.starts != theirs.alive:
        found.append(f"starts: ours {ours.starts}, daemon alive {theirs.alive} (status {theirs.status})")
    mine = [xinetd.Said(said.level, said.text, said.file, said.line) for said in ours.messages]
    found += [f"message: {which} {said}" for which, said in _difference(mine, list(theirs.said))]
    active = [service for service in ours.services if service.active]
    served = [service for service in theirs.services if service["state"] == "Active"]
    if [service.id for service in active] != [_text(service["id"]) for service in served]:
        found.append(
            f"active: ours {[service.id for service in active]}, daemon {[one['id'] for one in served]}"
        )
        return found
    for service, dumped in zip(active, served, strict=True):
        expected = as_dumped(service, databases)
        for label in sorted(expected.keys() | dumped.keys()):
            if label in _IGNORED:
                continue
            if not _alike(expected.get(label), _text(dumped.get(label))):
                found.append(
                    f"{service.id}: {label}: ours {expected.get(label)!r}, daemon {dumped.get(label)!r}"
                )
    return found


def _alike(expected: str | None, dumped: str | None) -> bool:
    """Whether they say the same; of one of several addresses (`10.{1,2}`) it tells no mask."""
    if expected == dumped or not expected or not dumped or "(NUMERIC)" not in dumped:
        return expected == dumped
    words, theirs = expected.split(" "), dumped.split(" ")
    return len(words) == len(theirs) and all(
        mine in (other, other.replace("(NUMERIC)", mine[mine.find("/") :]))
        for mine, other in zip(words, theirs, strict=True)
    )


def _text(raw: str | None) -> str | None:
    return None if raw is None else raw.encode("latin-1").decode("utf-8", "surrogateescape")


def _difference(mine: list[xinetd.Said], theirs: list[xinetd.Said]) -> list[tuple[str, xinetd.Said]]:
    """What only one side says, or says at another place, in order."""
    from difflib import SequenceMatcher

    found = []
    for kind, low, high, from_, to in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            found += [("ours", said) for said in mine[low:high]]
            found += [("daemon", said) for said in theirs[from_:to]]
    return found


_IGNORED = {
    "state", "running servers", "retry servers", "attempts", "service fd", "environment strings",
}  # fmt: skip
_YES = ("yes", "no")


def as_dumped(service: Service, databases: Databases) -> dict[str, str]:
    """A service's effective attributes as the daemon's dump spells them."""
    values, origin = service.attributes, service.origin
    dump = {"name": service.name, "service configuration": service.name, "id": service.id}
    for name in ("flags", "type"):
        if values.get(name):
            dump[name] = _words(values[name])
    dump["socket_type"] = str(values["socket_type"])
    protocol = str(values.get("protocol", "(null)"))
    number = databases.protocol_number(protocol) or 0
    dump["protocol (name,number)"] = f"({protocol},{number})"
    for name in ("port", "wait", "user", "group", "groups", "nice", "libwrap"):
        if name in values:
            dump[name] = str(values[name])
    if ":" in origin.get("instances", ""):
        dump["instances"] = str(values["instances"])
    if "umask" in values:
        dump["umask"] = f"{int(str(values['umask']), 8):o}"
    if ":" in origin.get("cps", ""):
        dump["cps"] = "max conn:{} wait:{}".format(*_tuple(values["cps"]))
    dump["per_source"] = "-1" if values["per_source"] == "UNLIMITED" else str(values["per_source"])
    dump["bind"] = _named(str(values["bind"]), databases) if "bind" in values else "All addresses."
    kinds = _tuple(values.get("type", ()))
    if "redirect" in values:
        address, port = _tuple(values["redirect"])
        dump["redirect"] = f"{_named(str(address), databases)}:{port}"
    elif "INTERNAL" not in kinds:
        server, arguments = str(values["server"]), _tuple(values.get("server_args", ()))
        own = "NAMEINARGS" in _tuple(values.get("flags", ()))
        dump["server"] = server
        dump["server argv"] = " ".join(
            map(str, arguments if own else (server.rpartition("/")[2], *arguments))
        )
    if "RPC" in kinds:
        dump["rpc data"] = ""
        dump["program number"] = str(values["rpc_number"])
        dump["rpc_version"] = str(values["rpc_version"])
    if "access_times" in values:
        dump["access times"] = _words(values["access_times"])
    for name, empty in (("only from", "All sites"), ("no access", "No blocked sites")):
        listed = _tuple(values.get(name.replace(" ", "_"), ()))
        dump[name] = "".join(" " + _address(str(word)) for word in listed) or empty
    if "SENSOR" in _tuple(values.get("flags", ())):
        dump["deny time"] = str(values["deny_time"])
    dump |= _log(values, origin)
    if "passenv" in values:
        dump["passenv"] = _words(values["passenv"])
    if "env" in values:
        dump["environment additions"] = "\n".join(map(str, _tuple(values["env"])))
    return dump


def _log(values: Mapping[str, Value], origin: Mapping[str, str]) -> dict[str, str]:
    log = _tuple(values.get("log_type", ()))
    if not log:
        return {"no logging": ""}
    dump = {
        "log_on_success flags": _words(values.get("log_on_success", ())),
        "log_on_failure flags": _words(values.get("log_on_failure", ())),
    }
    if log[0] == "SYSLOG":
        dump["logging to syslog. facility"] = f"{log[1]}, level = {log[2]}"
    elif origin["log_type"] == "defaults":
        dump["logging to common log file"] = ""
    else:
        limits = "(soft={} hard={})".format(*log[2:]) if len(log) > 2 else "(no limits)"
        dump["logging to file"] = f"{log[1]} {limits}"
    return dump


def _address(word: str) -> str:
    import ipaddress

    address, slash, bits = word.partition("/")
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return f"{word}(HOST)"
    if not slash:
        return f"{word}(NUMERIC)"
    width = number.max_prefixlen
    mask = ((1 << width) - 1) ^ ((1 << width - int(bits)) - 1)
    from wraptui.policy.xinetd.addresses import ipv4_text, ipv6_text

    return f"{address}/{ipv4_text(mask) if width == 32 else ipv6_text(mask)}(NET)"


def _named(address: str, databases: Databases) -> str:
    """The name that /etc/hosts has for an address; the address itself without one."""
    for line in databases.files.read("/etc/hosts").decode().splitlines():
        words = line.split()
        if words and address in (words[0], words[0].removeprefix("::ffff:")):
            return words[1]
    return address


def _words(value: Value) -> str:
    return " ".join(map(str, _tuple(value)))


def _tuple(value: Value) -> tuple[str | int, ...]:
    assert isinstance(value, tuple)
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kept_case(case: Path, tmp_path: Path, real: Binaries, namespaces: None) -> None:
    assert disagreements(tmp_path, trees.read_case(case), real) == []


@pytest.mark.parametrize("bits", [129, 640, 641, 30000])
def test_a_prefix_too_long_for_the_daemons_stack(
    bits: int, tmp_path: Path, real: Binaries, namespaces: None
) -> None:
    lines = "\ttype = INTERNAL\n\tsocket_type = stream\n\twait = no\n"
    text = f"service echo\n{{\n{lines}\tno_access = 10.0.0.1 2001:db8::/{bits}\n}}\n"
    xinetd.furnish(tmp_path, {**trees.BASE, "/etc/xinetd.conf": text.encode()})
    ours = read_configuration(Tree(str(tmp_path)), local=())
    assert ours.starts == xinetd.answer(tmp_path, real).alive == (bits <= 640)
    assert [service.active for service in ours.services] == [ours.starts]
    disabled = text.replace("\ttype", "\tdisable = yes\n\ttype").encode()
    (tmp_path / "etc/xinetd.conf").write_bytes(disabled)
    assert read_configuration(Tree(str(tmp_path)), local=()).starts


@settings(
    max_examples=4 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=trees.trees())
def test_generated_trees(
    files: Mapping[str, bytes | str], tmp_path: Path, real: Binaries, namespaces: None
) -> None:
    found = disagreements(xinetd.fresh(tmp_path / "root"), files, real)
    # Where the daemon reads memory that is not its own there is nothing to agree with.
    assert found == [] or found[0].startswith("doubt: ")
