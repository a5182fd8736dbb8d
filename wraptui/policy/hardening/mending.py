"""Knows the edits that mend what the audit finds, where there is one that is safe whatever else holds.

Limits, default deny and permissions are not among them: those need somebody who decides, or another tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wraptui.policy.change.edits import BadText
from wraptui.policy.change.service_edits import blocks, set_attribute
from wraptui.policy.files import Files
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import Document, Edit, typed

TFTP = "/srv/tftp"


def attributes_set(files: Files, wanted: Iterable[tuple[Service, Mapping[str, str]]]) -> tuple[Edit, ...]:
    """The edits that set attributes in the services' own entries; none where one of them is no ordinary entry
    (of inetd.conf, say). They are for one after the other."""
    found: list[Edit] = []
    documents: dict[str, Document] = {}
    # From the end of each file on, so that no entry moves before it is edited.
    for service, attributes in sorted(wanted, key=lambda each: (each[0].file, -each[0].first)):
        try:
            document = documents.get(service.file) or Document.from_bytes(files.read(service.file))
            last = service.last
            for name, words in attributes.items():
                if not any((each.first, each.last) == (service.first, last) for each in blocks(document)):
                    return ()
                edits = set_attribute(document, replace(service, last=last), name, typed(words))
                lines = len(document.lines)
                for edit in edits:
                    document = edit.apply(document)
                last += len(document.lines) - lines
                found += edits
        except (OSError, BadText):
            return ()
        documents[service.file] = document
    return tuple(found)


def confined(files: Files, words: tuple[str, ...]) -> str:
    """The arguments of a tftpd with these that serves one folder only, "" when it is not clear which."""
    folders = [word for word in words if word.startswith("/")]
    if len(folders) == 1 and words[-1] == folders[0]:
        return " ".join((*words[:-1], "-s", folders[0]))
    if folders:
        return ""
    try:
        there = files.status(TFTP).kind == "directory"
    except OSError:
        return ""
    return " ".join((*words, "-s", TFTP)) if there else ""
