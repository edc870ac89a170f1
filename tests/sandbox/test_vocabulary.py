from collections import Counter

import pytest

from amber_mcp.sandbox.vocabulary import Vocabulary
from amber_mcp.sandbox.words import Lexicon


def vocabulary(*words: str) -> Vocabulary:
    made = Vocabulary(Lexicon())
    made.add(Counter(words))
    return made


@pytest.mark.parametrize(
    ("compound", "words", "parts"),
    [
        ("Urlaubsanträge", ("Urlaub", "Antrag"), {"urlaub", "antrag"}),
        ("Schulungsunterlagen", ("Schulung", "Unterlagen"), {"schulung", "unterlag"}),
        ("Reisekosten", ("Reise", "Kosten"), {"reis", "kost"}),
    ],
)
def test_compounds_are_made_of_the_collections_own_words(
    compound: str, words: tuple[str, ...], parts: set[str]
):
    assert parts <= set(vocabulary(*words).parts(compound))
    assert vocabulary("Pumpe", "Ventil").parts(compound) == ()


def test_compounds_come_apart_to_the_last_part():
    parts = vocabulary("Reise", "Kosten", "Abrechnung").parts("Reisekostenabrechnung")
    assert {"reis", "kost", "abrechn"} <= set(parts)


def test_short_parts_count_only_where_they_are_listed():
    listed = Vocabulary(Lexicon(), ["Tag"])
    listed.add(Counter(["Urlaub"]))
    assert listed.parts("Urlaubstage") == ("urlaub", "tag")
    assert vocabulary("Urlaub", "Tag").parts("Urlaubstage") == ()


@pytest.mark.parametrize("word", ["Kosten", "information", "AB12345678", "installed"])
def test_simple_words_stay_whole(word: str):
    assert vocabulary("Kost", "inform", "inst", "all", "form").parts(word) == ()


@pytest.mark.parametrize(
    ("form", "root"),
    [("brennt", "brennen"), ("gemeldet", "melden"), ("eingereicht", "einreichen")],
)
def test_verb_forms_lead_to_their_verb(form: str, root: str):
    known = vocabulary(root)
    assert set(known.roots(form)) == {known.lexicon.stems(root)[0]}
    assert vocabulary("Pumpe").roots(form) == []


def test_similar_words_are_a_slip_or_two_away():
    known = vocabulary("Drucker", "Urlaub", "Krankmeldung", "d1ucker", "dru")
    assert known.similar("Druker") == ["druck", "drucker"]
    assert known.similar("Krnakmeldugn")
    assert known.similar("Ulraub") == ["urlaub"]
    assert known.similar("Pumpe") == []
    assert known.similar("abc") == []
