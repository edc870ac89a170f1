"""amber's OpenAI-format API, `/api/beta/openai/v1` (seed 002): no search, agents or files.

The seed says that it accepts "messages and parameters in the OpenAI format" and refers to
OpenAI's own description of "Create chat completion" for them: what is written there is documented
here. Values that OpenAI adds to from time to time (`reasoning_effort`, say) are any text. A list
of models is not documented.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from .completions import CompletionsApi
from .request_schema import BY_TYPE, Documented, ListOf, MapOf, RequestModel, TextPart


class RefusalPart(Documented):
    type: Literal["refusal"]
    refusal: str


class ImageUrl(Documented):
    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Documented):
    type: Literal["image_url"]
    image_url: ImageUrl


class InputAudio(Documented):
    data: str  # Base64
    format: Literal["wav", "mp3"]


class AudioPart(Documented):
    type: Literal["input_audio"]
    input_audio: InputAudio


class File(Documented):
    file_data: str | None = None  # Base64
    file_id: str | None = None
    filename: str | None = None


class FilePart(Documented):
    type: Literal["file"]
    file: File


Part = Annotated[
    Annotated[TextPart, Tag("type=text")]
    | Annotated[RefusalPart, Tag("type=refusal")]
    | Annotated[ImagePart, Tag("type=image_url")]
    | Annotated[AudioPart, Tag("type=input_audio")]
    | Annotated[FilePart, Tag("type=file")],
    BY_TYPE,
]


class CalledFunction(Documented):
    name: str
    arguments: str


class FunctionCall(Documented):
    id: str
    type: Literal["function"]
    function: CalledFunction


class CalledCustomTool(Documented):
    name: str
    input: str


class CustomToolCall(Documented):
    id: str
    type: Literal["custom"]
    custom: CalledCustomTool


ToolCall = Annotated[
    Annotated[FunctionCall, Tag("type=function")] | Annotated[CustomToolCall, Tag("type=custom")],
    BY_TYPE,
]


class AudioReference(Documented):
    id: str  # of an earlier answer's audio


class OpenAiMessage(Documented):
    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | ListOf[Part] | None
    name: str | None = None
    refusal: str | None = None
    audio: AudioReference | None = None
    tool_calls: ListOf[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None


class Function(Documented):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None  # a JSON schema
    strict: bool | None = None


class FunctionTool(Documented):
    type: Literal["function"]
    function: Function


class CustomToolDescription(Documented):
    name: str
    description: str | None = None
    format: dict[str, Any] | None = None  # the grammar of its input


class CustomTool(Documented):
    type: Literal["custom"]
    custom: CustomToolDescription


Tool = Annotated[
    Annotated[FunctionTool, Tag("type=function")] | Annotated[CustomTool, Tag("type=custom")],
    BY_TYPE,
]


class StreamOptions(Documented):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class OpenAiRequest(RequestModel):
    """The body of `POST /chat/completions` (seed 002, and what it refers to)."""

    takes_functions = True
    messages: ListOf[OpenAiMessage]
    model: str
    audio: dict[str, Any] | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    function_call: str | dict[str, Any] | None = None
    functions: ListOf[Function] | None = None
    logit_bias: MapOf[Annotated[float, Field(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    metadata: MapOf[str] | None = None
    modalities: ListOf[str] | None = None
    n: int | None = Field(None, ge=1, le=128)
    parallel_tool_calls: bool | None = None
    prediction: dict[str, Any] | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    response_format: dict[str, Any] | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: str | None = None
    stop: str | Annotated[list[str], Field(max_length=4, fail_fast=True)] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    tool_choice: str | dict[str, Any] | None = None
    tools: ListOf[Tool] | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    top_p: float | None = Field(None, ge=0, le=1)
    user: str | None = None
    verbosity: str | None = None
    web_search_options: dict[str, Any] | None = None


class AmberOpenAiApi(CompletionsApi):
    """The OpenAI-format API of one tenant; its models are those that the operator names."""

    name = "amber-openai"
    offers = ("images", "functions")
    path = "/api/beta/openai/v1/chat/completions"
    request_model = OpenAiRequest
