"""Search: words, compounds, synonyms and languages; and how often it is right."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from amber_mcp.sandbox.company import Company, read_company
from amber_mcp.sandbox.documents import Document
from amber_mcp.sandbox.passages import Passage
from amber_mcp.sandbox.search import SearchIndex, Synonyms

QUESTIONS = json.loads(Path(__file__).with_name("plain_questions.json").read_text("utf-8"))
SYNONYMS = "holiday, day off, urlaub  # a comment"
VPN = ["Das VPN ist für das Netz und die Laufwerke.", "The VPN is for the network."]


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    company = read_company()
    yield company
    company.close()


def paths(index: SearchIndex, question: str, **more: object) -> list[str]:
    return [hit.document.path for hit in index.search(question, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "question", "expected"),
    [
        (["Die Häuser sind rot."], "Haus", "0"),
        (["Der Urlaub ist lang.", "Die Tage"], "Urlaubstage", "10"),
        (["Urlaubsregelung", "Urlaub, Regelung"], "Urlaub", "10"),
        (["Take a day off.", "Nothing."], "holiday", "0"),
        (["A holiday.", "Nothing."], "a day off", "0"),
        (["The pump is red.", "The red pump has a valve."], "valve pump", "10"),
        (VPN, "What is the VPN?", "10"),
        (VPN, "Was ist das VPN?", "01"),
    ],
)
def test_words_are_met_by_stems_parts_and_synonyms_in_the_questions_language_first(
    texts: list[str], question: str, expected: str
):
    documents = [Document(f"{n}", "", (Passage(text),)) for n, text in enumerate(texts)]
    index = SearchIndex(documents, Synonyms([SYNONYMS]))
    assert "".join(paths(index, question)) == expected
    index.close()


def test_the_best_document_and_passage_come_first(index: SearchIndex):
    hit = index.search("When do I need a medical certificate?")[0]
    assert (hit.document.path, hit.document.title) == ("hr/sick leave.md", "Sick leave")
    assert "third day" in hit.passages[0].text


def test_a_short_follow_up_goes_on_from_the_question_before(index: SearchIndex):
    assert paths(index, "Why?", before="How long is a password?")[0] == "it/passwords.md"


def test_a_search_keeps_to_folders(index: SearchIndex):
    assert paths(index, "password leave", folders=("it",)) == ["it/passwords.md"]
    assert index.count(("it", "phones.csv")) == 3
    assert index.count() == 6


@pytest.mark.parametrize("question", ["xylophone", "", "?!", '"*" OR ('])
def test_words_that_do_not_occur_find_nothing(index: SearchIndex, question: str):
    assert index.search(question) == []


def test_passages_with_a_number_answer_a_question_for_one():
    text = ("Leave is good for you.", "Leave is 30 days.")
    document = Document("a.md", "", tuple(map(Passage, text)))
    (hit,) = SearchIndex([document], Synonyms()).search("How many days is leave?")
    assert hit.passages[0].text == text[1]


def test_plain_questions_of_employees_find_their_document(company: Company):
    """The lists of expected documents name the twins in both languages, where there are two."""
    found = [paths(company.documents.index, each["question"])[:3] for each in QUESTIONS]
    expected = [set(each["documents"]) for each in QUESTIONS]
    first = sum(bool(set(f[:1]) & e) for f, e in zip(found, expected, strict=True))
    among_three = sum(bool(set(f) & e) for f, e in zip(found, expected, strict=True))
    assert first / len(QUESTIONS) >= 0.8
    assert among_three / len(QUESTIONS) >= 0.95
    assert company.documents.left_out == ()


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("How many vacation days do I get?", "Wie viele Urlaubstage habe ich?"),
        ("When do I need a certificate if I am ill?", "Ab wann brauche ich ein Attest?"),
        ("May I work remotely?", "Darf ich im Homeoffice arbeiten?"),
        ("How do I set up the VPN?", "Wie kann ich das VPN einrichten?"),
        ("How long is a password?", "Wie lang ist ein Passwort?"),
        ("Where are the parking spaces?", "Wo sind die Parkplätze?"),
    ],
)
def test_the_sample_company_answers_in_both_languages(company: Company, english: str, german: str):
    first, second = (paths(company.documents.index, each)[0] for each in (english, german))
    assert first != second
    assert first.split("/")[0] == second.split("/")[0]
