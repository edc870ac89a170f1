"""A completion's choices, in every form that seed 000 allows: it types them as `any[]`."""

from collections.abc import Mapping

from .types import Json

_MAX_INDEX = 100_000
_MAX_CHOICES = 1_000
_UNSET = ("", "null", "none", "None")


def completion_in(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """The completion that `body` is, or that a gateway wrapped as its `data`."""
    inner = body.get("data")
    return inner if "choices" not in body and isinstance(inner, dict) and inner else body


def choices_of(body: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The choices; a bare text stands for one that has it, and what is neither for an empty one."""
    choices = body.get("choices")
    if not isinstance(choices, list):
        return []
    first = choices[:_MAX_CHOICES]
    return [{"text": each} if isinstance(each, str) else mapping(each) for each in first]


def number_of(choice: Mapping[str, Json], position: int) -> int:
    """A choice's number: its index, or else where it stands."""
    return index_in(choice.get("index"), position)


def index_in(value: Json, position: int) -> int:
    """An index, or else a position. Large ones are none: there are numbers whose hashes collide."""
    return value if type(value) is int and 0 <= value <= _MAX_INDEX else position


def message_of(choice: Mapping[str, Json]) -> Mapping[str, Json]:
    """The message of a choice, or what a stream tells of it; a bare text is its content."""
    for key in ("delta", "message"):
        match choice.get(key):
            case str(text) if text:
                return {"content": text}
            case dict(fields) if fields:
                return fields
    return {}


def text_of(choice: Mapping[str, Json]) -> str:
    """The text of a choice: that of its message, or its own."""
    places = (message_of(choice).get("content"), choice.get("text"), choice.get("content"))
    return next(filter(None, map(text_in, places)), "")


def finish_reason_of(fields: Mapping[str, Json]) -> str:
    """Why it ended; some write the absence of a reason as a word."""
    reason = text_in(fields.get("finish_reason"))
    return "" if reason in _UNSET else reason


def mapping(value: Json) -> Mapping[str, Json]:
    """`value`, or an empty mapping where it is another type."""
    return value if isinstance(value, dict) else {}


def text_in(value: Json) -> str:
    """Text, or the text of content parts (`[{"type": "text", "text": "…"}]`)."""
    match value:
        case str():
            return value
        case list():
            return "".join(text_in(part.get("text")) for part in value if isinstance(part, dict))
        case _:
            return ""
