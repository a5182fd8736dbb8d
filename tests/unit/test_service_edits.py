"""A value written into an xinetd entry is the one that counts, and looks like its neighbours."""

from __future__ import annotations

import pytest

from wraptui.policy.change.edits import BadText, Edits
from wraptui.policy.change.service_edits import (
    add_service,
    blocks,
    copy_service,
    delete_service,
    remove_attribute,
    set_attribute,
    set_default,
)
from wraptui.policy.xinetd.services import Service
from wraptui.syntax.tree import Document

PATH = "/etc/xinetd.d/ftp"
FTP = """# The ftp service
service ftp
{
\tsocket_type\t= stream
\twait\t\t= no   \n\tuser\t\t= root
\t# how many
\tinstances\t= 4
\tINSTANCES = 9
}
"""
ALIGNED = "service a\n{\n    disable         = no\n    type            = UNLISTED\n}\n"


def service_of(document: Document, number: int = 0) -> Service:
    block = [block for block in blocks(document) if block.kind == "service"][number]
    return Service(block.name, block.name, PATH, block.first, block.last, True)


def made(document: Document, edits: Edits) -> str:
    new = document
    for edit in edits:
        new = edit.apply(new)
    back = new
    for edit in reversed(edits):
        back = edit.inverse.apply(back)
    assert back == document
    return new.text


def test_the_first_line_is_set_and_later_ones_go_since_the_first_counts() -> None:
    document = Document(FTP)
    new = made(document, set_attribute(document, service_of(document), "instances", "2"))
    assert new == FTP.replace("= 4", "= 2").replace("\tINSTANCES = 9\n", "")


def test_a_new_attribute_is_aligned_like_its_neighbour() -> None:
    document = Document(FTP.replace("\tINSTANCES = 9\n", ""))
    new = made(document, set_attribute(document, service_of(document), "per_source", "2"))
    assert "\tinstances\t= 4\n\tper_source\t= 2\n}" in new
    document = Document(ALIGNED)
    new = made(document, set_attribute(document, service_of(document), "cps", "10 30"))
    assert new == ALIGNED.replace("UNLISTED\n", "UNLISTED\n    cps             = 10 30\n")


def test_disable_goes_first_lest_it_revive_a_broken_service() -> None:
    document = Document(FTP)
    new = made(document, set_attribute(document, service_of(document), "disable", "no"))
    assert "{\n\tdisable\t\t= no\n\tsocket_type" in new


def test_setting_what_is_set_changes_nothing() -> None:
    document = Document(FTP)
    assert set_attribute(document, service_of(document), "wait", "no") == ()


def test_a_value_glued_to_its_operator_is_mended() -> None:
    document = Document("service a\n{\n\tinstances=3\n}\n")
    new = made(document, set_attribute(document, service_of(document), "instances", "3"))
    assert new == "service a\n{\n\tinstances = 3\n}\n"


def test_all_lines_of_a_list_become_one() -> None:
    document = Document(
        "service a\n{\n only_from = 192.0.2.0/24\n wait = no\n only_from += 198.51.100.1\n}\n"
    )
    new = made(document, set_attribute(document, service_of(document), "only_from", "192.0.2.1"))
    assert new == "service a\n{\n only_from = 192.0.2.1\n wait = no\n}\n"


def test_bind_and_interface_are_one_attribute() -> None:
    document = Document("service a\n{\n interface = 192.0.2.1\n bind = 192.0.2.2\n}\n")
    new = made(document, set_attribute(document, service_of(document), "bind", "192.0.2.3"))
    assert new == "service a\n{\n interface = 192.0.2.3\n}\n"
    assert made(document, remove_attribute(document, service_of(document), "bind")) == "service a\n{\n}\n"


def test_defaults_are_found_or_made_before_all_services() -> None:
    document = Document("# main\n\nincludedir /etc/xinetd.d\n")
    new = made(document, set_default("/etc/xinetd.conf", document, "instances", "60"))
    assert new == "# main\n\ndefaults\n{\n\tinstances = 60\n}\n\nincludedir /etc/xinetd.d\n"
    document = Document(new)
    new = made(document, set_default("/etc/xinetd.conf", document, "per_source", "3"))
    assert "\tinstances = 60\n\tper_source = 3\n}" in new


def test_a_service_is_copied_added_and_deleted() -> None:
    document = Document(FTP.replace("\tINSTANCES = 9\n", ""))
    new = made(document, copy_service(document, service_of(document), "ftp2", {"port": "2121", "id": "ftp2"}))
    assert new.startswith(document.text) and [block.name for block in blocks(Document(new))] == [
        "ftp",
        "ftp2",
    ]
    assert "\tport\t\t= 2121\n" in new
    unfinished = Document("service a\n{\n}")
    new = made(unfinished, add_service(PATH, unfinished, "b", {"disable": "yes", "wait": "no"}))
    assert new == "service a\n{\n}\n\nservice b\n{\n\tdisable = yes\n\twait    = no\n}\n"
    assert (
        made(Document(new), delete_service(Document(new), service_of(Document(new), 1)))
        == "service a\n{\n}\n\n"
    )


@pytest.mark.parametrize("words", ["1\n}", "a\0b"])
def test_a_value_cannot_break_out_of_its_line(words: str) -> None:
    document = Document(FTP)
    with pytest.raises(BadText):
        set_attribute(document, service_of(document), "instances", words)


def test_an_entry_without_an_opening_line_is_named() -> None:
    document = Document("service a {\n wait = no\n}\n")
    with pytest.raises(BadText, match="mend that first"):
        set_attribute(document, Service("a", "a", PATH, 1, 3, False), "user", "root")
