"""Nobody is locked out of a real sshd, linked with the real libwrap, by whoever works in a login of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import psutil
import pytest

from tests import newest
from tests.conftest import lacking
from tests.ssh import NoSshd, Sshd, real_sshd
from tests.terminal import terminal
from wraptui.demo import binaries, session

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"
OPERATOR, BRANCH, OPERATOR6 = "192.0.2.7", "198.51.100.30", "2001:db8:10::22"
CUT_OFF = ("--deny", "sshd: ALL", "--replace", f"{ALLOW}=/dev/null")
FORCED = (*CUT_OFF, "--even-if-locked-out", "--confirm-within")
Standing = dict[str, tuple[bytes, int, int, int]]


@pytest.fixture(scope="module")
def real_ssh() -> binaries.Binaries:
    """The real daemons and the real OpenSSH, unpacked if need be."""
    try:
        return binaries.find((*binaries.SERVER, "openssh-server", "openssh-client"))
    except binaries.BinariesMissing as error:
        lacking(str(error))
        raise


@pytest.fixture(scope="module")
def running(
    real_ssh: binaries.Binaries, namespaces: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sshd]:
    """One private server for all these tests, with a real sshd."""
    with session.started() as server:
        try:
            with real_sshd(server, real_ssh, tmp_path_factory.mktemp("ssh")) as sshd:
                yield sshd
        except NoSshd as error:
            if os.geteuid():  # a plain user's sshd lacks root's rights; where there are such, it must run
                pytest.skip(str(error))
            lacking(str(error))


@pytest.fixture
def sshd(running: Sshd) -> Iterator[Sshd]:
    """The real sshd; what a test leaves in the files is taken out again."""
    before = standing(running)
    yield running
    if newest.state(running.server) in ("prepared", "pending"):
        running.server.wraptui("rollback")
    for path, (data, *_) in before.items():
        if running.server.read(path) != data:
            running.server.write(path, data)


@pytest.fixture
def at_terminals(sshd: Sshd) -> Sshd:
    """The real sshd, where logins can have terminals."""
    if not sshd.gives_terminals():
        reason = "Nobody but root may open a terminal in private namespaces here."
        pytest.skip(reason) if os.geteuid() else lacking(reason)
    return sshd


def standing(sshd: Sshd) -> Standing:
    """Both tables, with owner and mode."""
    found = {}
    for path in (ALLOW, DENY):
        status = os.stat(sshd.server.path(path))
        found[path] = (sshd.server.read(path), status.st_mode, status.st_uid, status.st_gid)
    return found


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def guards(sshd: Sshd) -> list[psutil.Process]:
    """The processes that wait to take a change back: who sees to it that the guard lives, and the guard."""
    found = []
    for each in psutil.Process(sshd.server.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "wraptui.changes.recovery" in each.cmdline():
                found.append(each)
    return sorted(found, key=lambda each: "-m" not in each.cmdline()[:2])


def applied(sshd: Sshd, *words: str, options: Sequence[str] = ()) -> None:
    done = sshd.run("wraptui", "apply", *words, options=options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_real_sshd_is_known_for_what_it_is(sshd: Sshd, real_ssh: binaries.Binaries) -> None:
    rows = json.loads(sshd.run("wraptui", "coverage", "--json").stdout)["listeners"]
    (listening, _) = (row for row in rows if row["listener"]["port"] == 22)
    assert (listening["honours"], listening["daemons"]) == ("yes", ["sshd"])
    assert listening["listener"]["program"] == real_ssh.program("openssh-server")
    assert listening["why"] == "sshd has loaded libwrap"
    assert listening["listener"]["pid"] == sshd.pid
    others = [(OPERATOR6, "")] + [(BRANCH, "anna")] * (sshd.user == "root")
    with sshd.staying(*others[0]), sshd.staying(*others[-1]):
        visits = json.loads(sshd.run("wraptui", "connections", "--json").stdout)
    assert {visit["client"]["address"] for visit in visits} == {OPERATOR, *(source for source, _ in others)}
    for visit in visits:
        assert (visit["service"], visit["guard"], visit["verdict"]) == ("sshd", "standalone", "granted")
        assert (visit["process"]["name"], visit["file"], visit["line"]) == ("sshd", ALLOW, 6)
        assert visit["process"]["pid"] != sshd.pid
    told = sshd.run("wraptui", "explain", "sshd", OPERATOR)
    assert (told.returncode, "by /etc/hosts.allow line 6" in told.stdout) == (0, True)


def test_who_would_lock_himself_out_is_refused_by_name(sshd: Sshd) -> None:
    before = standing(sshd)
    for forgetting in ((), ("env", "-u", "SSH_CONNECTION", "-u", "SSH_CLIENT")):  # as sudo makes one forget
        done = sshd.run(*forgetting, "wraptui", "apply", *CUT_OFF)
        assert done.returncode == 3
        assert f"{sshd.user} from {OPERATOR}" in done.stderr
        assert "could not come in again to sshd" in done.stderr
    assert standing(sshd) == before and sshd.welcome()


def test_forced_then_cut_off_the_door_opens_again(at_terminals: Sshd) -> None:
    sshd = at_terminals
    before = standing(sshd)
    words = sshd.login("wraptui", "apply", *FORCED, "4", "--wait", tty=True)
    with terminal(words, environment=sshd.server.environment) as operator:
        operator.wait("Applied as|written")
        until(lambda: newest.state(sshd.server) != "prepared")
        assert not sshd.welcome() or newest.state(sshd.server) != "pending"
        for each in sshd.sessions():
            each.kill()
        operator.child.close(force=True)
    until(lambda: newest.state(sshd.server) == "rolled-back")
    assert standing(sshd) == before
    assert sshd.welcome()


@pytest.mark.parametrize("which", ["guard", "parent"])
def test_killed_the_guard_is_back_and_its_parent_is_not_needed(sshd: Sshd, which: str) -> None:
    before = standing(sshd)
    applied(sshd, *FORCED, "600")
    parent, guard = guards(sshd)
    (guard if which == "guard" else parent).kill()
    assert standing(sshd) != before and not sshd.welcome()
    newest.let_the_time_pass(sshd.server)
    until(lambda: newest.state(sshd.server) == "rolled-back")
    assert standing(sshd) == before
    assert sshd.welcome()


def test_only_a_new_login_may_confirm(sshd: Sshd) -> None:
    """Not the login that made the change, nor one that shares its connection."""
    path = "ControlPath=/run/shared-%C"
    with sshd.staying(options=("-o", "ControlMaster=yes", "-o", path)):
        applied(sshd, "--deny", "ALL: 203.0.113.9", "-m", "a", options=("-o", path))
        shared = sshd.run("wraptui", "confirm", options=("-o", path))
        assert (shared.returncode, newest.state(sshd.server)) == (3, "pending")
        assert f"Every SSH login from {OPERATOR} is older than the change" in shared.stderr
    new = sshd.run("wraptui", "confirm")
    assert (new.returncode, newest.state(sshd.server)) == (0, "kept"), new.stderr
    until(lambda: not guards(sshd))
    assert sshd.server.read(DENY).endswith(b"ALL: 203.0.113.9\n")


def test_the_word_keeps_a_change_from_an_old_login(sshd: Sshd) -> None:
    elsewhere = "SSH_CONNECTION='198.51.100.9 4711 192.0.2.10 22'"  # where tmux was started once
    script = (
        f"wraptui apply --deny 'ALL: 203.0.113.9'; {elsewhere} wraptui confirm; echo code $?; "
        "wraptui confirm --even-if-locked-out"
    )
    done = sshd.run("sh", "-c", script)
    assert done.returncode == 0 and "code 3" in done.stdout, done.stderr
    assert newest.state(sshd.server) == "kept"


def test_the_console_in_a_login_tells_a_new_login_from_a_refused_one(at_terminals: Sshd) -> None:
    sshd = at_terminals
    before = standing(sshd)
    with terminal(sshd.login("wraptui", tty=True), environment=sshd.server.environment) as console:
        console.wait("in.ftpd: 198.51.100.")
        console.press("4", "space", "w")
        console.wait(f"refused: {sshd.user} from {OPERATOR}")
        console.press("a")
        console.wait("do it nevertheless")
        console.press("L")
        console.wait("left to keep it")
        assert not sshd.welcome()  # libwrap keeps that connection for five seconds
        shown = console.text
        console.wait(lambda screen: screen != shown)  # it looks every second, and counts
        shown = console.text
        console.wait(lambda screen: screen != shown)
        assert "A new login" not in console.text
        console.press("b")
        console.wait("Taken back")
        assert standing(sshd) == before
        console.press("escape", "u", "down", "space", "w")
        console.wait("1 file would be written")
        console.press("a")
        console.wait("left to keep it")
        console.press("enter")
        console.wait("older than the change")
        console.press("escape")
        assert newest.state(sshd.server) == "pending" and standing(sshd) != before
        assert "A new login" not in console.text
        with sshd.staying():
            console.wait(f"A new login from {OPERATOR} works: {sshd.user}")
            console.press("enter")
            console.wait("Done")
        assert newest.state(sshd.server) == "kept"
        console.press("escape", "q")
        assert console.ended() == 0


NET = "192.0.2.0/255.255.255.0"
OFFICE = f"sshd: {NET}\n"
SHUT = "ALL: ALL\n"
WAYS = {
    "all denied, nobody allowed": ("", SHUT),
    "another daemon's name": (f"shd: {NET}\n", SHUT),
    "the service's name": (f"ssh: {NET}\n", SHUT),
    "the program's path": (f"/usr/sbin/sshd: {NET}\n", SHUT),
    "another network": ("sshd: 192.0.3.0/255.255.255.0\n", SHUT),
    "no colon": (f"sshd {NET}\n", SHUT),
    "host bits": ("sshd: 192.0.2.7/24\n", SHUT),
    "a short network": ("sshd: 192.0.2/24\n", SHUT),
    "a prefix without its dot": ("sshd: 192.0.2\n", SHUT),
    "everybody by mask": ("sshd: 0.0.0.0/0\n", SHUT),
    "except the operator": ("sshd: ALL EXCEPT 192.0.2.7\n", SHUT),
    "except sshd": ("ALL EXCEPT sshd: ALL\n", SHUT),
    "twist": ("sshd: ALL: twist /bin/echo no\n", ""),
    "twist in hosts.deny": ("", "sshd: ALL: twist /bin/echo no\n"),
    "an option that is none": (f"sshd: {NET}: alow\n", ""),
    "a last colon": (f"sshd: {NET} :\n", ""),
    "a remark behind the rule": ("sshd: 192.0.2.7 # office: me\n", ""),
    "continued in a file with CRLF": (f"sshd: 203.0.113.1 \\\r\n {NET}\r\n", SHUT),
    "no last newline in hosts.allow": (f"sshd: {NET}", SHUT),
    "no last newline in hosts.deny": ("", "in.ftpd: 10.0.0.1"),
    "a long remark": ("", f"#{'x' * 2047}\n"),
    "a remark that swallows the rule": (f"# the office \\\n{OFFICE}", SHUT),
    "a byte order mark": (f"\xef\xbb\xbf{OFFICE}", SHUT),
    "by port": ("", "22: ALL\n"),
    "by another address of the server": (f"sshd@192.0.2.99: {NET}\n", SHUT),
    "by user": ("sshd: root@192.0.2.7\n", SHUT),
    "by a file that is not there": ("sshd: /etc/office\n", SHUT),
    "by an unknown mapped address": ("sshd: [::ffff:192.0.2.7]\n", SHUT),
}
OPEN = {
    "the office": (OFFICE, SHUT),
    "CRLF": (f"sshd: {NET}\r\n", "ALL: ALL\r\n"),
    "a rule without a colon": ("", "sshd ALL\n"),
    "allowed in hosts.deny": ("", f"sshd: {NET}: allow\n{SHUT}"),
    "others than sshd": ("", "ALL EXCEPT sshd: ALL\n"),
    "by port": ("22: 192.0.2.7\n", SHUT),
    "upper case": ("SSHD: 192.0.2.7\n", SHUT),
}
WEIGHED = """
import json, sys
from wraptui.changes.proposals import propose
from wraptui.observe.look import look_once
from wraptui.syntax.tree import Document
from wraptui.system.machine import LocalMachine
from wraptui.workspace import FileChange

machine = LocalMachine()
snapshot = look_once(machine)
then = {path: Document.from_bytes(machine.read(path)) for path in ("/etc/hosts.allow", "/etc/hosts.deny")}
for texts in json.loads(sys.argv[1]):
    pairs = zip(then, (Document.from_bytes(text.encode("latin-1")) for text in texts))
    changes = [FileChange(path, then[path], now) for path, now in pairs]
    print(json.dumps(propose(machine, changes, snapshot, days=0).refusals))
"""


def test_each_way_to_lock_oneself_out_is_refused_and_would_have_been_one(sshd: Sshd) -> None:
    """In a real login it is asked what is refused; then the files are written, and sshd itself is asked."""
    ways = {**WAYS, **{f"open: {name}": texts for name, texts in OPEN.items()}}
    told = sshd.run(sys.executable, "-c", WEIGHED, json.dumps(list(ways.values())))
    assert told.returncode == 0, told.stderr
    refusals = [json.loads(line) for line in told.stdout.splitlines()]
    for (name, texts), refused in zip(ways.items(), refusals, strict=True):
        for path, text in zip((ALLOW, DENY), texts, strict=True):
            sshd.server.write(path, text.encode("latin-1"))
        assert sshd.welcome() != bool(refused), f"{name}: {refused}"
        assert name.startswith("open: ") != bool(refused), name
        assert all(OPERATOR in each for each in refused[-1:])


def test_other_operators_are_not_locked_out_either(sshd: Sshd) -> None:
    """No login record tells of them, only sshd's own processes."""
    with sshd.staying(OPERATOR6), sshd.staying(BRANCH):
        for source, rule in ((OPERATOR6, "sshd: [2001:db8:10::]/48"), (BRANCH, "sshd: 198.51.100.")):
            done = sshd.run("wraptui", "diff", "--deny", rule, "--replace", f"{ALLOW}=/dev/null")
            assert done.returncode == 3
            assert f"{sshd.user} from {source}, process" in done.stdout
            assert "could not come in again to sshd" in done.stdout


def test_the_list_that_lets_the_operator_in_is_watched_too(sshd: Sshd) -> None:
    office = "/etc/office"
    sshd.server.write(office, b"192.0.2.7\n")
    sshd.server.write(ALLOW, f"sshd: {office}\n".encode())
    done = sshd.run("wraptui", "apply", "--replace", f"{office}=/dev/null", "--no-confirm")
    assert done.returncode == 3 and "could not come in again to sshd" in done.stderr
    for other in ("//etc/hosts.allow", "/etc/./hosts.allow", "/proc/self/root/etc/hosts.allow"):
        done = sshd.run("wraptui", "apply", "--replace", f"{other}=/dev/null", "--no-confirm")
        assert done.returncode == 3 and "could not come in again to sshd" in done.stderr, other
    hosts = sshd.run("wraptui", "apply", "--replace", "/etc/hosts=/dev/null", "--no-confirm")
    assert hosts.returncode == 3 and "has a part in who can log in" in hosts.stderr
    assert sshd.server.read(office) == b"192.0.2.7\n" and sshd.welcome()


def test_what_is_not_certain_is_made_with_a_deadline_only(sshd: Sshd) -> None:
    before = standing(sshd)
    words = ("--delete", f"{ALLOW}:5", "--allow", "sshd: ALL: aclexec /usr/local/sbin/ask %a")
    done = sshd.run("wraptui", "apply", *words, "--no-confirm")
    assert done.returncode == 3 and "is not certain" in done.stderr, done.stdout + done.stderr
    assert standing(sshd) == before
    applied(sshd, *words, "--confirm-within", "600")
    assert not sshd.welcome()  # there is no such command
    assert sshd.server.wraptui("rollback").returncode == 0 and standing(sshd) == before


def test_a_permanent_rule_is_not_given_up_for_one_with_an_end(sshd: Sshd) -> None:
    sshd.server.write(ALLOW, f"{OFFICE}in.ftpd: ALL\n".encode())
    before = standing(sshd)
    done = sshd.run(
        "wraptui",
        "apply",
        "--delete",
        f"{ALLOW}:1",
        "--allow",
        "sshd: 192.0.2.7",
        "--for",
        "1h",
        "--no-confirm",
    )
    assert done.returncode == 3 and "from when a rule with an end is taken out" in done.stderr, done.stderr
    assert standing(sshd) == before


BY_XINETD = """service shell
{{
	type        = UNLISTED
	flags       = NOLIBWRAP
	socket_type = stream
	protocol    = tcp
	port        = 2222
	wait        = no
	user        = {user}
	server      = {program}
	server_args = -i -f /etc/ssh/sshd_config
	env         = LD_LIBRARY_PATH={libraries}
	only_from   = 192.0.2.0/24
}}
"""


def test_a_session_that_xinetd_carries(sshd: Sshd, real_ssh: binaries.Binaries) -> None:
    """xinetd's checks stand before it, and sshd's own: it asks libwrap by itself, as sshd."""
    words = {"user": sshd.user, "program": sshd.program, "libraries": real_ssh.libraries or "/usr/lib"}
    sshd.server.write("/etc/xinetd.d/shell", BY_XINETD.format(**words).encode())
    sshd.server.reload()
    port = ("-p", "2222")
    changes = {
        "shell.disable=yes": "refused",
        "shell.only_from=198.51.100.0/24": "refused",
        "shell.port=2223": "refused",
        "shell.instances=0": "refused",
        "shell.server_args=-i": "not certain",
        "shell.instances=30": "",
        "ftp.instances=30": "",
    }
    script = "; ".join(f"echo; echo %; wraptui diff --set {change}" for change in changes)
    script += f"; echo; echo %; wraptui diff --deny 'sshd: ALL' --replace {ALLOW}=/dev/null"
    told = sshd.run("sh", "-c", script, options=port).stdout.split("\n%\n")[1:]
    for (change, expected), text in zip(changes.items(), told, strict=False):
        refused = [line for line in text.splitlines() if line.startswith("REFUSED: ")]
        doubts = [line for line in text.splitlines() if "is not certain" in line]
        assert bool(refused) == (expected == "refused"), f"{change}: {text}"
        assert bool(doubts) == (expected == "not certain"), f"{change}: {text}"
        assert all(f"from {OPERATOR}" in line and "to shell" in line for line in refused + doubts), text
    assert "could not come in again to sshd" in told[-1]
    os.remove(sshd.server.path("/etc/xinetd.d/shell"))
    sshd.server.reload()
