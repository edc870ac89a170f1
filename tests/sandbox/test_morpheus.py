"""The Morpheus gateway over a real socket, against seed 003 and section 9."""

import re

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox

from .conftest import WEATHER, Caller, events

API = "morpheus"
SESSION = re.compile(r"0x[0-9a-f]{64}")
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]


async def test_models_are_public(sandbox: Sandbox, stranger: httpx2.AsyncClient):
    body = (await stranger.get(f"{sandbox.morpheus_url}/api/v1/models")).json()
    assert body["object"] == "list"
    assert tuple(model["id"] for model in body["data"]) == sandbox.morpheus_models
    (model,) = body["data"]
    assert SESSION.fullmatch(model.pop("blockchainID"))
    assert model == {"id": "sandbox-quote", "created": 0, "tags": [], "modelType": "LLM"}


@pytest.mark.parametrize("header", ["{key}", "bearer  {key}", "Bearer eyJh-GciOi.eyJz_dWIi.c2ln"])
async def test_keys_and_tokens_are_taken_alike(api: Caller, sandbox: Sandbox, header: str):
    api.http.headers["Authorization"] = header.format(key=sandbox.morpheus_key)
    await api.completed()


async def test_a_completion(api: Caller):
    response = await api.post(model="gpt-4o")
    assert response.headers["x-request-id"]
    body = response.json()
    assert (body["model"], body["object"]) == ("sandbox-quote", "chat.completion")
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert "content_filter_results" in choice
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].endswith("Your request: “Hello there!”")
    assert body["usage"]["prompt_tokens"] == 2
    assert body["usage"]["total_tokens"] == 2 + body["usage"]["completion_tokens"]


async def test_all_fields_but_the_messages_may_be_null(api: Caller):
    names = (
        "model temperature top_p n stream stop max_tokens presence_penalty frequency_penalty tools "
        "tool_choice session_id"
    )
    await api.completed(**dict.fromkeys(names.split()), unknown=1)


async def test_the_sample_is_a_request(api: Caller):
    function = {"name": "string", "description": "string", "parameters": {}}
    message = {
        "role": "string", "content": "string", "name": "string", "tool_calls": [{}],
        "tool_call_id": "string",
    }  # fmt: skip
    body = await api.completed(
        model="string", messages=[message], temperature=1, top_p=1, n=1, stream=False,
        stop="string", max_tokens=0, presence_penalty=0, frequency_penalty=0,
        tools=[{"type": "function", "function": function}], tool_choice="string",
    )  # fmt: skip
    assert body["choices"][0]["finish_reason"] == "length"


async def test_stop_and_tools_are_lists_of_anything_and_numbers_have_no_least(api: Caller):
    tools = ["x", {"type": "function"}, {**WEATHER, "cache": True}]
    asked = {"stop": [1, None], "tools": tools, "messages": WEATHER_IN_AACHEN, "stream": True}
    chunks = events(await api.post(**asked))
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    for number in (0, -1):
        body = await api.completed(n=number, max_tokens=-1, temperature=-5, top_p=7)
        assert [choice["finish_reason"] for choice in body["choices"]] == ["stop"]


async def test_there_is_one_session(api: Caller):
    first = (await api.completed())["session_id"]
    assert SESSION.fullmatch(first)
    sent = events(await api.post(stream=True, session_id=first.upper().replace("X", "x")))
    assert {chunk["session_id"] for chunk in sent} == {first}
    response = await api.post(session_id="0x" + "0" * 64)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "session_not_found"


@pytest.mark.parametrize(
    ("accept", "stream", "streamed"),
    [
        ("text/event-stream", True, True),
        ("*/*", True, True),
        ("application/json, text/event-stream", True, True),
        ("application/json", True, False),
        ("text/event-stream", False, False),
        ("text/event-stream", None, False),
    ],
)
async def test_a_stream_is_for_who_asks_and_accepts_it(
    api: Caller, accept: str, stream: bool | None, streamed: bool
):
    api.http.headers["Accept"] = accept
    response = await api.post(stream=stream, messages=WEATHER_IN_AACHEN, tools=[WEATHER])
    kind = "text/event-stream" if streamed else "application/json"
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["x-request-id"]
    if not streamed:
        # "Tool calling requires streaming mode": text in its place.
        (choice,) = response.json()["choices"]
        assert choice["finish_reason"] == "stop"
        assert "tool_calls" not in choice["message"]


async def test_a_stream_ends_with_usage(api: Caller):
    *chunks, last = events(await api.post(stream=True))
    assert (last["choices"], last["usage"]) == ([], (await api.completed())["usage"])
    assert all("content_filter_results" in chunk["choices"][0] for chunk in chunks)
