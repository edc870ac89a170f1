"""The neutral vocabulary that every API's file translates to and from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]
Search = Literal["company", "web", "none"]
Origin = Literal["annotation", "citation", "link"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question, with all that amber documents for it (seed 001, "Chat Completions")."""

    messages: tuple[Message, ...]
    model: str
    language: str
    search: Search = "none"
    agent_id: str = ""
    file_ids: tuple[str, ...] = ()
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as far as the API told (seed 000: the object may be empty)."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A page that an answer rests on; `origin` tells where in the answer it was found."""

    title: str
    url: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """One piece of an answer; a whole answer arrives as a single piece."""

    text: str = ""
    model: str = ""
    finish_reason: str = ""
    refusal: str = ""
    usage: Usage | None = None
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A finished answer. `model` is the API's own word, perhaps not what was asked for."""

    text: str
    model: str
    finish_reason: str = ""
    usage: Usage | None = None
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked, and the API that has it."""

    id: str
    api: str
    owned_by: str = ""
    offers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that amber took; `sha256` and `size_bytes` are of the bytes that were sent."""

    id: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str


class ChatApi(Protocol):
    """What answering needs of an API."""

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The answer, piece by piece. Raises `AmberError`."""
        ...
