"""Completions: the message that answers, its choices and usage, whole or as a stream."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

import anyio
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from . import answers, function_calls
from .messages import Function, Message, last

OR_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
"""For the description of an endpoint: it may answer with a stream as well."""

_PIECE = re.compile(r"(?:\S+\s*){1,5}|\s+")
_WORD = re.compile(r"\S+\s*|\s+")
_ARGUMENTS = re.compile(r".{1,12}", re.DOTALL)


class ChatCompletion(BaseModel):
    """The answer of both of amber's APIs (seeds 000 and 002)."""

    id: str
    created: int
    model: str
    choices: list[Any]
    usage: dict[str, Any]
    object: str = "chat.completion"
    service_tier: str = "default"
    system_fingerprint: str = "default"


def compose(
    messages: Sequence[Message],
    functions: Sequence[Function],
    choice: object,
    response_format: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The message that answers: calls of functions, JSON in the asked format, or text."""
    question = last(messages, "user").text
    is_answered = bool(messages) and messages[-1].role == "tool"
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if calls := function_calls.calls(functions, choice, question, is_answered):
        return {**message, "tool_calls": calls}
    wanted = response_format or {}
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema") or {}
        return {**message, "content": function_calls.fill(schema, question, "response_format")}
    text = answers.reply(messages)
    is_object = wanted.get("type") == "json_object"
    return {**message, "content": json.dumps({"answer": text}) if is_object else text}


def complete(
    messages: Sequence[Message],
    message: Mapping[str, Any],
    *,
    model: str,
    count: int = 1,
    stop: Sequence[object] | str | None = None,
    most: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """OpenAI's body for a message, as so many choices, each of them with what is `more`.

    Text ends before a `stop` text and after `most` words.
    """
    if message.get("tool_calls"):
        finish = "tool_calls"
    else:
        text, finish = cut(message["content"], stop, most)
        message = {**message, "content": text}
    choice = {"message": message, "finish_reason": finish, **more}
    choices = [{"index": index, **choice} for index in range(count)]
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": usage(messages, choices),
    }


def usage(messages: Iterable[Message], choices: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The length of a request and its answer in words: nothing here has a model's tokens."""
    prompt, written = sum(len(each.text.split()) for each in messages), 0
    for message in (choice["message"] for choice in choices):
        calls = [call["function"]["arguments"] for call in message.get("tool_calls") or []]
        written += len(" ".join([message["content"] or "", *calls]).split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
    }


def cut(text: str, stop: Sequence[object] | str | None, most: int | None) -> tuple[str, str]:
    """A text up to where it has to end, and its `finish_reason`: `stop` or `length`."""
    stops = [stop] if isinstance(stop, str) else stop or []
    ends = [text.find(each) for each in stops if isinstance(each, str) and each]
    text = text[: min((end for end in ends if end >= 0), default=len(text))]
    words: list[str] = _WORD.findall(text)
    if most is not None and len(words) > most:
        return "".join(words[:most]).rstrip(), "length"
    return text, "stop"


def deltas(choice: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """A choice's message piece by piece, its role first, and at the end why it ends."""
    message = choice["message"]
    yield {"role": "assistant", "content": ""}, None
    for piece in _PIECE.findall(message["content"] or ""):
        yield {"content": piece}, None
    for call in message.get("tool_calls") or []:
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        yield {"tool_calls": [{**call, "function": {"name": name, "arguments": ""}}]}, None
        for piece in _ARGUMENTS.findall(arguments):
            part = {"index": call["index"], "function": {"arguments": piece}}
            yield {"tool_calls": [part]}, None
    yield {}, choice["finish_reason"]


def chunks(
    completion: Mapping[str, Any], *, blank: Mapping[str, Any] | None = None, with_usage: bool
) -> Iterator[dict[str, Any]]:
    """OpenAI's chunks of a completion; `blank` are the fields that each delta has."""
    head = {**completion, "object": "chat.completion.chunk"}
    del head["choices"], head["usage"]
    for choice in completion["choices"]:
        more = {name: choice[name] for name in choice if name != "message"}
        for delta, finish in deltas(choice):
            said = {**more, "delta": {**(blank or {}), **delta}, "finish_reason": finish}
            yield {**head, "choices": [said]}
    if with_usage:
        yield {**head, "choices": [], "usage": completion["usage"]}


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
