"""Whatever logs, DNS and files say, it stands on the page as text: neither HTML nor Markdown reads it."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.files import Kept
from wraptui.policy.lint.findings import Finding, Severity
from wraptui.policy.live.coverage import Coverage, Listener
from wraptui.policy.live.logbook import Event
from wraptui.policy.live.sensor import Entry, NoAccess
from wraptui.policy.report.build import report
from wraptui.policy.report.facts import Facts, Use
from wraptui.policy.report.html import to_html
from wraptui.policy.report.markdown import to_markdown
from wraptui.policy.report.page import Chart, Items, Meter, Page, Paragraph, Section, Table
from wraptui.policy.report.svg import bars
from wraptui.policy.tables.access import Tables, read_table
from wraptui.policy.xinetd.services import Configuration, Service
from wraptui.syntax.harmless import printable

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='x",
    "</title></style></svg>",
    "<!-- ",
    "]]>",
    "&lt;&#60;&amp;",
    "javascript:alert(1)",
    "[x](http://evil.example/)",
    "![x](y)",
    "http://evil.example/ www.evil.example ftp://x.example",
    "| a | b |",
    "\n\n# headline\n",
    "```\ncode",
    "`x`",
    "**b** __b__ *i* _i_ ~~s~~",
    "- item",
    "1. item",
    "1) item",
    "+ item",
    "* * *",
    "---",
    "===",
    "> quote",
    "# h",
    "    code",
    "<http://evil.example>",
    "[fe80::1]/10",
    "[^1]",
    "[x]: http://evil.example",
    "\x1b]0;x\x07\x00",
    "\u202egnp.exe",
    "\udcff\udc80",
    "\\",
    "a\\|b",
    "$x$",
)
HOSTILE = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=3).map("".join),
    st.text(st.characters(blacklist_categories=()), max_size=20),
    st.text("<>&\"'`*_[]()|\\#-+=~!:/.@$ 1a\n", max_size=20),
)
# linkify finds hosts without http:// or www, which GitHub does not; those stay harmless text there, too.
READER = MarkdownIt("gfm-like", {"linkify": False})


class _Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/" + tag, ()))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


def _page(text: str) -> Page:
    """A page with the text wherever a page has any."""
    table = Table(text, (text, text), ((text, (text, text)), (Meter(0.5, text), (text,))), frozenset((1,)))
    chart = Chart(text, text, (text, text), (1, 0))
    blocks = (Paragraph(text), Paragraph(text, warns=True), Items((text, text)), table, chart)
    return Page(text, blocks, (Section(text, blocks),))


@given(HOSTILE)
def test_html_has_the_tags_of_the_page_and_no_others(text: str) -> None:
    calm, seen = _Tags(to_html(_page("calm"))), _Tags(to_html(_page(text)))
    assert seen.tags == calm.tags
    assert seen.others == []
    expected = [each.replace("calm", printable(text)) for each in calm.texts]
    assert "".join(seen.texts) == "".join(expected)
    to_html(_page(text)).encode("utf-8")


@given(HOSTILE)
def test_a_chart_is_well_formed_and_speaks(text: str) -> None:
    drawn = bars(Chart(text, text, (text, "b"), (3, 0)), "chart-1")
    root = ElementTree.fromstring(drawn)
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.findtext(f"{name}title") == printable(text)
    assert root.findtext(f"{name}desc") == printable(text)
    [bar] = root.findall(f"{name}rect")
    assert bar.findtext(f"{name}title") == f"{printable(text)}: 3"


def _structure(tokens: list[Token]) -> list[str]:
    """The kinds of a document's tokens, in their order; pieces of text beside each other are one."""
    found: list[str] = []
    for token in tokens:
        for each in token.children or [token]:
            kind = "text" if each.type in ("text", "text_special") else each.type
            if not (kind == "text" and found[-1:] == ["text"]):
                found.append(kind)
    return found


def _said(tokens: list[Token]) -> str:
    return "".join(each.content for token in tokens for each in token.children or [] if each.type == "text")


@example("#")
@example("1. item")
@example("www.evil.example")
@given(HOSTILE)
def test_markdown_has_the_blocks_of_the_page_and_no_others(text: str) -> None:
    told = " ".join(printable(text).split()) or "x"
    calm = READER.parse(to_markdown(_page("calm")))
    seen = READER.parse(to_markdown(_page(text if text.split() else "x")))
    assert _structure(seen) == _structure(calm)
    assert _said(seen) == _said(calm).replace("calm", told)


def test_addresses_of_the_web_become_no_links() -> None:
    text = "see http://evil.example/ and www.evil.example or WWW.evil.example"
    told = to_markdown(_page(text))
    assert "http://" not in told
    assert "www." not in told.lower()


@given(HOSTILE)
def test_facts_reach_the_page_as_text(text: str) -> None:
    """The same through the builder, with the text in every place that a stranger can write to."""
    calm, seen = _Tags(to_html(report(_facts("calm")))), _Tags(to_html(report(_facts(_bytes(text)))))
    assert [tag for tag, _ in seen.tags] == [tag for tag, _ in calm.tags]
    assert all(each.isprintable() for piece in seen.texts for each in piece if each != "\n")
    told = READER.parse(to_markdown(report(_facts(_bytes(text)))))
    assert not {"html_inline", "html_block", "link_open", "image", "fence"} & set(_structure(told))


def _bytes(text: str) -> str:
    """Something a stranger wrote, as byte text; one word that is not empty, as daemons log it."""
    return "x" + text.encode("utf-8", "surrogatepass").decode("latin-1")


def _facts(text: str) -> Facts:
    now = 1_764_000_000.0
    service = Service(
        text, text, f"/etc/{text}", 1, 9, True, "", {"port": 21, "server": f"/bin/{text}", "instances": 3}
    )
    return Facts(
        host=text,
        now=now,
        live=True,
        daemon=text,
        tables=Tables(read_table("/etc/hosts.allow", ""), read_table("/etc/hosts.deny", ""), Kept({})),
        configuration=Configuration(True, (service, Service(text, text, text, 1, 2, False, text))),
        notes=(text,),
        uses=(Use(service, "active", text),),
        no_access=NoAccess(
            (Entry(text, text, text, now, 5, now + 300, now + 300, ("ipv6",), True),), False, text
        ),
        coverage=(Coverage(Listener("tcp", text, 22, 7, text, text, "none"), "no", (text,), text),),
        refusals=(Event(now - 10, 7, "fail", text, text, text),),
        gaps=(text,),
        findings=(Finding(Severity.ERROR, "some-code", text, text, 3),),
    )
