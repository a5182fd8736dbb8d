"""Knows how an entry that xinetd has read is told: its effective attributes as values, and their sources."""

from __future__ import annotations

from wraptui.policy.xinetd import addresses
from wraptui.policy.xinetd.draft import (
    FLAGS,
    INFINITY,
    ON_FAILURE,
    ON_SUCCESS,
    SERVICE_TYPES,
    UNLIMITED,
    Draft,
)
from wraptui.policy.xinetd.services import Value
from wraptui.syntax.tree import shown

_UNLIMITED = ("instances", "per_source")


def effective_attributes(draft: Draft) -> tuple[dict[str, Value], dict[str, str]]:
    """The attributes of a service as they take effect, and where each comes from."""
    found = _common(draft)
    values: dict[str, Value] = {}
    _put(values, "type", _ordered(draft.types, SERVICE_TYPES))
    _put(values, "flags", _ordered(draft.flags, FLAGS))
    _put(values, "socket_type", draft.socket_type)
    _put(values, "protocol", shown(draft.protocol))
    if "port" in draft.specified:
        values["port"] = draft.port
    if "wait" in draft.specified:
        values["wait"] = "yes" if draft.waits else "no"
    if "user" in draft.specified:
        values["user"] = _written(draft.user)
    if "group" in draft.specified:
        values["group"] = _written(draft.group)
    if draft.redirect is not None:
        values["redirect"] = (shown(draft.redirect[0]), str(draft.redirect[1]))
    elif draft.server and "INTERNAL" not in draft.types:
        values["server"] = shown(draft.server)
    if draft.arguments is not None:
        # With NAMEINARGS read too late the list begins with nothing: the server gets none, and crashes.
        lost = "NAMEINARGS" in draft.flags and not draft.named_arguments
        values["server_args"] = () if lost else tuple(shown(word) for word in draft.arguments)
    if draft.access_times is not None and "access_times" in draft.specified:
        values["access_times"] = tuple(_interval(*interval) for interval in draft.access_times)
    if draft.env is not None and "env" in draft.specified:
        values["env"] = tuple(shown(word) for word in draft.env)
    if "RPC" in draft.types:
        low, high = draft.versions
        values["rpc_number"] = draft.program
        values["rpc_version"] = str(low) if low == high else f"{low}-{high}"
    values |= found
    origin = {name: draft.origin.get(name, "built-in") for name in values}
    return values, origin


def default_attributes(draft: Draft) -> dict[str, Value]:
    """What the defaults entries set."""
    values = _common(draft)
    if draft.enabled is not None:
        values["enabled"] = tuple(shown(word) for word in draft.enabled)
    if draft.disabled_ids is not None:
        values["disabled"] = tuple(shown(word) for word in draft.disabled_ids)
    return values


def _common(draft: Draft) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in draft.plain.items():
        if name == "umask" and isinstance(value, int):
            values[name] = f"{value:03o}"
        elif isinstance(value, bool):
            values[name] = "yes" if value else "no"
        elif (value == UNLIMITED and name in _UNLIMITED) or value == INFINITY:
            values[name] = "UNLIMITED"
        else:
            values[name] = shown(value) if isinstance(value, str) else value
    if draft.cps != (0, 0) or "cps" in draft.specified:
        values["cps"] = draft.cps
    if draft.max_load:
        values["max_load"] = draft.max_load
    if draft.bind is not None:
        version, number = draft.bind
        values["bind"] = addresses.ipv4_text(number) if version == 4 else addresses.ipv6_text(number)
    elif draft.bind_name:
        values["bind"] = shown(draft.bind_name)
    for name, listed in (("only_from", draft.only_from), ("no_access", draft.no_access)):
        if listed is not None:
            values[name] = tuple(shown(address.text) for address in listed)
    if draft.log:
        words = tuple(shown(str(word)) for word in draft.log)
        values["log_type"] = ("FILE", *words[1:]) if words[0] == "COMMON" else words
    _put(values, "log_on_success", _ordered(draft.on_success, ON_SUCCESS))
    _put(values, "log_on_failure", _ordered(draft.on_failure, ON_FAILURE))
    if draft.passenv is not None:
        values["passenv"] = tuple(shown(word) for word in draft.passenv)
    return values


def _written(number: int) -> int:
    """A user or group number as the daemon writes it: signed."""
    return number - (1 << 32) if number >= 1 << 31 else number


def _put(values: dict[str, Value], name: str, value: Value) -> None:
    if value:
        values[name] = value


def _ordered(marks: set[str], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name in marks)


def _interval(start: int, end: int) -> str:
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
