"""Knows what xinetd would make of a recipe's files, and where a service of its own goes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wraptui.policy.change.overlay import overlay
from wraptui.policy.recipes.plan import Circumstances
from wraptui.policy.xinetd.services import Configuration, read_configuration
from wraptui.syntax.tree import Document, shown

_INCLUDED = re.compile(r"^[ \t]*includedir[ \t]+(/\S+)[ \t]*$", re.MULTILINE | re.IGNORECASE)


def included_folder(around: Circumstances) -> str:
    """The first folder whose files xinetd reads, "" when there is none."""
    for found in _INCLUDED.finditer(around.document(around.main_file).text):
        folder = shown(found[1]).rstrip("/")
        try:
            if around.files.status(folder).kind == "directory":
                return folder
        except OSError:
            continue
    return ""


def candidate(around: Circumstances, documents: Mapping[str, Document]) -> Configuration:
    """What xinetd would load with these files."""
    return read_configuration(
        overlay(around.files, documents), around.main_file, inetd_compat=around.inetd_compat
    )
