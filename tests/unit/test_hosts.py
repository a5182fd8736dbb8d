"""How hosts.allow and hosts.deny are cut into lines, fields, words, options and tokens."""

from __future__ import annotations

import pytest

from wraptui.syntax.hosts import (
    LONGEST_LINE,
    Fields,
    fields,
    groups,
    logical_lines,
    option,
    option_fields,
    split_at,
    tokens,
)


def read(text: str) -> list[tuple[int, int, str]]:
    return [(line.first, line.line, line.text) for line in logical_lines(text)]


def test_continued_lines_are_joined_and_counted_by_their_last_line() -> None:
    assert read("a: b\nss\\\nhd: 10.\\\n0.0.1\nc: d\n") == [
        (1, 1, "a: b\n"),
        (2, 4, "sshd: 10.0.0.1\n"),
        (5, 5, "c: d\n"),
    ]


@pytest.mark.parametrize("spare", [0, 1])
def test_a_line_longer_than_the_buffer_ends_the_reading(spare: int) -> None:
    line = "x" * (LONGEST_LINE + spare)
    found = list(logical_lines(f"{line}\na: b\n"))
    assert [each.broken for each in found] == ([True] if spare else [False, False])
    assert found[0].line == (0 if spare else 1)


def test_a_nul_loses_the_rest_of_its_line_and_the_newline() -> None:
    assert read("a: b\0c\nd\n\0e\nf: g\n") == [(1, 1, "a: bd\n"), (3, 2, "f: g\n")]


def test_an_unterminated_line_is_broken() -> None:
    assert [line.broken for line in logical_lines("a: b\nc: d")] == [False, True]
    assert [line.broken for line in logical_lines("a: b\nc: d\\\n")] == [False, True]
    assert list(logical_lines("\\\n")) == []


def test_brackets_are_counted_not_matched() -> None:
    assert split_at("a[b:c]d:e", ":") == ("a[b:c]d", "e")
    assert split_at("a]b:c", ":") is None
    assert split_at("]a[b:c", ":") == ("]a[b", "c")


def test_fields() -> None:
    assert fields("sshd: [::1] : allow\n") == Fields("sshd", " [::1] ", " allow\n", True)
    assert fields("sshd: ALL\n") == Fields("sshd", " ALL\n", "", False)
    assert fields("sshd ALL\n") is None


def test_lists_are_cut_at_except_in_any_case() -> None:
    assert groups(" a, b\texcept c Except\r\n") == (("a", "b"), ("c",), ())
    assert groups("exceptional") == (("exceptional",),)


def test_options_are_cut_at_colons_without_a_backslash() -> None:
    assert option_fields(" a : b\\:c :\n") == [" a ", " b:c ", "\n"]
    assert option_fields("a\\\\:b") == ["a\\:b"]
    assert option_fields("::") == ["", ""]
    assert option_fields("a\\:") == ["a:"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (" spawn  /bin/x y ", ("spawn", "/bin/x y")),
        ("umask=022", ("umask", "022")),
        ("umask = = 022", ("umask", "= 022")),
        ("=x", ("", "x")),
        ("allow=", ("allow", "")),
        ("\fallow\v", ("allow", "")),
    ],
)
def test_one_option(field: str, expected: tuple[str, str]) -> None:
    assert option(field) == expected


def test_tokens_say_what_stands_there_and_what_libwrap_reads() -> None:
    line = tokens("ss\\\nhd, ftpd: ALL EXCEPT \\\n [::1] : spawn a\\:b : allow\n")
    assert [(token.kind, token.value.strip()) for token in line.tokens if token.kind != "separator"] == [
        ("daemon", "sshd"),
        ("daemon", "ftpd"),
        ("client", "ALL"),
        ("except", "EXCEPT"),
        ("client", "[::1]"),
        ("option", "spawn a\\:b"),
        ("option", "allow"),
    ]
    assert line.tokens[0].text == "ss\\\nhd"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [("# a\\\nb\n", "comment"), (" \t\r\n", "blank"), ("sshd ALL\n", "junk"), ("a: b", "junk")],
)
def test_lines_that_are_no_rules_are_one_token(raw: str, kind: str) -> None:
    assert [(token.kind, token.text) for token in tokens(raw).tokens] == [(kind, raw)]
