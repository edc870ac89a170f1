"""What a response's body is, told by how it begins: servers and proxies mislabel it."""

import codecs
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx2

from .body import body_of
from .error_responses import request_id_of

_MAX_BLANK_BYTES = 1_000
_ENOUGH_BYTES = 6
_BEGINS_EVENT = re.compile(rb"(?:data|event|id|retry)?:")
_EVENTS = "text/event-stream"


@asynccontextmanager
async def peeked(response: httpx2.Response) -> AsyncIterator[tuple[httpx2.Response, bool]]:
    """The response, to be read from its start, and whether it is server-sent events.

    It is JSON if it begins as an object or a list, whatever its type says; events, if it begins as
    these do; else what its type says.
    """
    async with aclosing(body_of(response)) as pieces:
        begin = shown = b""
        while len(begin) < _MAX_BLANK_BYTES and len(shown) < _ENOUGH_BYTES:
            if shown.startswith((b"{", b"[")) or not (piece := await anext(pieces, b"")):
                break
            begin += piece
            shown = begin.removeprefix(codecs.BOM_UTF8).lstrip()
        is_stream = bool(_BEGINS_EVENT.match(shown)) or (
            not shown.startswith((b"{", b"["))
            and response.headers.get("content-type", "").lower().startswith(_EVENTS)
        )
        headers = {"x-request-id": request_id_of(response)}
        whole = httpx2.Response(
            response.status_code,
            headers=headers | ({"content-type": _EVENTS} if is_stream else {}),
            stream=_Replayed(begin, pieces),
            request=response.request,
        )
        yield whole, is_stream


class _Replayed(httpx2.AsyncByteStream):
    """What was read of a body, and the rest of it."""

    def __init__(self, begin: bytes, rest: AsyncGenerator[bytes]) -> None:
        self._begin = begin
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._begin
        async for piece in self._rest:
            yield piece
