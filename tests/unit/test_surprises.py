"""Where the real xinetd and our reading of the files do not agree, the change is refused."""

from __future__ import annotations

from wraptui.changes.proposals import surprises
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.system.scratch import Trial


def configuration(*ids: str) -> Configuration:
    return Configuration(True, tuple(Service(id, id, "/etc/xinetd.conf", 1, 9, active=True) for id in ids))


def test_agreement_is_no_surprise() -> None:
    assert not list(surprises(Trial(True, services=("ftp", "echo")), configuration("echo", "ftp")))


def test_what_is_lost_or_found_is_named() -> None:
    told = list(surprises(Trial(True, services=("ftp", "ftp")), configuration("ftp", "echo")))
    assert [("echo" in each, "does not start" in each) for each in told] == [(True, True), (False, False)]


def test_what_was_not_tried_surprises_nobody() -> None:
    assert not list(surprises(Trial(False, "not installed"), configuration("ftp")))
