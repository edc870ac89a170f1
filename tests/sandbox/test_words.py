from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from amber_mcp.sandbox.words import Lexicon, fold, parse, written


def test_fold_takes_umlauts_accents_and_sharp_s_out():
    assert fold("Größe") == "grosse"
    assert fold("Café") == "cafe"
    assert fold("HTTP") == "http"


def test_words_keep_hyphens_humps_and_apostrophes_together():
    assert written("Das Home-Office der Firma, node.js!") == [
        "Das", "Home-Office", "der", "Firma", "node", "js",
    ]  # fmt: skip
    assert parse("Home-Office") == ("HomeOffice", ("Home", "Office"))
    assert parse("readFile").pieces == ("read", "File")
    assert parse("manager's") == ("manager", ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Übersicht", "Uebersichten"),
        ("Passwörter", "Passwort"),
        ("policies", "policy"),
        ("Abrechnungen", "Abrechnung"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str):
    lexicon = Lexicon()
    assert set(lexicon.stems(one)) & set(lexicon.stems(other))


def test_words_that_are_no_words_are_their_own_stems():
    lexicon = Lexicon()
    assert lexicon.stems("DN50") == ("dn50",)
    assert lexicon.stems("x" * 50) == ("x" * 40,)


def test_fillers_say_nothing_but_short_capitals_do():
    lexicon = Lexicon()
    assert lexicon.is_filler("würde")
    assert lexicon.is_filler("it")
    assert lexicon.is_filler("x")
    assert not lexicon.is_filler("IT")
    assert not lexicon.is_filler("7")
    assert not lexicon.is_filler("Urlaub")


def test_everyday_words_are_known():
    lexicon = Lexicon()
    assert lexicon.is_everyday("Tage")
    assert not lexicon.is_everyday("Urlaub")


def test_the_language_is_that_of_most_filler_words():
    lexicon = Lexicon()
    assert lexicon.language(Counter(written("Wo ist die Kantine?"))) == "de"
    assert lexicon.language(Counter(written("Where is the canteen?"))) == "en"
    assert lexicon.language(Counter(written("Kantine"))) == ""


def test_stems_are_right_from_many_threads():
    words = [f"{start}{end}" for start in ("lauf", "arbeit", "mess") for end in ("en", "ung", "er")]
    words = [f"{prefix}{word}" for prefix in ("", "ver", "be", "auf", "ein") for word in words]
    expected = [Lexicon().stems(word) for word in words]
    for _ in range(5):
        lexicon = Lexicon()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lexicon.stems, words)) == expected


@pytest.mark.parametrize(
    ("form", "verb"),
    [("fällt", "fallen"), ("weggeworfen", "wegwerfen"), ("stole", "steal"), ("children", "child")],
)
def test_irregular_forms_share_the_stem_of_their_verb(form: str, verb: str):
    lexicon = Lexicon()
    assert set(lexicon.stems(form)) & set(lexicon.stems(verb))


def test_words_of_any_conversation_are_common_in_all_their_forms():
    lexicon = Lexicon()
    assert lexicon.is_common("decides")
    assert lexicon.is_common("fällt")
    assert not lexicon.is_common("dinosaur")
