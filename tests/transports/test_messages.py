"""From lines to messages: what is understood, what is wrong with the rest, and who is told."""

import json

import pytest
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from amber_mcp.transports.messages import UnreadableLineError, beginning_of, message_of


def line(members: bytes) -> bytes:
    return b'{"jsonrpc":"2.0",' + members + b"}"


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (b'"id":1,"method":"x"', JSONRPCRequest),
        (b'"method":"x","result":5,"id":""', JSONRPCRequest),
        (b'"method":"x"', JSONRPCNotification),
        (b'"id":1,"result":{}', JSONRPCResponse),
        (b'"id":null,"error":{"code":1,"message":"x"}', JSONRPCError),
    ],
)
def test_the_kinds_of_messages(members: bytes, kind: type) -> None:
    assert type(message_of(line(members))) is kind
    assert type(message_of(bytearray(b"\xef\xbb\xbf \t" + line(members) + b" \r"))) is kind


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"\ud83d\ude00", "\U0001f600"),
        (rb"a\ud83d", "a\ufffd"),
        (rb"\uDE00b", "\ufffdb"),
        (rb"\ud83d\ud83d\ude00\ude00", "\ufffd\U0001f600\ufffd"),
        (rb"\\ud83d \ud83d\n", "\\ud83d \ufffd\n"),
        ("\U0001f600 ü".encode(), "\U0001f600 ü"),
    ],
)
def test_half_a_character_is_replaced(written: bytes, read: str) -> None:
    message = message_of(line(b'"id":1,"method":"x","params":{"a":"' + written + b'"}'))
    assert isinstance(message, JSONRPCRequest)
    assert message.params == {"a": read}


@pytest.mark.parametrize(
    "text",
    [
        b"this is no JSON",
        b'{"jsonrpc":"2.0"',
        line(b'"id":1,"method":"x\xff"'),
        line(b'"id":1,"method":"x\x00"'),
        line(b'"id":1,"method":"x","params":{"a":NaN}'),
        line(b'"id":1,"method":"x","params":{"a":"\\ud83d}'),
        line(b'"id":1,"method":"x","params":{"a":' + b"9" * 5000 + b"}"),
        line(b'"id":1,"method":"x","params":{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    ],
)
def test_what_is_not_json(text: bytes) -> None:
    with pytest.raises(
        UnreadableLineError, match=r"The message is not JSON: .* column \d+\."
    ) as refused:
        message_of(text)
    assert refused.value.error.code == PARSE_ERROR


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"5", "not an object"),
        (b"[]", "batch"),
        (b"{}", "no `method`"),
        (b'{"jsonrpc":"1.0","id":1,"method":"x"}', "`jsonrpc`"),
        (b'{"id":1,"method":"x"}', "`jsonrpc`"),
        (line(b'"id":1.5,"method":"x"'), "`id`"),
        (line(b'"id":null,"method":"x"'), "`id`"),
        (line(b'"id":true,"method":"x"'), "`id`"),
        (line(b'"id":1,"method":5'), "`method`"),
        (line(b'"id":1,"method":"x","params":[1]'), "`params`"),
        (line(b'"id":1,"result":5'), "`result`"),
        (line(b'"id":1,"error":5'), "`error`"),
    ],
)
def test_what_is_not_a_message(text: bytes, fault: str) -> None:
    with pytest.raises(UnreadableLineError) as refused:
        message_of(text)
    assert refused.value.error.code == INVALID_REQUEST
    assert str(refused.value).startswith("The message is not one of JSON-RPC 2.0: ")
    assert fault in str(refused.value)


def refused(value: object) -> object:
    """The id that a refusal has; `...` where it has none, `None` where there is no refusal."""
    refusal = UnreadableLineError(PARSE_ERROR, "broken", value).refusal
    if refusal is None:
        return None
    told = refusal.model_dump(exclude_unset=True)
    assert told["error"] == {"code": PARSE_ERROR, "message": "broken"}
    return told.get("id", ...)


@pytest.mark.parametrize(
    ("text", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"id":8}', 7),
        (b'{"id": "a\\"b", "method": "x"', 'a"b'),
        (b'{"id":1,"method":"x","params":{"a":NaN}}', 1),
        (b'{"id":1,"method":"x","params":{"a":"\xff"}}', 1),
        (b'{"method":"x","text":"no end, "id":8}', ...),
        (b'{"method":"x","params":{"id":8},"jsonrpc":"2.0","id":9}', 9),
        (b'{"method":"x","params":{"a":\xff},"id":-1}', -1),
        (b'{"method":"x","params":{"id":8}}', ...),
        (b'{"method":"x","params":{"id":8}', ...),
        (b'{"method":"x","params":{"a":"the \\"id\\": 8"', ...),
        (b'{"method":"x","id":"\\q"}', ...),
        (b"not json", ...),
        (b"[", ...),
        (b'{"method":"notifications/x","params":', None),
        (b'{"jsonrpc":"2.0","id":8,"result":{"a":', None),
        (b'{"jsonrpc":"2.0","id":8,"error":{"code":', None),
    ],
)
def test_whose_broken_line_is_refused(text: bytes, request_id: object) -> None:
    assert refused(beginning_of(text)) == request_id


@pytest.mark.parametrize("request_id", ["9", '"nine"'])
def test_a_long_line_may_tell_its_id_last(request_id: str) -> None:
    tail = f'xx"}}}}, "id": {request_id} }} '.encode()
    last = refused(beginning_of(b'{"method":"x","params":{"a":"xx', tail))
    assert last == json.loads(request_id)
    assert refused(beginning_of(b'{"id":1,"method":"x","params":{"a":"xx', tail)) == 1


@pytest.mark.parametrize(
    ("value", "request_id"),
    [
        ({"id": 1, "method": 5}, 1),
        ({"id": None, "method": "x"}, ...),
        ({"id": True, "method": "x"}, ...),
        ({"id": 1.5, "method": "x"}, ...),
        ({"method": "x"}, None),
        ({"id": 1, "result": 5}, None),
        ({"error": {"code": -32700, "message": "broken"}}, None),
        ({"jsonrpc": "2.0", "error": {"code": -32700, "message": "broken"}}, None),
        ({"id": 1}, 1),
        ({}, ...),
        (5, ...),
        ([], ...),
        ([{"id": 1, "method": "x"}, {"method": "y"}], ...),
        ([{"method": "x"}, {"id": 1, "result": {}}], None),
    ],
)
def test_whose_value_that_is_no_message_is_refused(value: object, request_id: object) -> None:
    assert refused(value) == request_id


@pytest.mark.parametrize(
    ("value", "request_id"),
    [
        ({"id": 1, "result": 5}, 1),
        ({"id": "1", "error": "no"}, "1"),
        ({"id": 1, "result": None, "error": None}, 1),
        (beginning_of(b'{"jsonrpc":"2.0","id":8,"result":{"a":'), 8),
        (beginning_of(b'{"result":{"a":"xx', b'xx"},"id":8}'), 8),
        ({"id": 1}, None),
        ({"id": 1, "method": "x", "result": 5}, None),
        ({"method": "x", "result": 5}, None),
        ({"id": None, "result": 5}, None),
        ({"id": True, "result": 5}, None),
        ([{"id": 1, "result": 5}], None),
        ("x", None),
    ],
)
def test_a_response_that_cannot_be_read_is_a_failure(value: object, request_id: object) -> None:
    error = UnreadableLineError(INVALID_REQUEST, "broken", value)
    assert (error.failure.id if error.failure else None) == request_id
    if error.failure:
        assert error.failure.error.message == "broken"
        assert error.refusal is None
