"""What the OpenAI-format endpoint is asked with.

Seed 002 takes "messages and parameters in the OpenAI format" and refers to OpenAI's "Create chat
completion" for them: these are the fields that are written there.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from . import messages
from .function_calls import Function, FunctionTool
from .messages import ImageAddress, ImagePart, TextPart

Penalty = Annotated[float, Field(ge=-2, le=2)]


class StrictFunction(Function, extra="forbid"):
    """A function; `strict` asks for arguments that keep to its schema, as all here do."""

    strict: bool | None = None


class OpenAiTool(FunctionTool, extra="forbid"):
    """A function as an entry of `tools`."""

    function: StrictFunction


class DetailedAddress(ImageAddress, extra="forbid"):
    """Where an image is, and how closely to look at it."""

    detail: Literal["auto", "low", "high"] | None = None


class OpenAiText(TextPart, extra="forbid"):
    """A part of a message: text."""


class OpenAiImage(ImagePart, extra="forbid"):
    """A part of a message: an image."""

    image_url: DetailedAddress


class Refusal(BaseModel, extra="forbid"):
    """A part of an assistant's message: that it refused."""

    type: Literal["refusal"]
    refusal: str


class Audio(BaseModel, extra="forbid"):
    """A part of a message: speech."""

    type: Literal["input_audio"]
    input_audio: dict[str, str]


class Document(BaseModel, extra="forbid"):
    """A part of a message: a file."""

    type: Literal["file"]
    file: dict[str, str]


Part = Annotated[OpenAiText | OpenAiImage | Refusal | Audio | Document, Field(discriminator="type")]


class CalledFunction(messages.CalledFunction, extra="forbid"):
    """What an assistant's message called."""


class ToolCall(messages.ToolCall, extra="forbid"):
    """A call in an assistant's message; answers give it an `index`, which may come back."""

    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None


class Message(messages.Message, extra="forbid"):
    """One turn, in one of the roles of this format; an answer's message may come back whole."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: str | list[Part] | None = None  # type: ignore[assignment]  # with more kinds of parts
    tool_calls: list[ToolCall] | None = None  # type: ignore[assignment]  # likewise, closed
    refusal: str | None = None
    annotations: None = None
    audio: dict[str, str] | None = None
    function_call: None = None


class FunctionName(BaseModel, extra="forbid"):
    """The name of a function to be called."""

    name: str


class NamedChoice(BaseModel, extra="forbid"):
    """The function that is to be called."""

    type: Literal["function"]
    function: FunctionName


class StreamOptions(BaseModel, extra="forbid"):
    """What a stream carries besides the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(BaseModel, extra="forbid"):
    """The body of a completion."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: str
    audio: dict[str, Any] | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
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
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedChoice | None = None
    tools: list[OpenAiTool] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    user: str | None = None
    verbosity: str | None = None
    web_search_options: dict[str, Any] | None = None

    @property
    def most(self) -> int | None:
        """The tokens at which an answer is cut."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str]:
        """The texts that end an answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to tell its usage."""
        return bool(self.stream_options and self.stream_options.include_usage)
