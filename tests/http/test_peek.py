"""A body is what it begins as, however it is cut, and nothing of it is lost."""

import gzip
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from amber_mcp.http.peek import peeked

EVENT = b"data: {}\n\n"


class Pieces(httpx2.AsyncByteStream):
    def __init__(self, body: bytes, size: int) -> None:
        self._body = body
        self._size = size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), self._size):
            yield self._body[start : start + self._size]


@pytest.mark.parametrize("size", [1, 5, 1_000_000])
@pytest.mark.parametrize(
    ("kind", "body", "is_stream"),
    [
        ("text/plain", EVENT, True),
        ("text/plain", b"\xef\xbb\xbf\r\n: ping\n\n" + EVENT, True),
        ("application/json", b"event: x\n" + EVENT, True),
        ("text/event-stream", b'\n{"error": 1}', False),
        ("text/event-stream", b"[]", False),
        ("text/event-stream; charset=x", b"\n" * 5_000 + EVENT, True),
        ("text/event-stream", b"", True),
        ("text/html", b"<html>data: </html>", False),
        ("", b"database", False),
        ("", b"", False),
    ],
)
@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_body_is_what_it_begins_as(
    kind: str, body: bytes, is_stream: bool, size: int, coding: str
) -> None:
    headers = {"Content-Type": kind, "X-Request-Id": "r1"}
    sent = gzip.compress(body) if coding else body
    response = httpx2.Response(
        200,
        headers=headers | ({"Content-Encoding": coding} if coding else {}),
        stream=Pieces(sent, size),
        request=httpx2.Request("POST", "https://acme.example"),
    )
    with anyio.fail_after(10):
        async with peeked(response) as (whole, found):
            assert b"".join([piece async for piece in whole.aiter_bytes()]) == body
    assert found == is_stream
    assert whole.headers["x-request-id"] == "r1"
