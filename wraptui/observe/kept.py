"""Knows how to keep what was made from files until one of them changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from wraptui.system.files import Remembered
from wraptui.system.machine import Machine

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """Something made from files, made again only when one of the files that it asked for has changed."""

    def __init__(self, make: Callable[[Remembered], Made]) -> None:
        self._make = make
        self._files: Remembered | None = None
        self._made: list[Made] = []
        self._key: object = None

    def get(self, machine: Machine, key: object = None) -> Made:
        """The thing; `key` is what else it depends on."""
        if self._files is None or key != self._key or not self._files.unchanged():
            self._files, self._key = Remembered(machine), key
            self._made = [self._make(self._files)]
        return self._made[0]

    @property
    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        return self._files.fingerprints if self._files else ()
