from amber_mcp.sandbox.thesaurus import Thesaurus
from amber_mcp.sandbox.words import Lexicon


def thesaurus(*lines: str) -> Thesaurus:
    return Thesaurus(Lexicon(), "\n".join(["# a comment", "", *lines]))


def names(thesaurus: Thesaurus, *phrase: str) -> set[str]:
    return {" ".join(stems[-1] for stems in words) for words, _ in thesaurus.synonyms(phrase)}


def test_a_word_finds_the_others_of_its_group():
    known = thesaurus("Urlaub, Ferien, vacation", "Gehalt, salary")
    assert names(known, "Ferien") == {"urlaub", "vacat"}
    assert names(known, "vacations") == {"urlaub", "ferien"}
    assert names(known, "Pumpe") == set()


def test_several_words_in_a_row_are_one_entry():
    known = thesaurus("sick note, Attest")
    assert names(known, "sick", "notes") == {"attest"}
    assert names(known, "note") == set()
    assert names(known, "Attest") == {"sick note"}


def test_filler_words_are_no_part_of_an_entry():
    assert names(thesaurus("out of office, Abwesenheit, und"), "office") == {"abwesenheit"}


def test_a_word_of_many_groups_is_less_certain():
    known = thesaurus("Urlaub, leave, vacation", "leave, exit", "sick leave, krank")
    certainty = {words[0][-1]: certainty for words, certainty in known.synonyms(("Urlaub",))}
    assert certainty["vacat"] == 1 > certainty["leav"]


def test_a_stem_finds_its_group_too():
    assert [each.words for each in thesaurus("Urlaub, vacation").synonyms_of_stem("urlaub")] == [
        (("vacation", "vacat"),)
    ]


def test_the_shipped_list_joins_german_and_english():
    known = Thesaurus(Lexicon())
    assert "vacat" in names(known, "Urlaub")
    assert "urlaub" in names(known, "vacation")
    assert "notebook" in names(known, "Rechner")
    assert len(known.single_words) > 1000
