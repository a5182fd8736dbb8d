"""What is set in an xinetd entry is what xinetd would go by, whatever stood there before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wraptui.policy.change.overlay import overlay
from wraptui.policy.change.service_edits import remove_attribute, set_attribute, set_default
from wraptui.policy.xinetd.services import Configuration, Service, read_configuration
from wraptui.syntax.tree import Document
from wraptui.system.files import Tree

PATH = "/etc/xinetd.conf"
LINES = st.lists(
    st.sampled_from(
        [
            "\tinstances\t= 4\n",
            "\tinstances = 5\n",
            "  INSTANCES = 6 7\n",
            "\tinstances = many\n",
            "\tinstances += 3\n",
            "\tper_source =3\n",
            "\tonly_from = 192.0.2.0\n",
            "\tonly_from += 198.51.100.1\n",
            "\tonly_from -= 192.0.2.0\n",
            "\tcps = 10 30\n",
            "\tdisable = no\n",
            "\tnonsense = yes\n",
            "\t# instances = 9\n",
            "\n",
            "\tbind = 127.0.0.1\n",
            "\tinterface = 127.0.0.2\n",
        ]
    ),
    max_size=7,
)
SET = st.sampled_from(
    [
        ("instances", "2", 2),
        ("instances", "UNLIMITED", "UNLIMITED"),
        ("per_source", "1", 1),
        ("cps", "5 60", (5, 60)),
        ("bind", "127.0.0.9", "127.0.0.9"),
        ("max_load", "2.5", 2.5),
    ]
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    root: Path = tmp_path_factory.mktemp("root")
    for name, text in {
        "bin/cat": "",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "etc/protocols": "tcp 6 TCP\n",
        "etc/services": "echo 7/tcp\n",
    }.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "bin/cat").chmod(0o755)
    yield Tree(str(root))


def read(files: Tree, document: Document) -> Configuration:
    return read_configuration(overlay(files, {PATH: document}), PATH)


def entry(lines: list[str]) -> Document:
    head = "\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\tport = 4000\n\twait = no\n"
    return Document(
        f"# before\nservice a\n{{\n{head}\tuser = root\n\tserver = /bin/cat\n{''.join(lines)}}}\n# after\n"
    )


def made(document: Document, edits: tuple[object, ...]) -> Document:
    for edit in edits:
        document = edit.apply(document)  # type: ignore[attr-defined]
    return document


def only(configuration: Configuration) -> Service:
    (service,) = configuration.services
    return service


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, SET)
def test_a_value_that_is_set_is_the_effective_one(
    files: Tree, lines: list[str], what: tuple[str, str, object]
) -> None:
    document = entry(lines)
    before = read(files, document)
    assume(before.services)
    service = only(before)
    name, words, value = what
    new = made(document, set_attribute(document, service, name, words))
    assert new.text.startswith("# before\n") and new.text.endswith("}\n# after\n")
    after = only(read(files, new))
    assert after.attributes.get(name) == value
    # What else it said, it still says.
    for other in ("instances", "per_source", "cps", "only_from", "bind"):
        if other != name and service.active and after.active:
            assert after.attributes.get(other) == service.attributes.get(other), other
    assert set_attribute(new, after, name, words) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["yes", "no"]))
def test_disable_says_what_counts_and_never_revives_what_is_broken(
    files: Tree, lines: list[str], words: str
) -> None:
    document = entry(lines)
    before = read(files, document)
    assume(before.services)
    service = only(before)
    new = made(document, set_attribute(document, service, "disable", words))
    after = only(read(files, new))
    if words == "yes":
        assert not after.active
    elif not any("disable" in line for line in lines):
        assert after.active == service.active


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["instances", "only_from", "cps", "bind"]))
def test_what_is_removed_is_no_longer_said_in_the_entry(files: Tree, lines: list[str], name: str) -> None:
    document = entry(lines)
    before = read(files, document)
    assume(before.services)
    new = made(document, remove_attribute(document, only(before), name))
    after = only(read(files, new))
    assert after.origin.get(name, "built-in") == "built-in"
    assert remove_attribute(new, after, name) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.booleans())
def test_a_default_counts_for_services_that_say_nothing(files: Tree, lines: list[str], there: bool) -> None:
    lines = [line for line in lines if "nstances" not in line.lower() and "NSTANCES" not in line]
    text = ("defaults\n{\n\tinstances = 9\n\tlog_type = SYSLOG daemon\n}\n" if there else "") + entry(
        lines
    ).text
    document = Document(text)
    assume(read(files, document).services)
    new = made(document, set_default(PATH, document, "instances", "3"))
    after = only(read(files, new))
    assert after.attributes.get("instances") == 3
