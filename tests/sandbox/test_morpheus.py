"""The Morpheus gateway over a real socket, against seed 003 and section 9."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox

from .conftest import PNG, TRAIN, WEATHER, client_of, events

HELLO = [{"role": "user", "content": "Hello there!"}]
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]
SESSION = re.compile(r"0x[0-9a-f]{64}")


@pytest.fixture
async def morpheus(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(f"{sandbox.morpheus_url}/api/v1/", sandbox.morpheus_key) as client:
        yield client


async def post(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    return await http.post("chat/completions", json={"messages": HELLO, **fields})


async def completed(http: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await post(http, **fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_models_are_public(sandbox: Sandbox, stranger: httpx2.AsyncClient):
    body = (await stranger.get(f"{sandbox.morpheus_url}/api/v1/models")).json()
    assert body["object"] == "list"
    assert tuple(model["id"] for model in body["data"]) == sandbox.morpheus_models
    (model,) = body["data"]
    assert SESSION.fullmatch(model.pop("blockchainID"))
    assert model == {"id": "sandbox-quote", "created": 0, "tags": [], "modelType": "LLM"}


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (None, "API key missing"),
        ("Bearer", "API key missing"),
        ("Bearer ambrs-x", "Invalid API key format. Must start with sk-"),
        ("Bearer sk-x", "Invalid API key"),
        ("sk-ü", "Invalid API key"),
    ],
)
async def test_keys_are_asked_for(morpheus: httpx2.AsyncClient, header: str | None, problem: str):
    del morpheus.headers["Authorization"]
    headers = {} if header is None else {b"Authorization": header.encode()}
    response = await morpheus.post("chat/completions", json={"messages": HELLO}, headers=headers)
    assert (response.status_code, response.json()) == (401, {"detail": problem})


@pytest.mark.parametrize("header", ["{key}", "bearer  {key}", "Bearer eyJh-GciOi.eyJz_dWIi.c2ln"])
async def test_keys_and_tokens_are_taken_alike(
    morpheus: httpx2.AsyncClient, sandbox: Sandbox, header: str
):
    morpheus.headers["Authorization"] = header.format(key=sandbox.morpheus_key)
    await completed(morpheus)


async def test_a_completion(morpheus: httpx2.AsyncClient):
    response = await post(morpheus)
    assert response.headers["x-request-id"]
    body = response.json()
    assert (body["model"], body["object"]) == ("sandbox-quote", "chat.completion")
    assert (await completed(morpheus, model="gpt-4o"))["model"] == "sandbox-quote"
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


async def test_stop_and_tools_are_lists_of_anything(morpheus: httpx2.AsyncClient):
    tools = ["x", {"type": "function"}, {**WEATHER, "cache": True}]
    asked = {"stop": [1, None], "tools": tools, "messages": WEATHER_IN_AACHEN, "stream": True}
    chunks = events(await post(morpheus, **asked))
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"messages": None}, ["messages"]),
        ({"messages": [{"content": "x"}]}, ["messages", 0, "role"]),
        ({"temperature": "hot"}, ["temperature"]),
        ({"n": 129}, ["n"]),
        ({"session_id": 7}, ["session_id"]),
        (
            {"stream": True, "tool_choice": "f", "tools": [{"type": "function", "function": {
                "name": "f", "parameters": {"properties": {"a": {"enum": 3}}}}}]},
            ["tools"],
        ),
        ({"messages": [{"role": "user", "content": [{"image_url": "data:,"}]}]}, ["messages"]),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_fastapis_error(
    morpheus: httpx2.AsyncClient, fields: Any, place: list[Any]
):
    response = await post(morpheus, **fields)
    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert set(detail) == {"loc", "msg", "type"}
    assert detail["loc"] == ["body", *place]


async def test_several_choices_that_end_early(morpheus: httpx2.AsyncClient):
    body = await completed(morpheus, n=3, stop=["nowhere", "request"], max_tokens=300)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    for choice in body["choices"]:
        assert choice["message"]["content"].endswith("Your ")
        assert choice["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == 30
    for number in (0, -1):
        body = await completed(morpheus, n=number, max_tokens=-1, temperature=-5, top_p=7)
        assert [choice["finish_reason"] for choice in body["choices"]] == ["stop"]


async def test_images_are_described(morpheus: httpx2.AsyncClient):
    image = {"type": "image_url", "image_url": {"url": PNG}}
    body = await completed(morpheus, messages=[{"role": "user", "content": [image]}])
    assert "Image 1: PNG, 24 bytes" in body["choices"][0]["message"]["content"]


async def test_there_is_one_session(morpheus: httpx2.AsyncClient):
    first = (await completed(morpheus))["session_id"]
    assert SESSION.fullmatch(first)
    sent = events(await post(morpheus, stream=True, session_id=first.upper().replace("X", "x")))
    assert {chunk["session_id"] for chunk in sent} == {first}
    response = await post(morpheus, session_id="0x" + "0" * 64)
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
    morpheus: httpx2.AsyncClient, accept: str, stream: bool | None, streamed: bool
):
    morpheus.headers["Accept"] = accept
    response = await post(morpheus, stream=stream, messages=WEATHER_IN_AACHEN, tools=[WEATHER])
    kind = "text/event-stream" if streamed else "application/json"
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["x-request-id"]
    if not streamed:
        # "Tool calling requires streaming mode": text in its place.
        (choice,) = response.json()["choices"]
        assert choice["finish_reason"] == "stop"
        assert "tool_calls" not in choice["message"]


async def test_a_stream_ends_with_usage(morpheus: httpx2.AsyncClient):
    *chunks, last = events(await post(morpheus, stream=True, n=2))
    assert last["choices"] == []
    texts = ["", ""]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    for chunk in chunks:
        (choice,) = chunk["choices"]
        assert "content_filter_results" in choice
        texts[choice["index"]] += choice["delta"].get("content", "")
    body = await completed(morpheus, n=2)
    assert texts == [choice["message"]["content"] for choice in body["choices"]]
    assert last["usage"] == body["usage"]


async def test_functions_are_called_after_a_result_if_the_choice_says_so(
    morpheus: httpx2.AsyncClient,
):
    call = {"id": "1", "type": "function", "function": {"name": "find_train", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "1", "content": "late"}
    messages = [*WEATHER_IN_AACHEN, {"role": "assistant", "tool_calls": [call]}, result]
    named = {"type": "function", "function": {"name": "find_train"}}
    for choice, finish in (("auto", "stop"), ("required", "tool_calls"), (named, "tool_calls")):
        fields = {"messages": messages, "tools": [WEATHER, TRAIN], "tool_choice": choice}
        *_, last, _ = events(await post(morpheus, **fields, stream=True))
        assert last["choices"][0]["finish_reason"] == finish
