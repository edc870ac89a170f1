"""Morpheus API Gateway, `/api/v1` (seed 003): sessions, sampling parameters, function tools."""

from amber_mcp.errors import InvalidRequest

from . import checks
from .completions import CompletionsApi, wire_message
from .dialect import Dialect
from .model_lists import model_ids
from .types import ChatRequest, Json, Message, Model


class MorpheusApi(CompletionsApi):
    """The gateway's chat completions.

    The documentation asks for a stream wherever tools are given, and its code forwards `Accept`:
    so `Accept` always fits `stream`, and a request with tools is always streamed. It types roles,
    the entries of `tools` and those of `stop` loosely, and needs no model: it has a default one.
    """

    path = "/api/v1/chat/completions"
    dialect = Dialect(
        name="morpheus",
        offers=("functions", "sessions"),
        roles=None,
        message_fields={
            "name": checks.text,
            "tool_calls": checks.listed(checks.mapping),
            "tool_call_id": checks.text,
        },
        null_content=True,
        function=checks.opened(
            "type",
            "function",
            type=checks.one_of("function"),
            function=checks.opened(
                "name", name=checks.text, description=checks.text, parameters=checks.mapping
            ),
        ),
        needs_model=False,
        parameters={
            "stream": checks.boolean,
            "temperature": checks.number(),
            "top_p": checks.number(),
            "n": checks.integer(),
            "stop": checks.either(checks.text, checks.listed(checks.anything)),
            "max_tokens": checks.integer(),
            "presence_penalty": checks.number(),
            "frequency_penalty": checks.number(),
            "tool_choice": checks.either(checks.text, checks.mapping),
            "session_id": checks.text,
        },
    )

    def streams(self, request: ChatRequest) -> bool:
        """As the request or the configuration says, and always where tools are given."""
        if request.functions and request.parameters.get("stream") is False:
            raise InvalidRequest(
                "morpheus calls functions in a stream alone, and `parameters.stream` is false",
                advice="Leave `stream` out, or call without `tools`.",
            )
        return bool(request.functions) or super().streams(request)

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body of `POST /chat/completions`."""
        functions: dict[str, Json] = {"tools": [dict(f) for f in request.functions]}
        return {
            **({"model": request.model} if request.model else {}),
            "messages": [_message(message) for message in request.messages],
            **(functions if request.functions else {}),
            **request.parameters,
            "stream": stream,
        }

    async def models(self) -> tuple[Model, ...]:
        """The gateway's language models, in its own order."""
        ids = model_ids(await self.http.get("/api/v1/models"), kind="LLM")
        return tuple(map(self.model_of, ids))


def _message(message: Message) -> dict[str, Json]:
    """The gateway itself mends `content` beside tool calls too late for it to reach providers."""
    if message.more.get("tool_calls") and not message.content:
        return {**wire_message(message), "content": None}
    return wire_message(message)
