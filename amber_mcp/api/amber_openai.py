"""amber's OpenAI-format API, `/api/beta/openai/v1` (seed 002): no search, agents or files.

It has what OpenAI's format has: the developer role, images, function tools, streaming. The seed's
examples show `max_tokens`, `stream`, `tools` and `tool_choice`; no other parameter is documented,
and neither is a list of models.
"""

from . import checks
from .completions import CompletionsApi, wire_message
from .dialect import Dialect
from .http import HttpClient
from .types import ChatRequest, Json, Model


class AmberOpenAiApi(CompletionsApi):
    """The OpenAI-format API of one tenant; its models are those that the operator names."""

    path = "/api/beta/openai/v1/chat/completions"
    dialect = Dialect(
        name="amber-openai",
        offers=("images", "functions"),
        roles=frozenset({"developer", "system", "user", "assistant", "tool"}),
        message_fields=frozenset({"tool_calls", "tool_call_id", "refusal", "annotations"}),
        content_parts=frozenset({"text", "image_url"}),
        null_content=True,
        functions=True,
        parameters={
            "stream": checks.boolean,
            "max_tokens": checks.integer(),
            "tool_choice": checks.text_or_mapping,
        },
    )

    def __init__(self, http: HttpClient, *, stream: bool, models: tuple[str, ...]) -> None:
        super().__init__(http, stream=stream)
        self._models = models

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body of `POST /chat/completions`."""
        functions: dict[str, Json] = {"tools": [dict(f) for f in request.functions]}
        return {
            "model": request.model,
            "messages": [wire_message(message) for message in request.messages],
            **(functions if request.functions else {}),
            **request.parameters,
            "stream": stream,
        }

    async def models(self) -> tuple[Model, ...]:
        """The models of AMBER_OPENAI_MODELS."""
        return tuple(map(self.model_of, self._models))
