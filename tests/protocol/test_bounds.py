"""How much a message may hold: refused before it is parsed, and before it is checked."""

import json
from typing import Any

import pytest

from amber_mcp.protocol.bounds import (
    MOST_ARGUMENT_VALUES,
    MOST_CHARS,
    MOST_DEPTH,
    MOST_VALUES,
    TooMuchError,
    check_message,
    check_text,
    check_value,
)

MOST = MOST_ARGUMENT_VALUES + MOST_VALUES
ODD = '[{",\\'
"""What separates values, ends texts or escapes: within a text, none of it counts."""


def call(arguments: object, **others: object) -> dict[str, Any]:
    params = {"name": "ask_amber", "arguments": arguments, **others}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize(
    "value",
    [
        [ODD * 100_000],
        {ODD * number: ODD for number in range(300)},
        ["\\" * number for number in range(900)],
        [ODD * 16_384 + "x" * more + ODD * 70_000 for more in range(4)],
        [0] * (MOST - 2),
    ],
    ids=lambda value: f"{type(value).__name__} of {len(value)}",
)
async def test_what_stands_in_texts_is_not_counted(value: object) -> None:
    await check_text(json.dumps(value).encode())


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"1," * MOST + b"1]",
        b"[" * MOST,
        b'{"a":"' + b"," * 70_000 + b'","b":[' + b"[]," * MOST + b"1]}",
        b'["\\\\",' + b'"\\"",' * MOST + b"1]",
        b'["' + b"\\\\" * 200_000 + b'"' + b",1" * MOST + b"]",
    ],
    ids=lambda text: repr(text[:20]),
)
async def test_too_many_values_are_not_parsed(text: bytes) -> None:
    with pytest.raises(TooMuchError, match="more than 11000 values"):
        await check_text(text)


@pytest.mark.parametrize(
    "message",
    [
        call({"messages": [{"role": "user", "content": "x"}] * 2500}),
        call({"content_base64": "QUJD" * MOST_CHARS}),
        {"method": "prompts/get", "params": {"arguments": {"task": "x" * (MOST_CHARS - 100)}}},
        call({"a": nested(MOST_DEPTH // 2 - 3)}),
        {"id": 1, "result": {"content": {"a": "b"}}},
        [],
        None,
    ],
    ids=lambda message: repr(message)[:60],
)
def test_what_is_usual_is_far_from_the_limits(message: object) -> None:
    check_message(message)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (call([1] * MOST_ARGUMENT_VALUES), "more than 10000 values"),
        (call({}, inputResponses={f"a{n}": [] for n in range(MOST_VALUES)}), "more than 1000"),
        (call({}, requestState="x" * MOST_CHARS), f"{MOST_CHARS} are the most"),
        ({"method": "prompts/get", "params": {"arguments": [1] * MOST_VALUES}}, "more than 1000"),
        ({"method": "initialize", "params": {"x" * 20_001: 1}}, "20000 are the most"),
        ({"id": 1, "result": {"content": [1] * MOST_VALUES}}, "more than 1000 values"),
        (call({"a": nested(MOST_DEPTH)}), "more than 100 deep"),
        (call({}, _meta=nested(MOST_DEPTH)), "more than 100 deep"),
        ([[]] * MOST_VALUES, "more than 1000 values"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_too_much_is_told(message: object, told: str) -> None:
    with pytest.raises(TooMuchError, match=told):
        check_message(message)


def test_values_are_counted_as_they_are() -> None:
    value = {"a": [1, 2, {"b": "cd"}], "e": None}
    check_value(value, 7, 5)
    for most, most_chars in ((6, 5), (7, 4)):
        with pytest.raises(TooMuchError):
            check_value(value, most, most_chars)
