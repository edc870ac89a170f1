"""Refusals: the id is found where clients write it, and is never guessed."""

import pytest

from amber_mcp.transports.refusal import refusal_of


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"id":8}', 7),
        (b'{"id": "a\\"b", "method": "x"', 'a"b'),
        (b'{"method":"x","params":{"id":8},"jsonrpc":"2.0","id":9}\n', 9),
        (b'{"method":"x","params":{"a":"\xff"},"id":-1}', -1),
        (b'{"method":"x","params":{"id":8}}', None),
        (b'{"method":"notifications/x"}', None),
        (b"not json", None),
        (b'{"id":null}', None),
        (b'{"id":"\\q"}', None),
    ],
)
def test_the_id_of_a_broken_request(line: bytes, request_id: object) -> None:
    refusal = refusal_of(line, line, code=-32700, message="broken")
    assert (refusal and refusal.id) == request_id
    if refusal:
        assert refusal.error.code == -32700
        assert refusal.error.message == "broken"
