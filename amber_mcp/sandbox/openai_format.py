"""amber's chat completions in OpenAI's format, as seed 002 documents them.

Where the document is silent, this is what the sandbox does:

- The document refers to OpenAI's for parameters: those are taken, and others refused, as are
  speech, predictions, `logprobs` and web search. `n`, `stop`, the limits of tokens (counted in
  words), `response_format` and the usage of a stream have their effect, the rest has none.
- What does not fit is FastAPI's 422, as on amber's other routes; an unknown model is OpenAI's 404.
- Functions are called as `function_calls` says, and after a result only where `tool_choice` asks
  for it. JSON that a `response_format` asks for is filled in by the same rule.
- Streams carry all fields of a delta, `null` where there is nothing, as the document's sample
  does; the first one says its role. They end with `data: [DONE]`.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import Field, model_validator
from starlette.responses import Response

from .completions import OR_STREAM, ChatCompletion, chunks, complete, compose, stream
from .messages import Closed, FunctionTool, ImagePart, TextPart, common
from .state import Sandboxed, amber_key

MODELS = {"azure/sandbox-quote": "sandbox-quote-2026-03-05"}
"""Each model, and the name of the snapshot that answers for it."""
_DELTA = ("content", "function_call", "refusal", "role", "tool_calls")
_MESSAGE = ("refusal", "annotations", "audio", "function_call", "tool_calls")
_DETAILS = ("accepted_prediction_", "audio_", "reasoning_", "rejected_prediction_")

router = APIRouter(prefix="/api/beta/openai/v1", tags=["amber-openai"], dependencies=[amber_key])

Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=1)]


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


class ResponseFormat(Closed):
    """The form of the answer's text."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class ChatCompletionRequest(Closed):
    """The body of a completion: the fields of OpenAI's "Create chat completion"."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: str
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    max_completion_tokens: Tokens | None = None
    max_tokens: Tokens | None = None
    metadata: dict[str, str] | None = None
    modalities: list[Literal["text"]] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
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
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    user: str | None = None
    verbosity: str | None = None

    @model_validator(mode="after")
    def _calls_have_results(self) -> "ChatCompletionRequest":
        called = {call.id for message in self.messages for call in message.tool_calls or []}
        if called != {each.tool_call_id for each in self.messages if each.role == "tool"}:
            raise ValueError("each tool call needs its result, and each result its call")
        return self


@router.post("/chat/completions", response_model=ChatCompletion, responses=OR_STREAM)
def create_chat_completion(
    asked: ChatCompletionRequest, state: Sandboxed
) -> ChatCompletion | Response:
    """`POST /chat/completions`, which is all that the document names."""
    if asked.model not in MODELS:
        text = f"The model `{asked.model}` does not exist or you do not have access to it."
        error = {"message": text, "type": "invalid_request_error", "param": None}
        raise HTTPException(404, {"error": {**error, "code": "model_not_found"}})
    messages, choice = common(asked.messages), asked.tool_choice
    message = compose(
        messages,
        [tool.function for tool in asked.tools or []],
        choice.function.name if isinstance(choice, FunctionTool) else choice,
        asked.response_format.model_dump() if asked.response_format else None,
    )
    body = complete(
        messages,
        {**dict.fromkeys(_MESSAGE), **message},
        model=MODELS[asked.model],
        count=asked.n or 1,
        stop=asked.stop,
        most=asked.max_completion_tokens or asked.max_tokens,
        logprobs=None,
    )
    body["usage"] |= {
        "completion_tokens_details": {f"{name}tokens": None for name in _DETAILS},
        "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": 0},
    }
    completion = ChatCompletion(**body, system_fingerprint="")
    if not asked.stream:
        return completion
    with_usage = (asked.stream_options or {}).get("include_usage", False)
    blank = dict.fromkeys(_DELTA)
    sent = chunks(completion.model_dump(), blank=blank, with_usage=with_usage)
    return stream(sent, state.pace)
