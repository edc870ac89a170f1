import random
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amber_mcp.sandbox.documents import Document
from amber_mcp.sandbox.index import Index
from amber_mcp.sandbox.passages import Passage, take_apart
from amber_mcp.sandbox.thesaurus import Thesaurus
from amber_mcp.sandbox.topics import Topics
from amber_mcp.sandbox.words import Lexicon

from .conftest import documents_of, write


def index_of(tmp_path: Path, **texts: str) -> Index:
    return Index(
        documents_of(write(tmp_path, {f"{name}.md": text for name, text in texts.items()}))
    )


def first(index: Index, question: str) -> str:
    hits = index.search(question)
    return hits[0].path if hits else ""


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("Wie viele Urlaubstage habe ich?", "hr/urlaub.md"),
        ("How much vacation do I get?", "hr/urlaub.md"),
        ("Wann verfällt mein Resturlaub?", "hr/urlaub.md"),
        ("Ich bin krank, was nun?", "hr/sick leave.md"),
        ("When is a doctor's note needed?", "hr/sick leave.md"),
        ("Reisekostenabrechnung", "finance/reisekosten.html"),
        ("How do I claim travel expenses?", "finance/reisekosten.html"),
        ("Wie lang muss ein Kennwort sein?", "it/passwords.md"),
        ("Ich brauche einen neuen Rechner", "it/laptop.txt"),
        ("Wo bestelle ich ein Notebok?", "it/laptop.txt"),
        ("Welche Durchwahl hat Erna Beispiel?", "phones.csv"),
    ],
)
def test_questions_find_the_document_that_says_it_otherwise(index: Index, question: str, path: str):
    assert first(index, question) == path


def test_the_best_passage_comes_first(index: Index):
    (hit, *_) = index.search("Wie viele Urlaubstage habe ich?")
    assert "30 Tage Urlaub" in hit.passages[0][1].text
    assert hit.title == "Urlaubsregelung"
    assert 0 < hit.coverage <= 1


@pytest.mark.parametrize(
    "question", ["", "Was ist das?", "who are you", "?!", "zygomatic xylophone"]
)
def test_nothing_is_found_for_nothing(index: Index, question: str):
    assert index.search(question) == []


def test_an_empty_index_finds_nothing():
    empty = Index([])
    assert empty.search("Urlaub") == []
    assert len(empty) == empty.count() == 0


def test_meeting_more_of_the_question_beats_repeating_a_word(tmp_path: Path):
    index = index_of(
        tmp_path,
        both="# One\n\nThe turbine needs an inspection.",
        repeats="# Two\n\n" + "Turbine, turbine, turbine. " * 10,
        other="# Three\n\nThe inspection of buildings.",
        more="# Four\n\nSomething else about turbines.",
    )
    assert first(index, "turbine inspection") == "both.md"


def test_titles_and_file_names_weigh_more(tmp_path: Path):
    text = "Every valve is described here. The pump has a valve."
    index = index_of(tmp_path, a=f"# Overview\n\n{text}", b=f"# Valve\n\n{text}", c="# X\n\nPump")
    assert first(index, "valve") == "b.md"
    named = index_of(tmp_path / "named", gasket=text, other=text + " gasket " + "word " * 50)
    assert first(named, "gasket") == "gasket.md"


def test_rare_words_count_more(tmp_path: Path):
    texts = {f"t{n}": f"# Page {n}\n\nThe machine runs." for n in range(10)}
    index = index_of(tmp_path, **texts, rare="# Page\n\nThe quench tank is cleaned.")
    assert first(index, "machine quench") == "rare.md"


def test_folders_limit_the_search(index: Index):
    assert first(index, "Urlaub Passwort") != ""
    paths = {hit.path for hit in index.search("Urlaub Passwort", folders=["it"])}
    assert paths == {"it/passwords.md"}
    assert index.search("Urlaub", folders=["i"]) == []
    assert [hit.path for hit in index.search("Durchwahl", folders=["phones.csv"])] == ["phones.csv"]
    assert index.count(["it"]) == 2
    assert index.count() == len(index) == 6


def test_the_limit_is_kept(tmp_path: Path):
    index = index_of(tmp_path, **{f"t{n}": "# Pump\n\nA pump." for n in range(9)}, x="Valve")
    assert len(index.search("pump", 4)) == 4


def test_the_question_before_helps_a_short_one(tmp_path: Path):
    index = index_of(
        tmp_path,
        a="# Canteen Northtown\n\nThe canteen opens at noon.",
        b="# Parking Northtown\n\nPark behind the hall.",
    )
    for earlier, path in [("When does the canteen open?", "a.md"), ("Where do I park?", "b.md")]:
        assert index.search("And in Northtown?", before=earlier)[0].path == path


def test_any_text_can_be_asked_and_indexed():
    generator = random.Random(7)  # noqa: S311 - the same texts every time
    alphabet = string.printable + "äöüßÄéñ½ﬁ①漢字кириллицаدعربيहि́\u200b\ud7ff😀\"'*()^:-"
    texts = ["".join(generator.choices(alphabet, k=80)) for _ in range(60)]
    documents = [
        Document(f"{number}.md", text[:9], (Passage(text),)) for number, text in enumerate(texts)
    ]
    index = Index(documents)
    for text in [*texts, 'AND OR NOT NEAR( "', "½ ﬁ ①", "a* b^2 {c}:d"]:
        index.search(text, before=text[::-1])


def test_many_threads_may_search_at_once(index: Index):
    questions = ["Urlaubstage", "sick note", "Kennwort", "neuer Rechner", "Spesen"] * 8
    expected = [[hit.path for hit in index.search(question)] for question in questions]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(index.search, questions))
    assert [[hit.path for hit in hits] for hits in found] == expected


def test_hundreds_of_documents_are_found_by_their_own_words(tmp_path: Path):
    syllables = ["ba", "ko", "ri", "tu", "me", "la", "so", "ni", "fe", "du"]
    names = [f"{a}{b}{c}x" for a in syllables for b in syllables for c in syllables[:3]]
    documents = []
    for name in names:
        markdown = f"# About {name}\n\n" + f"The {name} is a part of the machine. " * 5
        _, passages = take_apart(markdown)
        documents.append(Document(f"{name}.md", f"About {name}", tuple(passages)))
    index = Index(documents)
    assert len(index) == 300
    for name in names[::20]:
        assert first(index, f"What is {name}?") == f"{name}.md"


def test_the_subject_decides_where_the_words_are_others(tmp_path: Path):
    topics = Topics(Lexicon(), "thief police lock stolen\n\nmeal menu soup")
    texts = {"loss": "Police and a lock for the door.", "food": "A menu and soup at the door."}
    texts |= {f"other{number}": "A pump and a valve." for number in range(8)}
    folder = write(tmp_path, {f"{name}.md": text for name, text in texts.items()})
    index = Index(documents_of(folder), Thesaurus(Lexicon(), ""), topics)
    assert first(index, "A thief at the door") == "loss.md"
    assert first(index, "A meal at the door") == "food.md"
