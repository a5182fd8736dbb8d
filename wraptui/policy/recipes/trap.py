"""Knows the recipe of the trap: a SENSOR service on a port that nothing uses; who touches it is shut out.

xinetd.conf(5), flags SENSOR and deny_time; what the list does was verified against xinetd 2.3.15.3.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from wraptui.policy.change.service_edits import add_service
from wraptui.policy.live.admission import is_sensor, socket_of
from wraptui.policy.recipes.plan import (
    BadAnswer,
    Circumstances,
    Plan,
    Question,
    Recipe,
    Sample,
    edits_of,
    made,
)
from wraptui.policy.recipes.xinetd_files import candidate, included_folder
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.tree import Document

PORTS = (23, 2323, 5900, 3389, 1433, 445, 139, 5060, 1080, 3128, 8888, 81, 2222, 6379, 11211, 5555, 37215)
"""Ports that scanners try, the most tempting first."""

_SERVERS = ("/bin/false", "/usr/bin/false", "/usr/sbin/nologin", "/sbin/nologin")
_LONGEST = (2**31 - 1) // 60
_MONITOR = 3  # services that one address uses from which on it may be a monitoring host


def plan(answers: Mapping[str, str], around: Circumstances) -> Plan:
    """The trap's service, in a file of its own."""
    minutes = _minutes(answers["deny_time"])
    port = _port(answers["port"], around)
    name = answers["name"] or f"trap-{port}"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        raise BadAnswer("The name is one word of letters, digits, - and _: xinetd skips files with a dot.")
    if any(name in (each.id, each.name) for each in around.configuration.services):
        raise BadAnswer(f"There is a service {name} already; give the trap another name.")
    family = _family(answers["family"], around)
    folder = included_folder(around)
    path = f"{folder}/{name}" if folder else around.main_file
    document = around.document(path)
    if folder and document.text:
        raise BadAnswer(f"{path} is there already; give the trap another name.")
    server = next((each for each in _SERVERS if around.files.executable(each)), "")
    attributes = {
        "disable": "no",
        "flags": "SENSOR IPv4" if family == "ipv4" else "SENSOR",
        "type": "UNLISTED" if server else "INTERNAL UNLISTED",
        "socket_type": "stream",
        "protocol": "tcp",
        "port": str(port),
        "wait": "no",
        "user": _user(around),
        "server": server,
        "deny_time": minutes,
    }
    edits = add_service(path, document, name, {key: value for key, value in attributes.items() if value})
    if folder:
        head = f"# A trap: nobody has business on port {port}. Whoever touches it is refused everywhere.\n"
        after = Document(head + made(document, edits).text)
        edits = edits_of(path, document, after, f"trap on port {port}")
    _prove(around, candidate(around, {path: made(document, edits)}), name, port)
    return Plan(
        "trap",
        f"Trap on port {port}",
        edits,
        (),
        (
            f"Whoever connects to TCP port {port} is refused by every service of xinetd "
            f"{_how_long(minutes)}; nothing is run and nothing is sent.",
            "It listens on IPv4: services of both kinds of socket refuse an address that is caught there."
            if family == "ipv4"
            else "It listens on both families: dual-stack services refuse an IPv4 address caught there.",
        ),
        (
            "It sees no stealth scan: only a completed connection counts (a drawback the book names).",
            "Whoever can forge an address can have the innocent shut out (the other); with TCP that takes "
            "a completed handshake.",
            "The list is in the daemon's memory: a restart of xinetd forgets it, and no command removes one "
            "address.",
            "An address that ends in .0 shuts out its whole network.",
            "A service that xinetd does not start (sshd, say) does not ask the list, nor do other traps.",
            "There is no exception: only_from, no_access and hosts.allow do not keep anybody out of a trap.",
        ),
        tuple(_warnings(around, port, minutes, family)),
        (Sample("The log, when somebody touches it", _log_lines(name, minutes, family)),),
    )


def _minutes(text: str) -> str:
    word = text.upper()
    if word in ("FOREVER", "NEVER"):
        return word
    if text.isascii() and text.isdigit() and 0 < int(text) <= _LONGEST:
        return str(int(text))
    raise BadAnswer(f"deny_time is a number of minutes from 1 to {_LONGEST}, FOREVER or NEVER, not {text!r}.")


def _user(around: Circumstances) -> str:
    """Whom the server would run as, which never runs."""
    try:
        users = around.files.read("/etc/passwd").split(b"\n")
    except OSError:
        users = []
    return "nobody" if any(each.startswith(b"nobody:") for each in users) else "0"


def _how_long(minutes: str) -> str:
    if minutes == "FOREVER":
        return "until xinetd is restarted"
    if minutes == "NEVER":
        return "never: the touch is only logged"
    return (
        f"for {minutes} minute{'s' * (minutes != '1')} (and up to one more: it clears the list once a minute)"
    )


def used_ports(around: Circumstances) -> Mapping[int, str]:
    """The TCP ports that are taken here, and by whom."""
    taken: dict[int, str] = {}
    for each in around.configuration.services:
        port = each.attributes.get("port")
        if isinstance(port, int) and each.attributes.get("protocol", "tcp") != "udp":
            state = "" if each.active else ", which is off"
            taken[port] = f"the service {each.id} of {each.file}{state}"
    for coverage in around.coverage:
        listener = coverage.listener
        if listener.protocol.startswith("tcp"):
            taken.setdefault(listener.port, f"{listener.program or listener.argv0 or 'another program'}")
    return taken


def _port(text: str, around: Circumstances) -> int:
    taken = used_ports(around)
    if text:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
            raise BadAnswer(f"A port is a number from 1 to 65535, not {text!r}.")
        if owner := taken.get(int(text)):
            raise BadAnswer(f"Port {text} is taken by {owner}.")
        return int(text)
    free = [port for port in PORTS if port not in taken]
    if not free:
        raise BadAnswer("All ports that scanners like are taken here: give one.")
    return free[0]


def _family(text: str, around: Circumstances) -> str:
    """IPv4 where some service has an IPv4 socket, which knows no mapped address as a dual trap lists it."""
    if text != "auto":
        return text
    four = any(
        socket_of(each) == "ipv4"
        for each in around.configuration.services
        if each.active and not is_sensor(each)
    )
    return "ipv4" if four else "dual"


def _warnings(around: Circumstances, port: int, minutes: str, family: str) -> list[str]:
    found = []
    if not around.live:
        found.append("Only files are seen here, so another program may listen on that port.")
    for peer in around.peers:
        found.append(
            f"You come from {peer}: do not try the trap from there: xinetd would refuse you "
            f"{_how_long(minutes)}."
        )
    uses: dict[str, set[str]] = defaultdict(set)
    for client in around.clients:
        uses[client.address].add(client.service)
    for address, services in sorted(uses.items(), key=lambda each: (-len(each[1]), each[0]))[:5]:
        if len(services) >= _MONITOR and address not in around.peers:
            found.append(
                f"{address} uses {len(services)} services here, as a monitoring host or a scanner does: if "
                f"it tries port {port} too, it is shut out of all of them."
            )
    if minutes == "FOREVER":
        found.append("FOREVER lasts until a restart, and 10,240 addresses fill the list.")
    if port < 1024 and port in (113,):
        found.append(
            "Port 113 is asked by mail and FTP servers of others for the user's name: they are innocent."
        )
    if family == "dual" and any(
        socket_of(each) == "ipv4"
        for each in around.configuration.services
        if each.active and not is_sensor(each)
    ):
        found.append(
            "Services with an IPv4 socket do not refuse whom a dual-stack trap catches; choose ipv4."
        )
    if family == "ipv4":
        found.append("Who comes by IPv6 does not step into an IPv4 trap; a second one with `dual` sees both.")
    if "log_type" not in around.configuration.defaults:
        found.append("`defaults` has no log_type, so the touches of the trap are not logged as FAIL lines.")
    return found


def _log_lines(name: str, minutes: str, family: str) -> str:
    address = "203.0.113.9" if family == "ipv4" else "::ffff:203.0.113.9"
    number = {"FOREVER": "-1"}.get(minutes, minutes)
    adding = f"{{process_sensor}} Adding {address} to the global_no_access list for {number} minutes\n"
    return ("" if minutes == "NEVER" else adding) + f"FAIL: {name} address from={address}"


def _prove(around: Circumstances, after: Configuration, name: str, port: int) -> None:
    """The trap runs with the candidate files, and nothing else changes."""
    trap = [each for each in after.services if each.id == name]
    if (
        len(trap) != 1
        or not trap[0].active
        or not is_sensor(trap[0])
        or trap[0].attributes.get("port") != port
    ):
        why = next((each.why_not for each in trap if each.why_not), "xinetd would not read its file")
        raise BadAnswer(f"The trap would not run: {why}.")
    others = [_what(each) for each in after.services if each.id != name]
    if others != [_what(each) for each in around.configuration.services] or not after.starts:
        raise BadAnswer("With the trap other services would change: mend the errors of xinetd's files first.")


def _what(service: Service) -> tuple[object, ...]:
    return service.id, service.active, dict(service.attributes)


RECIPE = Recipe(
    "trap",
    "Trap",
    "A port that nobody has business on: xinetd refuses whoever touches it, everywhere.",
    (
        Question("port", "On which port?", help="empty: one that scanners try and nothing here uses"),
        Question(
            "deny_time",
            "For how many minutes?",
            "60",
            help="or FOREVER (until a restart), or NEVER (log only)",
        ),
        Question(
            "family",
            "For which addresses?",
            "auto",
            ("auto", "ipv4", "dual"),
            "ipv4 also guards IPv4 services",
        ),
        Question("name", "Under which name?", help="empty: trap-PORT"),
    ),
    plan,
)
