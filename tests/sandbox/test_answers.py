from contextlib import closing

import pytest

from amber_mcp.sandbox.answers import Source, reply, write
from amber_mcp.sandbox.documents import Document
from amber_mcp.sandbox.messages import Message
from amber_mcp.sandbox.passages import Passage
from amber_mcp.sandbox.search import SearchIndex, Synonyms


def written(*texts: list[Passage], passages: int) -> str:
    documents = [Document(f"{n}.md", f"{n}", tuple(each)) for n, each in enumerate(texts)]
    with closing(SearchIndex(documents, Synonyms())) as index:
        source = Source("documents", index, lambda document: f"[{document.title}](x)")
        messages = [Message(role="user", content="valve")]
        return write(messages, [source], "en", passages=passages)


@pytest.mark.parametrize(
    ("names", "passages", "expected"),
    [
        ("a", 2, ["valve a0", "valve a1"]),
        ("ab", 2, ["valve a0", "valve b0"]),
        ("ab", 3, ["valve a0", "valve b0", "valve a1"]),
        ("ab", 1, ["valve a0"]),
        ("", 2, []),
    ],
)
def test_each_document_is_quoted_before_more_of_the_first(
    names: str, passages: int, expected: list[str]
):
    texts = [[Passage(f"valve {name}{number}") for number in range(2)] for name in names]
    lines = written(*texts, passages=passages).splitlines()
    assert [line.removeprefix("> ") for line in lines if line.startswith("> ")] == expected


def test_quotes_stand_under_their_heading_and_have_an_end():
    text = written([Passage("One valve\n\nTwo", ("Top", "Low"))], passages=1)
    assert "> **Low**\n>\n> One valve\n>\n> Two\n\nSource: [0](x)" in text
    text = written([Passage("valve " * 1000)], passages=1)
    assert "valve …\n" in text
    assert len(text) < 1400


def test_results_are_told_by_the_names_of_their_functions():
    call = {"id": "1", "function": {"name": "f"}}
    messages = [
        Message(role="user", content="Why?"),
        Message(role="assistant", tool_calls=[call, {}]),
        Message(role="tool", tool_call_id="1", content="one"),
        Message(role="tool", tool_call_id="2", name="g", content=[{"type": "text", "text": "two"}]),
        Message(role="tool", content="three"),
    ]
    _, *results = reply(messages).split("\n\n")
    assert results == [
        "Result of f: “one”",
        "Result of g: “two”",
        "Result of a function: “three”",
    ]
