"""What the four completions APIs share: a request is posted, and read back piece by piece."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

from amber_mcp.errors import UpstreamError

from .dialect import Dialect
from .failures import words_of
from .http import HttpClient
from .json_text import sendable, shown_json
from .stream import delta_of, read_stream
from .types import ChatDelta, ChatRequest, Json, Message, Model


class CompletionsApi(ABC):
    """A completions API. Each of the four says where it differs."""

    dialect: ClassVar[Dialect]
    path: ClassVar[str]

    def __init__(self, http: HttpClient, *, stream: bool) -> None:
        self.http = http
        self._stream = stream

    def streams(self, request: ChatRequest) -> bool:
        """Whether the answer to `request` is asked for as a stream: as it says, or as configured.

        Raises:
            InvalidRequest: if it cannot be answered in the way that it says.
        """
        return bool(request.parameters.get("stream", self._stream))

    @abstractmethod
    def body(self, request: ChatRequest, *, stream: bool) -> dict[str, Json]:
        """The body to post, with documented parameters alone."""

    @abstractmethod
    async def models(self) -> tuple[Model, ...]:
        """The models that can be asked."""

    def answer_in(self, chunk: Mapping[str, Json]) -> Mapping[str, Json]:
        """A piece of a stream, without what tells of the stream itself."""
        return chunk

    def is_repeatable(self, request: ChatRequest) -> bool:  # noqa: ARG002  # an API may look at it
        """Whether it does no harm if the API gets `request` twice."""
        return True

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The answer, piece by piece; a single piece if it is not streamed.

        Raises:
            AmberError: of any kind that the exchange leads to.
        """
        stream = self.streams(request)
        accept = "text/event-stream" if stream else "application/json"
        body = sendable(self.body(request, stream=stream))
        choices = _choices_wanted(request)
        repeatable = self.is_repeatable(request)
        async with self.http.post(
            self.path, body, accept=accept, repeatable=repeatable
        ) as response:
            if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
                async for delta in read_stream(
                    response,
                    self.http.limits,
                    answer_in=self.answer_in,
                    choices=choices,
                ):
                    yield delta
                return
            answer = await self.http.read_json(response)
            delta = delta_of(answer, response) if isinstance(answer, dict) else ChatDelta()
            if choices and not _says_something(delta):
                raise UpstreamError(
                    f"the answer of {self.dialect.name} holds no choice that can be read",
                    upstream=words_of(shown_json(answer)),
                )
            yield delta

    def model_of(self, model_id: str) -> Model:
        """A model of this API."""
        return Model(model_id, self.dialect.name, self.dialect.offers)


def _choices_wanted(request: ChatRequest) -> int:
    number = request.parameters.get("n")
    return number if type(number) is int else 1


def _says_something(delta: ChatDelta) -> bool:
    """Whether a whole answer holds a message, though perhaps an empty one, or text in its stead."""
    choices = delta.chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return False
    message = choices[0].get("message") if isinstance(choices[0], dict) else None
    content = message.get("content", "") if isinstance(message, dict) else {}
    return bool(delta.text) or not isinstance(content, dict)


def wire_message(message: Message) -> dict[str, Json]:
    """A message as OpenAI's format has it."""
    return {"role": message.role, "content": message.content, **message.more}
