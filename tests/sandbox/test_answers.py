from amber_mcp.sandbox.answers import Found, reply, write
from amber_mcp.sandbox.documents import Document
from amber_mcp.sandbox.messages import Message
from amber_mcp.sandbox.passages import Passage


def found(*names: str, passages: int = 2) -> Found:
    documents = []
    for name in names:
        texts = tuple(Passage(f"{name} {number}") for number in range(passages))
        documents.append((Document(f"{name}.md", name, texts), texts))
    return Found("documents", 3, documents, lambda document: f"[{document.title}](x)")


def quoted(source: Found, passages: int) -> list[str]:
    text = write("q", [source], "en", passages=passages)
    return [line.removeprefix("> ") for line in text.splitlines() if line.startswith("> ")]


def test_each_document_is_quoted_before_more_of_the_first():
    assert quoted(found("a"), 2) == ["a 0", "a 1"]
    assert quoted(found("a", "b"), 2) == ["a 0", "b 0"]
    assert quoted(found("a", "b"), 3) == ["a 0", "b 0", "a 1"]
    assert quoted(found("a", "b"), 1) == ["a 0"]
    assert quoted(found("a", passages=0), 2) == quoted(found(), 2) == []


def test_quotes_stand_under_their_heading_and_have_an_end():
    passages = (Passage("One\n\nTwo", ("Top", "Low")), Passage("word " * 1000))
    source = Found("files", 1, [(Document("a.md", "a", passages), passages)], lambda _: "x")
    text = write("q", [source], "en", passages=2)
    assert "> **Low**\n>\n> One\n>\n> Two\n\nSource: x" in text
    assert "word …\n" in text
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
