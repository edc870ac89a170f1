"""An answer's own message, sent back: what only answers carry is left out."""

import pytest

from amber_mcp.api.chat_messages import as_input_message, wire_message
from amber_mcp.api.types import Message
from tests.api.asking import CALL

DOCUMENTED = {"role", "content", "audio", "tool_calls", "name"}


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({"id": "m-1", "reasoning": "Hm.", "annotations": [{"a": 1}]}, {}),
        ({"tool_calls": [], "refusal": "", "function_call": {}}, {}),
        ({"tool_calls": [{**CALL, "index": 0}, "odd"]}, {"tool_calls": [CALL, "odd"]}),
        ({"audio": {"id": "a", "data": "x", "expires_at": 1}}, {"audio": {"id": "a"}}),
        ({"name": "me", "unknown": 1}, {"name": "me", "unknown": 1}),
    ],
)
def test_an_assistant_s_message_is_sent_as_it_came_less_what_answers_add(
    more: dict, sent: dict
) -> None:
    message = as_input_message(Message("assistant", "So.", more), DOCUMENTED)
    assert wire_message(message) == {"role": "assistant", "content": "So.", **sent}


def test_other_messages_stay_as_they_are() -> None:
    message = Message("user", "Why?", {"id": "m-1", "name": ""})
    assert as_input_message(message, DOCUMENTED) is message
