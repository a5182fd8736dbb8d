"""Sockets as netlink tells them: the same as psutil sees, decoded once, and from any mixture of messages."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from wraptui.system import sockets
from wraptui.system.sockets import ALL, PROTOCOLS, Connection, Sockets, read_by_psutil


@pytest.fixture
def pairs() -> Iterator[list[socket.socket]]:
    """Listener, client and server of an IPv4, an IPv6 and a mapped connection."""
    with ExitStack() as stack:
        held = []
        for family, address, peer in (
            (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
            (socket.AF_INET6, "::1", "::1"),
            (socket.AF_INET6, "::", "127.0.0.1"),
        ):
            dual = address == "::"
            listener = socket.create_server((address, 0), family=family, dualstack_ipv6=dual)
            client = socket.create_connection((peer, listener.getsockname()[1]))
            held += [stack.enter_context(each) for each in (listener, client, listener.accept()[0])]
        yield held


def _ends(connection: Connection) -> tuple[str, str, int, str, int, str]:
    return (
        connection.protocol,
        connection.local,
        connection.local_port,
        connection.remote,
        connection.remote_port,
        connection.state,
    )


def _ours(found: list[Connection], held: list[socket.socket]) -> list[Connection]:
    ports = {each.getsockname()[1] for each in held}
    return [each for each in found if each.local_port in ports and each.state in ("LISTEN", "ESTABLISHED")]


def test_netlink_and_psutil_tell_the_same(pairs: list[socket.socket]) -> None:
    by_netlink = _ours(Sockets().read(), pairs)
    by_psutil = _ours(read_by_psutil(("tcp", "tcp6"), set(ALL)), pairs)
    assert sorted(map(_ends, by_netlink)) == sorted(map(_ends, by_psutil))
    assert len(by_netlink) == len(pairs)
    assert {each.inode for each in by_netlink} == {os.fstat(each.fileno()).st_ino for each in pairs}
    assert {each.uid for each in by_netlink} == {os.getuid()}


def test_a_mapped_client_is_shown_mapped(pairs: list[socket.socket]) -> None:
    port = pairs[6].getsockname()[1]
    [server] = [each for each in Sockets().read(states=("ESTABLISHED",)) if each.local_port == port]
    assert (server.protocol, server.remote) == ("tcp6", "::ffff:127.0.0.1")
    assert server.remote_port == pairs[7].getsockname()[1]


def test_an_unchanged_socket_is_the_same_object_and_a_changed_one_is_not(pairs: list[socket.socket]) -> None:
    reader = Sockets()
    before = {each.cookie: each for each in _ours(reader.read(), pairs)}
    pairs[1].close()  # its peer's end goes to CLOSE_WAIT
    inode = os.fstat(pairs[2].fileno()).st_ino
    after = {each.cookie: each for each in reader.read() if each.cookie in before}
    changed = [each for cookie, each in after.items() if each is not before[cookie]]
    assert [(each.inode, each.state) for each in changed] == [(inode, "CLOSE_WAIT")]


def test_only_the_states_and_protocols_asked_for_are_told(pairs: list[socket.socket]) -> None:
    reader = Sockets()
    listening = _ours(reader.read(states=("LISTEN",)), pairs)
    assert [each.state for each in listening] == ["LISTEN"] * 3
    assert {each.protocol for each in reader.read(("tcp6",))} <= {"tcp6"}


def test_udp_sockets_without_a_peer_are_closed_ones() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        found = [each for each in Sockets().read(("udp",), ("CLOSE",)) if each.local_port == port]
    assert [_ends(each) for each in found] == [("udp", "127.0.0.1", port, "0.0.0.0", 0, "CLOSE")]


def test_where_netlink_is_refused_psutil_answers(
    pairs: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(reader: Sockets) -> socket.socket:
        raise PermissionError

    expected = sorted(map(_ends, _ours(Sockets().read(), pairs)))
    monkeypatch.setattr(Sockets, "_open", refused)
    assert sorted(map(_ends, _ours(Sockets().read(), pairs))) == expected


def test_a_refusal_in_the_answer_is_told_as_one() -> None:
    reader, (ours, kernel) = Sockets(), socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, kernel:
        kernel.send(struct.pack("=IHHII", 36, sockets.NLMSG_ERROR, 0, 0, 0) + struct.pack("=i16x", -1))
        with pytest.raises(sockets.NotAllowed):
            reader._rows(ours, "tcp", [])


def _message(port: int, extra: bytes = b"") -> bytes:
    ends = (
        struct.pack(">HH", port, 9)
        + bytes([10, 0, 0, 1]).ljust(16, b"\0")
        + bytes([10, 0, 0, 2]).ljust(16, b"\0")
    )
    body = (
        struct.pack("=BBBB", 2, 1, 0, 0) + ends + struct.pack("=IQIIIII", 0, port, 0, 0, 0, 7, port) + extra
    )
    return struct.pack("=IHHII", 16 + len(body), sockets.SOCK_DIAG_BY_FAMILY, 2, 0, 0) + body


def test_messages_of_different_lengths_are_all_read() -> None:
    extras = [b"", b"", b"12345678", b"", b"1234", b"1234", b""]
    reader, (ours, kernel) = Sockets(), socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    found: list[Connection] = []
    with ours, kernel:
        kernel.send(b"".join(_message(port, extra) for port, extra in enumerate(extras, 1)))
        kernel.send(_message(8) + struct.pack("=IHHIIi", 20, sockets.NLMSG_DONE, 2, 0, 0, 0))
        assert reader._rows(ours, "tcp", found)
    assert [each.local_port for each in found] == list(range(1, 9))
    assert found[0] == Connection("tcp", "10.0.0.1", 1, "10.0.0.2", 9, "ESTABLISHED", 1, 7, 1)


def test_every_protocol_can_be_asked_for() -> None:
    for protocol in PROTOCOLS:
        assert {each.protocol for each in Sockets().read((protocol,), ALL)} <= {protocol}


def test_both_families_at_once_are_the_two_asked_for_alone(pairs: list[socket.socket]) -> None:
    reader = Sockets()
    at_once = _ours(reader.read(("tcp", "tcp6")), pairs)
    alone = _ours([*reader.read(("tcp",)), *reader.read(("tcp6",))], pairs)
    assert len(at_once) == len(pairs)
    assert set(map(id, at_once)) == set(map(id, alone))
