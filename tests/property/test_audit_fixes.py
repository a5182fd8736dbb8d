"""Each fix that the audit offers removes its finding and adds none, on whatever the daemon reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import trees
from tests.files import Kept
from wraptui.policy.change.overlay import overlay
from wraptui.policy.files import Files
from wraptui.policy.hardening.audit import audit
from wraptui.policy.hardening.checks import Check, Subject
from wraptui.policy.lint.services import check_configuration
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.xinetd.services import read_configuration
from wraptui.syntax.tree import Document

CASES = sorted(Path(__file__).parents[1].joinpath("cases/xinetd").iterdir())


def in_bytes(files: Mapping[str, bytes | str]) -> dict[str, bytes]:
    programs = dict.fromkeys(("/usr/sbin/in.tftpd", "/usr/sbin/vsftpd"), b"")
    return {path: each.encode() if isinstance(each, str) else each for path, each in files.items()} | programs


def subject(files: Files, compat: bool) -> Subject:
    configuration = read_configuration(files, inetd_compat=compat, local=())
    nothing = read_table("/etc/hosts.allow", ""), read_table("/etc/hosts.deny", "")
    return Subject(Tables(*nothing, files), configuration, files, True, ())


def failed(found: tuple[Check, ...]) -> Counter[tuple[str, str]]:
    return Counter((check.id, check.title) for check in found if check.result == "fail")


def judged(files: Files, compat: bool) -> None:
    before = subject(files, compat)
    checks = audit(before)
    lint = Counter(each.code for each in check_configuration(before.configuration, files))
    for check in checks:
        if not check.fix:
            continue
        assert check.result == "fail"
        documents: dict[str, Document] = {}
        for edit in check.fix:
            document = documents.get(edit.path) or Document.from_bytes(files.read(edit.path))
            documents[edit.path] = edit.apply(document)
        after = subject(overlay(files, documents), compat)
        mended = failed(audit(after))
        was = failed(checks)
        assert mended[check.id, check.title] < was[check.id, check.title], check
        assert mended <= was, mended - was
        now = check_configuration(after.configuration, after.files)
        new = Counter(each.code for each in now) - lint
        assert not new, (check, new)
        assert [each.id for each in after.configuration.services] == [
            each.id for each in before.configuration.services
        ]
        assert after.configuration.starts == before.configuration.starts


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_every_kept_case(case: Path) -> None:
    files = in_bytes({**trees.BASE, **trees.read_case(case)})
    judged(Kept(files), "/etc/inetd.conf" in files)


ATTRIBUTES = st.lists(
    st.sampled_from(
        ["log_type = SYSLOG daemon", "log_type = SYSLOG local3 debug", "log_on_success = HOST PID",
         "log_on_success += EXIT", "log_on_success -= PID", "log_on_failure = USERID", "log_on_failure =",
         "deny_time = FOREVER", "flags = SENSOR", "disable = no", "instances = 5",
         "server_args = /srv/tftp", "server_args = -v", "server_args = -s /x", "# x", "\tper_source = 2"]
    ),
    max_size=6,
)  # fmt: skip
SERVICES = st.lists(
    st.tuples(
        st.sampled_from(["telnet", "tftp", "ftp", "finger", "other"]),
        st.sampled_from(["/usr/sbin/in.tftpd", "/usr/sbin/vsftpd"]),
        ATTRIBUTES,
    ),
    max_size=4,
)


@given(
    ATTRIBUTES,
    SERVICES,
    st.sampled_from(
        ["", "xferlog_enable=YES", "xferlog_enable=1\nlog_ftp_protocol=NO\nxferlog_std_format=YES\n"]
    ),
)
def test_on_generated_files(
    defaults: list[str], services: list[tuple[str, str, list[str]]], vsftpd: str
) -> None:
    text = "defaults\n{\n" + "".join(f"\t{line}\n" for line in defaults if "disable" not in line) + "}\n"
    for number, (name, server, lines) in enumerate(services):
        text += f"service {name}\n{{\n\ttype = UNLISTED\n\tid = {name}-{number}\n\tport = {7000 + number}\n"
        text += f"\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n\tuser = root\n\tserver = {server}\n"
        text += "".join(f"\t{line}\n" for line in lines) + "}\n"
    judged(Kept(in_bytes({**trees.BASE, "/etc/xinetd.conf": text, "/etc/vsftpd.conf": vsftpd})), False)
