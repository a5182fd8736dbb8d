"""A rule with an end is an ordinary rule under a remark, and goes with its remark when its end has come."""

from __future__ import annotations

from pathlib import Path

import pytest

from wraptui.changes.expiry import expire
from wraptui.changes.landing import history
from wraptui.policy.change.edits import BadText, Edits, add_rule
from wraptui.policy.change.stamps import add_limited, ended, next_end, seconds, stamped
from wraptui.syntax.tree import Document
from wraptui.system.machine import FileMachine

DENY = "/etc/hosts.deny"
NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z


def made(document: Document, edits: Edits) -> Document:
    for edit in edits:
        document = edit.apply(document)
    return document


def test_the_remark_says_when_in_words_that_people_and_we_read() -> None:
    document = Document("sshd: 192.0.2.1\n")
    new = made(document, add_limited(DENY, document, "ALL: 198.51.100.0/24, \\\n  203.0.113.7", NOON))
    assert new.text == (
        "sshd: 192.0.2.1\n# wraptui: until 2026-11-24T12:00:00Z\nALL: 198.51.100.0/24, \\\n  203.0.113.7\n"
    )
    (found,) = stamped(new)
    assert (found.stamp, found.first, found.last, found.until) == (2, 3, 4, NOON)
    assert next_end(document, new) == NOON and next_end(document) == 0


def test_only_what_is_over_goes_and_everything_else_keeps_its_bytes() -> None:
    document = Document("# caf\xe9\n")
    for number in range(3):
        document = made(document, add_limited(DENY, document, f"ALL: 192.0.2.{number}", NOON + number))
        document = made(document, add_rule(DENY, document, f"x: {number}"))
    assert ended(DENY, document, NOON - 1) == ()
    left = made(document, ended(DENY, document, NOON + 1))
    assert left.text == "# caf\xe9\nx: 0\nx: 1\n# wraptui: until 2026-11-24T12:00:02Z\nALL: 192.0.2.2\nx: 2\n"


@pytest.mark.parametrize(
    "text",
    [
        "# wraptui: until tomorrow\nALL: 192.0.2.1\n",
        "# wraptui: until 2026-13-41T12:00:00Z\nALL: 192.0.2.1\n",
        " # wraptui: until 2026-11-24T12:00:00Z\nALL: 192.0.2.1\n",
        "# wraptui: until 2026-11-24T12:00:00Z \\\nALL: 192.0.2.1\n",
    ],
)
def test_what_is_no_stamp_takes_nothing_out(text: str) -> None:
    assert stamped(Document(text)) == () and ended(DENY, Document(text), NOON + 9e9) == ()


def test_a_stamp_without_a_rule_takes_out_itself_alone() -> None:
    document = Document("# wraptui: until 2026-11-24T12:00:00Z\n# a remark of somebody\nALL: 192.0.2.1\n")
    assert made(document, ended(DENY, document, NOON)).text == "# a remark of somebody\nALL: 192.0.2.1\n"


def test_durations_are_read_as_people_write_them() -> None:
    assert [seconds(text) for text in ("90s", "30m", "2h", "7d", "1w", "1.5h")] == [
        90,
        1800,
        7200,
        604_800,
        604_800,
        5400,
    ]
    for text in ("", "2", "h", "-1h", "0s", "2 hours", "99999999999w", "9" * 400 + "s"):
        with pytest.raises(BadText):
            seconds(text)


def test_taking_out_is_a_change_in_the_history(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    machine = FileMachine(str(tmp_path))
    document = Document("a: b\n")
    limited = made(document, add_limited(DENY, document, "ALL: 192.0.2.1", machine.now() - 1))
    (tmp_path / "etc/hosts.deny").write_bytes(limited.data)
    receipt = expire(machine)
    assert receipt and receipt.state == "kept"
    assert (tmp_path / "etc/hosts.deny").read_bytes() == b"a: b\n"
    assert [entry.message for entry in history(machine)] == ["the time of these rules is over"]
    assert expire(machine) is None
