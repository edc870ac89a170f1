"""Sources: fields first, then links in the text; http(s) alone, and none twice."""

import pytest

from amber_mcp.api.sources import distinct, links_in, sources_of
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
    assert source.title.startswith("A page xxx")
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


def test_links_are_found_in_time_in_hostile_text() -> None:
    assert links_in("[" * 20_000 + "](https://" + "(" * 20_000) == ()
