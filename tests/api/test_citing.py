"""Numbers: those in the text and those in the list agree, whatever is doubled or left out."""

from typing import Any

import pytest

from amber_mcp.api.citing import with_sources
from amber_mcp.api.sources import entries_of, found_in


def cited(text: str, *, is_cut: bool = False, **body: Any) -> tuple[str, dict[int, str]]:
    """The text, and the addresses or titles by number."""
    text, sources = with_sources(text, [*found_in(entries_of(body))], is_cut=is_cut, is_local=False)
    assert [source.number for source in sources] == sorted(source.number for source in sources)
    return text, {each.number: each.url.removeprefix("https://") or each.title for each in sources}


A, B, C, HERE = (f"https://{host}/" for host in ("a", "b", "c", "localhost"))


@pytest.mark.parametrize(
    ("text", "body", "numbers"),
    [
        ("x", {"citations": [A, A, B]}, {1: "a/", 2: "b/"}),
        ("x [3]", {"citations": [A, A, B]}, {1: "a/", 3: "b/"}),
        ("x [2] [3]", {"citations": [A, A, B]}, {1: "a/", 2: "a/", 3: "b/"}),
        ("x [2]", {"citations": [HERE, B]}, {2: "b/"}),
        ("x [2]", {"citations": [None, B, C]}, {1: "c/", 2: "b/"}),
        ("x [doc2]", {"citations": ["javascript:", B]}, {2: "b/"}),
        ("x [1, 3]", {"citations": [A, A, C]}, {1: "a/", 3: "c/"}),
        ("x [1-3]", {"citations": [A, A, C]}, {1: "a/", 2: "a/", 3: "c/"}),
        (
            "x [2]",
            {"citations": [A, B], "annotations": [{"url": B}, {"url": C}]},
            {1: "a/", 2: "b/", 3: "c/"},
        ),
        ("x [2]", {"sources": [A], "search_results": [B, C]}, {1: "a/", 2: "c/", 3: "b/"}),
        ("x [2]", {"annotations": [{"url": A}, {"url": B}]}, {1: "a/", 2: "b/"}),
        ("x [1], see https://c/", {"citations": [B]}, {1: "b/", 2: "c/"}),
        ("x [1], see https://c/", {}, {1: "c/"}),
        ("x [2] y [1]\n\n- https://a/\n- https://b/", {}, {1: "a/", 2: "b/"}),
        (
            "x [2] y [3]\n\n2. https://a/\n3. B: https://b/ https://c/",
            {},
            {1: "c/", 2: "a/", 3: "b/"},
        ),
        ("x [2] [3]\n\n[3] A https://a/, [2] https://b/", {}, {2: "b/", 3: "a/"}),
        ("x [1](https://c/)", {"citations": [B]}, {1: "b/", 2: "c/"}),
        ("x[^1]\n\n[^1]: https://c/", {"citations": [C, B]}, {1: "c/", 2: "b/"}),
        ("x [0] [9999]", {"citations": [A]}, {1: "a/"}),
    ],
)
def test_a_number_in_the_text_is_that_of_the_list(
    text: str, body: dict[str, Any], numbers: dict[int, str]
) -> None:
    assert cited(text, **body) == (text, numbers)


FILE = {
    "type": "file_citation",
    "text": "【4:0†source】",
    "file_citation": {"file_id": "f", "file_name": "a"},
}


@pytest.mark.parametrize(
    ("text", "body", "shown", "numbers"),
    [
        ("x【4:0†a.pdf】【4:1†b.pdf】.", {}, "x [1][2].", {1: "a.pdf", 2: "b.pdf"}),
        ("x【4:0†a.pdf】 y 【7†a.pdf】", {}, "x [1] y [1]", {1: "a.pdf"}),
        ("x【2†A】", {"citations": [B, {"title": "A"}]}, "x [2]", {1: "b/", 2: "A"}),
        ("x【2†source】", {"citations": [B, A]}, "x [2]", {1: "b/", 2: "a/"}),
        ("x【2†L3-L9】", {"citations": [B, A]}, "x [2]", {1: "b/", 2: "a/"}),
        ("x【3†Title】", {}, "x [3]", {3: "Title"}),
        ("x【3†https://c/】", {}, "x [3]", {3: "c/"}),
        ("x【4:0†source】", {"annotations": [{"url": B}, FILE]}, "x [2]", {1: "b/", 2: "a"}),
        ("x【6†source】", {}, "x [6]", {}),
        ("x【4:9†source】.", {}, "x.", {}),
        ("【注意】 x【】", {}, "【注意】 x【】", {}),
    ],
)
def test_marks_become_numbers(
    text: str, body: dict[str, Any], shown: str, numbers: dict[int, str]
) -> None:
    assert cited(text, **body) == (shown, numbers)


def test_what_a_cut_runs_through_is_no_source_and_no_mark() -> None:
    assert cited("x https://a/ https://b/lo", is_cut=True) == (
        "x https://a/ https://b/lo",
        {1: "a/"},
    )
    assert cited("x【1†a】 y【2†b.p", is_cut=True) == ("x [1] y", {1: "a"})


def test_a_bare_address_gets_the_title_that_is_told_elsewhere() -> None:
    body = {"citations": [A], "search_results": [{"url": A, "title": "Page A"}]}
    (source,) = with_sources("x", [*found_in(entries_of(body))], is_cut=False, is_local=False)[1]
    assert (source.title, source.origin) == ("Page A", "citation")
    (source,) = with_sources(f"{A} [the page]({A})", (), is_cut=False, is_local=False)[1]
    assert source.title == "the page"


@pytest.mark.parametrize(
    "piece", ["[", "[^", "https://", "https://a.", "*", "【a†", "[1,", "<a ", "://"]
)
def test_hostile_text_is_read_in_time(piece: str) -> None:
    """With a pattern or a parser that is quadratic in it, one of these takes minutes."""
    with_sources("https://a " + piece * (500_000 // len(piece)), (), is_cut=True, is_local=False)
