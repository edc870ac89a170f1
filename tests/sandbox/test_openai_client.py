"""The official OpenAI client works against the sandbox, as seed 001 promises for amber."""

from typing import Any

import pytest
from openai import AsyncOpenAI

from .conftest import WEATHER, Caller

QUESTION = [{"role": "user", "content": "Wie viele Urlaubstage habe ich?"}]
TOOLS = [{"type": "function", "function": {"name": "amberSearch"}}]


def client_of(api: Caller) -> AsyncOpenAI:
    url = str(api.http.base_url.join(api.path.removesuffix("chat/completions")))
    headers = {"Accept": "text/event-stream"}
    key = api.http.headers["Authorization"].removeprefix("Bearer ")
    return AsyncOpenAI(base_url=url, api_key=key, max_retries=0, default_headers=headers)


@pytest.mark.parametrize("api", ["amber"], indirect=True)
async def test_models_and_a_conversation_in_streams(api: Caller):
    """The stream helper is satisfied, and what it gathered may come back as it is."""
    messages: Any = [*QUESTION]
    async with client_of(api) as client:
        models = [model.id async for model in client.models.list()]
        assert models == ["sandbox-brief", "sandbox/detailed"]
        assert (await client.models.retrieve("sandbox/detailed")).owned_by == "sandbox"
        for _ in range(2):
            async with client.chat.completions.stream(
                model="sandbox-brief", messages=messages, tools=TOOLS
            ) as stream:
                answer = (await stream.get_final_completion()).choices[0]
            assert "30 Tage Urlaub" in (answer.message.content or "")
            assert answer.finish_reason == "stop"
            messages += [answer.message.model_dump(exclude={"parsed"}), *QUESTION]


@pytest.mark.parametrize("api", ["openai", "morpheus"], indirect=True)
async def test_functions_in_streams(api: Caller):
    messages: Any = [{"role": "user", "content": "What's the weather like in Aachen?"}]
    asked: dict[str, Any] = {"model": api.model, "messages": messages, "tools": [WEATHER]}
    async with client_of(api) as client:
        async with client.chat.completions.stream(**asked) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        (call,) = message.tool_calls or []
        assert call.function.arguments == '{"location":"Aachen"}'
        messages.append(message.model_dump(exclude={"parsed"}, exclude_unset=True))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
        async with client.chat.completions.stream(**asked) as stream:
            message = (await stream.get_final_completion()).choices[0].message
    assert "“sunny”" in (message.content or "")
