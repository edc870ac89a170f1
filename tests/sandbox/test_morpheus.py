"""The Morpheus gateway over a real socket, against seed 003 and section 9."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import openai
import pytest
from jsonschema import validate
from openai import AsyncOpenAI

from amber_mcp.sandbox import Sandbox, running_sandbox
from amber_mcp.sandbox.morpheus_sessions import Sessions

from . import pictures
from .conftest import TRAIN, WEATHER, events

HELLO = [{"role": "user", "content": "Hello there!"}]
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]
SESSION = re.compile(r"0x[0-9a-f]{64}")


@pytest.fixture
async def morpheus(sandbox: Sandbox, stranger: httpx2.AsyncClient) -> httpx2.AsyncClient:
    stranger.base_url = httpx2.URL(f"{sandbox.morpheus_url}/api/v1/")
    stranger.headers["Authorization"] = f"Bearer {sandbox.morpheus_key}"
    return stranger


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncOpenAI]:
    base_url = f"{sandbox.morpheus_url}/api/v1"
    key = sandbox.morpheus_key
    async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        yield client


async def post(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    return await http.post("chat/completions", json={"messages": HELLO, **fields})


async def completed(http: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await post(http, **fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_its_key_is_made_up_and_kept(sandbox: Sandbox):
    assert sandbox.morpheus_key.startswith("sk-")
    assert len(sandbox.morpheus_key) > 40
    assert sandbox.morpheus_key not in repr(sandbox)


async def test_models_are_public(sandbox: Sandbox, stranger: httpx2.AsyncClient):
    body = (await stranger.get(f"{sandbox.morpheus_url}/api/v1/models")).json()
    assert body["object"] == "list"
    for model in body["data"]:
        assert set(model) == {"id", "blockchainID", "created", "tags", "modelType"}
        assert SESSION.fullmatch(model["blockchainID"])
        assert isinstance(model["created"], int)
    kinds = {model["id"]: model["modelType"] for model in body["data"]}
    assert tuple(kinds) == sandbox.morpheus_models
    assert kinds["sandbox-quote"] == "LLM"
    assert [*kinds.values()].count("EMBEDDING") == 1


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (None, "API key missing"),
        ("", "API key missing"),
        ("Bearer", "API key missing"),
        ("Bearer ambrs-x", "Invalid API key format. Must start with sk-"),
        ("ambrs-x", "Invalid API key format. Must start with sk-"),
        ("Bearer sk-x", "Invalid API key"),
        ("sk-ü", "Invalid API key"),
    ],
)
async def test_keys_are_asked_for(morpheus: httpx2.AsyncClient, header: str | None, problem: str):
    del morpheus.headers["Authorization"]
    headers = {} if header is None else {b"Authorization": header.encode()}
    response = await morpheus.post("chat/completions", json={"messages": HELLO}, headers=headers)
    assert (response.status_code, response.json()) == (401, {"detail": problem})


async def test_a_key_may_come_without_its_scheme(morpheus: httpx2.AsyncClient, sandbox: Sandbox):
    morpheus.headers["Authorization"] = sandbox.morpheus_key
    assert (await post(morpheus)).status_code == 200


async def test_a_completion(morpheus: httpx2.AsyncClient):
    response = await post(morpheus)
    assert response.headers["x-request-id"]
    body = response.json()
    assert body["model"] == "sandbox-quote"
    assert body["object"] == "chat.completion"
    assert SESSION.fullmatch(body["session_id"])
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert "content_filter_results" in choice
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].endswith("Your request: “Hello there!”")
    usage = body["usage"]
    assert usage["prompt_tokens"] == 2
    assert usage["total_tokens"] == 2 + usage["completion_tokens"]


async def test_all_fields_but_the_messages_may_be_null(morpheus: httpx2.AsyncClient):
    names = (
        "model temperature top_p n stream stop max_tokens presence_penalty frequency_penalty tools "
        "tool_choice session_id"
    )
    await completed(morpheus, **dict.fromkeys(names.split()), unknown=1)
    response = await morpheus.post("chat/completions", json={"messages": None})
    assert response.json()["detail"][0]["loc"] == ["body", "messages"]


async def test_the_sample_is_a_request(morpheus: httpx2.AsyncClient):
    function = {"name": "string", "description": "string", "parameters": {}}
    message = {
        "role": "string", "content": "string", "name": "string", "tool_calls": [{}],
        "tool_call_id": "string",
    }  # fmt: skip
    body = await completed(
        morpheus, model="string", messages=[message], temperature=1, top_p=1, n=1, stream=False,
        stop="string", max_tokens=0, presence_penalty=0, frequency_penalty=0,
        tools=[{"type": "function", "function": function}], tool_choice="string",
    )  # fmt: skip
    assert body["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"messages": "Hello"}, ["messages"]),
        ({"messages": [{"content": "x"}]}, ["messages", 0, "role"]),
        ({"temperature": "hot"}, ["temperature"]),
        ({"n": 129}, ["n"]),
        ({"temperature": {}}, ["temperature"]),
        ({"tools": [{"type": "function"}]}, ["tools", 0, "function"]),
        ({"session_id": 7}, ["session_id"]),
    ],
)
async def test_what_does_not_fit_is_listed(
    morpheus: httpx2.AsyncClient, fields: Any, place: list[Any]
):
    response = await post(morpheus, **fields)
    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert set(detail) == {"loc", "msg", "type"}
    assert detail["loc"] == ["body", *place]


async def test_a_body_that_is_not_json_is_named(morpheus: httpx2.AsyncClient):
    response = await morpheus.post("chat/completions", content=b'{"messages": ')
    assert response.status_code == 422
    assert response.json()["detail"][0]["type"] == "json_invalid"


async def test_no_range_is_documented(morpheus: httpx2.AsyncClient):
    for number in (0, -1):
        body = await completed(morpheus, n=number, max_tokens=-1, temperature=-5, top_p=7)
        assert len(body["choices"]) == 1
        assert body["choices"][0]["finish_reason"] == "stop"


async def test_other_fields_are_ignored(morpheus: httpx2.AsyncClient):
    assert (await completed(morpheus, labels={"a": "b"}))["model"] == "sandbox-quote"


async def test_functions_are_called_in_streams_alone(morpheus: httpx2.AsyncClient):
    body = await completed(morpheus, messages=WEATHER_IN_AACHEN, tools=[WEATHER])
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "tool_calls" not in body["choices"][0]["message"]


async def test_an_unknown_model_is_the_default_one(morpheus: httpx2.AsyncClient):
    assert (await completed(morpheus, model="gpt-4o"))["model"] == "sandbox-quote"


async def test_a_near_miss_is_an_error(morpheus: httpx2.AsyncClient):
    response = await post(morpheus, model="Sandbox-Qoute")
    assert response.status_code == 400
    assert response.headers["x-morpheus-error"] == "model_not_found_near_miss"
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("model_not_found", "model_not_found_near_miss")
    assert error["suggestions"][0] == "sandbox-quote"


async def test_a_model_for_something_else_cannot_chat(morpheus: httpx2.AsyncClient):
    response = await post(morpheus, model="sandbox-embedding")
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "model_type_mismatch"


async def test_one_model_is_never_paid(morpheus: httpx2.AsyncClient):
    response = await post(morpheus, model="sandbox-broke")
    assert response.status_code == 402
    error = response.json()["error"]
    assert set(error) == {"message", "type", "available", "estimated_cost"}
    assert error["type"] == "insufficient_balance"


async def test_one_model_is_always_busy(morpheus: httpx2.AsyncClient):
    response = await post(morpheus, model="sandbox-busy")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "1"
    for what in ("limit", "remaining", "reset"):
        for of in ("requests", "tokens"):
            assert response.headers[f"x-ratelimit-{what}-{of}"].isdigit()
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")


async def test_several_choices_that_end_early(morpheus: httpx2.AsyncClient):
    body = await completed(morpheus, n=3, stop=["nowhere", "request"], max_tokens=300)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    for choice in body["choices"]:
        assert choice["message"]["content"].endswith("Your ")
        assert choice["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == 30
    (choice,) = (await completed(morpheus, max_tokens=2))["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("*Answer from", "length")


async def test_images_are_described(morpheus: httpx2.AsyncClient):
    image = {"type": "image_url", "image_url": {"url": pictures.uri(pictures.gif(3, 2))}}
    body = await completed(morpheus, messages=[{"role": "user", "content": [image]}])
    assert "Image 1: GIF, 3 × 2 pixels" in body["choices"][0]["message"]["content"]
    image["image_url"] = {"url": "data:,"}
    response = await post(morpheus, messages=[{"role": "user", "content": [image]}])
    assert response.status_code == 422
    assert "Invalid image" in response.json()["detail"][0]["msg"]


async def test_parameters_are_a_schema(morpheus: httpx2.AsyncClient):
    function = {"name": "hello", "parameters": {"properties": {"a": {"enum": 3}}}}
    tools = [{"type": "function", "function": function}]
    response = await post(morpheus, tools=tools, stream=True)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "tools"]


async def test_a_session_goes_on_with_its_model(morpheus: httpx2.AsyncClient):
    first = (await completed(morpheus))["session_id"]
    assert (await completed(morpheus))["session_id"] == first
    assert (await completed(morpheus, session_id=first))["session_id"] == first
    sent = events(await post(morpheus, stream=True, session_id=first.upper().replace("X", "x")))
    assert {json.loads(each)["session_id"] for each in sent[:-1]} == {first}


async def test_a_session_that_ended_is_replaced(documents: Path, web: Path):
    with anyio.fail_after(30):
        async with (
            running_sandbox(documents=documents, web=web, session_seconds=0) as sandbox,
            httpx2.AsyncClient(
                base_url=f"{sandbox.morpheus_url}/api/v1/",
                headers={"Authorization": sandbox.morpheus_key},
                trust_env=False,
            ) as morpheus,
        ):
            first = (await completed(morpheus))["session_id"]
            assert (await completed(morpheus, session_id=first))["session_id"] != first


@pytest.mark.parametrize("number", ["0x" + "0" * 64, "mine"])
async def test_a_session_that_never_was_is_an_error(morpheus: httpx2.AsyncClient, number: str):
    response = await post(morpheus, session_id=number)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "session_not_found"


def test_sessions_end_and_belong_to_a_model():
    now = 0.0
    sessions = Sessions(10, clock=lambda: now)
    first = sessions.open("one")
    now = 9.9
    assert sessions.open("one") is first
    now = 10.0
    second = sessions.open("one")
    assert second.id != first.id
    other = sessions.open("other")
    assert other.id != second.id
    assert sessions.open("one").id != second.id
    assert sessions.knows(first.id)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "*/*"])
@pytest.mark.parametrize("streams", [True, False])
async def test_only_the_body_decides_on_streaming(
    morpheus: httpx2.AsyncClient, accept: str, streams: bool
):
    morpheus.headers["Accept"] = accept
    response = await post(morpheus, stream=streams)
    kind = "text/event-stream" if streams else "application/json"
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["x-request-id"]


async def test_a_stream_ends_with_usage(morpheus: httpx2.AsyncClient):
    *sent, end = events(await post(morpheus, stream=True, n=2))
    assert end == "[DONE]"
    *chunks, last = [json.loads(each) for each in sent]
    assert last["choices"] == []
    texts = ["", ""]
    for chunk in chunks:
        (choice,) = chunk["choices"]
        assert "content_filter_results" in choice
        assert chunk["system_fingerprint"] == ""
        texts[choice["index"]] += choice["delta"].get("content", "")
    body = await completed(morpheus, n=2)
    assert texts == [choice["message"]["content"] for choice in body["choices"]]
    assert last["usage"] == body["usage"]


async def test_streamed_function_calls_are_as_odd_as_the_transcript(morpheus: httpx2.AsyncClient):
    response = await post(morpheus, messages=WEATHER_IN_AACHEN, tools=[WEATHER], stream=True)
    *chunks, last = [json.loads(each) for each in events(response)]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0
    choices = [chunk["choices"][0] for chunk in chunks]
    (first, *rest) = [call for each in choices for call in each["delta"].get("tool_calls", [])]
    assert first.pop("id").startswith("chatcmpl-tool-")
    assert first == {
        "index": 0,
        "type": "function",
        "function": {"name": "get_current_weather"},
    }
    assert {(call["index"], call["id"], call["type"]) for call in rest} == {(0, "", "")}
    arguments = "".join(call["function"]["arguments"] for call in rest)
    assert json.loads(arguments) == {"location": "Aachen"}
    assert choices[-1]["finish_reason"] == "tool_calls"
    assert choices[-1]["delta"]["tool_calls"]
    assert {choice["finish_reason"] for choice in choices[:-1]} == {None}


async def test_the_official_client_calls_functions(client: AsyncOpenAI):
    asked: Any = [{"role": "user", "content": "The weather and trains from Aachen to Bonn?"}]
    stream = await client.chat.completions.create(
        model="sandbox-quote", messages=asked, tools=[WEATHER, TRAIN], stream=True
    )
    names, arguments = {}, {0: "", 1: ""}
    async for chunk in stream:
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                assert call.function is not None
                names[call.index] = names.get(call.index) or call.function.name
                arguments[call.index] += call.function.arguments or ""
    for index, name in names.items():
        tool = WEATHER if name == "get_current_weather" else TRAIN
        validate(json.loads(arguments[index]), tool["function"]["parameters"])
        asked.append({"role": "tool", "tool_call_id": f"call-{index}", "content": "done"})
    assert len(asked) == 3
    completion = await client.chat.completions.create(
        model="sandbox-quote", messages=asked, tools=[WEATHER, TRAIN]
    )
    assert "Result of a function: “done”" in (completion.choices[0].message.content or "")


async def test_the_official_client_streams(client: AsyncOpenAI):
    messages: Any = HELLO
    stream = await client.chat.completions.create(
        model="sandbox-quote", messages=messages, stream=True
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text.endswith("“Hello there!”")
    assert chunks[-1].usage is not None
    with pytest.raises(openai.RateLimitError):
        await client.chat.completions.create(model="sandbox-busy", messages=messages)
    assert (await client.models.list()).data[0].id == "sandbox-quote"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", []),
        ("required", ["get_current_weather"]),
        ("string", ["get_current_weather"]),
        ({"type": "function", "function": {"name": "find_train"}}, ["find_train"]),
        ({"type": "function", "function": {"name": "other"}}, ["get_current_weather"]),
        ({"function": 3}, ["get_current_weather"]),
    ],
)
async def test_the_choice_of_functions(
    morpheus: httpx2.AsyncClient, choice: Any, expected: list[str]
):
    response = await post(
        morpheus,
        messages=WEATHER_IN_AACHEN,
        tools=[WEATHER, TRAIN],
        tool_choice=choice,
        stream=True,
    )
    chunks = [json.loads(each) for each in events(response) if each != "[DONE]"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls", [])]
    assert [call["name"] for call in calls if "name" in call] == expected


async def test_other_routes_are_not_found(morpheus: httpx2.AsyncClient):
    response = await morpheus.post("embeddings", json={})
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
