"""What the four APIs share: a request is posted, and its answer read piece by piece."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import ClassVar

from anyio import CapacityLimiter

from amber_mcp.errors import UpstreamError
from amber_mcp.http.client import HttpClient
from amber_mcp.http.error_responses import error_text
from amber_mcp.http.peek import peeked
from amber_mcp.text.json_values import dump_json
from amber_mcp.text.sanitise import is_plain

from .chat_messages import wire_message
from .choices import choices_of, completion_in
from .request_schema import RequestModel
from .stream import delta_of, read_stream
from .types import ChatDelta, ChatRequest, Json, Message, Model

_MAX_MODELS = 2_000
_MAX_MODEL_ID_CHARS = 300
_NO_ID = re.compile(r"[\s()\[\]<>]|://")


class CompletionsApi:
    """One API of one host. Each of the four says what it documents, and where it differs.

    `offers` is what `list_models` says of its models, `control_fields` are those of a streamed
    chunk that tell of the stream rather than of the answer. An API that lists no models has those
    that the operator names.
    """

    name: ClassVar[str]
    offers: ClassVar[tuple[str, ...]]
    path: ClassVar[str]
    request_model: ClassVar[type[RequestModel]]
    control_fields: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, http: HttpClient, *, stream: bool, models: tuple[str, ...] = ()) -> None:
        self.http = http
        self._stream = stream
        self._models = models

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, as the sandbox is."""
        return self.http.is_local

    @property
    def cpu_work(self) -> CapacityLimiter:
        """The limiter for what its answers give a processor to do."""
        return self.http.limits.cpu_work

    @property
    def needs_model(self) -> bool:
        """Whether a request has to name a model."""
        return self.request_model.model_fields["model"].is_required()

    def streams(self, request: ChatRequest) -> bool:
        """Whether the answer to `request` is asked for as a stream: as it says, or as configured.

        Raises:
            InvalidRequest: if it cannot be answered in the way that it says.
        """
        return bool(request.parameters.get("stream", self._stream))

    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body to post; a stream is asked to tell its usage, where that is documented."""
        parameters = dict(request.parameters)
        if "stream_options" in self.request_model.model_fields:
            options = parameters.pop("stream_options", {"include_usage": True})
            parameters |= {"stream_options": options} if stream else {}
        return {
            **({"model": request.model} if request.model else {}),
            "messages": [self.message(message) for message in request.messages],
            **({"tools": [dict(f) for f in request.functions]} if request.functions else {}),
            **parameters,
            "stream": stream,
        }

    def message(self, message: Message) -> dict[str, Json]:
        """A message as this API takes it."""
        return wire_message(message)

    def is_repeatable(self, request: ChatRequest) -> bool:  # noqa: ARG002  # an API may look at it
        """Whether it does no harm if the API gets `request` twice."""
        return True

    async def models(self) -> tuple[Model, ...]:
        """The models that can be asked."""
        return self.as_models(self._models)

    def as_models(self, ids: Iterable[str]) -> tuple[Model, ...]:
        """Models of this API."""
        return tuple(Model(model_id, self.name, self.offers) for model_id in ids)

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The answer, piece by piece; a single piece if it is not streamed.

        Raises:
            AmberError: of any kind that the exchange leads to.
        """
        stream = self.streams(request)
        accept = "text/event-stream" if stream else "application/json"
        body = self.body(request, stream=stream)
        number = request.parameters.get("n")
        choices = number if type(number) is int else 1
        async with self.http.post(
            self.path, body, accept=accept, repeatable=self.is_repeatable(request)
        ) as response:
            async with peeked(response) as (whole, is_stream):
                if is_stream:
                    async for delta in read_stream(
                        whole, self.http.limits, ignored=self.control_fields, choices=choices
                    ):
                        yield delta
                    return
                answer = await self.http.read_json(whole)
            delta = ChatDelta()
            if isinstance(answer, dict):
                delta = delta_of(completion_in(answer), response)
            if choices and not _has_answer(delta):
                raise UpstreamError(
                    f"the answer of {self.name} holds no choice that can be read",
                    upstream=error_text(dump_json(answer)),
                )
            yield delta


def _has_answer(delta: ChatDelta) -> bool:
    """Whether a whole answer holds a message, though perhaps an empty one, or text in its stead."""
    choice = next(iter(choices_of(delta.chunk)), {})
    message = choice.get("message", choice.get("delta"))
    content = message.get("content", "") if isinstance(message, dict) else {}
    return bool(delta.text) or message == "" or not isinstance(content, dict)


def model_ids(body: object, *, kind: str = "") -> list[str]:
    """The ids in `{"data": […]}`, `{"models": […]}` or a bare list, of objects or of texts.

    Args:
        kind: the `modelType` to keep, of those models that have one.

    Raises:
        UpstreamError: if `body` is no such list.
    """
    match body:
        case {"data": [*entries]} | {"models": [*entries]} | [*entries]:
            ids = (_model_id(entry, kind) for entry in entries[:_MAX_MODELS])
            return [found for found in ids if found]
    raise UpstreamError(
        "the list of models cannot be read",
        upstream=error_text(dump_json(body)),
        advice="Set AMBER_MODEL, or report this answer's form, so that it can be read.",
    )


def model_id(body: object) -> str:
    """The id in one model's description.

    Raises:
        UpstreamError: if there is none.
    """
    if found := _model_id(body):
        return found
    raise UpstreamError(
        "the description of the model cannot be read", upstream=error_text(dump_json(body))
    )


def _model_id(entry: object, kind: str = "") -> str:
    match entry:
        case {"modelType": other} if kind and other != kind:
            return ""
        case {"id": found} | found if isinstance(found, str):
            is_id = is_plain(found, max_chars=_MAX_MODEL_ID_CHARS) and not _NO_ID.search(found)
            return found if is_id else ""
    return ""
