"""An answer's own message, sent back as a turn: what only answers carry is left out."""

from collections.abc import Collection

from .types import Json, Message

_OF_ANSWERS = frozenset(
    {
        "annotations",
        "audio",
        "id",
        "provider_specific_fields",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "thinking",
        "thinking_blocks",
    }
)


def sent_back(message: Message, documented: Collection[str]) -> Message:
    """The message as a request may carry it; `documented` are the fields that it may have.

    Only an assistant's messages change, and only by what says nothing to the API: fields of
    answers, empty ones, and the `index` of a call.
    """
    if message.role != "assistant":
        return message
    more = {
        name: _field(name, value)
        for name, value in message.more.items()
        if value not in ("", [], {}) and (name in documented or name not in _OF_ANSWERS)
    }
    return Message(message.role, message.content, more)


def _field(name: str, value: Json) -> Json:
    match name, value:
        case "tool_calls", [*calls]:
            return [_without_index(call) for call in calls]
        case "audio", {"id": str() as audio_id}:
            return {"id": audio_id}  # The bytes of an answer's audio are for its reader alone.
        case _:
            return value


def _without_index(call: Json) -> Json:
    if not isinstance(call, dict):
        return call
    return {name: value for name, value in call.items() if name != "index"}
