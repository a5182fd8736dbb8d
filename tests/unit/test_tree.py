"""Documents spell their bytes, and edits change only their lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wraptui.syntax.tree import Document, Edit, EditDoesNotFit, byte_text, shown, to_bytes, typed

pieces = st.lists(
    st.sampled_from([b"a", b"\n", b"\r\n", b"\\\n", b"\0", b"\xff", b"\xc3\xa9", b"#", b"\x0c"])
)
files = st.one_of(st.binary(), pieces.map(b"".join))


@given(files)
def test_any_bytes_round_trip(data: bytes) -> None:
    document = Document.from_bytes(data)
    assert document.data == data
    assert "".join(document.lines) == document.text
    assert to_bytes(byte_text(data)) == data


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_what_people_type_comes_back_as_typed(text: str) -> None:
    assert shown(typed(text)) == text


@given(files)
def test_what_is_shown_can_be_typed_back(data: bytes) -> None:
    assert typed(shown(byte_text(data))) == byte_text(data)


@given(files, st.data())
def test_an_edit_changes_only_its_lines_and_its_inverse_undoes_it(data: bytes, draw: st.DataObject) -> None:
    document = Document.from_bytes(data)
    count = len(document.lines)
    first = draw.draw(st.integers(0, count))
    last = draw.draw(st.integers(first, count))
    new = tuple(draw.draw(st.lists(st.sampled_from(["sshd: ALL\n", "# x\n"]), max_size=3)))
    edit = Edit("/etc/hosts.deny", first, document.lines[first:last], new)
    edited = edit.apply(document)
    assert edited.text.startswith("".join(document.lines[:first]))
    assert edited.text.endswith("".join(document.lines[last:]))
    ends_complete = first == 0 or document.lines[first - 1].endswith("\n")
    if ends_complete:
        assert edit.inverse.apply(edited) == document


def test_an_edit_made_for_other_lines_is_refused() -> None:
    with pytest.raises(EditDoesNotFit, match=r"hosts\.deny: line 1"):
        Edit("/etc/hosts.deny", 0, ("a: b\n",), ()).apply(Document("c: d\n"))
