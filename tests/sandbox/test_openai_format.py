"""The OpenAI-format endpoint over a real socket, against seed 002."""

import json
from typing import Any

import httpx2
import pytest
from jsonschema import validate

from amber_mcp.sandbox import Sandbox

from .conftest import PNG, TRAIN, WEATHER, events

MODEL = "azure/sandbox-quote"
HELLO = [
    {"role": "developer", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello!"},
]
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]
NOTHING = {"content": None, "function_call": None, "refusal": None, "role": None}


async def post(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    body = {"model": MODEL, "messages": HELLO, **fields}
    return await http.post("openai/v1/chat/completions", json=body)


async def answer(http: httpx2.AsyncClient, **fields: Any) -> str:
    response = await post(http, **fields)
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


async def test_a_completion_is_the_sample(http: httpx2.AsyncClient, sandbox: Sandbox):
    assert sandbox.openai_models == (MODEL,)
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


async def test_requests_are_quoted_in_brief(http: httpx2.AsyncClient):
    text = await answer(http, messages=[{"role": "user", "content": "word " * 400}])
    assert len(text) < 500
    assert text.endswith("word …”")
    text = await answer(http, messages=[{"role": "assistant", "content": "Hello"}])
    assert "contains no question" in text


async def test_openais_parameters_are_taken(http: httpx2.AsyncClient):
    body = (
        await post(
            http, temperature=2, n=3, metadata={"a": "x"}, response_format={"type": "text"},
            stop=["request"], seed=1, user="u", store=False, max_completion_tokens=50,
            functions=None,
        )
    ).json()  # fmt: skip
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"][-5:] for choice in body["choices"]} == {"Your "}
    body = (await post(http, max_tokens=3)).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["choices"][0]["message"]["content"] == "*Answer from the"
    assert body["usage"]["completion_tokens"] == 3


async def test_an_answer_may_be_json(http: httpx2.AsyncClient):
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "leave", "schema": schema}}
    question = [{"role": "user", "content": "I have 30 days"}]
    assert await answer(http, response_format=wanted, messages=question) == '{"days":30}'
    text = await answer(http, response_format={"type": "json_object"})
    assert "Hello!" in json.loads(text)["answer"]


async def test_images_are_described_from_their_bytes(http: httpx2.AsyncClient):
    urls = [PNG, "https://ambersearch.de/uploads/amber_Team_73637a5596.jpg"]
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    content = [{"type": "text", "text": "What's in this image?"}, *parts]
    text = await answer(http, messages=[{"role": "user", "content": content}], max_tokens=300)
    assert "Your request: “What's in this image?”" in text
    assert "Image 1: PNG, 24 bytes." in text
    assert f"Image 2: {urls[1]}. The sandbox fetches nothing" in text


async def test_a_stream_is_the_sample(http: httpx2.AsyncClient):
    chunks = events(await post(http, stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {**NOTHING, "tool_calls": None, "role": "assistant", "content": ""}
    assert deltas[-1] == {**NOTHING, "tool_calls": None}
    assert {delta["role"] for delta in deltas[1:]} == {None}
    assert "".join(delta["content"] for delta in deltas[:-1]) == await answer(http)
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert finishes == [None] * (len(chunks) - 1) + ["stop"]
    assert {chunk["model"] for chunk in chunks} == {"sandbox-quote-2026-03-05"}
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert not any("usage" in chunk for chunk in chunks)
    last = events(await post(http, stream=True, stream_options={"include_usage": True}))[-1]
    assert last["choices"] == []
    assert last["usage"] == (await post(http)).json()["usage"]


async def test_a_function_call_is_the_sample(http: httpx2.AsyncClient):
    asked = {"messages": WEATHER_IN_AACHEN, "tools": [WEATHER], "tool_choice": "auto"}
    (choice,) = (await post(http, **asked)).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call.pop("id").startswith("call_")
    function = {"arguments": '{"location":"Aachen"}', "name": "get_current_weather"}
    assert call == {"function": function, "type": "function", "index": 0}
    *deltas, end = [chunk["choices"][0] for chunk in events(await post(http, **asked, stream=True))]
    first, *rest = [call for each in deltas for call in each["delta"]["tool_calls"] or []]
    assert first.pop("id").startswith("call_")
    begun = {"name": "get_current_weather", "arguments": ""}
    assert first == {"index": 0, "type": "function", "function": begun}
    arguments = "".join(call["function"]["arguments"] for call in rest)
    assert arguments == function["arguments"]
    assert end["finish_reason"] == "tool_calls"


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


async def test_results_of_functions_are_quoted(http: httpx2.AsyncClient):
    asked: list[Any] = [{"role": "user", "content": "The weather and trains from Aachen to Bonn?"}]
    tools = [WEATHER, TRAIN]
    message = (await post(http, messages=asked, tools=tools)).json()["choices"][0]["message"]
    asked.append(message)
    for call, tool in zip(message["tool_calls"], tools, strict=True):
        validate(json.loads(call["function"]["arguments"]), tool["function"]["parameters"])
        name = call["function"]["name"]
        asked.append({"role": "tool", "tool_call_id": call["id"], "content": f"of {name}"})
    text = await answer(http, messages=asked, tools=tools)
    assert "Result of get_current_weather: “of get_current_weather”" in text
    assert "Result of find_train: “of find_train”" in text
    again = await post(http, messages=asked, tools=tools, tool_choice="required")
    assert again.json()["choices"][0]["finish_reason"] == "tool_calls"


BROKEN = {"name": "hello", "parameters": {"properties": {"a": {"enum": 3}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "done"}


async def test_an_unknown_model_is_openais_error(http: httpx2.AsyncClient):
    response = await post(http, model="gpt")
    assert response.status_code == 404
    (error,) = response.json().values()
    assert "`gpt` does not exist" in error.pop("message")
    assert error == {"type": "invalid_request_error", "param": None, "code": "model_not_found"}


def image(url: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


def tool(**function: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": function}]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"messages": []}, ["messages"]),
        ({"messages": [{"role": "robot", "content": "x"}]}, ["messages", 0, "role"]),
        ({"messages": [{"role": "user", "content": "x", "id": "1"}]}, ["messages", 0, "id"]),
        ({"messages": [*HELLO, RESULT]}, []),
        ({"messages": [*HELLO, CALLING]}, []),
        ({"messages": [image("data:text/plain;base64,aGk=")]}, ["messages"]),
        ({"messages": [image("data:image/png;base64,!")]}, ["messages"]),
        ({"messages": [image("data:image/png;base64,aGk=")]}, ["messages"]),
        ({"model": None}, ["model"]),
        ({"max_tokens": 0}, ["max_tokens"]),
        ({"temperature": 9}, ["temperature"]),
        ({"top": "x"}, ["top"]),
        ({"logprobs": True}, ["logprobs"]),
        ({"metadata": {"files": ["x"]}}, ["metadata", "files"]),
        ({"response_format": {"type": "xml"}}, ["response_format", "type"]),
        ({"tools": [{"function": {"name": "amberSearch"}}]}, ["tools", 0, "type"]),
        ({"tools": tool(name="f", cache=True)}, ["tools", 0, "function", "cache"]),
        ({"tools": tool(name="a.b")}, ["tools", 0, "function", "name"]),
        ({"tools": tool(**BROKEN)}, ["tools"]),
    ],
)
async def test_what_does_not_fit_is_fastapis_error(
    http: httpx2.AsyncClient, fields: Any, place: list[Any]
):
    response = await post(http, **fields)
    assert response.status_code == 422
    assert [each["loc"] for each in response.json()["detail"]] == [["body", *place]]


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_halves_of_characters_are_refused(http: httpx2.AsyncClient, stream: str):
    said = '[{"role": "user", "content": "a\\ud83d"}]'
    body = f'{{"model": "{MODEL}", "stream": {stream}, "messages": {said}}}'
    headers = {"Content-Type": "application/json"}
    response = await http.post("openai/v1/chat/completions", content=body, headers=headers)
    assert (response.status_code, response.json()) == (
        400,
        {"detail": "The body has half a character"},
    )


async def test_no_other_route_is_documented(http: httpx2.AsyncClient):
    response = await http.get("openai/v1/models")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    response = await http.get("openai/v1/chat/completions")
    assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})
