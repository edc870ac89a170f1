"""Arguments as hosts write them, through the real program on both transports."""

import json

import pytest

from amber_mcp.protocol.bounds import MOST_ARGUMENT_VALUES
from tests.e2e.hostile import call_tool, response
from tests.e2e.test_hostile_upstream import Program, program
from tests.planted import KEY
from tests.upstream import completion

__all__ = ["program"]

CALL = {
    "question": 2026,
    "conversation_id": "null",
    "file_ids": ["None", ""],
    "model": "undefined",
    "temperature": "0.7",
    "toolCallId": "call_1",
    "sessionId": "s",
    "action": "sendMessage",
    "chatInput": "x",
}


@pytest.mark.parametrize("arguments", [CALL, json.dumps(CALL)])
async def test_a_call_is_understood_as_it_was_meant(program: Program, arguments: object) -> None:
    upstream, caller = program
    upstream.reply = response(bytes(completion("Because.").body))
    call = {"name": "ask_amber", "arguments": arguments}
    answer = await caller.request("tools/call", call)
    assert answer["result"]["structuredContent"]["answer"] == "Because.", answer
    sent = json.loads(upstream.bodies[-1])
    assert (sent["model"], sent["temperature"]) == ("m", 0.7)
    assert sent["messages"] == [{"role": "user", "content": "2026"}]
    assert "files" not in sent["metadata"]


@pytest.mark.parametrize("arguments", ["", "null", "{}"])
async def test_arguments_may_be_an_empty_text(program: Program, arguments: str) -> None:
    _, caller = program
    answer = await caller.request("tools/call", {"name": "list_models", "arguments": arguments})
    assert answer["result"]["structuredContent"]["models"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("[1]", "`arguments` must be an object, not '[1]'"),
        ("why?", "`arguments` must be an object, not 'why?'"),
        (KEY, "`arguments` must be an object, not '{hidden}'"),
        ("[" * 200 + "]" * 200, "`arguments` is JSON that is nested too deeply"),
        (json.dumps({"a": [0] * MOST_ARGUMENT_VALUES}), "`arguments` has more than 10000 values"),
        ("x" * 1_000_001, "`arguments` has 1000001 characters, and 1000000 are the most"),
        (json.dumps({"a": [0] * 60_000}), "`arguments` is JSON that holds more than 50,000 values"),
    ],
    ids=lambda value: value[:40],
)
async def test_text_that_holds_no_arguments_is_refused_in_words(
    program: Program, arguments: str, told: str
) -> None:
    _, caller = program
    answer = await caller.request("tools/call", {"name": "ask_amber", "arguments": arguments})
    assert answer["error"]["code"] == -32602
    assert answer["error"]["message"].startswith(f"invalid_request: {told}")


async def test_agents_of_n8n_can_call_a_tool(program: Program) -> None:
    upstream, caller = program
    upstream.reply = response(b'{"id": "f1"}')
    sent = {"content_base64": "-__-_w", "filename": "a.bin", "path": "", "toolCallId": "call_1"}
    outcome = await call_tool(caller, "upload_file", sent)
    assert outcome.result["structuredContent"]["size_bytes"] == 4
