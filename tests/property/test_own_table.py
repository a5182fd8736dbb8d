"""Our own table of the packet filter says what it is to say, whoever reads its file, and whenever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wraptui.policy.hardening.own_table import Block, as_of, included, iptables, merged, nft, read
from wraptui.policy.hardening.packet_filter import from_iptables
from wraptui.policy.tables.ranges import LAST, V4_LAST, V6_FIRST, Ranges, joined

NOW = 1_800_000_000.0
PORTS = (("tcp", 21), ("tcp", 22), ("udp", 69))

numbers = st.one_of(
    st.integers(0, V4_LAST),
    st.integers(0, 300),
    st.integers(V6_FIRST, LAST),
    st.integers(V6_FIRST, V6_FIRST + 300),
)


@st.composite
def ranges(draw: st.DrawFn) -> Ranges:
    found = []
    for start in draw(st.lists(numbers, min_size=1, max_size=4)):
        last = V4_LAST if start <= V4_LAST else LAST
        found.append((start, min(start + draw(st.integers(0, 1000)), last)))
    return joined(found)


blocks = st.lists(
    st.builds(
        Block,
        ranges(),
        st.lists(st.sampled_from(PORTS), min_size=1, unique=True).map(lambda ports: tuple(sorted(ports))),
        st.sampled_from(["/etc/hosts.deny", "no_access", 'a "hostile"\n; drop }']),
        st.sampled_from([0, 0, int(NOW) + 5, int(NOW) + 90, int(NOW) - 5]),
    ),
    max_size=6,
).map(merged)


def refused(wanted: tuple[Block, ...], protocol: str, port: int, since: float = 0.0) -> Ranges:
    return joined(
        piece
        for block in wanted
        if (protocol, port) in block.ports and (not block.until or block.until >= since)
        for piece in block.ranges
    )


@given(blocks)
def test_the_file_says_just_what_is_wanted(wanted: tuple[Block, ...]) -> None:
    found = read(nft(wanted, NOW))
    assert found.strange == ()
    for protocol, port in PORTS:
        for since in (0.0, NOW, NOW + 60):
            assert found.blocked(protocol, port, since) == refused(wanted, protocol, port, since)


@given(blocks)
def test_later_it_says_the_same_with_less_time(wanted: tuple[Block, ...]) -> None:
    later = as_of(nft(wanted, NOW), NOW + 60)
    assert set(read(later).blocks) == set(read(nft(wanted, NOW)).blocks)
    for block in wanted:
        if block.until:
            assert f' timeout {max(block.until - int(NOW) - 60, 1)}s comment "until {block.until}"' in later


@given(st.lists(blocks.filter(bool).map(lambda found: found[0]), max_size=6))
def test_merging_changes_nobody_and_no_end_is_lost(many: list[Block]) -> None:
    wanted = merged(many)
    for protocol, port in PORTS:
        for since in (0.0, NOW, NOW + 60):
            assert refused(wanted, protocol, port, since) == refused(tuple(many), protocol, port, since)
    for one in wanted:  # no element twice in a set: nft takes no overlap
        alike = [each for each in wanted if (each.ports, each.place) == (one.ports, one.place)]
        count = sum(last - first + 1 for each in alike for first, last in each.ranges)
        whole = joined(piece for each in alike for piece in each.ranges)
        assert count == sum(last - first + 1 for first, last in whole)


@given(blocks, st.data())
def test_a_line_that_is_not_ours_is_found(wanted: tuple[Block, ...], data: st.DataObject) -> None:
    lines = nft(wanted, NOW).split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    lines.insert(
        at, data.draw(st.sampled_from(["flush ruleset", "\t\taccept", "\t\t\t1.2.3.4/99,", 'include "/x"']))
    )
    assert at + 1 in read("\n".join(lines)).strange


@given(blocks)
def test_iptables_gets_the_same_but_for_times(wanted: tuple[Block, ...]) -> None:
    jump = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j WRAPTUI\n"
    for family, ipv6 in (("4", False), ("6", True)):
        text = iptables(wanted, ipv6=ipv6)
        found = from_iptables(jump + text.removeprefix("*filter\n"), ipv6=ipv6)
        lasting = tuple(block for block in wanted if not block.until)
        for protocol, port in PORTS:
            mine = [
                (first, last)
                for first, last in refused(lasting, protocol, port)
                if (first > V4_LAST) == (family == "6")
            ]
            assert found.blocked(protocol, port) == joined(mine)


def test_an_include_is_known_by_its_line() -> None:
    assert included('flush ruleset\ninclude "/etc/wraptui.nf[t]"\n')
    assert included('  include "/etc/wraptui.nft"')
    assert not included('# include "/etc/wraptui.nft"\ninclude "/etc/nftables.d/*.nft"\n')
