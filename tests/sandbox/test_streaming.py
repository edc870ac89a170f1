import pytest

from amber_mcp.sandbox.streaming import cut, pieces


@pytest.mark.parametrize(
    ("stop", "most", "expected"),
    [
        (None, None, ("one two\nthree four", "stop")),
        ((), 4, ("one two\nthree four", "stop")),
        ((), 3, ("one two\nthree", "length")),
        ((), 0, ("", "length")),
        ("three", None, ("one two\n", "stop")),
        (["four", "two", "", "nowhere", 3], 3, ("one ", "stop")),
        (["three"], 1, ("one", "length")),
    ],
)
def test_texts_end_where_they_have_to(
    stop: list[object] | str | None, most: int | None, expected: tuple[str, str]
):
    assert cut("one two\nthree four", stop, most) == expected


@pytest.mark.parametrize("text", ["", " ", "a", "  a b c d e f g\n\nh ", "a\n"])
def test_pieces_are_the_whole_text(text: str):
    assert "".join(pieces(text)) == text
