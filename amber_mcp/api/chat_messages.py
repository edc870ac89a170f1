"""Messages as they are sent, and answers' own messages, sent back as part of a conversation."""

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


def wire_message(message: Message) -> dict[str, Json]:
    """A message as OpenAI's format has it."""
    return {"role": message.role, "content": message.content, **message.more}


def as_input_message(message: Message, documented: Collection[str]) -> Message:
    """An assistant's message without what only answers carry; any other as it is.

    Left out are fields of answers that are not `documented` for requests, empty fields, the
    `index` of tool calls, and the data of audio.
    """
    if message.role != "assistant":
        return message
    more = {
        name: _input_field(name, value)
        for name, value in message.more.items()
        if value not in ("", [], {}) and (name in documented or name not in _OF_ANSWERS)
    }
    return Message(message.role, message.content, more)


def _input_field(name: str, value: Json) -> Json:
    match name, value:
        case "tool_calls", [*calls]:
            return [
                {key: each for key, each in call.items() if key != "index"}
                if isinstance(call, dict)
                else call
                for call in calls
            ]
        case "audio", {"id": str() as audio_id}:
            return {"id": audio_id}
        case _:
            return value
