"""amber's OpenAI format over a real socket, against seed 002."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest
from jsonschema import validate
from openai import AsyncOpenAI

from amber_mcp.sandbox import Sandbox

from . import pictures
from .conftest import TRAIN, WEATHER, events

MODEL = "azure/sandbox-quote"
HELLO = [
    {"role": "developer", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello!"},
]
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncOpenAI]:
    base_url = f"{sandbox.base_url}/api/beta/openai/v1"
    async with AsyncOpenAI(base_url=base_url, api_key=sandbox.api_key, max_retries=0) as client:
        yield client


async def post(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    body = {"model": MODEL, "messages": HELLO, **fields}
    return await http.post("openai/v1/chat/completions", json=body)


async def answer(http: httpx2.AsyncClient, **fields: Any) -> str:
    response = await post(http, **fields)
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


async def test_the_sandbox_names_its_models(sandbox: Sandbox):
    assert sandbox.openai_models == (MODEL,)


async def test_a_completion_is_the_sample(http: httpx2.AsyncClient):
    body = (await post(http)).json()
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    text = body["choices"][0]["message"].pop("content")
    assert text == (
        "*Answer from the sandbox: verbatim quotes, no language model.*\n\n"
        "Instruction: “You are a helpful assistant.”\n\nYour request: “Hello!”"
    )
    written = len(text.split())
    assert body == {
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "logprobs": None,
                "message": {
                    "refusal": None,
                    "role": "assistant",
                    "annotations": None,
                    "audio": None,
                    "function_call": None,
                    "tool_calls": None,
                },
            }
        ],
        "model": "sandbox-quote-2026-03-05",
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": "",
        "usage": {
            "completion_tokens": written,
            "prompt_tokens": 6,
            "total_tokens": written + 6,
            "completion_tokens_details": {
                "accepted_prediction_tokens": None,
                "audio_tokens": None,
                "reasoning_tokens": None,
                "rejected_prediction_tokens": None,
            },
            "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": 0},
        },
    }


async def test_long_requests_are_quoted_in_brief(http: httpx2.AsyncClient):
    text = await answer(http, messages=[{"role": "user", "content": "word " * 400}])
    assert len(text) < 500
    assert text.endswith("word …”")


async def test_openais_parameters_are_taken(http: httpx2.AsyncClient):
    body = (
        await post(
            http, temperature=2, n=3, metadata={"a": "x"}, response_format={"type": "text"},
            stop=["request"], seed=1, user="u", store=False, max_completion_tokens=50,
        )
    ).json()  # fmt: skip
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"][-5:] for choice in body["choices"]} == {"Your "}


async def test_most_tokens_cut_the_answer(http: httpx2.AsyncClient):
    body = (await post(http, max_tokens=3)).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["choices"][0]["message"]["content"] == "*Answer from the"
    assert body["usage"]["completion_tokens"] == 3


async def test_images_are_described_from_their_bytes(http: httpx2.AsyncClient):
    png, jpeg = pictures.png(640, 480), pictures.jpeg(20, 10)
    urls = [
        pictures.uri(png),
        pictures.uri(jpeg, "jpeg"),
        "https://ambersearch.de/uploads/amber_Team_73637a5596.jpg",
    ]
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    content = [{"type": "text", "text": "What's in this image?"}, *parts]
    text = await answer(http, messages=[{"role": "user", "content": content}], max_tokens=300)
    assert "Your request: “What's in this image?”" in text
    assert f"Image 1: PNG, 640 × 480 pixels, {len(png)} bytes." in text
    assert f"Image 2: JPEG, 20 × 10 pixels, {len(jpeg)} bytes." in text
    assert f"Image 3: {urls[2]}. The sandbox fetches nothing" in text


async def test_the_official_client_sends_images(client: AsyncOpenAI):
    png = pictures.png(640, 480)
    parts = [
        {"type": "text", "text": "What's in this image?"},
        {"type": "image_url", "image_url": {"url": pictures.uri(png)}},
    ]
    messages: Any = [{"role": "user", "content": parts}]
    completion = await client.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=300
    )
    assert "PNG, 640 × 480 pixels" in (completion.choices[0].message.content or "")


@pytest.mark.parametrize(
    "url", ["http://example.com/a.png", "data:image/png;base64,!", "file:///etc/passwd"]
)
async def test_what_is_no_image_is_refused(http: httpx2.AsyncClient, url: str):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    response = await post(http, messages=[{"role": "user", "content": content}])
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid_image"
    assert url not in response.text


async def test_a_stream_is_the_sample(http: httpx2.AsyncClient):
    *sent, end = events(await post(http, stream=True))
    assert end == "[DONE]"
    chunks = [json.loads(each) for each in sent]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    nothing = {"function_call": None, "refusal": None, "role": None, "tool_calls": None}
    assert all({**delta, "content": None} == {"content": None, **nothing} for delta in deltas)
    assert "".join(delta["content"] for delta in deltas[:-1]) == await answer(http)
    assert deltas[-1]["content"] is None
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert finishes == [None] * (len(chunks) - 1) + ["stop"]
    assert {chunk["model"] for chunk in chunks} == {"sandbox-quote-2026-03-05"}
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert not any("usage" in chunk for chunk in chunks)
    *_, last, _ = events(await post(http, stream=True, stream_options={"include_usage": True}))
    whole = (await post(http)).json()
    assert json.loads(last)["choices"] == []
    assert json.loads(last)["usage"] == whole["usage"]


async def test_a_function_call_is_the_sample(http: httpx2.AsyncClient):
    response = await post(http, messages=WEATHER_IN_AACHEN, tools=[WEATHER], tool_choice="auto")
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call.pop("id").startswith("call_")
    arguments = '{"location":"Aachen"}'
    function = {"arguments": arguments, "name": "get_current_weather"}
    assert call == {"function": function, "type": "function", "index": 0}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", []),
        ("none", []),
        ("required", ["get_current_weather"]),
        ({"type": "function", "function": {"name": "find_train"}}, ["find_train"]),
        (None, []),
    ],
)
async def test_the_choice_of_functions(http: httpx2.AsyncClient, choice: Any, expected: list[str]):
    response = await post(http, tools=[WEATHER, TRAIN], tool_choice=choice)
    message = response.json()["choices"][0]["message"]
    assert [call["function"]["name"] for call in message["tool_calls"] or []] == expected
    assert (message["content"] is None) == bool(expected)


async def test_the_official_client_runs_functions(client: AsyncOpenAI):
    asked: list[Any] = [{"role": "user", "content": "The weather and trains from Aachen to Bonn?"}]
    tools: Any = [WEATHER, TRAIN]
    completion = await client.chat.completions.create(
        model=MODEL, messages=asked, tools=tools, tool_choice="auto"
    )
    message = completion.choices[0].message
    assert [call.type for call in message.tool_calls or []] == ["function", "function"]
    asked.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls or []:
        assert call.type == "function"
        schema = WEATHER if call.function.name == "get_current_weather" else TRAIN
        validate(json.loads(call.function.arguments), schema["function"]["parameters"])
        result = {"role": "tool", "tool_call_id": call.id, "content": f"of {call.function.name}"}
        asked.append(result)
    completion = await client.chat.completions.create(model=MODEL, messages=asked, tools=tools)
    text = completion.choices[0].message.content or ""
    assert "Result of get_current_weather: “of get_current_weather”" in text
    assert "Result of find_train: “of find_train”" in text
    again = await client.chat.completions.create(
        model=MODEL, messages=asked, tools=tools, tool_choice="required"
    )
    assert again.choices[0].finish_reason == "tool_calls"


async def test_the_official_client_streams_functions(client: AsyncOpenAI):
    asked: Any = [{"role": "user", "content": "The weather and trains from Aachen to Bonn?"}]
    stream = await client.chat.completions.create(
        model=MODEL, messages=asked, tools=[WEATHER, TRAIN], stream=True
    )
    calls: dict[int, list[str]] = {}
    finishes = []
    async for chunk in stream:
        (choice,) = chunk.choices
        finishes.append(choice.finish_reason)
        for part in choice.delta.tool_calls or []:
            assert part.function is not None
            if part.index not in calls:
                assert part.id is not None
                assert part.function.arguments == ""
                calls[part.index] = [part.function.name or "", ""]
            else:
                assert (part.id, part.type, part.function.name) == (None, None, None)
                calls[part.index][1] += part.function.arguments or ""
    assert finishes[-1] == "tool_calls"
    assert set(finishes[:-1]) == {None}
    assert [name for name, _ in calls.values()] == ["get_current_weather", "find_train"]
    assert json.loads(calls[1][1]) == {"origin": "Aachen", "destination": "Bonn"}


async def test_the_official_client_streams_text(client: AsyncOpenAI):
    messages: Any = HELLO
    stream = await client.chat.completions.create(model=MODEL, messages=messages, stream=True)
    deltas = [chunk.choices[0].delta async for chunk in stream]
    assert "".join(delta.content or "" for delta in deltas).endswith("“Hello!”")
    assert {delta.role for delta in deltas} == {None}


async def test_an_unknown_model_is_openais_error(client: AsyncOpenAI):
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(
            model="gpt", messages=[{"role": "user", "content": ""}]
        )
    assert missing.value.code == "model_not_found"
    assert "`gpt` does not exist" in missing.value.message


BROKEN = {"name": "hello", "parameters": {"properties": {"a": {"enum": 3}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "done"}


@pytest.mark.parametrize(
    ("status", "fields", "param", "code"),
    [
        (404, {"model": "gpt"}, None, "model_not_found"),
        (400, {"tool_choice": "auto"}, "tool_choice", None),
        (
            400,
            {
                "tools": [WEATHER],
                "tool_choice": {"type": "function", "function": {"name": "other"}},
            },
            "tool_choice",
            "invalid_value",
        ),
        (
            400,
            {"tools": [{"type": "function", "function": {"name": "a.b"}}]},
            "tools[0].function.name",
            "invalid_value",
        ),
        (
            400,
            {"tools": [{"type": "function", "function": BROKEN}]},
            "tools",
            "invalid_function_parameters",
        ),
        (400, {"messages": [*HELLO, RESULT]}, "messages.[2].role", None),
        (400, {"messages": [*HELLO, CALLING]}, "messages.[2].role", None),
        (400, {"messages": [CALLING, *HELLO]}, "messages.[1].role", None),
        (400, {"messages": [CALLING, RESULT, RESULT]}, "messages.[2].role", None),
    ],
)
async def test_refusals_are_openais_errors(
    http: httpx2.AsyncClient, status: int, fields: Any, param: str | None, code: str | None
):
    response = await post(http, **fields)
    assert response.status_code == status
    (error,) = response.json().values()
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == (
        "invalid_request_error",
        param,
        code,
    )


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"messages": []}, ["messages"]),
        ({"messages": [{"role": "robot", "content": "x"}]}, ["messages", 0, "role"]),
        ({"model": None}, ["model"]),
        ({"max_tokens": 0}, ["max_tokens"]),
        ({"tools": [{"function": {"name": "amberSearch"}}]}, ["tools", 0, "type"]),
        ({"temperature": 9}, ["temperature"]),
        ({"top": "x"}, ["top"]),
        ({"metadata": {"files": ["x"]}}, ["metadata", "files"]),
        ({"messages": [{"role": "user", "content": "x", "id": "1"}]}, ["messages", 0, "id"]),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "cache": True}}]},
            ["tools", 0, "function", "cache"],
        ),
    ],
)
async def test_what_is_no_request_is_fastapis_error(
    http: httpx2.AsyncClient, fields: Any, place: list[Any]
):
    response = await post(http, **fields)
    assert response.status_code == 422
    assert [each["loc"] for each in response.json()["detail"]] == [["body", *place]]


async def test_no_other_route_is_documented(http: httpx2.AsyncClient, client: AsyncOpenAI):
    response = await http.get("openai/v1/models")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    with pytest.raises(openai.NotFoundError):
        await client.models.list()
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="ambrs-wrong").models.list()
    response = await http.get("openai/v1/chat/completions")
    assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})


async def test_halves_of_characters_are_answered(http: httpx2.AsyncClient):
    body = (
        b'{"model": "azure/sandbox-quote", "messages": [{"role": "user", "content": "a\\ud83d"}]}'
    )
    response = await http.post("openai/v1/chat/completions", content=body)
    assert "“a?”" in response.json()["choices"][0]["message"]["content"]


async def test_a_conversation_without_a_question_is_answered(http: httpx2.AsyncClient):
    text = await answer(http, messages=[{"role": "assistant", "content": "Hello"}])
    assert "contains no question" in text
