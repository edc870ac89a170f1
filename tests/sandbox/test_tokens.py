import pytest

from amber_mcp.sandbox import tokens


@pytest.mark.parametrize(
    ("stop", "most", "expected"),
    [
        ((), None, ("one two\nthree four", "stop")),
        ((), 4, ("one two\nthree four", "stop")),
        ((), 3, ("one two\nthree", "length")),
        ((), 0, ("", "length")),
        (["three"], None, ("one two\n", "stop")),
        (["four", "two", "", "nowhere"], 3, ("one ", "stop")),
        (["three"], 1, ("one", "length")),
    ],
)
def test_texts_end_where_they_have_to(stop: list[str], most: int | None, expected: tuple[str, str]):
    assert tokens.cut("one two\nthree four", stop, most) == expected


@pytest.mark.parametrize("text", ["", " ", "a", "  a b c d e f g\n\nh ", "a\n"])
def test_pieces_are_the_whole_text(text: str):
    assert "".join(tokens.pieces(text)) == text
