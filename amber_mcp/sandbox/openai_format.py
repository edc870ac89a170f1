"""amber's chat completions in OpenAI's format, as seed 002 documents them.

Where the document is silent, this is what the sandbox does:

- The document refers to OpenAI's for parameters: those are taken, and others refused. `n`,
  `stop`, the limits of tokens (counted in words), `response_format` and the usage of a stream
  have their effect; `logprobs`, speech, predictions and web search are refused; the rest is
  checked and has none.
- What is no request of this format is FastAPI's 422, as on amber's other routes; what a provider
  of models would refuse (a model, an order of messages, an image, a name) is OpenAI's error.
- Functions are called as `function_calls` says, and after a result only where `tool_choice` asks
  for it. JSON that a `response_format` asks for is filled in by the same rule.
- Streams carry all fields of a delta, `null` where there is nothing, as the document's sample
  does; the first one says its role. They end with `data: [DONE]`.
"""

import json
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.responses import Response

from . import answers, function_calls
from .bodies import Closed, FunctionTool, Turn, last_said, turns, usage
from .images import ImageError
from .state import Sandboxed, amber_key
from .streaming import OR_STREAM, cut, deltas, stream

MODELS = {"azure/sandbox-quote": "sandbox-quote-2026-03-05"}
"""Each model, and the name of the snapshot that answers for it."""
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNSUPPORTED = ("audio", "logprobs", "prediction", "top_logprobs", "web_search_options")

router = APIRouter(prefix="/api/beta/openai/v1", tags=["amber-openai"], dependencies=[amber_key])

Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=1)]


class TextPart(Closed):
    """A part of a message: text."""

    type: Literal["text"]
    text: str


class ImageUrl(Closed):
    """Where an image is: an https address or a data URI."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Closed):
    """A part of a message: an image."""

    type: Literal["image_url"]
    image_url: ImageUrl


class CalledFunction(Closed):
    """A function with its arguments, which are JSON in a text."""

    name: str
    arguments: str


class ToolCall(Closed):
    """A call in an assistant's message; answers give it an `index`, which may come back."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None


class Message(Closed):
    """One turn, in one of the roles of this format; an answer's message may come back whole."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: str | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None


class ChatCompletionRequest(Closed):
    """The body of a completion: the fields of OpenAI's "Create chat completion"."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: str
    audio: dict[str, Any] | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Tokens | None = None
    max_tokens: Tokens | None = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: dict[str, Any] | None = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    response_format: dict[str, Any] | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: str | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: dict[Literal["include_usage", "include_obfuscation"], bool] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    tool_choice: Literal["auto", "none", "required"] | FunctionTool | None = None
    tools: list[FunctionTool] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    user: str | None = None
    verbosity: str | None = None
    web_search_options: dict[str, Any] | None = None


class ChatCompletion(BaseModel):
    """The answer (seed 002)."""

    id: str
    choices: list[dict[str, Any]]
    created: int
    model: str
    object: str = "chat.completion"
    service_tier: str = "default"
    system_fingerprint: str = ""
    usage: dict[str, int | dict[str, int | None]]


@router.post("/chat/completions", response_model=ChatCompletion, responses=OR_STREAM)
def create_chat_completion(
    asked: ChatCompletionRequest, sandbox: Sandboxed
) -> ChatCompletion | Response:
    """`POST /chat/completions`, which is all that the document names."""
    _check(asked)
    messages, count = turns(asked.messages), asked.n or 1
    calls, text, finish = _answer(asked, messages)
    written = [text, *(call["function"]["arguments"] for call in calls)] * count
    message = {
        "content": None if calls else text,
        "refusal": None,
        "role": "assistant",
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [{**call, "index": at} for at, call in enumerate(calls)] or None,
    }
    choice = {"finish_reason": finish, "logprobs": None, "message": message}
    unknown = ("accepted_prediction_tokens", "audio_tokens", "reasoning_tokens")
    completion = ChatCompletion(
        id=f"chatcmpl-{uuid.uuid4().hex[:29]}",
        choices=[{**choice, "index": index} for index in range(count)],
        created=int(time.time()),
        model=MODELS[asked.model],
        usage={
            **usage(messages, written),
            "completion_tokens_details": dict.fromkeys((*unknown, "rejected_prediction_tokens")),
            "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": 0},
        },
    )
    if not asked.stream:
        return completion
    with_usage = (asked.stream_options or {}).get("include_usage", False)
    return stream(_chunks(completion, with_usage), sandbox.pace)


def _refused(
    message: str, param: str | None, code: str | None = None, status: int = 400
) -> HTTPException:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return HTTPException(status, {"error": error})


def _check(asked: ChatCompletionRequest) -> None:
    if asked.model not in MODELS:
        message = f"The model `{asked.model}` does not exist or you do not have access to it."
        raise _refused(message, None, "model_not_found", 404)
    if unsupported := [name for name in _UNSUPPORTED if getattr(asked, name)]:
        message = f"'{unsupported[0]}' is not supported with this model."
        raise _refused(message, unsupported[0], "unsupported_parameter")
    names = [tool.function.name for tool in asked.tools or []]
    for at, name in enumerate(names):
        if not _NAME.fullmatch(name):
            param = f"tools[{at}].function.name"
            raise _refused(f"Invalid '{param}'.", param, "invalid_value")
    if asked.tool_choice is not None and not names:
        message = "'tool_choice' is only allowed when 'tools' are specified."
        raise _refused(message, "tool_choice")
    if isinstance(asked.tool_choice, FunctionTool) and asked.tool_choice.function.name not in names:
        message = "The function of 'tool_choice' is not among 'tools'."
        raise _refused(message, "tool_choice", "invalid_value")
    _check_results(asked.messages)


def _check_results(sent: Sequence[Message]) -> None:
    """Every call has its result before the next turn, and every result its call."""
    missing: set[str] = set()
    for at, message in enumerate(sent):
        if message.role == "tool" and message.tool_call_id not in missing:
            text = "Invalid parameter: a message with role 'tool' must answer a preceding call."
            raise _refused(text, f"messages.[{at}].role")
        if message.role != "tool" and missing:
            break
        called = {call.id for call in message.tool_calls or []}
        missing = called if message.role == "assistant" else missing - {message.tool_call_id}
    if missing:
        text = f"'tool_calls' must be followed by their results: {', '.join(sorted(missing))}"
        raise _refused(text, f"messages.[{at}].role")


def _answer(
    asked: ChatCompletionRequest, messages: Sequence[Turn]
) -> tuple[list[dict[str, Any]], str, str]:
    """The calls or the text of an answer, and why it ends."""
    functions, choice = [tool.function for tool in asked.tools or []], asked.tool_choice
    named = choice.function.name if isinstance(choice, FunctionTool) else choice or "auto"
    question = last_said(messages, "user").text
    wanted = asked.response_format or {}
    try:
        is_answered = messages[-1].role == "tool"
        if calls := function_calls.calls(functions, named, question, is_answered):
            return calls, "", "tool_calls"
        if wanted.get("type") == "json_schema":
            text = function_calls.fill(wanted["json_schema"]["schema"], question)
        else:
            text = answers.reply(messages)
    except function_calls.SchemaError as error:
        text = f"Invalid schema: {error}"
        raise _refused(text, "tools", "invalid_function_parameters") from error
    except (LookupError, TypeError) as error:
        raise _refused("Invalid 'response_format'.", "response_format") from error
    except ImageError as error:
        raise _refused(f"Invalid image: {error}", "image_url", "invalid_image") from error
    if wanted.get("type") == "json_object":
        text = json.dumps({"answer": text}, ensure_ascii=False)
    return [], *cut(text, asked.stop, asked.max_completion_tokens or asked.max_tokens)


def _chunks(completion: ChatCompletion, with_usage: bool) -> Iterator[dict[str, Any]]:
    head = completion.model_dump(exclude={"choices", "usage"})
    head["object"] = "chat.completion.chunk"
    nothing = dict.fromkeys(("content", "function_call", "refusal", "role", "tool_calls"))
    for choice in completion.choices:
        for delta, finish in deltas(choice["message"], choice["finish_reason"]):
            said = {"delta": {**nothing, **delta}, "finish_reason": finish, "logprobs": None}
            yield {**head, "choices": [{**said, "index": choice["index"]}]}
    if with_usage:
        yield {**head, "choices": [], "usage": completion.usage}
