"""What the recipes make of answers: good ones, wrong ones, hostile ones."""

from __future__ import annotations

import pytest

from wraptui.policy.change.impact import Client
from wraptui.policy.change.overlay import CandidateStatus
from wraptui.policy.live.coverage import Coverage, Listener
from wraptui.policy.live.limits import CpsState, cps_step
from wraptui.policy.live.logbook import Event
from wraptui.policy.recipes import BY_NAME, RECIPES, BadAnswer, Circumstances, Made, Plan
from wraptui.policy.recipes.banner import banner_text
from wraptui.policy.recipes.history import Limits, Stay, history, refused_by, stays
from wraptui.policy.recipes.placing import network
from wraptui.policy.tables.access import Tables, Visitor, decide, read_table
from wraptui.policy.tables.options import FACILITIES, LEVELS
from wraptui.policy.xinetd.services import read_configuration
from wraptui.workspace import Workspace

ALLOW, DENY, MAIN = "/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.conf"
FTP = """service ftp
{
	socket_type = stream
	protocol    = tcp
	port        = 21
	type        = UNLISTED
	wait        = no
	user        = 0
	server      = /bin/false
}
"""


class Disk:
    """Files held in memory; folders are what their names imply, and every program can be run."""

    def __init__(self, files: dict[str, str], modes: dict[str, int] | None = None) -> None:
        self.files = files
        self.modes = modes or {}

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path].encode("latin-1")

    def names(self, path: str) -> list[str]:
        found = {
            name[len(path) + 1 :].partition("/")[0] for name in self.files if name.startswith(path + "/")
        }
        if not found:
            raise FileNotFoundError(2, "No such file or directory", path)
        return sorted(found)

    def status(self, path: str) -> CandidateStatus:
        if path in self.files:
            return CandidateStatus("file", self.modes.get(path, 0o644), size=len(self.files[path]))
        if path in ("/var/log", "/tmp", "/bin") or any(name.startswith(path + "/") for name in self.files):
            return CandidateStatus("directory", self.modes.get(path, 0o755))
        raise FileNotFoundError(2, "No such file or directory", path)

    def executable(self, path: str) -> bool:
        return path.startswith("/bin/")


def machine(
    allow: str = "",
    deny: str = "",
    main: str = "includedir /etc/xinetd.d\n",
    services: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
    modes: dict[str, int] | None = None,
    **more: object,
) -> Circumstances:
    entries = {f"/etc/xinetd.d/{name}": text for name, text in (services or {"ftp": FTP}).items()}
    texts = {ALLOW: allow, DENY: deny, MAIN: main, "/etc/protocols": "tcp 6\nudp 17\n"}
    disk = Disk({**texts, **entries, **(files or {})}, modes)
    tables = Tables(read_table(ALLOW, allow), read_table(DENY, deny), disk)
    return Circumstances(
        files=disk,
        tables=tables,
        configuration=read_configuration(disk, MAIN),
        **more,  # type: ignore[arg-type]
    )


def after(around: Circumstances, plan: Plan) -> dict[str, str]:
    workspace = Workspace()
    for path in plan.paths:
        try:
            workspace = workspace.with_file(path, around.files.read(path))
        except FileNotFoundError:
            workspace = workspace.with_file(path, None)
    return {path: workspace.do(plan.title, *plan.edits).document(path).text for path in plan.paths}


def made(name: str, around: Circumstances, /, **answers: str) -> dict[str, str]:
    return after(around, BY_NAME[name].plan(answers, around))


def refusal(name: str, around: Circumstances, /, **answers: str) -> str:
    with pytest.raises(BadAnswer) as told:
        BY_NAME[name].plan(answers, around)
    return str(told.value)


def test_every_recipe_can_be_asked_as_a_form() -> None:
    for recipe in RECIPES:
        names = [question.name for question in recipe.questions]
        assert len(names) == len(set(names))
        for question in recipe.questions:
            assert question.text.endswith("?")
            assert not (question.needed and question.default)
            assert not question.choices or question.default in question.choices


# --- banner ------------------------------------------------------------------------------------------------


def test_a_banner_ends_every_line_and_knows_its_protocol() -> None:
    assert banner_text("Hello, %c") == "Hello, %c\n"
    assert banner_text("a\\n220 b\\n\\n220-c\n\n", "220-") == "220-a\n220-b\n220-\n220-c\n"
    assert banner_text("100% for %c", literal=True) == "100%% for %%c\n"
    assert banner_text("Grüße") == "Gr\xc3\xbc\xc3\x9fe\n"


@pytest.mark.parametrize("text", ["", " \n ", "50%", "50 % off", "%x", "a\x1b[2Jb", "a\0b", "x" * 1001])
def test_a_banner_that_would_do_harm_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        banner_text(text)


@pytest.mark.parametrize(
    "daemon",
    ["sshd", "SSHD", "ALL", "22", "a b", "in.*", ".x", "x@host", "except", "", "[::1]", "rpcbind", "a:b"],
)
def test_a_banner_is_refused_where_it_breaks_things(daemon: str) -> None:
    assert refusal("banner", machine(), daemon=daemon)


def test_a_banner_goes_before_the_last_verdict_and_leaves_refusing_rules() -> None:
    allow = (
        "vsftpd: 10.0.0.1: allow\n"
        "vsftpd, sshd: 10.0.0.0/24 \\\n  192.0.2.0/24 : severity mail.info\r\n"
        "vsftpd: 10.1.0.0/16: deny\n"
        "sshd: ALL\n"
        "vsftpd: .example.org: aclexec /bin/true\n"
        "vsftpd: 192.0.2.1: twist /bin/echo\n"
    )
    around = machine(allow, "ALL: ALL\n")
    plan = BY_NAME["banner"].plan({"daemon": "vsftpd", "text": "Hi"}, around)
    assert after(around, plan) == {
        "/etc/banners/vsftpd": "220-Hi\n",
        ALLOW: (
            "vsftpd: 10.0.0.1: banners /etc/banners: allow\n"
            "vsftpd, sshd: 10.0.0.0/24 \\\n  192.0.2.0/24 : severity mail.info: banners /etc/banners\r\n"
            "vsftpd: 10.1.0.0/16: deny\n"
            "sshd: ALL\n"
            "vsftpd: .example.org: aclexec /bin/true\n"
            "vsftpd: 192.0.2.1: twist /bin/echo\n"
        ),
    }
    assert plan.made == (Made("folder", "/etc/banners", 0o755),)
    assert [each.partition(":")[0] for each in plan.warnings] == [ALLOW, ALLOW]


def test_a_rule_without_options_says_allow_where_an_aclexec_may_have_failed_before() -> None:
    around = machine("vsftpd: 10.0.0.1\nsshd: ALL: aclexec /bin/x\n", "ALL: ALL\n")
    assert made("banner", around, daemon="vsftpd")[ALLOW].startswith(
        "vsftpd: 10.0.0.1: banners /etc/banners: allow\n"
    )


def test_a_banner_twice_is_one_banner() -> None:
    around = machine("vsftpd: 10.\n")
    texts = made("banner", around, daemon="vsftpd")
    again = machine(texts[ALLOW], texts[DENY], files={"/etc/banners/vsftpd": texts["/etc/banners/vsftpd"]})
    assert "already" in refusal("banner", again, daemon="vsftpd")
    assert set(made("banner", again, daemon="vsftpd", text="Other")) == {"/etc/banners/vsftpd"}


def test_the_last_rule_is_not_added_where_it_would_be_read_otherwise() -> None:
    around = machine("", "vsftpd: 10.0.0.1")  # libwrap cannot read this: everybody is refused
    plan = BY_NAME["banner"].plan({"daemon": "vsftpd"}, around)
    assert DENY not in plan.paths
    assert any("to its end" in each for each in plan.warnings)


def test_the_sample_is_a_client_of_this_machine() -> None:
    client = Client("vsftpd", "198.51.100.7", "vsftpd", live=True)
    plan = BY_NAME["banner"].plan({"daemon": "vsftpd", "text": "%a|%d|%%"}, machine(clients=(client,)))
    assert plan.samples[0].text == "220-198.51.100.7|vsftpd|%"


# --- warning and severity ----------------------------------------------------------------------------------


def test_a_network_is_meant_as_a_network() -> None:
    assert network("206.182.68.0/24")[1] == "206.182.68.0/24"
    assert network("206.182.68.7/24")[1] == "206.182.68.0/24"  # libwrap never matches host bits
    assert network("206.182.68.")[1] == "206.182.68.0/24"
    assert network("206.182.68.7")[1] == "206.182.68.7"
    assert network("2001:db8::/32")[1] == network("[2001:db8::]/32")[1] == "[2001:db8::]/32"
    assert network("0.0.0.0/0")[1] == "0.0.0.0/0.0.0.0"
    assert network("::/0")[1] == "[::]/0"
    assert network("all")[1] == "ALL"


@pytest.mark.parametrize(
    "text", ["206.182.68.0", "1.2.3", "host.example", "10.0.0.1 10.0.0.2", "1.2.3.4/33", "$(id)"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        network(text)


def test_a_warning_is_what_the_shell_reads_as_meant() -> None:
    texts = made("warning", machine("", "sshd: ALL\n"), network="206.182.68.0/24", log="/var/log/attacks")
    assert texts == {
        DENY: (
            "ALL: 206.182.68.0/24: spawn (printf '%%s %%s\\: refused %%s (%%s)\\n' "
            "\"$(/bin/date '+%%F %%T')\" '%d' '%c' '%a' >> /var/log/attacks) &: deny\nsshd: ALL\n"
        )
    }


def test_a_warning_stands_before_whatever_may_match_first() -> None:
    allow = "# head\n\n# mail\npop: ALL\nsshd: 10.\n# names\nsshd: .example.org\n"
    around = machine(allow)
    lines = made("warning", around, network="192.0.2.0/24", daemon="sshd")[ALLOW].split("\n")
    assert lines.index("# names") == 6 and lines[5].startswith("sshd: 192.0.2.0/24: spawn ")
    lines = made("warning", around, network="10.9.0.0/16", daemon="sshd")[ALLOW].split("\n")
    assert lines[4].startswith("sshd: 10.9.0.0/16: spawn ")
    assert list(made("warning", around, network="10.9.0.0/16", daemon="ftpd")) == [DENY]
    (text,) = made("warning", around, network="10.9.0.0/16", daemon="ftpd", verdict="allow").values()
    assert text.startswith(allow) and text.endswith("&: allow\n")


@pytest.mark.parametrize(
    "log",
    [
        "attacks",
        "/var/log/a b",
        "/var/log/$(id)",
        "/var/log/;id",
        "/var/log/../x",
        "/nowhere/x",
        "/tmp/x",
        "/var/log",
    ],
)
def test_an_unsafe_log_is_refused(log: str) -> None:
    around = machine(modes={"/tmp": 0o777})
    assert refusal("warning", around, network="10.0.0.0/8", log=log)


def test_a_script_must_be_roots_own() -> None:
    around = machine(files={"/bin/alarm": "", "/bin/open": "", "/etc/x": ""}, modes={"/bin/open": 0o777})
    (text,) = made("warning", around, network="10.0.0.0/8", script="/bin/alarm").values()
    assert "spawn (/bin/alarm '%d' '%c' '%a') &: deny" in text
    for script in ("/bin/open", "/etc/x", "/bin/none", "/bin/alarm; id"):
        assert refusal("warning", around, network="10.0.0.0/8", script=script)


def test_the_operator_is_warned_of_himself() -> None:
    for name in ("warning", "severity"):
        answers = {"network": "192.0.2.0/24", "daemon": "sshd"}
        plan = BY_NAME[name].plan(answers, machine(peers=("192.0.2.7",)))
        assert any("192.0.2.7" in each for each in plan.warnings)
        plan = BY_NAME[name].plan({**answers, "verdict": "allow"}, machine(peers=("192.0.2.7",)))
        assert not any("192.0.2.7" in each for each in plan.warnings)


def test_every_severity_is_one_that_libwrap_knows() -> None:
    for facility in FACILITIES:
        for level in LEVELS:
            around = machine()
            texts = made("severity", around, daemon="in.telnetd", facility=facility, level=level)
            tables = Tables(around.tables.allow, read_table(DENY, texts[DENY]), around.files)
            decision = decide(tables, Visitor("in.telnetd", "192.0.2.1"))
            assert (decision.verdict, decision.reason) == ("denied", "rule")
            assert f"option:   severity {facility}.{level}" in decision.messages
    assert refusal("severity", machine(), daemon="x", facility="authpriv")
    plan = BY_NAME["severity"].plan({"daemon": "x", "level": "emerg"}, machine())
    assert any("terminal" in each for each in plan.warnings)


# --- trap --------------------------------------------------------------------------------------------------


def listener(port: int) -> Coverage:
    return Coverage(Listener("tcp", "0.0.0.0", port, 1, "/usr/sbin/other", "other", "none"), "no", (), "")


def test_a_trap_takes_the_first_tempting_port_that_is_free() -> None:
    around = machine(coverage=(listener(23),), live=True)
    plan = BY_NAME["trap"].plan({}, around)
    (path,) = plan.paths
    assert path == "/etc/xinetd.d/trap-2323"
    text = after(around, plan)[path]
    assert (
        "\tserver      = /bin/false\n" in text
        and "\twait        = no\n" in text
        and "\tport        = 2323\n" in text
    )
    assert "taken by /usr/sbin/other" in refusal("trap", around, port="23")
    assert "taken by the service ftp" in refusal("trap", around, port="21")


def test_a_trap_goes_into_the_main_file_where_no_folder_is_included() -> None:
    around = machine(main=FTP, services={"unread": ""})
    assert made("trap", around)[MAIN].startswith(FTP + "\nservice trap-23\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "0"), ("port", "65536"), ("port", "x"), ("deny_time", "0"), ("deny_time", "-1"),
     ("deny_time", "1.5"), ("deny_time", "35791395"), ("name", "a.b"), ("name", "ftp"),
     ("name", "x y"), ("family", "ipv6")],
)  # fmt: skip
def test_a_trap_that_would_not_work_is_refused(name: str, value: str) -> None:
    assert refusal("trap", machine(), **{name: value})


def test_a_trap_is_refused_where_it_would_be_lost_or_swallow_others() -> None:
    assert "would not run" in refusal("trap", machine(main="service broken\nincludedir /etc/xinetd.d\n"))


def test_a_trap_warns_of_who_may_step_into_it() -> None:
    clients = tuple(Client(service, "192.0.2.50") for service in ("ftp", "pop3", "ssh"))
    plan = BY_NAME["trap"].plan({}, machine(clients=clients, peers=("192.0.2.7",)))
    assert any(each.startswith("192.0.2.50 uses 3 services") for each in plan.warnings)
    assert any(each.startswith("You come from 192.0.2.7") for each in plan.warnings)


# --- limits ------------------------------------------------------------------------------------------------


def events(*rows: tuple[float, str, str, int]) -> tuple[Event, ...]:
    return tuple(Event(time, 1, kind, "ftp", address, "", number) for time, kind, address, number in rows)


def test_the_history_counts_who_is_there_at_once() -> None:
    log = events((0, "start", "::ffff:10.0.0.1", 1), (1, "start", "10.0.0.1", 2), (2, "start", "10.0.0.2", 3),
                 (3, "exit", "", 1), (3, "start", "10.0.0.3", 4), (5, "exit", "", 2))  # fmt: skip
    found = history(stays(log, "ftp", 10))
    assert (found.count, found.peak, found.source_peak, found.source) == (4, 3, 2, "10.0.0.1")
    assert (found.source_usual, found.burst) == (2, 2)
    assert history(()) == history(stays(log, "other", 10))


def test_without_pids_an_exit_ends_the_one_of_its_duration() -> None:
    log = [*events((0, "start", "10.0.0.1", 0), (4, "start", "10.0.0.2", 0))]
    log.append(Event(6, 1, "exit", "ftp", "", "", 0, 2))
    assert [(each.address, each.end) for each in stays(log, "ftp", 9)] == [("10.0.0.1", 9), ("10.0.0.2", 6)]


def test_limits_from_the_burst_never_pause_that_traffic() -> None:
    times = [0.0] * 9 + [1.0] * 4 + [2.0] * 8 + [3.0] * 5 + [9.0] * 12
    burst = history([Stay("a", time, time) for time in times]).burst
    assert burst == 13
    state, over = CpsState(), False
    for time in times:
        state, refused = cps_step(state, time, burst)
        over |= refused
    assert not over


def test_who_would_have_been_refused() -> None:
    here = [Stay("a", n, 100) for n in range(4)] + [Stay("b", 5, 100), Stay("c", 6, 100)]
    told = [(each.address, each.limit, each.count, each.of) for each in refused_by(here, Limits(3, 2))]
    assert told == [("a", "per_source", 2, 4), ("c", "instances", 1, 1)]
    assert refused_by(here, Limits()) == ()
    flood = [Stay("a", 0, 0)] * 5 + [Stay("b", 1, 1), Stay("b", 60, 60)]
    told = [
        (each.address, each.limit, each.count, each.of) for each in refused_by(flood, Limits(cps=3, wait=30))
    ]
    assert told == [("a", "cps", 2, 5), ("b", "cps", 1, 2)]


def test_limits_are_set_so_that_they_count() -> None:
    around = machine(services={"ftp": FTP.replace("}", "\tinstances = 9\n\tinstances = 8\n}")})
    text = made("limits", around, service="ftp", instances="5", per_source="2", cps="10 30", rlimit_as="64M")[
        "/etc/xinetd.d/ftp"
    ]
    assert text.count("instances") == 1
    ftp = machine(services={"ftp": text}).service("ftp")
    assert {name: ftp.attributes[name] for name in ("instances", "per_source", "cps", "rlimit_as")} == {
        "instances": 5, "per_source": 2, "cps": (10, 30), "rlimit_as": 64 << 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("instances", "0"), ("instances", "-3"), ("per_source", "x"), ("cps", "5"), ("cps", "0 5"),
     ("rlimit_as", "1G"), ("rlimit_as", "0"), ("rlimit_cpu", "0"), ("rlimit_cpu", "1m"), ("max_load", "0"),
     ("max_load", "2.5abc")],
)  # fmt: skip
def test_limits_that_xinetd_would_misread_are_refused(name: str, value: str) -> None:
    assert "Nothing to change" not in refusal("limits", machine(), service="ftp", **{name: value})


def test_limits_need_a_history_or_values() -> None:
    assert "too little" in refusal("limits", machine(), service="ftp")
    assert "no service that runs" in refusal("limits", machine(), service="nosuch")
    assert refusal("limits", machine(load=9.0, live=True), service="ftp", max_load="8")


# --- default deny ------------------------------------------------------------------------------------------


def test_default_deny_adds_nothing_for_whom_the_rules_let_in() -> None:
    client = Client("sshd", "10.0.0.5", "sshd", live=True)
    around = machine("sshd: 10.\n", clients=(client,), live=True)
    assert made("default-deny", around) == {DENY: "ALL: ALL\n"}


def test_default_deny_lets_nobody_in_who_was_not() -> None:
    """A scanner that was refused, one whose host name decides, one that was never served."""
    log = (
        *events((1, "start", "10.0.0.1", 1), (1, "start", "10.0.0.3", 2)),
        Event(2, 1, "fail", "ftp", "10.0.0.3", "address"),
    )
    clients = tuple(Client("ftp", address) for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"))
    around = machine("", "false: 10.0.0.2, .example.org\n", clients=clients, events=log, live=True)
    unnamed = BY_NAME["default-deny"].plan({}, around)
    assert ALLOW not in unnamed.paths
    assert any("10.0.0.1" in each for each in unnamed.warnings)
    named = tuple(Client(each.service, each.address, name="unknown") for each in clients)
    around = machine("", "false: 10.0.0.2, .example.org\n", clients=named, events=log, live=True)
    assert made("default-deny", around)[ALLOW].split("\n")[1:] == ["false: 10.0.0.1", ""]


def test_default_deny_groups_only_where_nobody_is_refused() -> None:
    clients = tuple(
        Client("sshd", address, "sshd", name="unknown", live=True)
        for address in ("10.0.0.5", "10.0.0.6", "10.0.1.5", "2001:db8::1", "2001:db8::2")
    )
    around = machine("", "sshd: 10.0.1.9\n", clients=clients, live=True)
    assert made("default-deny", around, group="networks")[ALLOW].split("\n")[1] == (
        "sshd: 10.0.0.0/24 10.0.1.5 [2001:db8::]/64"
    )
    assert made("default-deny", around)[ALLOW].split("\n")[1] == (
        "sshd: 10.0.0.5 10.0.0.6 10.0.1.5 [2001:db8::1] [2001:db8::2]"
    )


def test_default_deny_keeps_thousands_in_lines_that_libwrap_reads() -> None:
    clients = tuple(
        Client("sshd", f"10.{n >> 8}.{n & 255}.1", "sshd", name="unknown", live=True) for n in range(3000)
    )
    around = machine(clients=clients, live=True)
    text = made("default-deny", around)[ALLOW]
    assert max(map(len, text.split("\n"))) <= 2046
    tables = Tables(read_table(ALLOW, text), read_table(DENY, "ALL: ALL\n"), around.files)
    assert all(decide(tables, Visitor("sshd", each.address)).verdict == "granted" for each in clients)
    assert decide(tables, Visitor("sshd", "10.200.0.1")).verdict == "denied"


def test_default_deny_tells_of_rules_that_go_on_letting_in() -> None:
    around = machine("", "sshd: 10.\nvsftpd: ALL: banners /etc/banners: allow\n", live=True)
    plan = BY_NAME["default-deny"].plan({}, around)
    (told,) = [each for each in plan.warnings if each.startswith(DENY)]
    assert told.startswith("/etc/hosts.deny:2 lets ALL in to vsftpd ")


def test_default_deny_is_refused_where_it_stands_or_cannot_be_read() -> None:
    assert "already" in refusal("default-deny", machine("", "ALL: ALL\n"))
    assert made("default-deny", machine("", "ALL EXCEPT sshd: ALL\n"))[DENY].endswith("\nALL: ALL\n")
    assert "mend" in refusal("default-deny", machine("", "sshd: ALL"))
    assert "mend" in refusal("default-deny", machine("sshd: ALL", ""))
    assert refusal("default-deny", machine(), least="0")
    assert refusal("default-deny", machine(), without="nonsense")
