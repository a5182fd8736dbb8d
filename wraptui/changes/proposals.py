"""Knows what a change would do before it is made: findings, clients, sessions, who could be locked out."""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from wraptui.changes import filtering
from wraptui.changes.recovery import ALLOW, DENY
from wraptui.observe import Snapshot, Visit
from wraptui.observe.clients import everybody
from wraptui.observe.look import look_once, read_tables
from wraptui.policy.change.impact import (
    GRANTED,
    REFUSED,
    UNKNOWN,
    Client,
    Impact,
    Policy,
    Progress,
    groups,
    impact,
)
from wraptui.policy.change.lockout import again, altered, lasting
from wraptui.policy.change.overlay import overlay
from wraptui.policy.change.reload import Effects, reload_effects
from wraptui.policy.files import Files
from wraptui.policy.hardening.own_table import FILE
from wraptui.policy.lint.findings import Finding
from wraptui.policy.lint.services import check_configuration
from wraptui.policy.lint.tables import check_tables
from wraptui.policy.live.verdicts import Judge
from wraptui.policy.tables.access import Visitor, decide
from wraptui.policy.tables.owners import trespasses
from wraptui.policy.xinetd.services import Configuration, read_configuration
from wraptui.system.machine import Machine
from wraptui.system.scratch import Trial, trial
from wraptui.workspace import FileChange


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a change would do. `refusals` are the reasons not to make it without a special word, `warnings`
    are worth reading, `notes` say the rest; all are sentences. `doubts` are those warnings that stand against
    making it for good at once. `reloads`: xinetd reads its files again, which takes it from `before` to
    `after` with these `effects`; `killed` are the connections whose servers that would kill; `tried` is what
    the real xinetd made of the files, in private namespaces."""

    changes: tuple[FileChange, ...]
    findings_added: tuple[Finding, ...] = ()
    findings_removed: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    reloads: bool = False
    notes: tuple[str, ...] = ()
    impact: Impact = field(default_factory=Impact)
    effects: Effects = field(default_factory=Effects)
    killed: tuple[Visit, ...] = ()
    days: float = 0.0
    before: Configuration = field(default_factory=lambda: Configuration(starts=True))
    after: Configuration = field(default_factory=lambda: Configuration(starts=True))
    tried: Trial = field(default_factory=lambda: Trial(False))

    def against(self, confirm_within: float) -> tuple[str, ...]:
        """Why it is not made without a special word, with so many seconds to confirm it (0: for good)."""
        told = "With a deadline, and a new login before it, it would be tried without danger."
        return self.refusals or (() if confirm_within or not self.doubts else (*self.doubts, told))

    @property
    def diff(self) -> str:
        """One unified diff over all files, byte text."""
        return "".join(change.diff for change in self.changes)

    @property
    def tally(self) -> str:
        """How many clients it refuses and lets in, of those that are known; "" where nobody is known."""
        found, counts = self.impact, []
        for turns in (found.refused, found.admitted):
            counts.append(len({(turn.client.service, turn.client.address) for turn in turns}))
        does = (f"refuses {counts[0]}" * bool(counts[0]), f"lets in {counts[1]}" * bool(counts[1]))
        told = " and ".join(filter(None, does))
        if not found.asked:
            return ""
        of = f"{found.asked} clients (connected now, or in the logs of the last {self.days:g} days)"
        if told:
            return f"It {told} of {of}."
        return f"It changes nothing{' for certain' if found.uncertain else ''} for {of}."


def propose(
    machine: Machine,
    changes: Sequence[FileChange],
    snapshot: Snapshot | None = None,
    *,
    days: float = 7.0,
    progress: Progress = lambda done, total: None,
    try_out: bool = True,
) -> Proposal:
    """What making `changes` (a workspace's, or those of `restoring`) would do, without doing anything.

    Without a `snapshot` a look is taken. Clients of the logs of the last `days` days are asked for too (0:
    none), which may take a while: `progress` is told how far that is, in parts of a whole.
    """
    changed = tuple(change for change in changes if change.before != change.after)
    if not changed:
        return Proposal(())
    snapshot = snapshot or look_once(machine)
    return weighed(machine, by_known_names(machine, changed, snapshot), snapshot, days, progress, try_out)


def by_known_names(
    machine: Machine, changes: Sequence[FileChange], snapshot: Snapshot
) -> tuple[FileChange, ...]:
    """The changes by the names under which the daemons read the files, however they are spelled, and where
    links lead. Raises `OSError` where two of them are one file."""
    named = (*snapshot.configuration.files, FILE, filtering.BOOT, DENY, ALLOW)
    known = {machine.real(path): path for path in named}
    found: dict[str, FileChange] = {}
    for change in changes:
        real = machine.real(change.path)
        if real in found:
            raise OSError(errno.EINVAL, f"{found[real].path} and {change.path} are one file")
        odd = any(part in ("", ".", "..") for part in change.path.split("/")[1:])
        found[real] = replace(change, path=known.get(real, real if odd else change.path))
    return tuple(found.values())


def weighed(
    machine: Machine,
    changes: tuple[FileChange, ...],
    snapshot: Snapshot,
    days: float,
    progress: Progress,
    try_out: bool,
) -> Proposal:
    """The proposal, from a picture of the machine."""
    old_files = overlay(machine, {change.path: change.before for change in changes}, machine.real)
    new_files = overlay(machine, {change.path: change.after for change in changes}, machine.real)
    before, after = _policy(old_files, snapshot), _policy(new_files, snapshot)
    paths = {change.path for change in changes}
    of_xinetd = {*before.configuration.files, *after.configuration.files}
    reloads = bool(paths & of_xinetd)
    people = everybody(machine, snapshot, days, progress)
    found = impact(
        before,
        after,
        (*people.live, *people.logged),
        progress,
        everyone=bool(paths - of_xinetd - {ALLOW, DENY, FILE, filtering.BOOT}),
    )
    effects = reload_effects(before.configuration, after.configuration) if reloads else Effects()
    killed = tuple(
        each for each in snapshot.visits if each.guard == "xinetd" and each.service in effects.killed
    )
    killed = tuple(each for each in killed if each.process and each.process.pid != snapshot.daemon.pid)
    added, removed = _differing(_findings(before, old_files), _findings(after, new_files))
    tried = Trial(False)
    if reloads and machine.live and try_out:
        candidates = {each.path: each.after.data if each.after else None for each in changes}
        tried = trial(machine, snapshot.daemon, candidates)
    refused = filtering.weighed(machine, changes, after, (*people.live, *people.logged))
    old, new = Judge(before), Judge(after)
    doubts = (*_doubts(old, new, people.operators), *_of_logins(paths, people.operators))
    refusals = [
        *_shut(before, after),
        *_locked_out(old, new, before, after, people.operators),
        *refused.refusals,
    ]
    if effects.ends and before.configuration.starts:
        refusals.append(f"xinetd would end: {effects.ends}.")
    elif tried.ends:
        refusals.append(f"The real xinetd, tried on these files, ends: {'; '.join(tried.said[-3:])}.")
    refusals += surprises(tried, after.configuration)
    return Proposal(
        changes,
        added,
        removed,
        (
            *doubts,
            *_warnings(old, new, effects, killed, people.operators),
            *_trespasses(machine, changes),
            *refused.warnings,
            *filtering.outdated(machine, changes, after, [turn.client for turn in found.admitted]),
        ),
        tuple(refusals),
        doubts,
        reloads,
        (*refused.notes, *_notes(found), *people.notes, *_tried(tried)),
        found,
        effects,
        killed,
        days,
        before.configuration,
        after.configuration,
        tried,
    )


def _policy(files: Files, snapshot: Snapshot) -> Policy:
    daemon = snapshot.daemon
    configuration = read_configuration(files, daemon.configuration, inetd_compat=daemon.inetd_compat)
    return Policy(read_tables(files), configuration)


def _findings(policy: Policy, files: Files) -> tuple[Finding, ...]:
    return (*check_tables(policy.tables), *check_configuration(policy.configuration, files))


def _differing(
    before: Sequence[Finding], after: Sequence[Finding]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The findings that are only in the one and only in the other; lines that merely moved do not count."""

    def only(some: Sequence[Finding], others: Sequence[Finding]) -> tuple[Finding, ...]:
        left = Counter((each.code, each.file, each.message) for each in others)
        found = []
        for each in some:
            key = (each.code, each.file, each.message)
            if left[key]:
                left[key] -= 1
            else:
                found.append(each)
        return tuple(found)

    return only(after, before), only(before, after)


def _shut(before: Policy, after: Policy) -> list[str]:
    """Whether the new hosts.deny would deny everybody by an error in it."""
    anybody = Visitor("any-daemon", "240.0.0.1", "unknown")
    then, now = decide(before.tables, anybody), decide(after.tables, anybody)
    if now.reason == "table-error" and then.reason != "table-error":
        return [f"{DENY} would deny everybody: libwrap cannot read it to its end."]
    return []


def _locked_out(
    old: Judge, new: Judge, before: Policy, after: Policy, operators: Sequence[Client]
) -> Iterator[str]:
    first, last = lasting(before), lasting(after)
    at_first = old if first is before else Judge(first)
    in_the_end = new if last is after else Judge(last)
    for client in operators:
        (then, _), (now, why) = again(old, client), again(new, client)
        what = f"{client.operator} could not come in again to {client.service}"
        if now == REFUSED and then != REFUSED:
            yield f"{what}: {why}."
        elif again(at_first, client)[0] == GRANTED and again(in_the_end, client)[0] == REFUSED:
            yield f"{what} from when a rule with an end is taken out: {again(in_the_end, client)[1]}."


def _doubts(old: Judge, new: Judge, operators: Sequence[Client]) -> Iterator[str]:
    """Of which operators it is not certain any more that they could come in again."""
    for client in operators:
        (then, _), (now, why) = again(old, client), again(new, client)
        changed = altered(old, new, client)
        if now == GRANTED and changed:
            now, why = UNKNOWN, f"{changed} of that service changes"
        if then == GRANTED and now == UNKNOWN:
            yield f"Whether {client.operator} could come in again to {client.service} is not certain: {why}."


# Who is who, and who may log in: what a change of these means is not worked out here.
_LOGINS = ("passwd", "shadow", "group", "hosts", "nsswitch.conf", "resolv.conf", "host.conf")
_OF_LOGINS = ("/etc/ssh/", "/etc/pam.d/", "/etc/security/")


def _of_logins(paths: Iterable[str], operators: Sequence[Client]) -> Iterator[str]:
    for path in sorted(paths) if operators else ():
        if path.startswith(_OF_LOGINS) or path in (f"/etc/{name}" for name in _LOGINS):
            yield f"{path} has a part in who can log in, and what its change means is not worked out."


def _warnings(
    old: Judge,
    new: Judge,
    effects: Effects,
    killed: Sequence[Visit],
    operators: Sequence[Client],
) -> Iterator[str]:
    for client in operators:
        (then, _), (now, why) = again(old, client), again(new, client)
        if then == now == UNKNOWN:
            yield (
                f"Whether {client.operator} could come in again to {client.service} is not certain, as "
                f"before: {why}."
            )
        elif then == now == REFUSED:
            yield f"{client.operator} could not come in again to {client.service}, as before: {why}."
    if killed:
        who = ", ".join(sorted({f"{each.service} from {each.connection.remote}" for each in killed})[:5])
        yield f"The reload kills {len(killed)} running session{'s' * (len(killed) > 1)}: {who}."
    services = new.configuration.services
    off = {each.id: each.why_not for each in services if not each.active}
    there = {each.id for each in services if each.active}
    for id in effects.dropped:
        if id not in there:
            yield f"The service {id} ends: {off.get(id) or 'it is not there any more'}."


def surprises(tried: Trial, after: Configuration) -> Iterator[str]:
    """Where the real xinetd and our reading of the files do not agree: then the real one is right."""
    if not tried.ran or tried.ends:
        return
    expected = Counter(each.id for each in after.services if each.active)
    started = Counter(tried.services)
    for id in sorted((expected - started).keys()):
        yield f"The real xinetd, tried on these files, does not start {id}, which was not foreseen."
    for id in sorted((started - expected).keys()):
        yield f"The real xinetd, tried on these files, starts {id}, which was not foreseen."


def _tried(tried: Trial) -> Iterator[str]:
    if tried.ran and not tried.ends:
        yield f"The real xinetd, tried on these files, starts {len(tried.services)} services."
        yield from (f"It says: {text}" for text in tried.said)
    elif tried.why:
        yield f"The files were not tried on the real xinetd: {tried.why}."


def _trespasses(machine: Machine, changes: Sequence[FileChange]) -> Iterator[str]:
    fail2ban = _fail2ban_writes(machine)
    for change in changes:
        if change.before and change.after:
            yield from trespasses(change.path, change.before, change.after, fail2ban=fail2ban)


def _fail2ban_writes(machine: Machine) -> bool:
    """Whether fail2ban is set up to write hosts.deny."""
    folder = "/etc/fail2ban"
    paths = [f"{folder}/jail.conf", f"{folder}/jail.local"]
    with suppress(OSError):
        paths += [f"{folder}/jail.d/{name}" for name in machine.names(f"{folder}/jail.d")]
    for path in paths:
        with suppress(OSError):
            if re.search(
                rb"^[^#;\n]*action[^#\n]*hostsdeny|^[ \t]+hostsdeny", machine.read(path), re.MULTILINE
            ):
                return True
    return False


def _notes(found: Impact) -> Iterator[str]:
    for group in (*groups(found.refused), *groups(found.admitted)):
        yield str(group)
    if found.uncertain:
        number = len({client.address for client in found.uncertain})
        yield f"Of {number} client{'s' * (number > 1)} it depends on a host name that is not known."
