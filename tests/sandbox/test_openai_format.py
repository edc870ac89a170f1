"""The OpenAI-format endpoint over a real socket, against seed 002."""

import json
from typing import Any

from jsonschema import validate

from .conftest import TRAIN, WEATHER, Caller, events

API = "openai"
MESSAGES = [
    {"role": "developer", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello!"},
]
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]
NOTHING = dict.fromkeys(("content", "function_call", "refusal", "role", "tool_calls"))


async def test_a_completion_is_the_sample(api: Caller):
    body = await api.completed(messages=MESSAGES)
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    text = body["choices"][0]["message"].pop("content")
    assert text == (
        "*Answer from the sandbox: verbatim quotes, no language model.*\n\n"
        "Instruction: “You are a helpful assistant.”\n\nYour request: “Hello!”"
    )
    written = len(text.split())
    message = {"refusal": None, "role": "assistant", "annotations": None, "audio": None}
    message |= {"function_call": None, "tool_calls": None}
    assert body == {
        "choices": [{"finish_reason": "stop", "index": 0, "logprobs": None, "message": message}],
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


async def test_requests_are_quoted_in_brief(api: Caller):
    text = await api.answer("word " * 400)
    assert len(text) < 500
    assert text.endswith("word …”")
    text = await api.answer(messages=[{"role": "assistant", "content": "Hello"}])
    assert "contains no question" in text


async def test_openais_parameters_are_taken(api: Caller):
    text = await api.answer(
        temperature=2, metadata={"a": "x"}, response_format={"type": "text"}, seed=1, user="u",
        store=False, max_completion_tokens=2, functions=None,
    )  # fmt: skip
    assert text == "*Answer from"


async def test_an_answer_may_be_json(api: Caller):
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "leave", "schema": schema}}
    assert await api.answer("I have 30 days", response_format=wanted) == '{"days":30}'
    text = await api.answer(response_format={"type": "json_object"})
    assert "Hello there!" in json.loads(text)["answer"]


async def test_a_stream_is_the_sample(api: Caller):
    chunks = events(await api.post(stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {**NOTHING, "role": "assistant", "content": ""}
    assert deltas[-1] == NOTHING
    assert {delta["role"] for delta in deltas[1:]} == {None}
    assert {chunk["model"] for chunk in chunks} == {"sandbox-quote-2026-03-05"}
    assert not any("usage" in chunk for chunk in chunks)
    last = events(await api.post(stream=True, stream_options={"include_usage": True}))[-1]
    assert (last["choices"], last["usage"]) == ([], (await api.completed())["usage"])


async def test_a_function_call_is_the_sample(api: Caller):
    asked = {"messages": WEATHER_IN_AACHEN, "tools": [WEATHER], "tool_choice": "auto"}
    (choice,) = (await api.completed(**asked))["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call.pop("id").startswith("call_")
    function = {"arguments": '{"location":"Aachen"}', "name": "get_current_weather"}
    assert call == {"function": function, "type": "function", "index": 0}
    chunks = events(await api.post(**asked, stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    first, *rest = [call for delta in deltas for call in delta["tool_calls"] or []]
    assert first.pop("id").startswith("call_")
    begun = {"name": "get_current_weather", "arguments": ""}
    assert first == {"index": 0, "type": "function", "function": begun}
    assert "".join(call["function"]["arguments"] for call in rest) == function["arguments"]


async def test_several_functions_are_called_at_once_and_their_results_quoted(api: Caller):
    asked: list[Any] = [{"role": "user", "content": "The weather and trains from Aachen to Bonn?"}]
    tools = [WEATHER, TRAIN]
    message = (await api.completed(messages=asked, tools=tools))["choices"][0]["message"]
    asked.append(message)
    for call, tool in zip(message["tool_calls"], tools, strict=True):
        validate(json.loads(call["function"]["arguments"]), tool["function"]["parameters"])
        name = call["function"]["name"]
        asked.append({"role": "tool", "tool_call_id": call["id"], "content": f"of {name}"})
    text = await api.answer(messages=asked, tools=tools)
    assert "Result of get_current_weather: “of get_current_weather”" in text
    assert "Result of find_train: “of find_train”" in text


async def test_what_does_not_exist_is_told(api: Caller):
    response = await api.post(model="gpt")
    (error,) = response.json().values()
    assert response.status_code == 404
    assert "`gpt` does not exist" in error.pop("message")
    assert error == {"type": "invalid_request_error", "param": None, "code": "model_not_found"}
    response = await api.http.get("openai/v1/models")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    response = await api.http.get(api.path)
    assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})
