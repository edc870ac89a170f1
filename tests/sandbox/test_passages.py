import pytest

from amber_mcp.sandbox.passages import Passage, plain, split_passages


def test_passages_stand_under_their_headings():
    title, passages = split_passages(
        "Intro\n\n# Top #\n\nOne.\n\n## Low *level*\n\nTwo.\n\n# Next\n\nThree."
    )
    assert title == "Top"
    assert [(each.headings, each.text) for each in passages] == [
        ((), "Intro"),
        (("Top",), "One."),
        (("Top", "Low level"), "Two."),
        (("Next",), "Three."),
    ]


@pytest.mark.parametrize(
    ("markdown", "texts"),
    [
        ("```sh\n# not a heading\n\nls\n```", ["```sh\n# not a heading\n\nls\n```"]),
        ("Run:\n~~~\nls\n~~~\nThen", ["Run:\n\n~~~\nls\n~~~\n\nThen"]),
        ("```\nnever: closed\n\n# x", ["```\nnever: closed\n\n# x"]),
        ("<!-- a\nb -->Text", ["Text"]),
        ("#no heading", ["#no heading"]),
        ("x" * 2000, ["x" * 700, "x" * 700, "x" * 600]),
        (" \n\n", []),
    ],
)
def test_code_and_text_without_headings(markdown: str, texts: list[str]):
    assert split_passages(markdown) == ("", [Passage(text) for text in texts])


def test_small_paragraphs_share_a_passage_and_long_ones_do_not():
    _, passages = split_passages("\n\n".join(f"Paragraph {n}. " + "x " * 150 for n in range(4)))
    assert len(passages) == 2
    assert "Paragraph 0" in passages[0].text
    assert "Paragraph 1" in passages[0].text


def test_long_paragraphs_are_divided_between_sentences():
    _, passages = split_passages(" ".join(f"Sentence number {n} is here." for n in range(100)))
    assert len(passages) > 2
    assert all(len(each.text) < 800 for each in passages)
    assert all(each.text.endswith(".") for each in passages)


def test_table_rows_keep_their_head():
    rows = [f"| row {n} | {'y' * 40} |" for n in range(60)]
    _, passages = split_passages("\n".join(["| A | B |", "| --- | --- |", *rows]))
    assert len(passages) > 2
    for passage in passages:
        assert passage.text.startswith("| A | B |\n| --- | --- |\n| row")


def test_plain_takes_marks_out():
    assert plain("**Bold** `code` [link](http://x) <b>tag</b>") == "Bold code link tag"
