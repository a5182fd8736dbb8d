"""Knows how the packet filter comes to hold our own table as its file says, and what a new one means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wraptui.policy.change.impact import REFUSED, Client, Policy, verdict
from wraptui.policy.hardening import own_table
from wraptui.policy.hardening.own_table import FILE, TABLE, OwnTable
from wraptui.policy.hardening.packet_filter import from_nft, number_of
from wraptui.policy.tables.ranges import Ranges, minus
from wraptui.syntax.tree import Document
from wraptui.system.machine import Machine, Ran
from wraptui.system.sessions import sessions, this_session
from wraptui.workspace import FileChange

BOOT = "/etc/nftables.conf"
"""What nft's own service loads at boot."""
SSH = 22

_NAME = " ".join(TABLE)
_GONE = f"table {_NAME}\ndelete table {_NAME}\n".encode()  # also where it is not there
_PATIENCE = 60.0  # seconds; 100,000 elements take one
_PLACES = ("nft", "/usr/sbin/nft", "/sbin/nft")


@dataclass(frozen=True, slots=True)
class Weight:
    """What a new file of our own table means, in sentences."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


# What it would do


def weighed(
    machine: Machine, changes: Sequence[FileChange], after: Policy, clients: Iterable[Client]
) -> Weight:
    """What the change of our own table would do: to the people at work, and to clients whom the rules let in.
    Nothing where the change does not touch it."""
    change = next((each for each in changes if each.path == FILE), None)
    if change is None:
        return Weight()
    before, now = (own_table.read(each.text if each else "") for each in (change.before, change.after))
    refusals = [*_unreadable(now), *_locked_out(machine, before, now)]
    if machine.live and not refusals:
        problem = tried(machine, change.after)
        refusals += [f"The real nft does not take {FILE}: {problem}."] if problem else []
    return Weight(
        tuple(refusals),
        tuple(_against_the_rules(before, now, after, clients)),
        tuple(_notes(machine, changes, change, before, now)),
    )


def tried(machine: Machine, document: Document | None) -> str:
    """Why the real nft would not take this file, "" when it would. It changes nothing."""
    if document is None:
        return ""
    try:
        _nft(machine, "-c", "-f", "-", input=_loadable(machine, document.data))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _unreadable(table: OwnTable) -> Iterator[str]:
    if table.strange:
        lines = ", ".join(map(str, table.strange[:5]))
        yield f"{FILE} has lines that wraptui does not write ({lines}): what they do could not be taken back."


def _locked_out(machine: Machine, before: OwnTable, now: OwnTable) -> Iterator[str]:
    known = set()
    for session in (this_session(machine), *sessions(machine)):
        peer, port = session.peer.removeprefix("::ffff:"), session.port or SSH
        if not peer or (peer, port) in known:
            continue
        known.add((peer, port))
        if _holds(now.blocked("tcp", port), peer) and not _holds(before.blocked("tcp", port), peer):
            yield f"{session} could not come in again: the packet filter would refuse {peer} on port {port}."


def outdated(
    machine: Machine, changes: Sequence[FileChange], after: Policy, admitted: Iterable[Client]
) -> Iterator[str]:
    """Where the change lets in whom our table in the packet filter goes on refusing."""
    if any(change.path == FILE for change in changes) or not machine.live:
        return
    try:
        table = own_table.read(machine.read(FILE).decode("latin-1"))
    except OSError:
        return
    ports = _ports(after)
    told = {
        f"{client.address} to {client.service}": None
        for client in admitted
        if isinstance(port := client.server_port or ports.get(client.service), int)
        and _holds(table.blocked("tcp", port, machine.now()), client.address)
    }
    if told:
        more = f" and {len(told) - 5} more" if len(told) > 5 else ""
        yield (
            f"The table {_NAME} of the packet filter goes on refusing {', '.join([*told][:5])}{more}: apply "
            "the recipe firewall anew after this."
        )


def _ports(policy: Policy) -> dict[str, object]:
    return {service.id: service.attributes.get("port") for service in policy.configuration.services}


def _against_the_rules(
    before: OwnTable, now: OwnTable, after: Policy, clients: Iterable[Client]
) -> Iterator[str]:
    ports = _ports(after)
    blocked: dict[int, tuple[Ranges, Ranges]] = {}
    told: dict[str, None] = {}
    for client in clients:
        port = client.server_port or ports.get(client.service)
        if not isinstance(port, int):
            continue
        if port not in blocked:
            blocked[port] = (before.blocked("tcp", port), now.blocked("tcp", port))
        then, later = blocked[port]
        if _holds(later, client.address) and not _holds(then, client.address):
            decided, _ = verdict(after, client)
            if decided != REFUSED:
                told[f"{client.address} to {client.service}"] = None
    if told:
        more = f" and {len(told) - 5} more" if len(told) > 5 else ""
        yield f"The packet filter would refuse clients whom the rules let in: {', '.join([*told][:5])}{more}."


def _notes(
    machine: Machine, changes: Sequence[FileChange], change: FileChange, before: OwnTable, now: OwnTable
) -> Iterator[str]:
    if not machine.live:
        yield f"{FILE} is only written: whose packet filter it is cannot be reached from here."
    elif change.after is None:
        yield f"The table {_NAME} leaves the packet filter."
    else:
        ports = ", ".join(f"{protocol} {port}" for protocol, port in now.ports) or "no port"
        count = len({each for block in now.blocks for each in own_table.spans(block.ranges)})
        yield (
            f"nft loads {FILE}: the table {_NAME} refuses new connections from {count} "
            f"{'sources' if count != 1 else 'source'} on {ports}; "
            "who is connected stays."
        )
    for network, port, goes in _differences(before, now):
        yield f"It {'no longer refuses' if goes else 'refuses'} {network} on {port}."
    if change.after is not None and not _at_boot(machine, changes):
        yield f"It holds until the next boot: {BOOT} does not include it."


def _differences(before: OwnTable, now: OwnTable) -> Iterator[tuple[str, str, bool]]:
    for protocol, port in sorted({*before.ports, *now.ports}):
        then, later = before.blocked(protocol, port), now.blocked(protocol, port)
        for goes, ranges in ((False, minus(later, then)), (True, minus(then, later))):
            found = list(own_table.spans(ranges))
            if found:
                more = f" and {len(found) - 4} more" if len(found) > 4 else ""
                yield ", ".join(found[:4]) + more, f"{protocol} port {port}", goes


def _at_boot(machine: Machine, changes: Sequence[FileChange]) -> bool:
    for each in changes:
        if each.path == BOOT:
            return own_table.included(each.after.text if each.after else "")
    try:
        return own_table.included(machine.read(BOOT).decode("latin-1"))
    except OSError:
        return False


def _holds(ranges: Ranges, address: str) -> bool:
    number = number_of(address)
    return number is not None and any(first <= number <= last for first, last in ranges)


# Doing it


def concerned(paths: Iterable[str]) -> bool:
    """Whether our own table's file is among these."""
    return FILE in paths


def load(machine: Machine, data: bytes | None) -> str:
    """Has nft put the file's table into the packet filter, at once and in place of the one before (None: out
    of it), and looks whether it is there. Says what was done; raises `OSError` when it is not so."""
    if data is None:
        _nft(machine, "-f", "-", input=_GONE)
        if _loaded(machine):
            raise OSError(0, f"the table {_NAME} is still there")
        return f"the packet filter has no table {_NAME} any more"
    wanted = own_table.read(data.decode("latin-1"))
    for problem in _unreadable(wanted):
        raise OSError(0, problem.rstrip("."))
    began = machine.now()
    _nft(machine, "-f", "-", input=_loadable(machine, data))
    there = from_nft(_loaded(machine) or '{"nftables": []}')
    for protocol, port in wanted.ports:
        seen = there.blocked(protocol, port)
        # What ends in these very moments may be there or not.
        lacks = minus(wanted.blocked(protocol, port, machine.now() + 2), seen)
        exceeds = minus(seen, wanted.blocked(protocol, port))
        if lacks or exceeds:
            raise OSError(0, f"the table {_NAME} is not in the packet filter as {FILE} says")
    lasting = sum(not block.until or block.until > began for block in wanted.blocks)
    ports = ", ".join(f"{protocol} {port}" for protocol, port in wanted.ports)
    return f"the packet filter holds the table {_NAME} of {FILE}" + (f" ({ports})" if lasting else "")


def put_back(machine: Machine, data: bytes | None, *, only_if_there: bool = False) -> str:
    """The packet filter as it belongs to this file again; says what was done, "" for nothing. A file that
    cannot be loaded leaves nothing there that refuses anybody. Raises `OSError` when that fails, too."""
    if not machine.live or (only_if_there and not _is_there(machine)):
        return ""
    try:
        return load(machine, data)
    except OSError as error:
        if not _is_there(machine):
            return f"the packet filter has no table {_NAME} ({error.strerror or error})"
        told = load(machine, None)
        return f"{told} (its file was not loaded: {error.strerror or error})"


def _is_there(machine: Machine) -> bool:
    """Whether our table is surely in the packet filter."""
    try:
        return bool(_loaded(machine))
    except OSError:
        return False


def _loadable(machine: Machine, data: bytes) -> bytes:
    """What nft is given for a file: also where it does not delete the table that is there, that one goes."""
    return _GONE + own_table.as_of(data.decode("latin-1"), machine.now()).encode("latin-1")


def _loaded(machine: Machine) -> str:
    """What nft lists of our table, as JSON; "" when it is not there. Raises `OSError`."""
    listed = json.loads(_nft(machine, "-j", "list", "tables").output or "{}")
    tables = [each["table"] for each in listed.get("nftables", ()) if "table" in each]
    if not any((each.get("family"), each.get("name")) == TABLE for each in tables):
        return ""
    return _nft(machine, "-j", "list", "table", *TABLE).output.decode("utf-8", "replace")


def _nft(machine: Machine, *words: str, input: bytes = b"") -> Ran:
    for place in _PLACES:
        try:
            ran = machine.run([place, *words], _PATIENCE, input)
        except FileNotFoundError:
            continue
        if ran.code:
            told = ran.errors.decode("utf-8", "replace").strip().split("\n")[0]
            raise OSError(0, f"nft: {told or f'exit code {ran.code}'}")
        return ran
    raise OSError(0, "nft is not installed (`wraptui firewall --iptables` writes for iptables)")
