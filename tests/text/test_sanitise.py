"""Text from outside: what it may be in an answer, in a line of ours, and as an id."""

import pytest

from amber_mcp.text.sanitise import answer_text, is_plain, one_line, single_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\n\n\ttwo\r\nthree", "one\n\n\ttwo\nthree"),
        ("a\x1b[31mb\x1b[0m\x1b]0;title\x07c\x1b]8;;https://evil.example\x1b\\d\x1b(Be", "abcde"),
        ("over\rwritten\x08\x07\x00\x9b2J", "overwritten2J"),
        ("see\U000e0049\U000e0067\U000e006e this", "see this"),
        ("👩‍💻 zero\u200cwidth is part of words", "👩‍💻 zero\u200cwidth is part of words"),
        ("![x](https://evil.example/p.png)", "[x](https://evil.example/p.png)"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_an_answer_keeps_its_form_and_steers_nothing(text: str, shown: str) -> None:
    assert answer_text(text) == shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  Leave\n\tin 2026 \u2028 ", "Leave in 2026"),
        ("a\x1b[2Jb\x00c", "abc"),
        ("in\u200bvi\xadsi\u2060ble\u202e\ufeff", "invisible"),
        ("![x](https://evil.example/p.png)", "[x] (https://evil.example/p.png)"),
        ("x](javascript:alert(1)) [y", "x] (javascript:alert(1)) [y"),
        ("[x][y]", "[x] [y]"),
        ("<b>x</b> <!-- y --> 1 < 2", "< b>x< /b> < !-- y --> 1 < 2"),
        ("<https://evil.example/>", "< https://evil.example/>"),
        ("Größe [DE] (alt) *neu* 👍️", "Größe [DE] (alt) *neu* 👍️"),
    ],
)
def test_a_line_is_one_and_links_nothing(text: str, line: str) -> None:
    assert single_line(text) == line
    assert single_line(line) == line


def test_a_line_is_cut_where_it_is_long() -> None:
    assert one_line("word " * 100, max_chars=12) == "word word w…"
    assert one_line("\n" * 10_000_000 + "x", max_chars=12) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("azure/gpt-5.4", True),
        ("GPT 4o (EU)", True),
        ("größe", True),
        ("", False),
        (" a", False),
        ("a\nb", False),
        ("a\x1bb", False),
        ("a\u202eb", False),
        ("![x](y)", False),
        ("x" * 101, False),
    ],
)
def test_an_id_is_plain(text: str, expected: bool) -> None:
    assert is_plain(text, max_chars=100) is expected
