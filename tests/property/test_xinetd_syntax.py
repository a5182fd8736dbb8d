"""Laws of xinetd's line language: any line is spelled by its tokens, any bytes can be scanned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.trees import file_texts
from wraptui.syntax.tree import byte_text
from wraptui.syntax.xinetd import Assignment, Broken, Header, Scanner, parsed_line, service_blocks

_BYTES = st.binary(max_size=300).map(byte_text)
_PIECES = st.sampled_from(
    ["service", "defaults", "include", "instances", "only_from", "=", "+=", "-=", " ", "\t", "\r", "\f", "{",
     "}", "#", "3", "a", "\0", "\xa0", "\x85", "\\", "\n"]
)  # fmt: skip


@given(st.one_of(_BYTES, st.lists(_PIECES, max_size=8).map("".join)))
def test_a_line_is_spelled_by_its_tokens(text: str) -> None:
    for line in text.splitlines(keepends=True):
        assert parsed_line(line).text == line
    assert parsed_line(text).text == text


@given(file_texts())
def test_tokens_and_the_scanner_read_an_ordinary_line_alike(data: bytes) -> None:
    lines = byte_text(data).split("\n")
    for assignment in (found for found in _read(data) if isinstance(found, Assignment)):
        if assignment.first != assignment.last or "\0" in lines[assignment.first - 1]:
            continue
        tokens = parsed_line(lines[assignment.first - 1]).tokens
        words = [token for token in tokens if token.kind != "space"]
        if words and words[0].kind == "name" and "\r" not in lines[assignment.first - 1]:
            assert words[0].text == assignment.name
            assert words[1].text == assignment.operator
            assert tuple(token.text for token in words[2:]) == assignment.values


_LONG = st.builds(lambda text, more: text + b"x" * more, file_texts(), st.integers(0, 20000))


@given(st.one_of(st.binary(max_size=400), file_texts(), _LONG))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    count = data.count(b"\n") + 1
    for found in _read(data):
        if isinstance(found, Header):
            assert 1 <= found.line <= count
        else:
            assert 1 <= found.first <= found.last <= count
    for first, last, name in service_blocks(data):
        assert 1 <= first <= last <= count
        assert name


def _read(data: bytes) -> list[Header | Assignment]:
    """All that a scanner finds, as the daemon walks an entry after the other."""
    said: list[str] = []
    scanner = Scanner(data, lambda level, text: said.append(text))
    found: list[Header | Assignment] = []
    while True:
        try:
            header = scanner.header()
            if header is None:
                return found
            found.append(header)
            while header.keyword in ("service", "defaults") and (line := scanner.assignment()) is not None:
                found.append(line)
        except Broken:
            assert said
            scanner.skip()
