"""The neutral vocabulary that every API's file translates to and from."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from anyio import CapacityLimiter
from pydantic import JsonValue

Json = JsonValue
Origin = Literal["annotation", "citation", "link"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; `more` holds what its role adds (`name`, `tool_calls`, …)."""

    role: str
    content: Json
    more: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request. `functions` are OpenAI's, for the caller to execute; `parameters` are the
    API's own, under the names that its documentation gives them.
    """

    messages: tuple[Message, ...]
    model: str
    functions: tuple[Mapping[str, Json], ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as far as the API told (seed 000: the object may be empty)."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer rests on; `origin` tells where in the answer it was found.

    `number` is the one that the answer's text means it by. What has no web address has an empty
    `url`, and in `place` where it is otherwise: a path, a `file:` address, an id.
    """

    number: int
    title: str
    url: str
    place: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """What a field of an answer lists as a source, as it came, and its number in that list."""

    origin: Origin
    number: int
    value: Json


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """One piece of an answer; a whole answer arrives as a single piece.

    `chunk` is the piece as it came; the other fields are what it says of the first choice.
    `completion_id` is what the API's people can look the answer up by.
    """

    text: str = ""
    completion_id: str = ""
    model: str = ""
    finish_reason: str = ""
    refusal: str = ""
    usage: Usage | None = None
    entries: tuple[Entry, ...] = ()
    chunk: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked, and the API that has it."""

    id: str
    api: str
    offers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that amber took, in the form field of that name; `ids` has one id, or several.

    `sha256` and `size_bytes` are of the bytes that were sent.
    """

    ids: tuple[str, ...]
    field: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str


class ChatApi(Protocol):
    """What answering needs of an API."""

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where its sources may be as well."""
        ...

    @property
    def cpu_work(self) -> CapacityLimiter:
        """The limiter for what its answers give a processor to do."""
        ...

    def is_repeatable(self, request: ChatRequest) -> bool:
        """Whether it does no harm if the API gets `request` twice."""
        ...

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The answer, piece by piece. Raises `AmberError`."""
        ...
