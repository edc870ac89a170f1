"""Adaptive Engine, `/api/v1` (seed 004): `{project}/{model}`, labels, campaigns, feedback.

The seed documents no list of models, no error body and no authentication; amber-api.md section 10
has what the vendor's public code shows of these: a Bearer key, and `{"error": "text"}`.
"""

from collections.abc import Mapping

from amber_mcp.errors import InvalidRequest, UpstreamError

from . import checks
from .completions import CompletionsApi, wire_message
from .dialect import Dialect
from .failures import words_of
from .http import HttpClient
from .json_text import sendable, shown_json
from .types import ChatRequest, Json, Message, Model

_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_TIMES = frozenset({"TTFT", "TotalRequestDuration"})


class AdaptiveApi(CompletionsApi):
    """One deployment; its models are those that the operator names.

    `tools` are switches for tools of the server's own, not functions for the caller. An image is
    a data URI, written without the object that OpenAI's format puts around it.
    """

    path = "/api/v1/chat/completions"
    dialect = Dialect(
        name="adaptive",
        offers=("images", "sessions", "feedback"),
        roles=None,
        message_fields={
            "name": checks.text,
            "completion_id": checks.uuid,
            "metadata": checks.anything,
        },
        content_parts={
            "text": checks.closed("text", type=checks.text, text=checks.text),
            "image_url": checks.closed(
                "image_url",
                type=checks.text,
                image_url=checks.either(checks.text, checks.closed("url", url=checks.text)),
            ),
        },
        parameters={
            "stream": checks.boolean,
            "stop": checks.listed(checks.text),
            "max_tokens": checks.integer(0, _INT32),
            "temperature": checks.number(),
            "top_p": checks.number(),
            "max_ttft_ms": checks.integer(0, _INT64),
            "stream_options": checks.closed(include_usage=checks.boolean),
            "session_id": checks.uuid,
            "user": checks.uuid,
            "ab_campaign": checks.text,
            "n": checks.integer(0, _INT32),
            "labels": checks.mapped(checks.text),
            "metadata": checks.mapped(checks.text),
            "system_prompt_args": checks.mapping,
            "tags": checks.listed(checks.text),
            "use_tools": checks.boolean,
            "tools": checks.listed(
                checks.closed("id", "enabled", id=checks.text, enabled=checks.boolean)
            ),
            "store": checks.boolean,
        },
    )

    def __init__(self, http: HttpClient, *, stream: bool, models: tuple[str, ...]) -> None:
        super().__init__(http, stream=stream)
        self._models = models

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body of `POST /chat/completions`."""
        parameters = dict(request.parameters)
        options = parameters.pop("stream_options", {"include_usage": True})
        return {
            "model": request.model,
            "messages": [_message(message) for message in request.messages],
            **({"stream_options": options} if stream else {}),
            **parameters,
            "stream": stream,
        }

    def answer_in(self, chunk: Mapping[str, Json]) -> Mapping[str, Json]:
        """A chunk without its times, which may be all that it has (amber-api.md section 10)."""
        return {key: value for key, value in chunk.items() if key not in _TIMES}

    async def models(self) -> tuple[Model, ...]:
        """The models of ADAPTIVE_MODELS."""
        return tuple(map(self.model_of, self._models))

    async def add_outcome(
        self, *, project: str, metric: str, session_id: str, value: float | bool
    ) -> str:
        """Rate a session (`POST /outcome` of the vendor's OpenAPI), and return the outcome's id."""
        body: dict[str, Json] = {
            "project_id": project,
            "metric": metric,
            "session_id": session_id,
            "value": value,
        }
        return await self._recorded("/api/v1/outcome", body, "outcome_id")

    async def add_comparison(
        self, *, project: str, metric: str, preferred: str, other: str, tied: str
    ) -> str:
        """Prefer one completion to another (`POST /comparison`), and return the comparison's id."""
        body: dict[str, Json] = {
            "project": project,
            "metric": metric,
            "preferred_completion": preferred,
            "other_completion": other,
            **({"tied": tied} if tied else {}),
        }
        return await self._recorded("/api/v1/comparison", body, "comparison_id")

    async def _recorded(self, path: str, body: Mapping[str, Json], key: str) -> str:
        answer = await self.http.post_json(path, sendable(body))
        if isinstance(answer, dict) and isinstance(answer.get(key), str):
            return str(answer[key])
        raise UpstreamError(
            f"adaptive recorded the feedback and told no {key}",
            upstream=words_of(shown_json(answer)),
        )


def _message(message: Message) -> dict[str, Json]:
    content = message.content
    if isinstance(content, list):
        content = [_part(part) for part in content]
    return {**wire_message(message), "content": content}


def _part(part: Json) -> Json:
    match part:
        case {"type": "image_url", "image_url": {"url": str() as url}} | {
            "type": "image_url",
            "image_url": str() as url,
        }:
            if not url.startswith("data:"):
                raise InvalidRequest(
                    "adaptive takes images as data URIs alone",
                    advice="Send the image as data:image/png;base64,…",
                )
            return {"type": "image_url", "image_url": url}
        case _:
            return part
