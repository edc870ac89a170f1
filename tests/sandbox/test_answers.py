import uuid

import pytest

from amber_mcp.sandbox.agents import Agent
from amber_mcp.sandbox.answers import Source, address, choose, link, quoted, write
from amber_mcp.sandbox.documents import Document
from amber_mcp.sandbox.index import Hit
from amber_mcp.sandbox.passages import Passage


def hit(name: str, score: float, *qualities: float) -> Hit:
    passages = tuple((each, Passage(f"{name} {number}")) for number, each in enumerate(qualities))
    document = Document(f"{name}.md", name, tuple(passage for _, passage in passages))
    return Hit(document, score, 1.0, passages)


def source(*hits: Hit, where: str = "documents") -> Source:
    return Source(where, 3, hits, lambda hit: f"[{hit.title}](x)")


def texts(hits: list[Hit], passages: int) -> list[str]:
    return [passage.text for _, passage in choose(hits, passages)]


def test_one_document_far_ahead_is_quoted_alone():
    assert texts([hit("a", 9, 2, 1.5, 0.1), hit("b", 2, 2)], 2) == ["a 0", "a 1"]


def test_documents_that_come_close_are_quoted_both():
    assert texts([hit("a", 9, 2, 1.5), hit("b", 8, 2)], 2) == ["a 0", "b 0"]
    assert texts([hit("a", 9, 2, 1.5), hit("b", 8, 2)], 1) == ["a 0"]


def test_more_passages_quote_more():
    hits = [hit("a", 9, 2, 1.5, 0.1), hit("b", 8, 2, 1.9), hit("c", 7, 1)]
    assert texts(hits, 5) == ["a 0", "a 1", "b 0", "b 1", "c 0"]


def test_without_hits_nothing_is_quoted():
    assert choose([], 2) == []
    assert choose([hit("a", 1)], 2) == []


def test_quotes_stand_under_their_heading_and_have_an_end():
    assert quoted(Passage("One\n\nTwo", ("Top", "Low"))) == "> **Low**\n>\n> One\n>\n> Two"
    long = quoted(Passage("word " * 1000))
    assert len(long) < 1300
    assert long.endswith("word …")


def test_links_survive_any_name():
    url = address("http://127.0.0.1:1", "documents", "a b/ü(1).md")
    assert url == "http://127.0.0.1:1/documents/a%20b/%C3%BC%281%29.md"
    assert link("A [draft]", "a b.md", url) == f"[A \\[draft\\] (a b.md)]({url})"
    assert link("T", "p", "https://x.example/a(b) c?d=1&e=%20") == (
        "[T (p)](https://x.example/a%28b%29%20c?d=1&e=%20)"
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ("Antwort aus der Sandbox", "Quelle: [a](x)")),
        ("DE-at", ("Antwort aus der Sandbox", "Quelle: [a](x)")),
        ("en", ("Answer from the sandbox", "Source: [a](x)")),
        ("fr", ("Answer from the sandbox", "Source: [a](x)")),
    ],
)
def test_the_answers_own_words_follow_the_language(language: str, words: tuple[str, ...]):
    text = write("q", [source(hit("a", 1, 1))], language=language, passages=2)
    for word in words:
        assert word in text
    assert "> a 0" in text


def test_nothing_found_is_said_plainly():
    text = write("lost\n keys" + "x" * 500, [source(where="pages")], language="en", passages=2)
    assert 'Nothing found in 3 saved web pages for "lost keysx' in text
    assert len(text) < 400
    assert ">" not in text


def test_without_a_search_or_a_question_that_is_said():
    assert "Nothing was searched" in write("q", [], language="en", passages=2)
    assert "no question" in write("  ", [], language="en", passages=2)


def test_files_without_text_are_named():
    empty = Source("files", 0, [], lambda hit: hit.path, unreadable=["a.png"])
    text = write("q", [empty], language="en", passages=2)
    assert "Without readable text: a.png." in text
    assert "Nothing found" not in text


def test_an_agent_shows_its_hand():
    agent = Agent(
        id=uuid.UUID(int=1),
        name="hr",
        instructions="Quotes rules. More.",
        passages=1,
        overview=True,
    )
    hits = [hit("a", 9, 2, 2), hit("b", 8, 2)]
    text = write("q", [source(*hits)], language="en", passages=5, agent=agent)
    assert "Agent **hr**: Quotes rules." in text
    assert "Documents found:\n\n- [a](x)\n- [b](x)" in text
    assert text.count("> ") == 1
    silent = agent.model_copy(update={"instructions": ""})
    text = write("q", [source()], language="en", passages=5, agent=silent)
    assert "Agent **hr**\n" in text
    assert "Documents found" not in text
