"""Who gets in, simplified; and a hosts.deny said shorter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from subprocess import CompletedProcess

import pytest

from tests import lint_cases as cases
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.tables.compaction import NotProved, compacted, prove
from wraptui.policy.tables.effective import Policy, daemons_named, effective_policy
from wraptui.policy.tables.ranges import Lists, common, joined, minus, spelled

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"


def tables(allow: str, deny: str) -> Tables:
    return Tables(read_table(ALLOW, allow), read_table(DENY, deny), cases.FILES)


def networks(policy: Policy, outcome: str) -> list[str]:
    return list(spelled(policy.outcomes[outcome]))  # type: ignore[index]


def test_first_match_decides_address_by_address() -> None:
    both = tables("sshd: 10.0.0.0/24 EXCEPT 10.0.0.128/25\nALL: [2001:db8::]/32\n", "sshd: 10.0.0.0/23\n")
    policy = effective_policy(both, "sshd")
    assert networks(policy, "denied") == ["10.0.0.128/25", "10.0.1.0/24"]
    assert "10.0.0.0/25" not in networks(policy, "denied")
    assert policy.conditions == ()
    assert networks(effective_policy(both, "vsftpd"), "denied") == []
    assert daemons_named(both) == ("sshd",)


def test_names_and_commands_stand_apart() -> None:
    both = tables("sshd: .example.com\nsshd: 10.: twist /bin/x\nsshd: 11.: aclexec /bin/x\n", "ALL: ALL\n")
    policy = effective_policy(both, "sshd")
    assert [(each.outcome, each.clients, each.line) for each in policy.conditions] == [
        ("granted", ".example.com", 1)
    ]
    assert networks(policy, "delegated") == ["10.0.0.0/8"]
    assert networks(policy, "depends") == ["11.0.0.0/8"]


def test_a_broken_deny_table_keeps_everybody_out() -> None:
    assert networks(effective_policy(tables("", "ftpd: 10.0.0.1"), "sshd"), "denied") == [
        "0.0.0.0/0.0.0.0",
        "[::]/0",
    ]
    assert networks(effective_policy(tables("", "sshd: 10.0.0.1:\n"), "sshd"), "denied") == ["10.0.0.1"]


def test_spelled_patterns_mean_the_ranges_they_spell() -> None:
    lists = Lists(cases.FILES)
    random = Random(7)
    for _ in range(300):
        meaning = lists.clients(cases.clients(random, exact=True)).whole
        again = lists.clients(" ".join(spelled(meaning.sure, strict=True))).whole
        unknown = ((1 << 32, 1 << 32),)
        assert minus(again.sure, unknown) == minus(meaning.sure, unknown)


def test_range_algebra_agrees_with_sets() -> None:
    random = Random(3)
    for _ in range(500):
        one, other = ({random.randrange(20) for _ in range(random.randrange(12))} for _ in range(2))
        ranges = [joined((each, each) for each in members) for members in (one, other)]
        assert minus(*ranges) == joined((each, each) for each in one - other)
        assert common(*ranges) == joined((each, each) for each in one & other)


def test_compaction_merges_neighbours_and_keeps_remarks() -> None:
    deny = (
        "# banned\nsshd: 10.0.0.0\nsshd: 10.0.0.1\n# more\nsshd: 10.0.0.2/31\nsshd: .x.com\nftpd: 10.0.0.9\n"
    )
    shorter = compacted(read_table(DENY, deny), cases.FILES)
    assert shorter.text == "# banned\nsshd: 10.0.0.0/30\n# more\nsshd: .x.com\nftpd: 10.0.0.9\n"
    assert (shorter.before, shorter.after) == (4, 2)


def test_compaction_does_not_move_rules_past_options() -> None:
    deny = "sshd: 10.0.0.0\nALL: 10.0.0.: allow\nsshd: 10.0.0.1\n"
    assert compacted(read_table(DENY, deny), cases.FILES).text == deny


def test_the_proof_refuses_a_table_that_decides_otherwise() -> None:
    old = read_table(DENY, "sshd: 10.0.0.0/31\nALL: 10.1.\n")
    prove(old, read_table(DENY, "ALL: 10.1.0.0/16\nsshd: 10.0.0.1\nsshd: 10.0.0.0\n"), cases.FILES)
    for text in (
        "sshd: 10.0.0.0/30\nALL: 10.1.\n",
        "ALL: 10.0.0.0/31 10.1.\n",
        "sshd: 10.0.0.0/31\nALL: 10.1.",
        "",
    ):
        with pytest.raises(NotProved):
            prove(old, read_table(DENY, text), cases.FILES)


def test_command(tmp_path: Path, wraptui: Callable[..., CompletedProcess[str]]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts.allow").write_text("sshd: 192.0.2.\n")
    (tmp_path / "etc/hosts.deny").write_text("sshd: ALL\nvsftpd: 10.0.0.2\nvsftpd: 10.0.0.3\n")
    ran = wraptui("policy", "sshd", "--root", str(tmp_path))
    assert (ran.returncode, ran.stdout) == (0, "sshd\n  let in: 192.0.2.0/24\n  kept out: everybody else\n")
    ran = wraptui("policy", "--root", str(tmp_path), "--json")
    assert [each["daemon"] for each in json.loads(ran.stdout)] == ["sshd", "vsftpd", None]
    ran = wraptui("policy", "--compact", "--root", str(tmp_path), "--json")
    assert json.loads(ran.stdout)["text"] == "sshd: ALL\nvsftpd: 10.0.0.2/31\n"
    state = str(tmp_path / "state")
    ran = wraptui("policy", "--compact", "--apply", "--root", str(tmp_path), "--state", state)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "etc/hosts.deny").read_text() == "sshd: ALL\nvsftpd: 10.0.0.2/31\n"
    assert wraptui("policy", "--root", str(tmp_path / "none")).returncode == 2
