"""Redaction: configured secrets, and whatever looks like one."""

import pytest

from amber_mcp.redaction import redacted


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key ambrs-abcdef-1234 refused", "key [hidden] refused"),
        ("sk-abcdefgh1234", "[hidden]"),
        ("Authorization: Bearer abcdefgh.ijkl", "Authorization: Bearer [hidden]"),
        ("proxy http://me:pass@proxy:3128 failed", "proxy http://[hidden]@proxy:3128 failed"),
        ("the bearer of news; ask-someone", "the bearer of news; ask-someone"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, clean: str) -> None:
    assert redacted(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("bad key hunt… (cut)", "bad key [hidden]… (cut)"),
        ("bad key hunter", "bad key [hidden]"),
        ("bad key hun… (cut)", "bad key hun… (cut)"),
        ('{"key": "a\\"b\\\\c"}', '{"key": "[hidden]"}'),
    ],
)
def test_a_secret_is_hidden_though_it_is_cut_off_or_escaped(text: str, clean: str) -> None:
    assert redacted(text, "hunter2", 'a"b\\c') == clean


def test_a_configured_secret_is_hidden_whatever_it_looks_like() -> None:
    assert redacted("I got hunter2!", "hunter2", "") == "I got [hidden]!"
