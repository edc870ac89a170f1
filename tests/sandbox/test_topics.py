from amber_mcp.sandbox.topics import Topics
from amber_mcp.sandbox.words import Lexicon


def topics(*paragraphs: str) -> Topics:
    return Topics(Lexicon(), "\n\n".join(paragraphs))


def test_a_word_leads_to_the_topics_it_stands_in():
    known = topics("# loss\nthief police Diebe", "# fire\nflames\npolice")
    assert known.having(known_stems("thieves", "police")) == {0, 1}
    assert known.having(known_stems("Diebe")) == {0}
    assert known.having(known_stems("flame")) == {1}
    assert known.having(known_stems("loss", "fire")) == set()


def test_a_topic_is_known_by_the_stems_of_its_words():
    assert {"polic", "dieb"} <= topics("# a comment\npolice Diebe").stems(0)


def test_the_shipped_topics_have_both_languages():
    known = Topics(Lexicon())
    assert known.having(known_stems("stolen")) & known.having(known_stems("Diebstahl"))


def known_stems(*words: str) -> list[str]:
    return [stem for word in words for stem in Lexicon().stems(word)]
