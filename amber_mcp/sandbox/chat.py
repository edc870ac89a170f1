"""Chat bodies: what a completion is asked with and answered with (seed 000)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from . import tokens


class Message(BaseModel, extra="forbid"):
    """One turn: seed 001 knows these three roles, and text alone."""

    role: Literal["system", "user", "assistant"]
    content: str


class Function(BaseModel, extra="forbid"):
    """The name of a search."""

    name: Literal["amberSearch", "webSearch"]


class Tool(BaseModel, extra="forbid"):
    """One search, in the shape of seed 001; `type` is what OpenAI's own clients add to it."""

    type: Literal["function"] = "function"
    function: Function


class Metadata(BaseModel, extra="forbid"):
    """What amber adds to a completion: an agent, files, the language of the messages."""

    agent_id: str = ""
    files: list[str] = []
    language: str = "de"


class ChatRequest(BaseModel, extra="forbid"):
    """The body of a completion: the six fields of seed 000."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: str
    stream: bool = False
    temperature: float = 1
    metadata: Metadata = Metadata()
    tools: Annotated[list[Tool], Field(max_length=1)] = []

    @property
    def questions(self) -> list[str]:
        """What the user asked, the newest last."""
        return [message.content for message in self.messages if message.role == "user"]


def completion(head: dict[str, Any], asked: ChatRequest, answer: str) -> dict[str, Any]:
    """A whole answer, in the shape of seed 000."""
    prompt = sum(tokens.count(message.content) for message in asked.messages)
    written = tokens.count(answer)
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


def chunk(head: dict[str, Any], delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    """A piece of a streamed answer, as OpenAI streams them."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {
        **head,
        "choices": [choice],
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "system_fingerprint": "default",
    }
