"""Knows what is wrong with the files that a look found, without keeping the look waiting for a long list."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from wraptui.policy.files import Files
from wraptui.policy.lint.findings import Finding
from wraptui.policy.live.coverage import Coverage, names_asked
from wraptui.policy.tables.access import Tables
from wraptui.policy.xinetd.services import Configuration

LONG = 40_000
"""Bytes of both tables from which on they are checked in a thread of their own."""


class Findings:
    """The findings on the files as they are; made again when the files, or what asks libwrap, changed."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._made_from: tuple[object, ...] = ()
        self._found: tuple[Finding, ...] = ()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def waiting(self) -> bool:
        """Whether a long table is still being checked; until then there are no findings."""
        return self._thread is not None and self._thread.is_alive()

    def of(
        self, tables: Tables, configuration: Configuration, coverage: Sequence[Coverage]
    ) -> tuple[Finding, ...]:
        """The findings, tables first; empty while a long table is still being checked."""
        daemons = _names(coverage, configuration)
        made_from = (tables, configuration, daemons)
        with self._lock:
            same = self._made_from and all(
                one is other or one == other for one, other in zip(made_from, self._made_from, strict=True)
            )
            if same:
                return self._found
            self._made_from, self._found = made_from, ()
        if len(tables.allow.text) + len(tables.deny.text) < LONG:
            self._make(made_from, tables, configuration, daemons)
        else:
            arguments = (made_from, tables, configuration, daemons)
            self._thread = threading.Thread(target=self._make, args=arguments, name="findings", daemon=True)
            self._thread.start()
        return self._found

    def _make(
        self,
        made_from: tuple[object, ...],
        tables: Tables,
        configuration: Configuration,
        daemons: frozenset[str] | None,
    ) -> None:
        from wraptui.policy.lint.tables import check_tables

        found = (*check_tables(tables, daemons=daemons), *of_services(configuration, self._files))
        with self._lock:
            if self._made_from is made_from:  # else the files have changed meanwhile
                self._found = found


def of_services(configuration: Configuration, files: Files) -> tuple[Finding, ...]:
    """What is wrong with xinetd's files; nothing where there are none."""
    from wraptui.policy.lint.services import check_configuration

    return check_configuration(configuration, files) if configuration.files else ()


def _names(coverage: Sequence[Coverage], configuration: Configuration) -> frozenset[str] | None:
    """The names that something here asks libwrap for; None where that cannot be seen."""
    if not coverage or any(each.listener.pid == 0 for each in coverage):
        return None
    return names_asked(coverage, configuration)
