"""Knows every attribute of xinetd.conf: where it may stand, what words it takes, what it does.

One table for the reader, the checks and the forms of the console. Verified against xinetd 2.3.15.3, whose
manual page names attributes (mdns) that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass

from wraptui.policy.xinetd import draft, settings
from wraptui.policy.xinetd import setting_lists as lists
from wraptui.policy.xinetd import setting_numbers as numbers
from wraptui.policy.xinetd.draft import Setter
from wraptui.syntax.xinetd import folded

ANY = -1
YES_NO = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `count` is the exact number of words, `ANY` for any; `choices` are the allowed words, or
    well-known ones where others are allowed too (then `open` is true).

    `cumulative` tells where `+=` and `-=` may be used; `inherited` whether a service takes it from defaults.
    """

    name: str
    set: Setter
    count: int = 1
    service: bool = True
    defaults: bool = False
    cumulative: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    open: bool = True
    help: str = ""
    key: str = ""

    @property
    def inherited(self) -> bool:
        return self.service and self.defaults

    @property
    def canonical(self) -> str:
        """The name under which the value is kept: `interface` is `bind`."""
        return self.key or self.name


_BOTH = ("service", "defaults")

TABLE: tuple[Attribute, ...] = (
    Attribute("socket_type", settings.set_socket_type, choices=draft.SOCKET_TYPES, open=False,
              help="stream is TCP, dgram is UDP; each implies its protocol when that is missing"),
    Attribute("protocol", settings.set_protocol, choices=("tcp", "udp"),
              help="a name in /etc/protocols, in its exact case; implies a missing socket type"),
    Attribute("wait", settings.set_wait, choices=YES_NO, open=False,
              help="no: a server for each connection; yes: one server takes the socket over, and then "
                   "only_from refuses everybody while no_access and sensors never bite"),
    Attribute("user", settings.set_user, help="who runs the server: a name in /etc/passwd, or any number"),
    Attribute("group", settings.set_group, help="the server's group: a name in /etc/group, or any number"),
    Attribute("server", settings.set_server,
              help="the program to run; it must be executable, and a missing one takes the service down"),
    Attribute("server_args", settings.set_server_args, ANY,
              help="arguments without the program's name; with flag NAMEINARGS the first is that name, "
                   "and flags must stand before this line"),
    Attribute("instances", numbers.set_instances, defaults=True, choices=("UNLIMITED",),
              help="how many servers at once; 0 refuses everybody"),
    Attribute("log_on_success", lists.set_log_on_success, ANY, defaults=True, cumulative=_BOTH,
              choices=draft.ON_SUCCESS, open=False,
              help="what to log of a granted connection; nothing is logged without a log_type"),
    Attribute("log_on_failure", lists.set_log_on_failure, ANY, defaults=True, cumulative=_BOTH,
              choices=draft.ON_FAILURE, open=False,
              help="what to log of a refused connection; nothing is logged without a log_type"),
    Attribute("log_type", lists.set_log_type, ANY, defaults=True, cumulative=("defaults",),
              choices=("SYSLOG", "FILE"),
              help="SYSLOG facility [level], or FILE path [soft limit [hard limit]]; beyond the hard limit "
                   "the log is closed until the next reload"),
    Attribute("only_from", lists.set_only_from, ANY, defaults=True, cumulative=_BOTH,
              help="who may connect; an address that ends in .0 means the whole network; a list that ends up "
                   "empty refuses everybody"),
    Attribute("no_access", lists.set_no_access, ANY, defaults=True, cumulative=_BOTH,
              help="who may not connect; an address in both lists is refused, however exact either is"),
    Attribute("access_times", numbers.set_access_times, ANY,
              help="H:MM-H:MM ..., within one day; the last minute counts"),
    Attribute("type", settings.set_type, ANY, choices=draft.SERVICE_TYPES, open=False,
              help="INTERNAL: built into xinetd; UNLISTED: not in /etc/services, port and protocol are "
                   "needed; RPC; TCPMUX; TCPMUXPLUS"),
    Attribute("rpc_version", numbers.set_rpc_version, help="a version or a range, such as 2-3"),
    Attribute("rpc_number", numbers.set_rpc_number, help="the program number of an UNLISTED RPC service"),
    Attribute("id", settings.set_id,
              help="tells apart services of one name; the name of the service in logs, enabled and disabled"),
    Attribute("env", lists.set_env, ANY, cumulative=("service",),
              help="NAME=VALUE ... added to the server's environment"),
    Attribute("port", numbers.set_port,
              help="0 to 65535; a name listed in /etc/services must have exactly that port"),
    Attribute("passenv", lists.set_passenv, ANY, defaults=True, cumulative=_BOTH,
              help="the daemon's variables that the server gets; none named: an empty environment"),
    Attribute("flags", settings.set_flags, ANY, choices=draft.FLAGS, open=False,
              help="SENSOR: a trap whose visitors no service lets in; NOLIBWRAP: hosts.allow is not asked; "
                   "without IPv4 or IPv6 the service listens on both"),
    Attribute("nice", numbers.set_nice, help="the server's priority; positive is weaker"),
    Attribute("redirect", settings.set_redirect, 2, help="address and TCP port to pass the connection on to"),
    Attribute("banner", settings.set_banner, defaults=True,
              help="a file that is sent to every visitor, refused or not"),
    Attribute("bind", settings.set_bind, defaults=True,
              help="listen on this address only; removing it takes effect at a restart, not at a reload"),
    Attribute("interface", settings.set_bind, defaults=True, help="another name of bind", key="bind"),
    Attribute("per_source", numbers.set_per_source, defaults=True, choices=("UNLIMITED",),
              help="how many servers at once for one address; 0 refuses everybody"),
    Attribute("groups", settings.set_groups, defaults=True, choices=YES_NO, open=False,
              help="give the server the user's additional groups"),
    Attribute("banner_success", settings.set_banner_success, defaults=True,
              help="a file that is sent when access is granted"),
    Attribute("banner_fail", settings.set_banner_fail, defaults=True,
              help="a file that is sent when access is refused"),
    Attribute("cps", numbers.set_cps, 2, defaults=True,
              help="connections per second, and for how many seconds the service then stops for everybody; "
                   "0 first is no limit; without it 50 10"),
    Attribute("disable", settings.set_disable, choices=YES_NO, open=False,
              help="yes: xinetd stops reading the entry here, as if it did not exist"),
    Attribute("max_load", numbers.set_max_load, defaults=True,
              help="refuse while the one-minute load is at least this"),
    Attribute("rlimit_as", numbers.set_rlimit_as, choices=("UNLIMITED",),
              help="address space of a server in bytes, or with k or m; 0 is no limit"),
    Attribute("rlimit_cpu", numbers.set_rlimit_cpu, choices=("UNLIMITED",),
              help="seconds of processor time for a server; 0 is no limit"),
    Attribute("rlimit_data", numbers.set_rlimit_data, choices=("UNLIMITED",),
              help="data segment of a server in bytes, or with k or m; 0 is no limit"),
    Attribute("rlimit_files", numbers.set_rlimit_files, choices=("UNLIMITED",),
              help="open files of a server; 0 is no limit"),
    Attribute("rlimit_rss", numbers.set_rlimit_rss, choices=("UNLIMITED",),
              help="resident memory of a server in bytes, or with k or m; 0 is no limit"),
    Attribute("rlimit_stack", numbers.set_rlimit_stack, choices=("UNLIMITED",),
              help="stack of a server in bytes, or with k or m; 0 is no limit"),
    Attribute("v6only", settings.set_v6only, defaults=True, choices=YES_NO, open=False,
              help="in a service any value, even no, shuts IPv4 out; in defaults it does nothing"),
    Attribute("deny_time", numbers.set_deny_time, choices=("FOREVER", "NEVER"),
              help="minutes that a SENSOR keeps its visitors out of all services; NEVER only logs them"),
    Attribute("umask", numbers.set_umask, defaults=True, help="the server's umask, octal, 0 to 777"),
    Attribute("libwrap", settings.set_libwrap,
              help="the daemon name for hosts.allow and hosts.deny, instead of the server's file name"),
    Attribute("enabled", lists.set_enabled, ANY, service=False, defaults=True, cumulative=("defaults",),
              help="only the services with these ids run, whatever else"),
    Attribute("disabled", lists.set_disabled, ANY, service=False, defaults=True, cumulative=("defaults",),
              help="the services with these ids do not run"),
)  # fmt: skip

_SERVICE = {attribute.name: attribute for attribute in TABLE if attribute.service}
_DEFAULTS = {attribute.name: attribute for attribute in TABLE if attribute.defaults}

ORDER = ("wait", "socket_type", "protocol", "user", "server", "rpc_version", "port", "rpc_number")
"""The order in which xinetd names missing attributes."""


def attribute(name: str, scope: str = "service") -> Attribute | None:
    """The attribute of a name, in any case, that may stand in a `service` or in `defaults`."""
    return (_SERVICE if scope == "service" else _DEFAULTS).get(folded(name))
