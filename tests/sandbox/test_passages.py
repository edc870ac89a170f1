from amber_mcp.sandbox.passages import plain, split_passages


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


def test_headings_in_code_are_code():
    _, passages = split_passages("# Top\n\n```sh\n# not a heading\n\nls\n```")
    assert passages[0].text == "```sh\n# not a heading\n\nls\n```"


def test_comments_are_left_out():
    assert split_passages("<!-- a\nb -->Text")[1][0].text == "Text"


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


def test_text_without_any_sentence_is_divided_too():
    _, passages = split_passages("x" * 10_000)
    assert sum(each.text.count("x") for each in passages) == 10_000


def test_table_rows_keep_their_head():
    rows = [f"| row {n} | {'y' * 40} |" for n in range(60)]
    _, passages = split_passages("\n".join(["| A | B |", "| --- | --- |", *rows]))
    assert len(passages) > 2
    for passage in passages:
        assert passage.text.startswith("| A | B |\n| --- | --- |\n| row")


def test_nothing_is_no_passage():
    assert split_passages(" \n\n") == ("", [])


def test_plain_takes_marks_out():
    assert plain("**Bold** `code` [link](http://x) <b>tag</b>") == "Bold code link tag"
