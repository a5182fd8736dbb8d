"""Knows the audit's checks of single daemons: sshd and the tables, vsftpd and its log of transfers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wraptui.policy.hardening.checks import Check, Result, Subject, words_of
from wraptui.policy.tables.access import Visitor, decide
from wraptui.syntax.tree import Document, Edit

STRANGERS = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "8.8.8.8")
"""Addresses for documentation, and one of the Internet: nobody names them all in his rules."""

_VSFTPD = "/etc/vsftpd.conf"
_LOGGED = {"xferlog_enable": "YES", "xferlog_std_format": "NO", "log_ftp_protocol": "YES"}


def sshd_restricted(subject: Subject) -> Iterator[Check]:
    """GEN005540: where sshd asks libwrap, strangers are refused."""
    asking = {each.honours for each in subject.coverage or () if "sshd" in each.daemons}
    decided = [decide(subject.tables, Visitor("sshd", address, "unknown")) for address in STRANGERS]
    # Some rule may well name one of them; none names them all but one that lets everybody in.
    opened = all(each.verdict == "granted" for each in decided)
    by = next((f"{each.file}:{each.line}" for each in decided if each.file), "no rule refuses anybody")
    result: Result = "fail" if opened else "pass"
    evidence = f"sshd is open to everybody ({by})" if opened else "strangers are refused"
    if subject.coverage is None or "unknown" in asking:
        result, evidence = "unknown", "whether sshd asks libwrap here is not known"
    elif "yes" not in asking:
        result, evidence = "not applicable", "no sshd that listens here asks libwrap"
    yield Check(
        "A8",
        "sshd lets nobody in whom no rule names",
        "STIG GEN005540",
        result,
        evidence,
        "Use the default-deny recipe, or name in hosts.allow who may come, and deny sshd: ALL.",
    )


def transfers_logged(subject: Subject) -> Iterator[Check]:
    """CAC ftp_log_transactions, for each vsftpd that xinetd starts."""
    for service in subject.configuration.services:
        if not service.active or str(service.attributes.get("server", "")).rpartition("/")[2] != "vsftpd":
            continue
        path = next((each for each in words_of(service, "server_args") if each.startswith("/")), _VSFTPD)
        title, profile = f"{service.id} logs every transfer", "CAC ftp_log_transactions"
        try:
            document = Document.from_bytes(subject.files.read(path))
        except OSError as error:
            yield Check("B7", title, profile, "unknown", f"{path}: {error.strerror}")
            continue
        lacking = {name: value for name, value in _LOGGED.items() if _value(document, name) != value}
        yield Check(
            "B7",
            title,
            profile,
            "fail" if lacking else "pass",
            f"{path} lacks {' '.join(f'{name}={value}' for name, value in lacking.items())}"
            if lacking
            else f"{path} says so",
            "A new session reads its configuration anew: no reload is needed.",
            (_with(path, document, lacking),) if lacking else (),
        )


def _value(document: Document, name: str) -> str:
    """What vsftpd takes for a switch: of several lines the last, NO for none (vsftpd.conf(5))."""
    found = [match[1] for line in document.lines if (match := re.match(rf"{name}=(\S*)\s*\Z", line))]
    said = found[-1].upper() if found else "NO"
    return {"TRUE": "YES", "1": "YES", "FALSE": "NO", "0": "NO"}.get(said, said)


def _with(path: str, document: Document, settings: dict[str, str]) -> Edit:
    """The file with these settings behind all others."""
    lines = document.lines
    new = [f"{name}={value}\n" for name, value in settings.items()]
    summary = f"{path}: {' '.join(settings)}"
    if lines and not lines[-1].endswith("\n"):
        return Edit(path, len(lines) - 1, lines[-1:], (lines[-1] + "\n", *new), summary)
    return Edit(path, len(lines), (), tuple(new), summary)
