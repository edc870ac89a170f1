"""Refusals: who gets one, and whose id is in it."""

import pytest

from amber_mcp.transports.refusal import failure_of, refusal_of, seen_in


def refused(value: object) -> object:
    """The id that a refusal has; `...` where it has none, `None` where there is no refusal."""
    refusal = refusal_of(value, code=-32700, message="broken")
    if refusal is None:
        return None
    told = refusal.model_dump(exclude_unset=True)
    assert told["error"] == {"code": -32700, "message": "broken"}
    return told.get("id", ...)


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"id":8}', 7),
        (b'{"id": "a\\"b", "method": "x"', 'a"b'),
        (b'{"method":"x","params":{"id":8},"jsonrpc":"2.0","id":9}', 9),
        (b'{"method":"x","params":{"a":"\xff"},"id":-1}', -1),
        (b'{"method":"x","params":{"id":8}}', ...),
        (b'{"method":"x","params":{"id":8}', ...),
        (b'{"method":"x","params":{"a":"the \\"id\\": 8"', ...),
        (b'{"method":"x","id":12', ...),
        (b'{"method":"x","id":"\\q"}', ...),
        (b'{"method":"x","text":"no end, "id":8}', ...),
        (b"not json", ...),
        (b"[", ...),
        (b'{"method":"notifications/x","params":', None),
        (b'{"jsonrpc":"2.0","id":8,"result":{"a":', None),
        (b'{"jsonrpc":"2.0","id":8,"error":{"code":', None),
    ],
)
def test_a_broken_line(line: bytes, request_id: object) -> None:
    assert refused(seen_in(line, b"")) == request_id


@pytest.mark.parametrize("request_id", [9, "nine"])
def test_a_long_line_may_tell_its_id_last(request_id: object) -> None:
    name = str(request_id) if isinstance(request_id, int) else f'"{request_id}"'
    tail = f'xx"}}, "id": {name} }} '.encode()
    assert refused(seen_in(b'{"method":"x","params":{"a":"xx', tail)) == request_id
    assert refused(seen_in(b'{"id":1,"method":"x","params":{"a":"xx', tail)) == 1


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
        ({"id": 1}, 1),
        ({}, ...),
        (5, ...),
        ([], ...),
        ([{"id": 1, "method": "x"}, {"method": "y"}], ...),
        ([{"method": "x"}, {"id": 1, "result": {}}], None),
    ],
)
def test_a_value_that_is_not_a_message(value: object, request_id: object) -> None:
    assert refused(value) == request_id


def test_a_refusal_is_not_refused_in_turn() -> None:
    refusal = refusal_of("noise", code=-32700, message="broken")
    assert refusal is not None
    assert refused(refusal.model_dump(exclude_unset=True)) is None


@pytest.mark.parametrize(
    ("value", "request_id"),
    [
        ({"id": 1, "result": 5}, 1),
        ({"id": "1", "error": "no"}, "1"),
        ({"id": 1, "result": None, "error": None}, 1),
        (seen_in(b'{"jsonrpc":"2.0","id":8,"result":{"a":', b""), 8),
        (seen_in(b'{"result":{"a":"xx', b'xx"},"id":8}'), 8),
        ({"id": 1}, None),
        ({"id": 1, "method": "x", "result": 5}, None),
        ({"method": "x", "result": 5}, None),
        ({"id": None, "result": 5}, None),
        ({"id": True, "result": 5}, None),
        ({"id": 1.5, "result": 5}, None),
        ([{"id": 1, "result": 5}], None),
        ("x", None),
    ],
)
def test_a_response_that_cannot_be_read_is_a_failure(value: object, request_id: object) -> None:
    failure = failure_of(value, code=-32600, message="broken")
    assert (failure.id if failure else None) == request_id
    if failure:
        assert failure.error.message == "broken"
        assert refusal_of(value, code=-32600, message="broken") is None
