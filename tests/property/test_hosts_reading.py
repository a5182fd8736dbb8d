"""The fast ways agree with the exact ones, and tokens spell their line, whatever the bytes."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.differential import libwrap_cases as cases
from wraptui.policy.tables.access import Tables, Visitor, decide, read_table
from wraptui.policy.tables.c_library import dotted_quad, mapped, numeric_ipv6
from wraptui.policy.tables.rules import Rules, parts
from wraptui.syntax.hosts import Logical, fields, is_blank, is_comment, logical_lines, tokens
from wraptui.system.files import Tree

PIECES = st.sampled_from(
    [
        "a",
        ":",
        " ",
        "#",
        "\\",
        "\\\n",
        "\n",
        "\n",
        "[",
        "]",
        "\t",
        "\r\n",
        "\0",
        "x" * 1022,
        "x" * 2040,
        "a: b\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)


@given(TEXTS)
def test_rules_are_the_logical_lines_with_a_separator(text: str) -> None:
    rules = Rules("/f", text)
    found: list[tuple[int, int, str]] = []
    unseparated: list[tuple[int, int]] = []
    broken: Logical | None = None
    for line in logical_lines(text):
        if line.broken:
            broken = line
        elif not is_comment(line.text) and not is_blank(line.text):
            if fields(line.text) is None:
                unseparated.append((line.first, line.line))
            else:
                found.append((line.first, line.line, line.text))
    assert [(*rules.place(index), rules.text(index)) for index in range(len(rules))] == found
    assert [(line.first, line.line) for line in rules.unseparated] == unseparated
    assert (rules.broken and (rules.broken.first, rules.broken.line)) == (
        broken and (broken.first, broken.line)
    )
    for rule, (first, line_number, line_text) in zip(rules, found, strict=True):
        assert (rule.first, rule.line) == (first, line_number)
        assert (rule.daemons, rule.clients, rule.options) == parts(line_text)


@given(TEXTS)
def test_tokens_spell_their_line(text: str) -> None:
    for line in logical_lines(text):
        raw = text[line.start : line.end]
        assert tokens(raw).text == raw
        if "\0" not in raw and not line.broken:
            assert "".join(token.value for token in tokens(raw).tokens) == line.text


ADDRESSES = tuple(f"10.0.{third}.{fourth}" for third in range(3) for fourth in range(4))
CLIENTS = (
    *ADDRESSES,
    *(
        "10.0.0.0/30",
        "10.0.1.0/24",
        "10.0.1.0/255.255.255.0",
        "10.0.0.",
        ".1",
        "ALL",
        "KNOWN",
        "LOCAL",
        "10.0.0.1/24",
    ),
    *(
        ".example.com",
        "host.",
        "host",
        "[::1]",
        "[2001:db8::]/32",
        "ALL EXCEPT 10.0.0.1",
        "10.0.0.*",
        "a@ALL",
        "@g",
    ),
)
DAEMON_LISTS = (
    "sshd",
    "sshd",
    "SSHD",
    "ftpd",
    "ALL",
    "sshd ftpd",
    "ALL EXCEPT ftpd",
    "22",
    "known",
    "except",
    "s*",
)


@given(st.integers(0, 2**32))
def test_the_index_finds_what_reading_rule_by_rule_finds(seed: int) -> None:
    random = Random(seed)
    names = (
        "unknown",
        "host.example.com",
        "host",
        "10.0.0.1",
        "::1",
        ".example.com",
        "host.",
        "x.10.0.0.1",
        ".host.",
    )

    def table(path: str) -> str:
        lines = []
        for _ in range(random.choice((0, 5, 40))):
            clients = ", ".join(random.choice(CLIENTS) for _ in range(random.choice((1, 1, 1, 3))))
            between = random.choice((": ", ": ", ":", " : ", ":\t"))
            options = random.choice(("", "", "", ": severity info", ": deny", ": bogus"))
            lines.append(random.choice(DAEMON_LISTS) + between + clients + options)
            if random.random() < 0.05:
                lines.append(random.choice(("# x", "", "no colon", "sshd: 10.0.0.1 \\\n 10.0.0.2")))
        return "\n".join([*lines, ""])

    tables = Tables(read_table("/a", table("/a")), read_table("/d", table("/d")), Tree("/"))
    for _ in range(20):
        address = random.choice((*ADDRESSES, "::1", "2001:db8::7", "::ffff:10.0.0.1", "unknown"))
        daemon = random.choice(("sshd", "ftpd", "22", "known", "except", "all", "SSHD"))
        visitor = Visitor(daemon, address, random.choice(names), server_port=random.choice((0, 22)))
        assert decide(tables, visitor) == replace(decide(tables, visitor, trace=True), trace=())


@given(st.integers(0, 2**32), st.text(alphabet="[]*?.:/@%a10", max_size=8))
def test_any_pattern_gets_an_answer(seed: int, pattern: str) -> None:
    random = Random(seed)
    text = f"sshd: {pattern}\nftpd {pattern}: ALL: {pattern}\n" + cases.mutated(
        random, "ALL: 10.0.0.1 : allow\n"
    )
    tables = Tables(read_table("/a", text), read_table("/d", text), Tree("/nonexistent"))
    for address in ("10.0.0.1", "::1", pattern or "x"):
        answer = decide(tables, Visitor("sshd", address, name=pattern or "x"), trace=True)
        assert answer.verdict in ("granted", "denied", "delegated", "exit")
        assert dotted_quad(mapped(address)) is None or numeric_ipv6(mapped(address)) is None
