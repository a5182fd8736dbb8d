"""Knows what xinetd does to its services and their running servers when it reads changed files again.

Verified against xinetd 2.3.15.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wraptui.policy.xinetd.services import Configuration, Service


@dataclass(frozen=True, slots=True)
class Effects:
    """What xinetd 2.3.15.3 does at SIGHUP: services (ids) that it starts, keeps and drops. The running
    servers of those in `killed` (dropped ones, and kept ones that get another socket) get SIGKILL at once.
    `ends` says why the daemon itself ends, "" when it lives on."""

    started: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()
    ends: str = ""


_SAME = ("type", "wait", "protocol", "socket_type", "port", "rpc_number")


def reload_effects(before: Configuration, after: Configuration) -> Effects:
    """What a reload does that finds `after` where the daemon runs with `before`."""
    if not after.starts:
        return Effects(ends="an error in `defaults` makes xinetd exit at the reload")
    old = [each for each in before.services if each.active]
    new = [each for each in after.services if each.active]
    started, kept, killed = [], [], []
    for service in new:
        match = next(
            (each for each in old if each.id == service.id and _identity(each) == _identity(service)), None
        )
        if match is None:
            started.append(service.id)
            continue
        old.remove(match)
        kept.append(service.id)
        if _opens_anew(match, service):
            killed.append(service.id)
    dropped = [each.id for each in old]
    return Effects(tuple(started), tuple(kept), tuple(dropped), tuple(dropped + killed))


def _identity(service: Service) -> tuple[object, ...]:
    attributes: Mapping[str, object] = service.attributes
    kinds = attributes.get("type", ())
    words = kinds if isinstance(kinds, tuple) else (kinds,)
    marks = tuple(word in words for word in ("UNLISTED", "INTERNAL", "RPC"))
    flags = attributes.get("flags", ())
    sensor = "SENSOR" in flags if isinstance(flags, tuple) else False
    return (*marks, sensor, *(attributes.get(name) for name in _SAME[1:]))


def _opens_anew(old: Service, new: Service) -> bool:
    """Whether it gets another socket: another address or family. A bind that only goes has no effect."""
    before, after = (str(each.attributes.get("bind", "")) for each in (old, new))
    if before or after:
        return bool(after) and before != after
    return _ipv4(old) != _ipv4(new)


def _ipv4(service: Service) -> bool:
    flags = service.attributes.get("flags", ())
    return isinstance(flags, tuple) and "IPv4" in flags and "IPv6" not in flags
