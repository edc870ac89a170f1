"""A streamed answer, from server-sent events to `ChatDelta`: what ends it, and what breaks it."""

import math
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Set
from contextlib import suppress
from io import StringIO

import anyio
import httpx2

from amber_mcp.errors import AmberError, StreamBroken, UpstreamError
from amber_mcp.http.error_responses import error_in_body, error_text, request_id_of
from amber_mcp.http.limits import Limits, Turns
from amber_mcp.http.sse import Event, events_of
from amber_mcp.text.json_values import UnreadableJsonError, parse_json, parse_json_in_turns
from amber_mcp.text.sanitise import plain_id

from .choices import (
    choices_of,
    completion_in,
    finish_reason_of,
    mapping,
    message_of,
    number_of,
    text_in,
    text_of,
)
from .sources import entries_of
from .types import ChatDelta, Json, Usage

_AFTER_ANSWER_SECONDS = 3.0
_AFTER_DONE_SECONDS = 0.1
_MAX_BLANKS = 100
_MAX_LINE_CHARS = 100_000
_MAX_REPEATED_CHARS = 1_000_000
_FINAL_REASONS = ("stop", "length", "content_filter")
"""Nothing comes after these. After a tool call, a server may run the tool and go on."""


class FinishTracker:
    """The choices that a stream began, and which of them have their finish reason."""

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._all_finished = False
        self._may_go_on = False

    def add(self, chunk: Mapping[str, Json]) -> None:
        """Take in a chunk. A finish reason outside the choices is that of all (Adaptive)."""
        self._all_finished = self._all_finished or bool(finish_reason_of(chunk))
        for position, choice in enumerate(choices_of(chunk)):
            number, reason = number_of(choice, position), finish_reason_of(choice)
            self._begun.add(number)
            if reason:
                self._finished.add(number)
                self._may_go_on = self._may_go_on or reason not in _FINAL_REASONS

    @property
    def has_choices(self) -> bool:
        """Whether any choice has begun."""
        return bool(self._begun)

    @property
    def is_complete(self) -> bool:
        """Whether every choice that has begun is finished."""
        return self._all_finished or (self.has_choices and len(self._begun) == len(self._finished))

    def has_all(self, choices: int) -> bool:
        """Whether as many choices as were asked for are there, and nothing can follow."""
        if self._may_go_on or not self.is_complete:
            return False
        return self._all_finished or len(self._begun) >= choices


async def read_stream(
    response: httpx2.Response,
    limits: Limits,
    *,
    ignored: Set[str] = frozenset(),
    choices: int = 1,
) -> AsyncIterator[ChatDelta]:
    """The pieces of a streamed answer, in order.

    amber does not document its chunks; OpenAI's form is assumed, and what it allows is accepted:
    chunks without choices, fields that are absent or null, an end without `[DONE]`.

    Args:
        ignored: the fields of a chunk that tell of the stream rather than of the answer.
        choices: how many were asked for. Once these are there, faults in the rest of the stream
            are ignored.

    Raises:
        UpstreamError: for a chunk that is not JSON, an error in the stream, an answer or an event
            over its limit, or a stream without any choice where one was wanted.
        StreamBroken: if the stream ends without `[DONE]`, and a choice has no finish reason.
    """
    tracker, repeats, turns = FinishTracker(), _Repeats(), Turns()
    without_choices = ""
    events = events_of(response, limits)
    deadline = math.inf

    def is_answered() -> bool:
        return choices > 0 and tracker.has_all(choices)

    while event := await _next_event(events, deadline):
        for data in _lines(event.data):
            await turns.offer()
            if data == "[DONE]":
                break
            try:
                chunk = await _chunk(event, data, response, limits)
                chunk = {name: value for name, value in chunk.items() if name not in ignored}
                delta = delta_of(repeats.removed(chunk), response)
            except AmberError:
                if is_answered():
                    return
                raise
            if chunk:
                tracker.add(chunk)
                if is_answered() and deadline == math.inf:
                    deadline = anyio.current_time() + _AFTER_ANSWER_SECONDS
                without_choices = without_choices if "choices" in chunk else data
                yield delta
        else:
            continue
        await _read_to_end(events)
        break
    else:
        if not tracker.is_complete and (tracker.has_choices or not without_choices):
            raise _broken()
    if choices and not tracker.has_choices:
        raise UpstreamError(
            "the answer's stream holds no choice that can be read",
            upstream=error_text(without_choices.encode(errors="replace")),
            request_id=request_id_of(response),
        )


async def _read_to_end(events: AsyncIterator[Event]) -> None:
    """Read what follows `[DONE]`: a connection is used again only if it was read to its end."""
    with (
        anyio.move_on_after(_AFTER_DONE_SECONDS),
        suppress(AmberError, httpx2.HTTPError, ssl.SSLError),
    ):
        await anext(events, None)


async def _next_event(events: AsyncIterator[Event], deadline: float) -> Event | None:
    """The next event. After a whole answer, which sets a deadline, it may fail to come: it could
    tell no more than the usage.
    """
    if deadline == math.inf:
        return await anext(events, None)
    with suppress(AmberError, httpx2.HTTPError, ssl.SSLError):
        with anyio.CancelScope(deadline=deadline):
            return await anext(events, None)
    return None


def delta_of(body: Mapping[str, Json], response: httpx2.Response) -> ChatDelta:
    """One chunk of a stream, or one whole body (seed 000): both hold choices of the same form.

    Raises:
        UpstreamError: (or the kind its status names) if the body, or its choice, holds an error.
    """
    choice = next(iter(choices_of(body)), {})
    if error := body.get("error") or choice.get("error"):
        raise error_in_body(error, response)
    if not body.get("choices") and _is_failure(body):
        raise error_in_body(body, response)
    message = message_of(choice)
    return ChatDelta(
        text=text_of(choice),
        completion_id=plain_id(body.get("id")),
        model=text_in(body.get("model")),
        finish_reason=finish_reason_of(choice) or finish_reason_of(body),
        refusal=text_in(message.get("refusal")),
        usage=_usage(body),
        entries=entries_of(message, choice, body),
        chunk=body,
    )


def _is_failure(body: Mapping[str, Json]) -> bool:
    """Whether a body without choices says that there are none: also as gateways say it, by a
    `code` beside a `message`.
    """
    code = body.get("code")
    if "message" in body and type(code) is int and code >= 400:
        return True
    return body.get("object") == "error" or "detail" in body


def _lines(data: str) -> Iterator[str]:
    """The data of an event; line by line, where a server ends its events without a blank line."""
    first, _, rest = data.partition("\n")
    if rest and first.startswith("{") and len(first) < _MAX_LINE_CHARS:
        with suppress(ValueError):
            parse_json(first)
            yield from filter(None, map(str.strip, StringIO(data)))
            return
    yield data


async def _chunk(
    event: Event, data: str, response: httpx2.Response, limits: Limits
) -> Mapping[str, Json]:
    fault = "is not a JSON object"
    try:
        chunk = await parse_json_in_turns(data, limits.cpu_work)
    except ValueError as error:
        chunk = None
        fault = str(error) if isinstance(error, UnreadableJsonError) else fault
    if isinstance(chunk, dict):
        if event.name == "error" and not chunk.get("error"):
            raise error_in_body(chunk, response)
        return completion_in(chunk)
    if not event.is_whole:
        raise _broken()
    if event.name == "error":
        raise error_in_body(data, response)
    if event.name not in ("", "message") and not data.startswith("{"):
        return {}  # Words on what is going on.
    raise UpstreamError(
        f"the API sent a piece of a stream that {fault}",
        upstream=error_text(data.encode(errors="replace")),
        request_id=request_id_of(response),
    )


class _Repeats:
    """What a stream has said in deltas: its last chunk may hold the whole message once more."""

    def __init__(self) -> None:
        self._texts: dict[int, StringIO] = {}

    def removed(self, chunk: Mapping[str, Json]) -> Mapping[str, Json]:
        """The chunk without text that its choices' deltas had; what came in them is kept."""
        kept: list[Json] = []
        repeats = 0
        for position, choice in enumerate(choices_of(chunk)):
            said = self._texts.setdefault(number_of(choice, position), StringIO())
            message = mapping(choice.get("message"))
            whole = text_in(message.get("content")).strip()
            kept.append(dict(choice))
            if choice.get("delta"):
                said.write(text_of(choice) if said.tell() < _MAX_REPEATED_CHARS else "")
            elif (
                whole
                and 0 <= said.tell() - len(whole) <= _MAX_BLANKS
                and said.getvalue().strip() == whole
            ):
                kept[-1] = {**choice, "message": {**message, "content": None}}
                repeats += 1
        return {**chunk, "choices": kept} if repeats else chunk


def _broken() -> StreamBroken:
    return StreamBroken("the answer's stream stopped before its end")


def _usage(body: Mapping[str, Json]) -> Usage | None:
    """The usage, under whichever of its names (amber-api.md section 9) it is told."""
    for name in ("usage", "usage_from_provider", "usage_from_consumer"):
        usage = mapping(body.get(name))
        counts = [
            usage.get("prompt_tokens", usage.get("input_tokens")),
            usage.get("completion_tokens", usage.get("output_tokens")),
            usage.get("total_tokens"),
        ]
        known = [count if type(count) is int else None for count in counts]
        if any(count is not None for count in known):
            return Usage(*known)
    return None
