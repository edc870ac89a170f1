"""From lines to messages: what is understood, and what is wrong with the rest."""

import pytest
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from amber_mcp.transports.messages import NotAMessageError, NotJsonError, message_of


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
        line(b'"id":1,"method":"x","params":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ],
)
def test_what_is_not_json(text: bytes) -> None:
    with pytest.raises(NotJsonError, match=r"The line is not JSON: .* column \d+\."):
        message_of(text)


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
    with pytest.raises(NotAMessageError) as refused:
        message_of(text)
    assert str(refused.value).startswith("The line is not a JSON-RPC 2.0 message: ")
    assert fault in str(refused.value)
