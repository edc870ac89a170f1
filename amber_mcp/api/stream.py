"""Server-sent events in OpenAI's form -> `ChatDelta`: what ends a stream, and what breaks one."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import anyio
import httpx2

from amber_mcp.errors import AmberError, StreamBroken, UpstreamError

from .endings import Ending
from .events import Event, events_of
from .failures import failure_in, request_id_of, words_of
from .json_text import TooDeepError, parse_json
from .sources import sources_of
from .types import ChatDelta, Json, Usage

_LAST_WORDS_SECONDS = 3.0
_END_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """The bytes that an answer, and an event of it, may have."""

    body_bytes: int
    event_bytes: int


def too_long(limit: int) -> UpstreamError:
    """The error of an answer that has more than `limit` bytes."""
    return UpstreamError(
        f"the answer is longer than {limit} bytes, which is AMBER_MAX_RESPONSE_BYTES",
        advice="Ask something narrower, or raise AMBER_MAX_RESPONSE_BYTES.",
    )


async def read_stream(
    response: httpx2.Response,
    limits: Limits,
    *,
    answer_in: Callable[[Mapping[str, Json]], Mapping[str, Json]],
    choices: int = 1,
) -> AsyncIterator[ChatDelta]:
    """The pieces of a streamed answer, in order; `answer_in` takes out what says nothing of it.

    amber does not document its chunks; OpenAI's form is assumed, and what it allows is accepted:
    chunks without choices, fields that are absent or null, an end without `[DONE]`.

    Args:
        choices: how many were asked for. Once these are there, whatever is amiss with the rest of
            the stream is of no account.

    Raises:
        UpstreamError: for a chunk that is not JSON, an error in the stream, an answer or an event
            over its limit, or a stream without any choice where one was wanted.
        StreamBroken: if the stream ends without `[DONE]`, and a choice has no finish reason.
    """
    ending = Ending()
    received = 0
    odd = ""
    events = events_of(response, max_event_bytes=limits.event_bytes)
    while event := await _next(events, is_answered=choices > 0 and ending.has_all(choices)):
        if event.data == "[DONE]":
            await _read_to_end(events)
            break
        received += len(event.data.encode(errors="replace"))
        try:
            if received > limits.body_bytes:
                raise too_long(limits.body_bytes)
            chunk = answer_in(_chunk(event, response)) if event.data else {}
            delta = delta_of(chunk, response)
        except AmberError:
            if choices and ending.has_all(choices):
                return  # A whole answer stays one, whatever comes after it.
            raise
        if chunk:
            ending.add(chunk)
            odd = odd if "choices" in chunk else event.data
            yield delta
    else:
        if not ending.is_complete and (ending.has_choices or not odd):
            raise _broken()
    if choices and not ending.has_choices:
        raise UpstreamError(
            "the answer's stream holds no choice that can be read",
            upstream=words_of(odd.encode(errors="replace")),
            request_id=request_id_of(response),
        )


async def _read_to_end(events: AsyncIterator[Event]) -> None:
    """Nothing more is said; but a connection that was read to its end is used again."""
    with anyio.move_on_after(_END_SECONDS), suppress(httpx2.HTTPError, ssl.SSLError):
        await anext(events, None)


async def _next(events: AsyncIterator[Event], *, is_answered: bool) -> Event | None:
    """The next event. After a whole answer it is not waited for long, and may fail to come."""
    if not is_answered:
        return await anext(events, None)
    try:
        with anyio.move_on_after(_LAST_WORDS_SECONDS):
            return await anext(events, None)
    except (httpx2.HTTPError, ssl.SSLError):
        pass  # What it would have told is how many tokens there were.
    return None


def delta_of(body: Mapping[str, Json], response: httpx2.Response) -> ChatDelta:
    """One chunk of a stream, or one whole body (seed 000): both hold choices of the same form.

    Raises:
        UpstreamError: (or the kind its status names) if the body, or its choice, holds an error.
    """
    choice = _first(body.get("choices"))
    if error := body.get("error") or choice.get("error"):
        raise failure_in(error, response)
    if not body.get("choices") and (body.get("object") == "error" or "detail" in body):
        raise failure_in(body, response)
    piece = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
    return ChatDelta(
        text=_text(piece.get("content")) or _text(choice.get("text")),
        model=_text(body.get("model")),
        finish_reason=_text(choice.get("finish_reason")) or _text(body.get("finish_reason")),
        refusal=_text(piece.get("refusal")),
        usage=_usage(body),
        sources=sources_of(piece, choice, body),
        chunk=body,
    )


def _chunk(event: Event, response: httpx2.Response) -> Mapping[str, Json]:
    kind = "not a JSON object"
    try:
        chunk = parse_json(event.data)
    except TooDeepError:
        chunk, kind = None, "nested too deeply"
    except ValueError:
        chunk = None
    if isinstance(chunk, dict):
        if event.name == "error" and not chunk.get("error"):
            raise failure_in(chunk, response)
        return chunk
    if not event.is_whole:
        raise _broken()
    if event.name == "error":
        raise failure_in(event.data, response)
    raise UpstreamError(
        f"the API sent a piece of a stream that is {kind}",
        upstream=words_of(event.data.encode(errors="replace")),
        request_id=request_id_of(response),
    )


def _broken() -> StreamBroken:
    return StreamBroken("the answer's stream stopped before its end")


def _first(choices: Json) -> Mapping[str, Json]:
    """The first choice; seed 000 leaves their form open, and a bare text may stand for one."""
    first = choices[0] if isinstance(choices, list) and choices else None
    return {"text": first} if isinstance(first, str) else _mapping(first)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    """Text, or the text of content parts (`[{"type": "text", "text": "…"}]`)."""
    match value:
        case str():
            return value
        case list():
            return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
        case _:
            return ""


def _usage(body: Mapping[str, Json]) -> Usage | None:
    """The usage, under whichever of its names (amber-api.md section 9) it is told."""
    for name in ("usage", "usage_from_provider", "usage_from_consumer"):
        usage = _mapping(body.get(name))
        counts = [
            usage.get("prompt_tokens", usage.get("input_tokens")),
            usage.get("completion_tokens", usage.get("output_tokens")),
            usage.get("total_tokens"),
        ]
        known = [count if type(count) is int else None for count in counts]
        if any(count is not None for count in known):
            return Usage(*known)
    return None
