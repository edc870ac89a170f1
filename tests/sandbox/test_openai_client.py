"""The official OpenAI client works against the sandbox, as seed 001 promises for amber."""

from collections.abc import AsyncIterator

import openai
import pytest
from anyio import to_thread
from openai import AsyncOpenAI, OpenAI

from amber_mcp.sandbox import Sandbox

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


async def test_a_completion(client: AsyncOpenAI):
    completion = await client.chat.completions.create(
        model="sandbox-brief",
        messages=QUESTION,
        tools=TOOLS,
        temperature=0.2,
        extra_body={"metadata": {"language": "en"}},
    )
    assert "30 Tage Urlaub" in (completion.choices[0].message.content or "")
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


async def test_a_stream(client: AsyncOpenAI):
    stream = await client.chat.completions.create(
        model="sandbox-brief", messages=QUESTION, tools=TOOLS, stream=True
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "30 Tage Urlaub" in text
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_its_errors(client: AsyncOpenAI, sandbox: Sandbox):
    with pytest.raises(openai.NotFoundError) as missing:
        await client.models.retrieve("gpt")
    assert missing.value.body == {"detail": "Model not found"}
    with pytest.raises(openai.UnprocessableEntityError):
        await client.chat.completions.create(
            model="sandbox-brief", messages=QUESTION, tools=TOOLS * 2
        )
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="ambrs-wrong").models.list()
    with pytest.raises(openai.InternalServerError) as useless:
        await client.chat.completions.list()
    assert useless.value.status_code == 501


async def test_the_blocking_client(sandbox: Sandbox):
    def use() -> tuple[str, str]:
        with OpenAI(
            base_url=f"{sandbox.base_url}/api/beta/amberai", api_key=sandbox.api_key
        ) as client:
            plain = client.chat.completions.create(
                model="sandbox-brief", messages=QUESTION, tools=TOOLS
            )
            stream = client.chat.completions.create(
                model="sandbox-brief", messages=QUESTION, tools=TOOLS, stream=True
            )
            streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
            return plain.choices[0].message.content or "", streamed

    plain, streamed = await to_thread.run_sync(use)
    assert "30 Tage Urlaub" in plain
    assert streamed == plain
