"""What the bodies of several APIs have in common: closed objects, turns, functions, usage."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, model_validator


class Closed(BaseModel, extra="forbid"):
    """An object that refuses fields which its document does not have.

    Clients send fields of other APIs as `null`: these count as absent.
    """

    @model_validator(mode="before")
    @classmethod
    def _unknown_nulls_are_absent(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {k: v for k, v in sent.items() if v is not None or k in cls.model_fields}


class Function(Closed):
    """A function that the caller has; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Closed):
    """A function as an entry of `tools`."""

    type: Literal["function"]
    function: Function


class Turn(BaseModel):
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


def turns(messages: Iterable[BaseModel]) -> list[Turn]:
    """The messages of an API."""
    return [Turn.model_validate(each.model_dump(mode="json")) for each in messages]


def last_said(messages: Sequence[Turn], *roles: str) -> Turn:
    """The last message of these roles; an empty one where there is none."""
    return next((each for each in reversed(messages) if each.role in roles), Turn(role=roles[0]))


def usage(asked: Iterable[Turn], answered: Iterable[str]) -> dict[str, int]:
    """The length of a request and its answer in words: nothing here has a model's tokens."""
    prompt = sum(len(each.text.split()) for each in asked)
    written = sum(len(text.split()) for text in answered)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
    }
