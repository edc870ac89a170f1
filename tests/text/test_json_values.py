"""JSON from outside is counted before it is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amber_mcp.text.json_values import (
    MAX_VALUES,
    UnreadableJsonError,
    holds_more_values,
    parse_json,
)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('\\",[]{}a\n\u00e4'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('\\",[]{}'), inner),
)


def size(value: object) -> int:
    match value:
        case list():
            return 1 + sum(map(size, value))
        case dict():
            return 1 + sum(map(size, value.values()))
    return 1


@given(_JSON)
def test_as_many_values_are_counted_as_there_are_at_most(value: object) -> None:
    text = json.dumps(value).encode()
    assert not holds_more_values(text, 2 * size(value))
    assert size(value) < 2 or holds_more_values(text, size(value) // 2)
    assert parse_json(text) == value


@pytest.mark.parametrize("cut", range(65_530, 65_540))
def test_a_text_may_be_cut_anywhere(cut: int) -> None:
    text = json.dumps(["\\" * (cut // 2), '",[{' * 10]).encode()
    assert not holds_more_values(text, 10)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (json.dumps([[]] * MAX_VALUES), f"holds more than {MAX_VALUES:,} values"),
        (json.dumps([1] * MAX_VALUES + [2]).encode(), f"holds more than {MAX_VALUES:,} values"),
        ("[" * 200 + "]" * 200, "is nested too deeply"),
        ("[" * 20_000 + "]" * 20_000, "is nested too deeply"),
    ],
    ids=["lists", "numbers", "deep", "deeper"],
)
def test_what_would_take_too_long_is_not_read(text: str | bytes, fault: str) -> None:
    with pytest.raises(UnreadableJsonError, match=fault):
        parse_json(text)


def test_long_texts_are_read() -> None:
    value = ['[{,\\"' * MAX_VALUES, {"ä": "\ud83d"}]
    assert parse_json(json.dumps(value)) == value
    assert parse_json(b"\xef\xbb\xbf" + json.dumps(value).encode()) == value
