"""Morpheus API Gateway, `/api/v1` (seed 003): sessions, sampling parameters, function tools."""

from dataclasses import replace
from typing import Any, Literal

from pydantic import ConfigDict

from amber_mcp.errors import InvalidRequest

from .completions import CompletionsApi, model_ids
from .request_schema import Documented, ListOf, RequestModel
from .types import ChatRequest, Json, Message, Model


class MorpheusMessage(Documented):
    """A message; the seed types roles and calls loosely."""

    role: str
    content: str | None
    name: str | None = None
    tool_calls: ListOf[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class Function(Documented):
    model_config = ConfigDict(extra="allow")
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class FunctionTool(Documented):
    """What makes a function of an entry of `tools`, which the seed types loosely."""

    model_config = ConfigDict(extra="allow")
    type: Literal["function"]
    function: Function


class MorpheusRequest(RequestModel):
    """The body of `POST /chat/completions` (seed 003). Without `model`, the gateway has one."""

    takes_functions = True
    model: str | None = None
    messages: ListOf[MorpheusMessage]
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stream: bool | None = None
    stop: str | list[Any] | None = None
    max_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: ListOf[FunctionTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    session_id: str | None = None


class MorpheusApi(CompletionsApi):
    """The gateway's chat completions.

    The documentation asks for a stream wherever tools are given, and its code forwards `Accept`:
    so `Accept` always fits `stream`, and a request with tools is always streamed.
    """

    name = "morpheus"
    offers = ("functions", "sessions")
    path = "/api/v1/chat/completions"
    request_model = MorpheusRequest

    def streams(self, request: ChatRequest) -> bool:
        """As the request or the configuration says, and always where tools are given."""
        if request.functions and request.parameters.get("stream") is False:
            raise InvalidRequest(
                "morpheus calls functions in a stream alone, and `parameters.stream` is false",
                advice="Leave `stream` out, or call without `tools`.",
            )
        return bool(request.functions) or super().streams(request)

    def message(self, message: Message) -> dict[str, Json]:
        """A message whose empty content beside tool calls is `null`.

        The gateway makes it so itself, but too late for the providers (amber-api.md section 9).
        """
        is_call = message.more.get("tool_calls") and not message.content
        return super().message(replace(message, content=None) if is_call else message)

    async def models(self) -> tuple[Model, ...]:
        """The gateway's language models, in its own order."""
        return self.as_models(model_ids(await self.http.get("/api/v1/models"), kind="LLM"))
