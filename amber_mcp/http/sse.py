"""The server-sent events of a response, as servers and proxies really send them.

They are UTF-8 whatever the header says, a byte order mark may precede them, and the last event may
lack the blank line that ends it: it is passed on, with `is_whole` unset.
"""

import codecs
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2

from .body import body_of
from .limits import Limits, Turns

_PIECE_BYTES = 4096
"""A compressed piece may grow to a megabyte of small events: other tasks get their turn between."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `is_whole` tells whether the blank line at its end was seen."""

    name: str
    data: str
    is_whole: bool


async def events_of(response: httpx2.Response, limits: Limits) -> AsyncIterator[Event]:
    """The events of a response that have data; others mean nothing.

    Raises:
        UpstreamError: for a response over its limit: comments and blank lines count as well.
        httpx2.SSEError: for an event over its limit.
        httpx2.HTTPError: where the connection fails.
    """
    text = _EventText(response, limits)
    source = httpx2.EventSource(text, max_event_size=limits.json_bytes)  # type: ignore[arg-type]
    turns = Turns()
    async for event in source:
        await turns.offer()
        if data := event.data.strip():
            yield Event(event.event, data, not text.has_ended)


class _EventText:
    """What `EventSource` needs of a response: its text, with a blank line added at the end."""

    def __init__(self, response: httpx2.Response, limits: Limits) -> None:
        self.headers = response.headers
        self.request = response.request
        self.has_ended = False
        self._response = response
        self._limits = limits

    async def aiter_text(self) -> AsyncIterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        turns = Turns()
        received = 0
        async for piece in body_of(self._response):
            received += len(piece)
            if received > self._limits.response_bytes:
                raise self._limits.response_too_long()
            for start in range(0, len(piece), _PIECE_BYTES):
                await turns.offer()
                yield decoder.decode(piece[start : start + _PIECE_BYTES])
        rest = decoder.decode(b"", final=True)
        self.has_ended = True
        yield f"{rest}\n\n"
