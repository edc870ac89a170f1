"""Server-sent events: one JSON object a time, then the mark of OpenAI's format that it is all."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import anyio
from starlette.responses import StreamingResponse


def respond(
    chunks: Iterable[Mapping[str, Any]],
    pace: float,
    *,
    is_marked: bool = True,
    headers: Mapping[str, str] | None = None,
) -> StreamingResponse:
    """A stream of chunks, `pace` seconds apart; ended by `[DONE]` if it `is_marked`."""
    return StreamingResponse(
        _events(chunks, pace, is_marked),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", **(headers or {})},
    )


async def _events(
    chunks: Iterable[Mapping[str, Any]], pace: float, is_marked: bool
) -> AsyncIterator[str]:
    is_first = True
    for chunk in chunks:
        if not is_first:
            await anyio.sleep(pace)
        is_first = False
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    if is_marked:
        yield "data: [DONE]\n\n"
