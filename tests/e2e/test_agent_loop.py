"""An agent framework's loop whose model is the tool `chat_completion` of the real program."""

from collections.abc import Iterable
from typing import Any, Literal

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent
from pydantic_ai import (
    Agent,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from tests.e2e.programs import COMMAND, environment

QUESTION = "What's the weather like in Aachen in celsius?"
WEATHER = "21 degrees, sunny, with a light wind from the west"
SETTINGS = {"AMBER_BASE_URL": "sandbox", "AMBER_TOOLS": "chat_completion"}


def function_of(tool: ToolDefinition) -> dict[str, Any]:
    """The framework's tool as a function in OpenAI's format."""
    function = {"name": tool.name, "parameters": tool.parameters_json_schema}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def asked(part: ModelRequestPart) -> dict[str, Any]:
    """What the framework asks, as a message in OpenAI's format."""
    match part:
        case UserPromptPart(content=str() as text):
            return {"role": "user", "content": text}
        case ToolReturnPart(tool_call_id=call_id):
            return {
                "role": "tool",
                "tool_call_id": call_id,
                "content": part.model_response_str(),
            }
    raise AssertionError(f"this loop has no such part: {part}")


def answered(response: ModelResponse) -> dict[str, Any]:
    """What the model answered before, as a message in OpenAI's format."""
    message: dict[str, Any] = {"role": "assistant", "content": response.text}
    if response.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.tool_call_id,
                "type": "function",
                "function": {"name": call.tool_name, "arguments": call.args_as_json_str()},
            }
            for call in response.tool_calls
        ]
    return message


def messages_of(history: Iterable[ModelMessage]) -> list[dict[str, Any]]:
    """The framework's history as messages in OpenAI's format."""
    messages: list[dict[str, Any]] = []
    for entry in history:
        match entry:
            case ModelRequest(parts=parts):
                messages += [asked(part) for part in parts]
            case ModelResponse():
                messages.append(answered(entry))
    return messages


def response_of(message: dict[str, Any]) -> ModelResponse:
    """A message in OpenAI's format as the framework's response."""
    parts: list[ModelResponsePart] = [
        ToolCallPart(call["function"]["name"], call["function"]["arguments"], call["id"])
        for call in message.get("tool_calls") or []
    ]
    if text := message.get("content"):
        parts.insert(0, TextPart(text))
    return ModelResponse(parts)


async def completion(client: Client, arguments: dict[str, Any]) -> dict[str, Any]:
    """The one choice of a completion."""
    result = await client.call_tool("chat_completion", arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert not result.is_error, content.text
    assert isinstance(result.structured_content, dict)
    choices: list[dict[str, Any]] = result.structured_content["choices"]
    (choice,) = choices
    return choice


@pytest.mark.parametrize("model", ["amber-openai:azure/sandbox-quote", "morpheus:sandbox-quote"])
async def test_an_agent_calls_a_function_and_finishes(model: str) -> None:
    calls: list[tuple[str, str]] = []
    finished: list[str] = []

    def get_current_weather(location: str, unit: Literal["celsius", "fahrenheit"]) -> str:
        """Get the current weather in a given location."""
        calls.append((location, unit))
        return WEATHER

    command, *arguments = COMMAND
    server = StdioServerParameters(command=command, args=arguments, env=environment(**SETTINGS))
    with anyio.fail_after(60):
        async with Client(stdio_client(server)) as client:

            async def complete(history: list[ModelMessage], info: AgentInfo) -> ModelResponse:
                """The framework's model: each of its requests is a call of `chat_completion`."""
                request = {
                    "model": model,
                    "messages": messages_of(history),
                    "tools": [function_of(tool) for tool in info.function_tools],
                }
                choice = await completion(client, request)
                finished.append(choice["finish_reason"])
                return response_of(choice["message"])

            agent = Agent(FunctionModel(complete), tools=[get_current_weather])
            result = await agent.run(QUESTION)

    ((location, unit),) = calls
    assert "Aachen" in location
    assert unit == "celsius"
    assert WEATHER in result.output
    assert finished == ["tool_calls", "stop"]
