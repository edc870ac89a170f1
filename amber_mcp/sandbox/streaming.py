"""Streams: an answer a few words at a time, as server-sent events."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import anyio
from starlette.responses import StreamingResponse

OR_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
"""For the description of an endpoint: it may answer with a stream as well."""

_PIECE = re.compile(r"(?:\S+\s*){1,5}|\s+")
_WORD = re.compile(r"\S+\s*|\s+")
_ARGUMENTS = re.compile(r".{1,12}", re.DOTALL)


def pieces(text: str) -> list[str]:
    """A text as a stream sends it."""
    return _PIECE.findall(text)


def cut(text: str, stop: Sequence[object] | str | None, most: int | None) -> tuple[str, str]:
    """A text up to where it has to end, and its `finish_reason`: `stop` or `length`.

    It ends before the first of the `stop` texts, and after `most` words.
    """
    stops = [stop] if isinstance(stop, str) else stop or []
    ends = [text.find(each) for each in stops if isinstance(each, str) and each]
    text = text[: min((end for end in ends if end >= 0), default=len(text))]
    words: list[str] = _WORD.findall(text)
    if most is not None and len(words) > most:
        return "".join(words[:most]).rstrip(), "length"
    return text, "stop"


def deltas(message: Mapping[str, Any], finish: str) -> Iterator[tuple[dict[str, Any], str | None]]:
    """A message in OpenAI's format piece by piece, its role first and `finish` last."""
    yield {"role": "assistant", "content": ""}, None
    for piece in pieces(message["content"] or ""):
        yield {"content": piece}, None
    for at, call in enumerate(message.get("tool_calls") or []):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        begun = {**call, "index": at, "function": {"name": name, "arguments": ""}}
        yield {"tool_calls": [begun]}, None
        for piece in _ARGUMENTS.findall(arguments):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}, None
    yield {}, finish


def stream(
    chunks: Iterable[Mapping[str, Any]], pace: float, headers: Mapping[str, str] | None = None
) -> StreamingResponse:
    """Chunks as server-sent events, `pace` seconds apart, and `[DONE]` at the end."""
    # Encoded before the first is sent: what cannot be encoded is an error with a status.
    encoded = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode() for chunk in chunks]

    async def events() -> AsyncIterator[bytes]:
        for event in encoded:
            yield event
            await anyio.sleep(pace)
        yield b"data: [DONE]\n\n"

    named = {"Cache-Control": "no-cache", **(headers or {})}
    return StreamingResponse(events(), media_type="text/event-stream", headers=named)
