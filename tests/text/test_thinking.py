"""Thinking in tags: taken out wherever the text is cut, and only at its start."""

import pytest

from amber_mcp.text.thinking import Thinking


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>\nHm.</think>\n\nTwenty.\n", "Twenty.\n"),
        (" \n<thinking>a</think b</thinking>x</think>", "x</think>"),
        ("<think></think>", ""),
        ("<think>never ends", ""),
        ("<th", "<th"),
        ("\n <thin air>", "\n <thin air>"),
        ("Say <think>x</think>.", "Say <think>x</think>."),
        ("", ""),
        (" " * 500, " " * 500),
    ],
)
def test_thinking_is_no_answer_wherever_it_is_cut(text: str, answer: str) -> None:
    for size in (1, 2, 7, len(text) or 1):
        thinking = Thinking()
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert "".join(map(thinking.removed, pieces)) + thinking.rest == answer
