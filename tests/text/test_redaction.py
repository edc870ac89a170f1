"""Redaction: configured secrets, and whatever looks like one."""

import time
from base64 import b64encode
from collections.abc import Callable
from html import escape
from urllib.parse import quote

import pytest

from amber_mcp.text.redaction import distinct_secrets, redact, remove_secrets_in_json


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key ambrs-abcdef-1234 refused", "key {hidden} refused"),
        ("sk-abcdefgh1234", "{hidden}"),
        ("Authorization: Bearer abcdefgh.ijkl", "Authorization: {hidden}"),
        ("authorization: Basic dXNlcjpwYXNz\nX: 1", "authorization: {hidden}\nX: 1"),
        ("sent as Bearer abcdefgh1.ijkl", "sent as Bearer {hidden}"),
        ("{'Cookie': 'sid=1; theme=dark'}", "{'Cookie': '{hidden}'}"),
        ("Set-Cookie: sid=0123; HttpOnly", "Set-Cookie: {hidden}"),
        ("GET /a?api_key=0123&b=2", "GET /a?api_key={hidden}&b=2"),
        (
            "https://acme.example/a?access_token=0123#x",
            "https://acme.example/a?access_token={hidden}",
        ),
        ('{"client_secret": "0 1 2", "b": 2}', '{"client_secret": "{hidden}", "b": 2}'),
        ('{"password":"p", "token_count": 3}', '{"password":"{hidden}", "token_count": 3}'),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "{hidden}"),
        ("X-Amber-Api-Key=0123", "X-Amber-Api-Key={hidden}"),
        ("Cookie: {hidden} What to do: look", "Cookie: {hidden} What to do: look"),
        ("X-Api-Key: abc def", "X-Api-Key: {hidden}"),
        ('"{\\"x-api-key\\": \\"0123\\"}"', '"{\\"x-api-key\\": \\"{hidden}\\"}"'),
        ("https://acme.example/?key=0123", "https://acme.example/?key={hidden}"),
        ("http://user:p@ss@proxy:3128", "http://{hidden}@proxy:3128"),
        ("write http://user:password@host:port", "write http://user:password@host:port"),
        ("the key = to success; a monkey=1", "the key = to success; a monkey=1"),
        ("Bearer authentication is required", "Bearer authentication is required"),
        ("basic information on SK-Zertifizierung", "basic information on SK-Zertifizierung"),
        ("sent Basic dXNlcjpwYXNz", "sent Basic {hidden}"),
        ("body.api_key: field required", "body.api_key: field required"),
        ("The password: at least 14 characters", "The password: at least 14 characters"),
        ("a basic rule for tokens: 3 of them", "a basic rule for tokens: 3 of them"),
        ("proxy http://me:pass@proxy:3128 failed", "proxy http://{hidden}@proxy:3128 failed"),
        ("the bearer of news; ask-someone", "the bearer of news; ask-someone"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("bad key hunt… (cut)", "bad key {hidden}… (cut)"),
        ("bad key hunter", "bad key {hidden}"),
        ("bad key hun… (cut)", "bad key hun… (cut)"),
        ('{"key": "a\\"b\\\\c"}', '{"key": "{hidden}"}'),
    ],
)
def test_a_secret_is_hidden_though_it_is_cut_off_or_escaped(text: str, clean: str) -> None:
    assert redact(text, "hunter2", 'a"b\\c', is_cut=True) == clean


def test_a_configured_secret_is_hidden_whatever_it_looks_like() -> None:
    assert redact("I got hunter2!", "hunter2", "") == "I got {hidden}!"


def test_json_keeps_its_form_without_secrets() -> None:
    value = {"a": ["hunter2", 1, None, {"hunter2": "I said hunter2. hunt"}]}
    clean = {"a": ["{hidden}", 1, None, {"hunter2": "I said {hidden}. hunt"}]}
    assert remove_secrets_in_json(value, "hunter2") == clean


def test_a_word_that_begins_a_secret_stays_in_text_that_is_whole() -> None:
    assert redact("the adaptive", "adaptive-key-1") == "the adaptive"


@pytest.mark.parametrize("piece", ["x-", "eyJ-", "sk", "cookie", "token", "://", '"', "api_key "])
def test_long_texts_of_any_kind_take_no_long_time(piece: str) -> None:
    """Quadratic patterns took seconds here, and held up every other call."""
    text = piece * (40_000 // len(piece))
    began = time.process_time()
    redact(text, "hunter2-hunter2")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("form", [quote, escape, lambda key: b64encode(key.encode()).decode()])
def test_a_secret_is_hidden_in_other_forms(form: Callable[[str], str]) -> None:
    key = "a key/with <signs>"
    assert "hidden" in redact(f"I got {form(key)}!", key)
    assert form(key)[:8] not in redact(f"I got {form(key)}!", key)


def test_short_secrets_are_not_looked_for_in_answers() -> None:
    assert distinct_secrets(["test", "a-key-of-some-length"]) == ("a-key-of-some-length",)
