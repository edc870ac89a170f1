"""Messages in OpenAI's format, as seeds 002 and 003 show them: text, images, calls and results."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class TextPart(BaseModel):
    """A part of a message: text."""

    type: Literal["text"]
    text: str


class ImageAddress(BaseModel):
    """Where an image is: an https address or a data URI."""

    url: str


class ImagePart(BaseModel):
    """A part of a message: an image."""

    type: Literal["image_url"]
    image_url: ImageAddress


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class CalledFunction(BaseModel):
    """What an assistant's message called."""

    name: str = ""
    arguments: str = ""


class ToolCall(BaseModel):
    """A call in an assistant's message; seed 003 shows even an empty one."""

    id: str = ""
    function: CalledFunction = CalledFunction()


class Message(BaseModel):
    """One turn."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""

    @property
    def images(self) -> list[str]:
        """The addresses of the images."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.image_url.url for part in parts if isinstance(part, ImagePart)]


def last_question(messages: Sequence[Message]) -> Message:
    """What the user said last; an empty message where the user said nothing."""
    asked = [message for message in messages if message.role == "user"]
    return asked[-1] if asked else Message(role="user")


def last_instruction(messages: Sequence[Message]) -> str:
    """What the developer, or the system in their place, said last."""
    told = [message.text for message in messages if message.role in ("developer", "system")]
    return told[-1] if told else ""


def last_results(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """The results at the end of the messages, each with the name of its function."""
    called = {
        call.id: call.function.name for message in messages for call in message.tool_calls or []
    }
    results: list[tuple[str, str]] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        name = called.get(message.tool_call_id or "") or message.name or "a function"
        results.insert(0, (name, message.text))
    return results
