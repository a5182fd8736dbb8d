"""How close a service is to its limits where not everything may be seen."""

from __future__ import annotations

from wraptui.observe.guards import Guard
from wraptui.observe.snapshot import Daemon, Visit
from wraptui.observe.states import Activity, states
from wraptui.policy.live.logbook import Event
from wraptui.policy.live.tally import Tally
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.system.sockets import Connection

NOW = 1_000_000.0
FTP = Service("ftp", "ftp", "/etc/xinetd.conf", 1, 9, True, attributes={"instances": 4, "per_source": 2})
GUARD = Guard("tcp6", "::", 21, "xinetd", "ftp", "ftp", "", 7)


def visit(remote: str, inode: int) -> Visit:
    connection = Connection("tcp6", "::ffff:192.0.2.10", 21, remote, 4000 + inode, "ESTABLISHED", inode=inode)
    return Visit(connection, "ftp", "xinetd", None, None, "")


def test_children_that_may_not_be_looked_into_are_counted_by_their_connections() -> None:
    visits = [visit("::ffff:198.51.100.7", 1), visit("::ffff:198.51.100.7", 2), visit("2001:db8::1", 3)]
    visits.append(visit("2001:db8::2", 0))  # nobody has taken it, or nobody has it any more
    found = states(
        Configuration(starts=True, services=(FTP,)), Daemon(7), [GUARD], Activity((), visits, Tally(), NOW)
    )
    assert [(each.state, each.running, each.busiest, each.busiest_running) for each in found] == [
        ("active", 3, "198.51.100.7", 2)
    ]


def test_suggestions_come_with_the_state() -> None:
    tally = Tally()
    refused = Event(NOW - 5, 7, "fail", "ftp", "198.51.100.7", "per_source_limit")
    tally.take([refused] * 12, NOW, {"ftp": 0})
    [found] = states(
        Configuration(starts=True, services=(FTP,)), Daemon(7), [GUARD], Activity((), (), tally, NOW)
    )
    assert found.suggestions == ("ftp: 12 refusals by per_source from 198.51.100.7 in an hour.",)
    assert sum(found.rate) == 12
