from collections import Counter

import pytest

from amber_mcp.sandbox.question import Concept, Reader
from amber_mcp.sandbox.thesaurus import Thesaurus
from amber_mcp.sandbox.vocabulary import Vocabulary
from amber_mcp.sandbox.words import Lexicon, written


def reader(text: str, *groups: str) -> Reader:
    thesaurus = Thesaurus(Lexicon(), "\n".join(groups))
    vocabulary = Vocabulary(thesaurus.lexicon, thesaurus.single_words)
    vocabulary.add(Counter(written(text)))
    return Reader(vocabulary, thesaurus)


def variants(concept: Concept) -> set[str]:
    return {" ".join(stems[0] for stems in variant.words) for variant in concept.variants}


def test_each_meaning_word_is_one_concept():
    concepts = reader("").concepts("Wie ist das mit der Kantine und der Kantine im Werk?")
    assert [concept.word for concept in concepts] == ["kantin", "werk"]
    assert reader("").concepts("Was ist das?") == []


def test_synonyms_are_other_names_of_one_concept():
    (concept,) = reader("", "Urlaub, annual leave, Ferien").concepts("Urlaub?")
    assert variants(concept) == {"urlaub", "annual leav", "feri"}
    assert [variant.is_synonym for variant in concept.variants] == [False, True, True]


def test_words_that_the_thesaurus_joins_are_one_concept():
    (concept,) = reader("sicknote", "sick note, certificate").concepts("Where is the sick note?")
    assert variants(concept) == {"sick not", "certificat", "sicknot"}
    assert [part.word for part in concept.parts] == ["sick", "not"]


def test_compounds_are_also_met_by_their_parts():
    (concept,) = reader("Urlaub Tage", "Urlaub, vacation").concepts("Urlaubstage")
    assert [part.word for part in concept.parts] == ["urlaub", "tag"]
    assert "vacation" in variants(concept.parts[0])
    assert concept.parts[1].weight < concept.parts[0].weight == 1
    assert "urlaub tag" in variants(concept)


def test_a_synonym_that_is_a_compound_is_also_its_parts():
    (concept,) = reader("Reise Kosten", "expenses, Reisekosten").concepts("expenses")
    assert {"reisekost", "reis kost"} <= variants(concept)


def test_words_written_apart_or_with_hyphens_find_each_other():
    joined = reader("Homeoffice").concepts("home office")
    assert "homeoffic" in variants(joined[0]) & variants(joined[1])
    apart = reader("home office").concepts("Home-Office")
    assert [concept.word for concept in apart] == ["hom", "offic"]
    (kept,) = reader("Homeoffice").concepts("Home-Office")
    assert kept.word == "homeoffic"


def test_mistyped_words_are_guessed_only_where_nothing_else_is_known():
    (wrong,) = reader("Drucker", "Drucker, printer").concepts("Druker")
    assert {"druck", "print"} <= variants(wrong)
    (right,) = reader("Drucker Drucken").concepts("Drucker")
    assert all(variant.weight == 1 for variant in right.variants)


def test_verb_forms_are_also_their_verb():
    (concept,) = reader("melden").concepts("gemeldet?")
    assert "meld" in variants(concept)


def test_everyday_words_weigh_less():
    holiday, year = reader("").concepts("Urlaub im Jahr")
    assert year.weight < holiday.weight


def test_a_short_question_leans_on_the_one_before():
    known = reader("")
    concepts = known.concepts("Und in Wiesenroda?", before="Wann öffnet die Kantine?")
    assert [concept.word for concept in concepts] == ["wiesenroda", "offn", "kantin"]
    assert concepts[2].weight < concepts[0].weight
    enough = known.concepts("Kantine Wiesenroda Essen Freitag", before="Drucker")
    assert "druck" not in {concept.word for concept in enough}


def test_capitals_alone_do_not_make_filler_words_mean_something():
    assert [each.word for each in reader("").concepts("WO IST DIE KANTINE")] == ["kantin"]
    assert [each.word for each in reader("").concepts("Who is in IT?")] == ["it"]


def test_endless_questions_are_cut():
    words = " ".join(f"wort{letter}{other}" for letter in "abcdefgh" for other in "abcdefgh")
    assert len(reader("").concepts(words)) < 64


@pytest.mark.parametrize(
    ("question", "verb"),
    [("Wie melde ich mich krank?", "krankmeld"), ("Fällt es aus, was dann?", "ausfall")],
)
def test_a_verb_is_put_together_with_the_prefix_that_ends_its_clause(question: str, verb: str):
    concepts = reader("krankmelden ausfallen").concepts(question)
    assert verb in {concept.word for concept in concepts}


def test_numbers_weigh_less_than_names():
    name, number = reader("").concepts("Otter 50")
    assert number.weight < name.weight
