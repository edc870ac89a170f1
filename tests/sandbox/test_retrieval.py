"""How well plain questions find their document in the sample company, measured and printed.

All lists were written from the documents alone, without a look at the search, and are worded
otherwise than the documents. `plain_questions.json` and `questions.json` mostly name a thing by an
ordinary name of it; the other two often paraphrase the thing itself, or tell of a situation. The
weights, the thesaurus and the topics were worked on with `questions` and `hard_questions` in view.
`plain_questions` and `unseen_questions` came after all of that and are for measuring alone: what
they give is what may be expected of questions that nobody worked with.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from amber_mcp.sandbox.company import Company, read_company

LISTS = Path(__file__).parent


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    company = read_company()
    yield company
    company.close()


def pairs(name: str) -> list[dict[str, str]]:
    loaded: list[dict[str, str]] = json.loads((LISTS / name).read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize(
    ("name", "first_at_least", "third_at_least"),
    [
        ("plain_questions.json", 0.8, 0.95),
        ("questions.json", 0.9, 0.95),
        ("hard_questions.json", 0.8, 0.9),
        ("unseen_questions.json", 0.5, 0.65),
    ],
)
def test_questions_find_their_document(
    company: Company,
    name: str,
    first_at_least: float,
    third_at_least: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = pairs(name)
    index = company.documents.index
    found = [[hit.path for hit in index.search(pair["question"], 3)] for pair in asked]
    expected = [pair["document"] for pair in asked]
    first = sum(paths[:1] == [path] for paths, path in zip(found, expected, strict=True))
    third = sum(path in paths for paths, path in zip(found, expected, strict=True))
    with capsys.disabled():
        print(
            f"\n{name}: {len(asked)} questions, first hit right {first / len(asked):.3f}, "
            f"among the first three {third / len(asked):.3f}"
        )
    assert first / len(asked) >= first_at_least
    assert third / len(asked) >= third_at_least


@pytest.mark.parametrize("name", ["plain_questions.json", "questions.json"])
def test_there_are_60_pairs_half_of_them_german(name: str) -> None:
    asked = pairs(name)
    assert len({pair["question"] for pair in asked}) == 60
    assert sum(pair["language"] == "de" for pair in asked) == 30
