"""Chat bodies: what a completion is asked with and answered with (seed 000)."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .errors import invalid, invalid_body

_MOST_BODY = 16 * 2**20


class Message(BaseModel):
    """One turn: seed 001 knows these three roles, and text alone."""

    role: Literal["system", "user", "assistant"]
    content: str


class Function(BaseModel):
    """The name of a search."""

    name: Literal["amberSearch", "webSearch"]


class Tool(BaseModel):
    """One search, in the shape of seed 001."""

    function: Function


class Metadata(BaseModel):
    """What amber adds to a completion: an agent, files, the language of the messages."""

    agent_id: str = ""
    files: list[str] = []
    language: str = "de"


class ChatRequest(BaseModel):
    """The body of a completion: the six fields of seed 000."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: str
    stream: bool = False
    temperature: float = 1
    metadata: Metadata = Metadata()
    tools: Annotated[list[Tool], Field(max_length=1)] = []

    @property
    def questions(self) -> list[str]:
        """What the user asked, the newest last; halves of characters, which JSON allows, as `?`."""
        asked = [message.content for message in self.messages if message.role == "user"]
        return [content.encode(errors="replace").decode() for content in asked]


async def read_body(request: Request) -> bytes:
    """The body of a request, as long as it is not too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BODY:
            raise HTTPException(413, "Request body too large")
    return bytes(body)


def parse_request(body: bytes) -> ChatRequest:
    """What a completion asks for.

    Raises:
        InvalidRequestError: it does not fit the documents.
    """
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        raise invalid(["body", at], "JSON decode error", "json_invalid") from error
    try:
        return ChatRequest.model_validate(sent)
    except ValidationError as error:
        raise invalid_body(error) from error


def completion(head: dict[str, Any], asked: ChatRequest, answer: str) -> dict[str, Any]:
    """A whole answer, in the shape of seed 000."""
    prompt = sum(len(message.content.split()) for message in asked.messages)
    written = len(answer.split())
    message = {"role": "assistant", "content": answer}
    return {
        **head,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
        },
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": "default",
    }


def chunk(head: dict[str, Any], delta: dict[str, str], finish: str | None = None) -> str:
    """A piece of a streamed answer, as OpenAI streams them."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    body = {
        **head,
        "choices": [choice],
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "system_fingerprint": "default",
    }
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
