"""The Morpheus API Gateway: chat completions as seed 003 and section 9 document them, and models.

Where the documents are silent or differ, this is what the sandbox does:

- `session_id` comes back as a field of the body and of every chunk: the documents show it as a
  field wherever it comes back, and name no header. A session that ended, or was closed for
  another model, is replaced; one that never was is an error.
- `Accept` is never looked at, only `stream`. Functions are called in streams alone: "tool calling
  requires streaming mode", while the seed's own sample has `tools` beside `"stream": false`.
- Fields that are not documented are ignored, as section 9 says of the gateway.
- `temperature`, `top_p` and the penalties are checked for being numbers and have no effect.
  `max_tokens` counts words; one below 0 is none. `n` is 128 at the most, and below 1 it is 1.
- A `tool_choice` that is neither a known word nor a known function counts as `auto`. After a
  result, functions are called again only where `tool_choice` says so.
- Content is text, or parts of text and images. Roles are free.
- A key that begins with `sk-` and is not the sandbox's is a 401 too.
"""

import hmac
import re
import time
import uuid
from collections.abc import Iterator
from typing import Annotated, Any

from anyio import to_thread
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import function_calls, messages, morpheus_models, reply, sse, tokens
from .arguments import SchemaError
from .bodies import parse, read_body
from .errors import ApiError, invalid
from .function_calls import Call, FunctionTool
from .images import ImageError
from .messages import Message
from .morpheus_sessions import Sessions

MODELS = morpheus_models.MODELS

_BEARER = re.compile(r"bearer\s+", re.IGNORECASE)
_RETRY_SECONDS = 1
_REQUESTS, _TOKENS = 60, 100_000
_FILTERS = {"hate": {"filtered": False}, "self_harm": {"filtered": False}}


class ChatRequest(BaseModel):
    """The body of a completion: the thirteen fields of seed 003, all but the messages nullable."""

    messages: list[Message]
    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: Annotated[int, Field(le=128)] | None = None
    stream: bool | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    session_id: str | None = None

    @property
    def choices(self) -> int:
        """How many choices are asked for."""
        return max(1, self.n or 1)

    @property
    def most(self) -> int | None:
        """The tokens at which an answer is cut."""
        return None if self.max_tokens is None or self.max_tokens < 0 else self.max_tokens

    @property
    def stops(self) -> list[str]:
        """The texts that end an answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []


class MorpheusApi:
    """The endpoints. `pace` is the time between two pieces of a stream."""

    def __init__(self, api_key: str, session_seconds: float, pace: float = 0.005) -> None:
        self._key = api_key.encode()
        self._sessions = Sessions(session_seconds)
        self._pace = pace

    def routes(self) -> list[Route]:
        """The routes, as they stand below `/morpheus/api/v1`."""
        return [
            Route("/models", self.list_models),
            Route("/chat/completions", self.complete, methods=["POST"]),
        ]

    async def list_models(self, _: Request) -> Response:
        """`GET /models`, which asks for no key."""
        listed = [model.described() for model in MODELS]
        return JSONResponse({"object": "list", "data": listed})

    async def complete(self, request: Request) -> Response:
        """`POST /chat/completions`."""
        self._check_key(request.headers.get("authorization", ""))
        asked = parse(await read_body(request), ChatRequest)
        model = morpheus_models.find(asked.model)
        if model is morpheus_models.BUSY:
            raise _too_many()
        if model is morpheus_models.BROKE:
            raise _unpaid()
        if asked.session_id and not self._sessions.knows(asked.session_id):
            raise _no_session(asked.session_id)
        session = self._sessions.open(model.id)
        answer = await to_thread.run_sync(_answer, asked)
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model.id,
            "session_id": session.id,
            "system_fingerprint": "",
        }
        headers = {"X-Request-Id": uuid.uuid4().hex}
        if asked.stream:
            chunks = _chunks(head, asked, answer)
            is_marked = isinstance(answer, str)
            return sse.respond(chunks, self._pace, is_marked=is_marked, headers=headers)
        return JSONResponse(_completion(head, asked, answer), headers=headers)

    def _check_key(self, header: str) -> None:
        key = _BEARER.sub("", header.strip(), count=1).strip()
        if not key or key.lower() == "bearer":
            problem = "API key missing"
        elif not key.startswith("sk-"):
            problem = "Invalid API key format. Must start with sk-"
        elif not hmac.compare_digest(key.encode(), self._key):
            problem = "Invalid API key"
        else:
            return
        raise HTTPException(401, problem, headers={"WWW-Authenticate": "Bearer"})


def _too_many() -> ApiError:
    message = f"Rate limit reached: {_REQUESTS} requests per minute."
    limits = {}
    for name, limit in (("Requests", _REQUESTS), ("Tokens", _TOKENS)):
        left = 0 if name == "Requests" else limit
        limits[f"X-RateLimit-Limit-{name}"] = str(limit)
        limits[f"X-RateLimit-Remaining-{name}"] = str(left)
        limits[f"X-RateLimit-Reset-{name}"] = str(_RETRY_SECONDS)
    error = {
        "message": message,
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    return ApiError(429, {"error": error}, {"Retry-After": str(_RETRY_SECONDS), **limits})


def _unpaid() -> ApiError:
    error = {
        "message": "Insufficient balance for this request.",
        "type": "insufficient_balance",
        "available": 0.0,
        "estimated_cost": 0.01,
    }
    return ApiError(402, {"error": error})


def _no_session(number: str) -> ApiError:
    message = "The session was not found."
    error = {"message": message, "type": "session_not_found", "session_id": number}
    return ApiError(400, {"error": error})


def _answer(asked: ChatRequest) -> str | list[Call]:
    """The text of an answer, or the functions that it calls."""
    question = messages.last_question(asked.messages)
    calls = _calls(asked, question.text) if asked.stream else []
    if calls:
        return calls
    try:
        return reply.write(asked.messages)
    except ImageError as error:
        raise invalid(["body", "messages"], f"Invalid image: {error}", "value_error") from error


def _calls(asked: ChatRequest, question: str) -> list[Call]:
    tools, choice, named = asked.tools or [], "auto", ""
    if asked.tool_choice in ("none", "required"):
        choice = str(asked.tool_choice)
    elif isinstance(asked.tool_choice, dict):
        function = asked.tool_choice.get("function")
        wanted = function.get("name") if isinstance(function, dict) else None
        named = next((each.function.name for each in tools if each.function.name == wanted), "")
    has_result = bool(messages.last_results(asked.messages))
    if choice == "auto" and not named and has_result:
        return []
    try:
        return function_calls.choose(tools, question, choice, named=named)
    except SchemaError as error:
        raise invalid(["body", "tools"], f"Invalid: {error}", "value_error") from error


def _usage(asked: ChatRequest, answer: str | list[Call]) -> dict[str, int]:
    prompt = sum(tokens.count(message.text) for message in asked.messages)
    if isinstance(answer, str):
        written = tokens.count(tokens.cut(answer, asked.stops, asked.most)[0])
    else:
        written = sum(tokens.count(call.arguments) for call in answer)
    written *= asked.choices
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
    }


def _completion(
    head: dict[str, Any], asked: ChatRequest, answer: str | list[Call]
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    finish = "tool_calls"
    if isinstance(answer, str):
        message["content"], finish = tokens.cut(answer, asked.stops, asked.most)
    else:
        message["tool_calls"] = [
            {
                "id": f"chatcmpl-tool-{call.id.removeprefix('call_')}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer
        ]
    return {
        **head,
        "object": "chat.completion",
        "choices": [
            {
                "index": at,
                "message": message,
                "finish_reason": finish,
                "logprobs": None,
                "content_filter_results": _FILTERS,
            }
            for at in range(asked.choices)
        ],
        "usage": _usage(asked, answer),
    }


def _chunks(
    head: dict[str, Any], asked: ChatRequest, answer: str | list[Call]
) -> Iterator[dict[str, Any]]:
    def chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {**head, "object": "chat.completion.chunk", "choices": choices, **more}

    for at in range(asked.choices):
        deltas = _text_deltas(asked, answer) if isinstance(answer, str) else _call_deltas(answer)
        for delta, finish in deltas:
            choice = {
                "index": at,
                "delta": delta,
                "finish_reason": finish,
                "logprobs": None,
                "content_filter_results": _FILTERS,
            }
            yield chunk([choice])
    yield chunk([], usage=_usage(asked, answer))


def _text_deltas(asked: ChatRequest, answer: str) -> Iterator[tuple[dict[str, Any], str | None]]:
    text, finish = tokens.cut(answer, asked.stops, asked.most)
    yield {"role": "assistant", "content": ""}, None
    for piece in tokens.pieces(text):
        yield {"content": piece}, None
    yield {}, finish


def _call_deltas(calls: list[Call]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """As section 9 shows them: ids and types that are empty after the first, no chunk to end."""
    yield {"role": "assistant", "content": ""}, None
    for at, call in enumerate(calls):
        first = {
            "index": at,
            "id": f"chatcmpl-tool-{call.id.removeprefix('call_')}",
            "type": "function",
            "function": {"name": call.name},
        }
        yield {"tool_calls": [first]}, None
        pieces = call.pieces()
        for number, piece in enumerate(pieces, 1):
            is_last = at == len(calls) - 1 and number == len(pieces)
            rest = {"index": at, "id": "", "type": "", "function": {"arguments": piece}}
            yield {"tool_calls": [rest]}, "tool_calls" if is_last else None
