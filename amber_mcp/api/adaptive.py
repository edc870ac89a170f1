"""Adaptive Engine, `/api/v1` (seed 004): `{project}/{model}`, labels, campaigns, feedback.

The seed documents no list of models, no error body and no authentication; amber-api.md section 10
has what the vendor's public code shows of these: a Bearer key, and `{"error": "text"}`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from amber_mcp.errors import InvalidRequest, UpstreamError
from amber_mcp.http.error_responses import error_text, reports_failure
from amber_mcp.text.json_values import dump_json
from amber_mcp.text.sanitise import plain_id, quoted

from .completions import CompletionsApi
from .request_schema import (
    BY_TYPE,
    UUID_PATTERN,
    Documented,
    ListOf,
    MapOf,
    RequestModel,
    TextPart,
    Uuid,
)
from .types import Json, Message

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class ImageUrl(Documented):
    """OpenAI's form of an image's address, which is taken for Adaptive's own: plain text."""

    url: str


class ImagePart(Documented):
    type: Literal["image_url"]
    image_url: str | ImageUrl


Part = Annotated[
    Annotated[TextPart, Tag("type=text")] | Annotated[ImagePart, Tag("type=image_url")], BY_TYPE
]


class AdaptiveMessage(Documented):
    """A message; the seed leaves its role open."""

    content: str | ListOf[Part]
    role: str
    name: str | None = None
    completion_id: Uuid | None = None
    metadata: Any = None


class StreamOptions(Documented):
    include_usage: bool | None = None


class ToolSwitch(Documented):
    """One of the server's own tools, switched on or off."""

    id: str
    enabled: bool


class AdaptiveRequest(RequestModel):
    """The body of `POST /chat/completions` (seed 004)."""

    messages: ListOf[AdaptiveMessage]
    model: str
    stop: ListOf[str] | None = None
    max_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_ttft_ms: int | None = Field(None, ge=0, le=2**63 - 1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    session_id: Uuid | None = None
    user: Uuid | None = None
    ab_campaign: str | None = None
    n: Count | None = None
    labels: MapOf[str] | None = None
    metadata: MapOf[str] | None = None
    system_prompt_args: dict[str, Any] | None = None
    tags: ListOf[str] | None = None
    use_tools: bool | None = None
    tools: ListOf[ToolSwitch] | None = None
    store: bool | None = None


class AdaptiveApi(CompletionsApi):
    """One deployment; its models are those that the operator names."""

    name = "adaptive"
    offers = ("images", "sessions", "feedback")
    path = "/api/v1/chat/completions"
    request_model = AdaptiveRequest
    control_fields = frozenset({"TTFT", "TotalRequestDuration"})  # amber-api.md section 10

    def message(self, message: Message) -> dict[str, Json]:
        """A message whose images are plain data URIs."""
        content = message.content
        if isinstance(content, list):
            content = [_plain_image(part) for part in content]
        return {**super().message(message), "content": content}

    async def add_outcome(
        self, *, project: str, metric: str, session_id: str, value: float | bool
    ) -> str:
        """Rate a session (`POST /outcome` of the vendor's OpenAPI), and return the outcome's id.

        Raises:
            InvalidRequest: if `session_id` is no UUID.
        """
        if not re.fullmatch(UUID_PATTERN, session_id):
            raise InvalidRequest(f"`session_id` must be a UUID, not {quoted(session_id)}")
        body: dict[str, Json] = {
            "project_id": project,
            "metric": metric,
            "session_id": session_id,
            "value": value,
        }
        return await self._record("/api/v1/outcome", body, "outcome_id")

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
        return await self._record("/api/v1/comparison", body, "comparison_id")

    async def _record(self, path: str, body: Mapping[str, Json], key: str) -> str:
        answer = await self.http.post_json(path, body)
        said = answer if isinstance(answer, dict) and not reports_failure(answer) else {}
        if record_id := plain_id(said.get(key)):
            return record_id
        raise UpstreamError(
            f"adaptive told no {key}: the feedback may not have been recorded",
            upstream=error_text(dump_json(answer)),
        )


def _plain_image(part: Json) -> Json:
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)} | str(url)}:
            if not url.startswith("data:"):
                raise InvalidRequest(
                    "adaptive takes images as data URIs alone",
                    advice="Send the image as data:image/png;base64,…",
                )
            return {"type": "image_url", "image_url": url}
    return part
