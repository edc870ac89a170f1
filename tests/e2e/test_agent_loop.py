"""An agent's loop whose model is the tool `chat_completion` of the real program."""

import json
from typing import Any

import pytest

from tests.e2e.test_python_clients import connected, facts

WEATHER = "21 degrees, sunny, with a light wind from the west"
FUNCTION = {
    "name": "get_current_weather",
    "description": "Get the current weather in a given location.",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"], "type": "string"},
        },
        "required": ["location", "unit"],
        "additionalProperties": False,
    },
}
SETTINGS = {"AMBER_BASE_URL": "sandbox", "AMBER_TOOLS": "chat_completion"}


@pytest.mark.parametrize("model", ["amber-openai:azure/sandbox-quote", "morpheus:sandbox-quote"])
async def test_an_agent_calls_a_function_and_finishes(model: str) -> None:
    question = {"role": "user", "content": "What's the weather like in Aachen in celsius?"}
    messages: list[dict[str, Any]] = [question]
    called: list[dict[str, str]] = []
    tools = [{"type": "function", "function": FUNCTION}]
    async with connected("stdio", "auto", SETTINGS) as client:
        while messages[-1]["role"] != "assistant":
            request = {"model": model, "messages": messages, "tools": tools}
            _, completed = facts(await client.call_tool("chat_completion", request))
            (choice,) = completed["choices"]
            messages.append(choice["message"])
            for call in choice["message"].get("tool_calls") or []:
                assert choice["finish_reason"] == "tool_calls"
                assert call["function"]["name"] == FUNCTION["name"]
                called.append(json.loads(call["function"]["arguments"]))
                result = {"role": "tool", "tool_call_id": call["id"], "content": WEATHER}
                messages.append(result)
    assert called == [{"location": "Aachen", "unit": "celsius"}]
    assert WEATHER in messages[-1]["content"]
    assert choice["finish_reason"] == "stop"
