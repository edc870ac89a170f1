"""Sources in an answer's fields: every place and name, numbered by list, and nothing made up."""

from typing import Any

import pytest

from amber_mcp.api.sources import MAX_SOURCES, entries_of, found_in

A = "https://wiki.example/a"


def read(*holders: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    """Title, address, place and number of what is found."""
    found = found_in(entries_of(*holders))
    return [(each.title, each.url, each.place, each.number) for each in found]


@pytest.mark.parametrize(
    ("entry", "title", "place"),
    [
        ({"url": A, "title": "Page A"}, "Page A", ""),
        ({"link": A, "name": "Page A"}, "Page A", ""),
        ({"Web-URL": A, "fileName": "a.pdf"}, "a.pdf", ""),
        ({"href": A}, A, ""),
        (A, A, ""),
        ({"source": A, "title": " ", "name": "A"}, "A", ""),
        ({"url": "/a", "link": A}, A, ""),
        ({"page_content": "…", "metadata": {"source": A, "page": 3}}, A, ""),
        ({"title": "own", "document": {"title": "inner", "url": A}}, "own", ""),
        ({"title": "A", "file_path": "hr/a.pdf"}, "A", "hr/a.pdf"),
        ({"path": r"\\files\hr\a.pdf"}, "a.pdf", r"\\files\hr\a.pdf"),
        ("file:///srv/hr/a.pdf", "a.pdf", "file:///srv/hr/a.pdf"),
        ("HR handbook, page 3/4", "HR handbook, page 3/4", ""),
        ({"retrievedContext": {"uri": "gs://b/a.pdf", "title": "A"}}, "A", "gs://b/a.pdf"),
        ({"type": "file_citation", "file_citation": {"file_id": "file-1"}}, "file-1", ""),
        ({"title": "A", "url": "javascript:alert(1)"}, "A", ""),
        ({"title": "A", "url": "https://w.example/" + "a" * 3_000}, "A", ""),
        ({"title": "A", "author": {"url": "https://people.example/"}}, "A", ""),
    ],
)
def test_entries_are_read_in_the_forms_that_occur(entry: Any, title: str, place: str) -> None:
    url = "" if place or A not in str(entry) else A
    for key in ("sources", "citations", "searchResults", "annotations"):
        assert read({}, {key: [entry]}) == [(title, url, place, 1)]


@pytest.mark.parametrize(
    "entry",
    [
        *("javascript:alert(1)", "data:text/html,x", "https://", "https://[broken/", " ", ""),
        *({"url": 5}, {"index": 1, "text": "x"}, 7, None, {}, [[[]]]),
    ],
)
def test_what_tells_neither_title_nor_place_is_no_source(entry: Any) -> None:
    assert read({"sources": [entry], "annotations": [entry]}) == []


@pytest.mark.parametrize(
    ("holder", "numbers"),
    [
        ({"citations": ["a", None, "b"]}, [1, 3]),
        ({"citations": {"2": "b", "1": "a"}}, [2, 1]),
        ({"citations": {"title": "a"}}, [1]),
        ({"citations": [["a"], [["b"]]]}, [1, 2]),
        ({"citations": [{"sources": ["a", "b"]}, {"sources": ["c"]}]}, [1, 2, 3]),
        ({"citations": ["a"], "search_results": ["b", "c"]}, [1, 1, 2]),
        ({"context": {"citations": ["a", "b"]}}, [1, 2]),
        ({"content": [{"annotations": [{"title": "a"}]}, {"annotations": ["b"]}]}, [1, 1]),
        ({"sources": "none", "citations": 5, "annotations": None}, []),
    ],
)
def test_a_number_is_the_place_in_the_list(holder: dict[str, Any], numbers: list[int]) -> None:
    assert [number for *_, number in read(holder)] == numbers


def test_titles_and_places_are_short_lines_of_printable_text() -> None:
    long = "  A\x1b[31m\n page " + "x" * 300
    ((title, _, place, _),) = read({"sources": [{"title": long, "path": f"A/{long}"}]})
    assert (title[:8], place[:10]) == ("A page x", "A/ A page ")
    assert len(title) == len(place) == 200


def test_no_more_entries_are_looked_at_than_can_be_shown() -> None:
    deep: dict[str, Any] = {"citations": ["a"] * 5_000}
    for _ in range(90):
        deep = {"content": deep, "metadata": [deep, deep]}
    assert len(entries_of({"citations": ["a"] * 5_000}, deep)) == MAX_SOURCES
    assert entries_of(deep) == ()
