"""The result of `chat_completion`: a completion in the wire's own words, within its limit."""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from amber_mcp.api.types import Json
from amber_mcp.errors import TooLarge
from amber_mcp.protocol.schema import OpenObject
from amber_mcp.protocol.tool import Result
from amber_mcp.text.redaction import TRUNCATED
from amber_mcp.text.sanitise import answer_text

_MAX_CHARS = 2_000_000
_TEXTS = ("content", "refusal", "reasoning", "reasoning_content", "thinking")


def _as_text(value: object) -> object:
    """A value that should be text, and is something else where an API differs."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


Text = Annotated[str, BeforeValidator(_as_text)]


class ChoiceOut(BaseModel):
    """One choice, with all that the API said of it."""

    model_config = ConfigDict(extra="allow")

    index: int
    message: OpenObject
    finish_reason: Text = ""
    completion_id: Text = ""


class CompletionResult(Result):
    """A completion, in the wire's own words; fields that an API adds are cut."""

    model_config = ConfigDict(extra="allow")

    api: str
    choices: list[ChoiceOut]
    usage: OpenObject
    session_id: Text = ""
    truncated: Annotated[
        bool, Field(description="Whether text was cut at AMBER_MAX_ANSWER_CHARS")
    ] = False

    def as_text(self) -> str:
        """The completion as compact JSON, in which no image or tag can be seen as such."""
        text = self.model_dump_json(exclude_none=True)
        return re.sub(r"<(?=[A-Za-z/!?])", r"\\u003c", text).replace("![", "!\\u005b")


def chat_completion_result(body: Mapping[str, Json], api: str, max_chars: int) -> CompletionResult:
    """The completion that `body` holds, its texts cut to `max_chars` in all.

    Calls of functions and audio stay whole: half of one is of no use.

    Raises:
        TooLarge: if it is longer than any assistant takes.
    """
    limit = _Limit(max_chars)
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            for name in _TEXTS:
                if name in message:
                    message[name] = limit.applied(message[name])
    result = CompletionResult.model_validate({**body, "api": api, "truncated": limit.is_exceeded})
    chars = len(result.model_dump_json())
    if chars > _MAX_CHARS:
        raise TooLarge(
            f"the completion has {chars:,} characters of JSON, more than {_MAX_CHARS:,}",
            advice="Ask for less: fewer choices, no `logprobs`, or shorter audio.",
        )
    return result


def truncate_answer(text: str, max_chars: int) -> str:
    """The text of an answer that broke off, cut to `max_chars`."""
    is_cut = len(text) > max_chars
    text = answer_text(text[:max_chars])
    return text[:max_chars] + TRUNCATED if is_cut else text


class _Limit:
    """How many characters may still come; remote images count as the links they become."""

    def __init__(self, chars: int) -> None:
        self._left = chars
        self.is_exceeded = False

    def applied(self, value: Json) -> Json:
        """A text, or the texts of content parts, cut where the limit is reached."""
        match value:
            case str():
                text = answer_text(value[: self._left])
                self.is_exceeded = self.is_exceeded or max(len(value), len(text)) > self._left
                cut = text[: self._left]
                self._left -= len(cut)
                return cut
            case list():
                return [self._part(part) for part in value]
            case _:
                return value

    def _part(self, part: Json) -> Json:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            return {**part, "text": self.applied(part["text"])}
        return part
