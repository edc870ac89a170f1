"""Messages, and the parts of bodies that several APIs have in common."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, model_validator


class Closed(BaseModel, extra="forbid"):
    """An object that refuses fields which its document does not have.

    Clients send fields of other APIs as `null`: these count as absent.
    """

    @model_validator(mode="before")
    @classmethod
    def _drop_unknown_nulls(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {k: v for k, v in sent.items() if v is not None or k in cls.model_fields}


class TextPart(Closed):
    """A part of a message: text."""

    type: Literal["text"]
    text: str


class ImageUrl(Closed):
    """Where an image is: an https address or a data URI."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Closed):
    """A part of a message: an image."""

    type: Literal["image_url"]
    image_url: ImageUrl


class Function(Closed):
    """A function that the caller has; `parameters` is a JSON schema."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Closed):
    """A function as an entry of `tools`."""

    type: Literal["function"]
    function: Function


class Message(BaseModel):
    """A message of any API: text, parts in OpenAI's format, calls and results."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            texts = (part.get("text") for part in self.content)
            return "\n".join(text for text in texts if isinstance(text, str))
        return self.content or ""

    @property
    def images(self) -> list[str]:
        """The addresses of the images."""
        parts = self.content if isinstance(self.content, list) else []
        images = [part.get("image_url") for part in parts]
        urls = [image.get("url") if isinstance(image, dict) else image for image in images]
        return [url for url in urls if isinstance(url, str)]


def common(messages: Iterable[BaseModel]) -> list[Message]:
    """An API's messages as those of any API."""
    return [Message.model_validate(each.model_dump(mode="json")) for each in messages]


def last(messages: Sequence[Message], *roles: str) -> Message:
    """The last message of these roles; an empty one where there is none."""
    return next((each for each in reversed(messages) if each.role in roles), Message(role=roles[0]))


def invalid(place: str, problem: str) -> RequestValidationError:
    """The refusal of a body for what shows only while it is answered."""
    return RequestValidationError([{"loc": ("body", place), "msg": problem, "type": "value_error"}])
