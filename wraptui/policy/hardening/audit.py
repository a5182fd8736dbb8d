"""Knows the checks of CIS, DISA STIG and Lynis about TCP Wrappers and xinetd, judged on what the files mean.

Scanners grep; these checks read: a service without a `disable` line is enabled, defaults are merged, the
tables are asked. Where the sources disagree the profile is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wraptui.policy.files import FileStatus
from wraptui.policy.hardening.checks import Check, Result, Subject, words_of
from wraptui.policy.hardening.daemons import STRANGERS, sshd_restricted, transfers_logged
from wraptui.policy.hardening.mending import attributes_set, confined
from wraptui.policy.tables.access import Visitor, decide
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import Edit

# Services that CIS 2.1.x, STIG and Lynis INSE-8116 want off, by the names of /etc/services and of inetd.
INSECURE = {
    "chargen": "CIS 2.1.1",
    "daytime": "CIS 2.1.2",
    "discard": "CIS 2.1.3",
    "echo": "CIS 2.1.4",
    "time": "CIS 2.1.5",
    "shell": "CIS 2.1.6, RHEL-06-000214",
    "login": "CIS 2.1.6, RHEL-06-000218",
    "exec": "CIS 2.1.6, RHEL-06-000216",
    "rsh": "CIS 2.1.6, RHEL-06-000214",
    "rlogin": "CIS 2.1.6, RHEL-06-000218",
    "rexec": "CIS 2.1.6, RHEL-06-000216",
    "talk": "CIS 2.1.7",
    "ntalk": "CIS 2.1.7",
    "telnet": "CIS 2.1.8, RHEL-06-000211",
    "tftp": "CIS 2.1.9",
    "rsync": "Lynis INSE-8116",
    "finger": "Lynis INSE-8116",
    "systat": "Lynis INSE-8116",
    "netstat": "Lynis INSE-8116",
    "qotd": "Lynis INSE-8116",
    "uucp": "Lynis INSE-8116",
}
_LOG = "SYSLOG authpriv"


def audit(subject: Subject) -> tuple[Check, ...]:
    """Every check, in the order of the list; none needs root, but what could not be read is `unknown`."""
    checks: tuple[Callable[[Subject], Iterator[Check]], ...] = (
        _allow_exists,
        _default_deny,
        _table_permissions,
        _in_use,
        _attempts_logged,
        sshd_restricted,
        _broad_allow,
        _xinetd_needed,
        _insecure_services,
        _enabled_but_not_running,
        _xinetd_permissions,
        _logging,
        _tftp_secure,
        transfers_logged,
        _limits,
        _servers,
        _forever,
        _dump_readable,
    )
    return tuple(check for each in checks for check in each(subject))


def _allow_exists(subject: Subject) -> Iterator[Check]:
    table = subject.tables.allow
    count = len(table.rules)
    yield Check(
        "A2",
        "hosts.allow exists and has a rule",
        "CIS 3.3.2",
        "pass" if count else "fail",
        f"{table.path}: {count} rules{': ' + table.problem if table.problem else ''}",
        "Name the clients that may come in before closing the door on all others.",
    )


def _default_deny(subject: Subject) -> Iterator[Check]:
    deny = subject.tables.deny
    admitted = [
        address
        for address in STRANGERS
        if decide(subject.tables, Visitor("wraptui-audit", address)).verdict == "granted"
    ]
    literal = next((rule for rule in deny.rules if _is_all(rule.daemons) and _is_all(rule.clients)), None)
    meant = not admitted and literal is not None
    place = f"{deny.path}:{literal.line} ALL: ALL" if literal else f"{deny.path}: no rule ALL: ALL"
    yield Check(
        "A3",
        "whoever no rule names is denied",
        "CIS 3.3.3, STIG GEN006620, CAC configure_etc_hosts_deny",
        "pass" if meant else "fail",
        f"{place}; a daemon without rules grants {', '.join(admitted)}" if admitted else place,
        "Use the default-deny recipe: it first writes the allow rules that keep everyone who is connected.",
    )


def _is_all(field: str) -> bool:
    return field.strip(" \t\r\n,").upper() == "ALL"


def _table_permissions(subject: Subject) -> Iterator[Check]:
    for table in (subject.tables.allow, subject.tables.deny):
        yield _permissions(
            subject, "A4", table.path, 0o644, "CIS 3.3.4/3.3.5, CAC file_permissions_etc_hosts"
        )


def _permissions(subject: Subject, id: str, path: str, most: int, profile: str) -> Check:
    title = f"{path} belongs to root and grants at most {most:04o}"
    try:
        status = subject.files.status(path)
    except FileNotFoundError:
        return Check(id, title, profile, "not applicable", f"{path} does not exist")
    except OSError as error:
        return Check(id, title, profile, "unknown", f"{path}: {error.strerror}")
    fine = status.uid == 0 and status.gid == 0 and not status.mode & ~most & 0o7777
    advice = f"chown root:root and chmod {most & status.mode:04o} {path}"
    return Check(id, title, profile, "pass" if fine else "fail", _owner(path, status), "" if fine else advice)


def _owner(path: str, status: FileStatus) -> str:
    return f"{path} uid {status.uid} gid {status.gid} mode {status.mode & 0o7777:04o}"


def _in_use(subject: Subject) -> Iterator[Check]:
    rules = len(subject.tables.allow.rules) + len(subject.tables.deny.rules)
    known = subject.honoured is not None
    result: Result = "unknown" if not known else "pass" if subject.honoured and rules else "fail"
    yield Check(
        "A5",
        "an access control program is in use",
        "STIG V-72315, V-940 (GEN006580)",
        result,
        f"{rules} rules; "
        + ("whether a daemon asks for them is not known" if not known else "")
        + ("a daemon that listens here asks for them" if subject.honoured else "")
        + ("no daemon that listens here asks for them" if subject.honoured is False else ""),
        "See `wraptui coverage`.",
    )


def _attempts_logged(subject: Subject) -> Iterator[Check]:
    active = [service for service in subject.configuration.services if service.active]
    silent = [service for service in active if not service.attributes.get("log_type")]
    yield Check(
        "A7",
        "access attempts through xinetd are logged",
        "STIG V-941 (GEN006600)",
        "not applicable" if not active else "fail" if silent else "pass",
        _places(silent) or f"{len(active)} services have a log_type",
        "Without log_type nothing is logged, whatever log_on_success and log_on_failure say.",
        _set(subject, [(each, {"log_type": _LOG}) for each in silent]),
    )


def _broad_allow(subject: Subject) -> Iterator[Check]:
    broad = [rule for rule in subject.tables.allow.rules if _is_all(rule.daemons) and _is_all(rule.clients)]
    path = subject.tables.allow.path
    yield Check(
        "A10",
        "no rule of hosts.allow lets everyone in everywhere",
        "wraptui",
        "fail" if broad else "pass",
        ", ".join(f"{path}:{rule.line} ALL: ALL" for rule in broad) or f"{path}: none",
        "Name the daemons and the clients.",
    )


def _xinetd_needed(subject: Subject) -> Iterator[Check]:
    active = [service for service in subject.configuration.services if service.active]
    if subject.running is None and not subject.configuration.files:
        result: Result = "not applicable"
    elif active:
        result = "pass"
    else:
        result = "fail" if subject.running else "pass"
    yield Check(
        "B1",
        "xinetd runs only when a service needs it",
        "CIS Debian 12 2.1.19, STIG GEN003700 (V-12005)",
        result,
        f"{len(active)} services active" + (", xinetd runs" if subject.running else ""),
        "Stop and disable xinetd, or remove the package.",
    )


def _insecure_services(subject: Subject) -> Iterator[Check]:
    others = sum(service.active for service in subject.configuration.services) > 1  # xinetd ends without any
    for service in subject.configuration.services:
        profile = INSECURE.get(service.name.lower())
        if profile is None:
            continue
        sensor = "SENSOR" in words_of(service, "flags")
        offered = service.active and not sensor
        yield Check(
            "B2",
            f"{service.id} is not offered",
            profile,
            "fail" if offered else "pass",
            f"{service.file}:{service.first} "
            + (
                "a SENSOR: it only refuses"
                if sensor and service.active
                else "active"
                if service.active
                else service.why_not
            ),
            "Set disable = yes (the reload ends its sessions).",
            _set(subject, [(service, {"disable": "yes"})]) if offered and others else (),
        )


def _enabled_but_not_running(subject: Subject) -> Iterator[Check]:
    active = [service for service in subject.configuration.services if service.active]
    if subject.running is None:
        return
    yield Check(
        "B3",
        "no service waits for an xinetd that does not run",
        "Lynis INSE-8106",
        "fail" if active and not subject.running else "pass",
        f"{len(active)} services would be active; xinetd " + ("runs" if subject.running else "does not run"),
        "Start xinetd, or disable the services.",
    )


def _xinetd_permissions(subject: Subject) -> Iterator[Check]:
    files = subject.configuration.files
    folders = sorted({path.rpartition("/")[0] for path in files} - {"/etc", ""})
    each = [_permissions(subject, "B4", path, 0o640, "") for path in files]
    yield _together(
        each, "xinetd's files belong to root and grant at most 0640", "STIG V-821, V-822, GEN003730"
    )
    each = [_permissions(subject, "B4", path, 0o755, "") for path in folders]
    yield _together(each, "xinetd's folders belong to root and grant at most 0755", "STIG GEN003750")


def _together(checks: list[Check], title: str, profile: str) -> Check:
    """Many files' checks as one: it fails when one fails, and its evidence is then just those."""
    for result in ("fail", "unknown"):
        bad = [check for check in checks if check.result == result]
        if bad:
            evidence, advice = (
                "; ".join(check.evidence for check in bad),
                "; ".join(check.advice for check in bad),
            )
            return Check("B4", title, profile, bad[0].result, evidence, advice)
    if not checks:
        return Check("B4", title, profile, "not applicable", "none")
    return Check("B4", title, profile, "pass", f"{len(checks)} looked at")


def _logging(subject: Subject) -> Iterator[Check]:
    for service in _external(subject):
        success, failure = set(words_of(service, "log_on_success")), set(words_of(service, "log_on_failure"))
        lacking = {
            attribute: (has, wanted)
            for attribute, has, wanted in (
                ("log_on_success", success, {"HOST", "PID", "EXIT"} - success),
                ("log_on_failure", failure, {"HOST"} - failure),
            )
            if wanted
        }
        missing = [f"{name} lacks {' '.join(sorted(wanted))}" for name, (_, wanted) in lacking.items()]
        words = {name: " ".join(sorted(has | wanted)) for name, (has, wanted) in lacking.items()}
        if not service.attributes.get("log_type"):
            words["log_type"] = _LOG  # else nothing of it is written
        yield Check(
            "B5",
            f"{service.id} logs who came and who was refused",
            "STIG GEN003800 (V-1011)",
            "fail" if missing else "pass",
            f"{service.file}:{service.first} {'; '.join(missing) or 'logs HOST PID EXIT'}",
            "log_on_success += HOST PID EXIT, log_on_failure += HOST (USERID asks the client: slow).",
            _set(subject, [(service, words)]) if missing else (),
        )


def _tftp_secure(subject: Subject) -> Iterator[Check]:
    for service in subject.configuration.services:
        server = str(service.attributes.get("server", "")).rpartition("/")[2]
        if not service.active or server not in ("in.tftpd", "tftpd"):
            continue
        words = words_of(service, "server_args")
        secure = "-s" in words or "--secure" in words
        arguments = "" if secure else confined(subject.files, words)
        yield Check(
            "B6",
            f"{service.id} serves one folder only",
            "STIG GEN005080, OL07-00-040720",
            "pass" if secure else "fail",
            f"{service.file}:{service.first} server_args = {' '.join(words)}",
            "server_args = -s /srv/tftp",
            _set(subject, [(service, {"server_args": arguments})]) if arguments else (),
        )


def _limits(subject: Subject) -> Iterator[Check]:
    for service in _external(subject):
        attributes = service.attributes
        missing = [
            name
            for name in ("instances", "per_source", "rlimit_as")
            if attributes.get(name, "UNLIMITED") in ("UNLIMITED", 0)
        ]
        yield Check(
            "B8.limits",
            f"{service.id} has limits",
            "wraptui",
            "fail" if missing else "pass",
            f"{service.file}:{service.first} {'no ' + ', '.join(missing) if missing else 'all set'}",
            "See the limits recipe: it proposes values from the service's own history.",
        )


def _servers(subject: Subject) -> Iterator[Check]:
    for service in _external(subject):
        path = str(service.attributes.get("server", ""))
        if not path:
            continue
        title, profile = f"the server of {service.id} is root's and nobody else may write it", "wraptui"
        try:
            status = subject.files.status(path)
        except OSError as error:
            yield Check(
                "B8.server", title, profile, "fail", f"{path}: {error.strerror}", "Install it, or disable."
            )
            continue
        fine = status.uid == 0 and not status.mode & 0o022
        advice = "" if fine else f"chown root {path} and chmod go-w {path}"
        yield Check("B8.server", title, profile, "pass" if fine else "fail", _owner(path, status), advice)


def _forever(subject: Subject) -> Iterator[Check]:
    for service in subject.configuration.services:
        if service.active and "SENSOR" in words_of(service, "flags"):
            forever = service.attributes.get("deny_time") in (-1, "FOREVER")
            yield Check(
                "B8.sensor",
                f"the SENSOR {service.id} forgives in the end",
                "wraptui",
                "fail" if forever else "pass",
                f"{service.file}:{service.first} deny_time = {service.attributes.get('deny_time', 0)}",
                "FOREVER lasts until a restart, and forged addresses can shut out the innocent.",
                _set(subject, [(service, {"deny_time": "60"})]) if forever else (),
            )


def _dump_readable(subject: Subject) -> Iterator[Check]:
    for path in ("/var/run/xinetd.dump", "/run/xinetd.dump"):
        try:
            status = subject.files.status(path)
        except OSError:
            continue
        yield Check(
            "B9",
            "the state dump, which lists peers, is not for everyone",
            "wraptui",
            "fail" if status.mode & 0o004 else "pass",
            _owner(path, status),
            f"rm {path}, or chmod 0600 {path}",
        )
        return


def _set(subject: Subject, wanted: list[tuple[Service, dict[str, str]]]) -> tuple[Edit, ...]:
    """The edits that set these; none in files of which xinetd complains: those are to be mended first."""
    configuration = subject.configuration
    odd = {each.file for each in configuration.messages if each.level in ("ERROR", "WARNING", "CRITICAL")}
    odd |= {each.file for each in configuration.doubts}
    if None in odd or odd & {service.file for service, _ in wanted}:
        return ()
    return attributes_set(subject.files, wanted)


def _external(subject: Subject) -> Iterator[Service]:
    """The active services that run a program."""
    for service in subject.configuration.services:
        internal = "INTERNAL" in words_of(service, "type") or "SENSOR" in words_of(service, "flags")
        if service.active and not internal:
            yield service


def _places(services: list[Service]) -> str:
    return ", ".join(f"{service.file}:{service.first} {service.id}" for service in services)
