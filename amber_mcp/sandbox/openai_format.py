"""amber's chat completions in OpenAI's format, as seed 002 documents them.

Where the document is silent, this is what the sandbox does:

- The document refers to OpenAI's for parameters: those of `openai_bodies` are taken, and others
  refused. `n`, `stop`, the limits of tokens and the usage of a stream have their effect; the rest
  is checked and has none.
- What is no request of this format is FastAPI's 422, as on amber's other routes; what a provider
  of models would refuse (a model, an order of messages, an image, a name) is OpenAI's error.
- `max_tokens` and `max_completion_tokens` count words: they cut text and leave calls whole.
- After a result, functions are called again only where `tool_choice` says so.
- Streams carry all fields of a delta, `null` where there is nothing, and never a role: the
  document's own sample shows them so. They end with `data: [DONE]`.
"""

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import function_calls, messages, reply, sse, tokens
from .arguments import SchemaError
from .bodies import parse, read_body
from .errors import ApiError
from .function_calls import Call
from .images import ImageError
from .openai_bodies import ChatRequest, Message, NamedChoice

MODELS = {"azure/sandbox-quote": "sandbox-quote-2026-03-05"}

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class OpenAiFormatApi:
    """The one endpoint; `pace` is the time between two pieces of a stream."""

    def __init__(self, pace: float = 0.005) -> None:
        self._pace = pace

    def routes(self) -> list[Route]:
        """The route, as it stands below `/api/beta`: the document names no other."""
        return [Route("/openai/v1/chat/completions", self.complete, methods=["POST"])]

    async def complete(self, request: Request) -> Response:
        """`POST /chat/completions`."""
        asked = parse(await read_body(request), ChatRequest)
        _check(asked)
        calls = await to_thread.run_sync(_calls, asked)
        text, finish = "", "tool_calls"
        if not calls:
            text, finish = tokens.cut(_reply(asked), asked.stops, asked.most)
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex[:29]}",
            "created": int(time.time()),
            "model": MODELS[asked.model],
            "service_tier": "default",
            "system_fingerprint": "",
        }
        if asked.stream:
            return sse.respond(_chunks(head, asked, text, calls, finish), self._pace)
        return JSONResponse(_completion(head, asked, text, calls, finish))


def _refused(status: int, message: str, param: str | None, code: str | None) -> ApiError:
    kind = "invalid_request_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return ApiError(status, {"error": error})


def _check(asked: ChatRequest) -> None:
    if asked.model not in MODELS:
        message = f"The model `{asked.model}` does not exist or you do not have access to it."
        raise _refused(404, message, None, "model_not_found")
    names = [tool.function.name for tool in asked.tools or []]
    for at, name in enumerate(names):
        if not _NAME.fullmatch(name):
            param = f"tools[{at}].function.name"
            raise _refused(400, f"Invalid '{param}'.", param, "invalid_value")
    if asked.tool_choice is not None and not names:
        message = "'tool_choice' is only allowed when 'tools' are specified."
        raise _refused(400, message, "tool_choice", None)
    if isinstance(asked.tool_choice, NamedChoice) and asked.tool_choice.function.name not in names:
        message = "The function of 'tool_choice' is not among 'tools'."
        raise _refused(400, message, "tool_choice", "invalid_value")
    _check_results(asked.messages)


def _check_results(sent: Sequence[Message]) -> None:
    """Every call has its result before the next turn, and every result its call."""
    open_calls: set[str] = set()
    for at, message in enumerate(sent):
        param = f"messages.[{at}].role"
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                text = (
                    "messages with role 'tool' must be a response to a preceding message with "
                    "'tool_calls'."
                )
                raise _refused(400, f"Invalid parameter: {text}", param, None)
            open_calls.discard(message.tool_call_id)
        elif open_calls:
            break
        elif message.role == "assistant":
            open_calls = {call.id for call in message.tool_calls or []}
    if open_calls:
        text = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            f"to each 'tool_call_id'. Without a response: {', '.join(sorted(open_calls))}"
        )
        raise _refused(400, text, param, None)


def _calls(asked: ChatRequest) -> list[Call]:
    choice, named = "auto", ""
    if isinstance(asked.tool_choice, NamedChoice):
        choice, named = "required", asked.tool_choice.function.name
    elif asked.tool_choice:
        choice = asked.tool_choice
    if choice == "auto" and asked.messages[-1].role == "tool":
        return []
    question = messages.last_question(asked.messages).text
    try:
        return function_calls.choose(asked.tools or [], question, choice, named=named)
    except SchemaError as error:
        message = f"Invalid schema for a function: {error}"
        raise _refused(400, message, "tools", "invalid_function_parameters") from error


def _reply(asked: ChatRequest) -> str:
    try:
        return reply.write(asked.messages)
    except ImageError as error:
        raise _refused(400, f"Invalid image: {error}", "image_url", "invalid_image") from error


def _tool_call(at: int, call: Call) -> dict[str, Any]:
    function = {"arguments": call.arguments, "name": call.name}
    return {"id": call.id, "function": function, "type": "function", "index": at}


def _completion(
    head: dict[str, Any], asked: ChatRequest, text: str, calls: list[Call], finish: str
) -> dict[str, Any]:
    message = {
        "content": None if calls else text,
        "refusal": None,
        "role": "assistant",
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [_tool_call(at, call) for at, call in enumerate(calls)] or None,
    }
    choice = {"finish_reason": finish, "logprobs": None, "message": message}
    return {
        **head,
        "choices": [{**choice, "index": at} for at in range(asked.n or 1)],
        "object": "chat.completion",
        "usage": _usage(asked, text, calls),
    }


def _usage(asked: ChatRequest, text: str, calls: list[Call]) -> dict[str, Any]:
    prompt = sum(tokens.count(each.text) for each in asked.messages)
    written = tokens.count(text) + sum(tokens.count(call.arguments) for call in calls)
    written *= asked.n or 1
    return {
        "completion_tokens": written,
        "prompt_tokens": prompt,
        "total_tokens": prompt + written,
        "completion_tokens_details": {
            "accepted_prediction_tokens": None,
            "audio_tokens": None,
            "reasoning_tokens": None,
            "rejected_prediction_tokens": None,
        },
        "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": 0},
    }


def _chunks(
    head: dict[str, Any], asked: ChatRequest, text: str, calls: list[Call], finish: str
) -> Iterator[dict[str, Any]]:
    def chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {**head, "choices": choices, "object": "chat.completion.chunk", **more}

    for index in range(asked.n or 1):
        for delta, ending in _deltas(text, calls, finish):
            nothing = {"content": None, "function_call": None, "refusal": None, "role": None}
            said = {**nothing, "tool_calls": None, **delta}
            yield chunk(
                [{"delta": said, "finish_reason": ending, "index": index, "logprobs": None}]
            )
    if asked.wants_usage:
        yield chunk([], usage=_usage(asked, text, calls))


def _deltas(
    text: str, calls: list[Call], finish: str
) -> Iterator[tuple[dict[str, Any], str | None]]:
    for piece in tokens.pieces(text):
        yield {"content": piece}, None
    for at, call in enumerate(calls):
        begun = {**_tool_call(at, call), "function": {"arguments": "", "name": call.name}}
        yield {"tool_calls": [begun]}, None
        for piece in call.pieces():
            rest = {"index": at, "id": None, "type": None, "function": {"arguments": piece}}
            yield {"tool_calls": [rest]}, None
    yield {}, finish
