"""Closeness: names that somebody may have meant come first, and none is lost."""

import pytest

from amber_mcp.text.suggestions import list_names, rank_by_similarity

NAMES = ("sales", "HR", "hr-de", "legal", "x" * 300)


@pytest.mark.parametrize(
    ("meant", "first"),
    [
        ("hr", ("HR", "hr-de")),
        (" Hr-DE ", ("hr-de",)),
        ("leagl", ("legal",)),
        ("", ()),
        ("zzz", ()),
        ("x" * 300, ("x" * 300,)),
    ],
)
def test_what_is_close_comes_first_and_the_rest_in_order(
    meant: str, first: tuple[str, ...]
) -> None:
    ordered = rank_by_similarity(meant, NAMES)
    assert ordered == (*first, *(name for name in NAMES if name not in first))


def test_names_that_differ_in_case_alone_are_kept_apart() -> None:
    assert rank_by_similarity("modle", ["Model", "model", "model"]) == ("Model", "model")


def test_a_list_is_told_up_to_a_limit() -> None:
    assert list_names(("a", "b")) == "a, b"
    assert list_names(tuple(f"n{number}" for number in range(25))).endswith("n19 and 5 more")
    assert len(list_names(("x" * 1_000,))) < 100
