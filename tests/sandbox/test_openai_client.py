"""The official OpenAI client works against the sandbox, as seed 001 promises for amber."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from amber_mcp.sandbox import Sandbox

from .conftest import WEATHER

QUESTION = [{"role": "user", "content": "Wie viele Urlaubstage habe ich?"}]
TOOLS = [{"type": "function", "function": {"name": "amberSearch"}}]


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{sandbox.base_url}/api/beta/amberai", api_key=sandbox.api_key, max_retries=0
    ) as client:
        yield client


async def test_models(client: AsyncOpenAI):
    assert [model.id async for model in client.models.list()] == [
        "sandbox-brief",
        "sandbox/detailed",
    ]
    assert (await client.models.retrieve("sandbox/detailed")).owned_by == "sandbox"


async def test_a_conversation_in_streams(client: AsyncOpenAI):
    """The stream helper is satisfied, and what it gathered may come back as it is."""
    messages: Any = [*QUESTION]
    for _ in range(2):
        async with client.chat.completions.stream(
            model="sandbox-brief", messages=messages, tools=TOOLS
        ) as stream:
            answer = (await stream.get_final_completion()).choices[0]
        assert "30 Tage Urlaub" in (answer.message.content or "")
        assert answer.finish_reason == "stop"
        sent_back = answer.message.model_dump(exclude={"parsed"})
        messages += [sent_back, *QUESTION]


@pytest.mark.parametrize("api", ["openai", "morpheus"])
async def test_functions_in_streams(sandbox: Sandbox, api: str):
    base_url = f"{sandbox.base_url}/{'api/beta/openai' if api == 'openai' else 'morpheus/api'}/v1"
    key = sandbox.api_key if api == "openai" else sandbox.morpheus_key
    model = sandbox.openai_models[0] if api == "openai" else sandbox.morpheus_models[0]
    messages: Any = [{"role": "user", "content": "What's the weather like in Aachen?"}]
    asked: dict[str, Any] = {"model": model, "messages": messages, "tools": [WEATHER]}
    headers = {"Accept": "text/event-stream"}
    async with AsyncOpenAI(base_url=base_url, api_key=key, default_headers=headers) as client:
        async with client.chat.completions.stream(**asked) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        (call,) = message.tool_calls or []
        assert call.function.arguments == '{"location":"Aachen"}'
        messages.append(message.model_dump(exclude={"parsed"}, exclude_unset=True))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
        async with client.chat.completions.stream(**asked) as stream:
            message = (await stream.get_final_completion()).choices[0].message
    assert "“sunny”" in (message.content or "")
