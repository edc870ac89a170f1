"""amber's OpenAI-format API: what seed 002 shows is sent and read, and nothing else is sent."""

import json
from contextlib import aclosing

import anyio
from starlette.responses import JSONResponse

from amber_mcp.api.amber_openai import AmberOpenAiApi
from amber_mcp.api.types import ChatDelta, ChatRequest, Message
from tests.planted import KEY
from tests.upstream import Canned, Upstream, client_of, completion, events, text_chunk

IMAGE = {"type": "image_url", "image_url": {"url": "https://images.example/team.jpg"}}
FUNCTION = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


async def deltas_of(
    upstream: Upstream, request: ChatRequest, *, stream: bool = True
) -> list[ChatDelta]:
    with anyio.fail_after(10):
        async with client_of(upstream.settings()) as http:
            api = AmberOpenAiApi(http, stream=stream, models=("azure/gpt-5.4",))
            async with aclosing(api.chat(request)) as deltas:
                return [delta async for delta in deltas]


async def test_a_request_is_sent_as_the_documents_show_it(upstream: Canned) -> None:
    question = {"type": "text", "text": "What's in this image?"}
    request = ChatRequest(
        messages=(
            Message("developer", "You are a helpful assistant."),
            Message("user", [question, IMAGE]),
        ),
        model="azure/gpt-5.4",
        functions=(FUNCTION,),
        parameters={"max_tokens": 300, "tool_choice": "auto"},
    )
    async with upstream(events(text_chunk("A team.", "stop"))) as canned:
        await deltas_of(canned, request)
    (seen,) = canned.seen
    assert seen.path == "/api/beta/openai/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["accept"] == "text/event-stream"
    assert json.loads(seen.body) == {
        "model": "azure/gpt-5.4",
        "messages": [
            {"role": "developer", "content": "You are a helpful assistant."},
            {"role": "user", "content": [question, IMAGE]},
        ],
        "max_tokens": 300,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [FUNCTION],
        "tool_choice": "auto",
    }


async def test_a_plain_request_carries_no_metadata_and_no_empty_tools(upstream: Canned) -> None:
    request = ChatRequest((Message("user", "Hello!"),), "azure/gpt-5.4")
    async with upstream(completion("Hello!")) as canned:
        (delta,) = await deltas_of(canned, request, stream=False)
    assert delta.text == "Hello!"
    assert json.loads(canned.seen[0].body) == {
        "model": "azure/gpt-5.4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": False,
    }


async def test_tool_calls_and_their_results_go_back_and_forth(upstream: Canned) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    request = ChatRequest(
        messages=(
            Message("user", "Weather?"),
            Message("assistant", None, {"tool_calls": [call]}),
            Message("tool", "Sun.", {"tool_call_id": "c"}),
        ),
        model="m",
    )
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    async with upstream(JSONResponse(answer)) as canned:
        (delta,) = await deltas_of(canned, request, stream=False)
    assert json.loads(canned.seen[0].body)["messages"][1:] == [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "Sun.", "tool_call_id": "c"},
    ]
    assert delta.finish_reason == "tool_calls"
    assert delta.chunk == answer


async def test_its_models_are_those_that_the_operator_names(upstream: Canned) -> None:
    async with upstream(completion("")) as canned, client_of(canned.settings()) as http:
        (model,) = await AmberOpenAiApi(http, stream=True, models=("azure/gpt-5.4",)).models()
    assert (model.id, model.api) == ("azure/gpt-5.4", "amber-openai")
    assert model.offers == ("images", "functions")
    assert canned.seen == []


async def test_every_parameter_that_openai_documents_is_sent(upstream: Canned) -> None:
    parameters = {
        "audio": {"voice": "x", "format": "mp3"}, "frequency_penalty": 0.5, "function_call": "auto",
        "functions": [{"name": "f"}], "logit_bias": {"1": 5}, "logprobs": True,
        "max_completion_tokens": 5, "metadata": {"a": "b"}, "modalities": ["text"], "n": 2,
        "parallel_tool_calls": False, "prediction": {"type": "content", "content": "x"},
        "presence_penalty": -1, "prompt_cache_key": "k", "prompt_cache_retention": "24h",
        "reasoning_effort": "low", "response_format": {"type": "json_object"},
        "safety_identifier": "s", "seed": 1, "service_tier": "flex", "stop": ["x"], "store": False,
        "stream_options": {"include_usage": False}, "temperature": 0.5, "top_logprobs": 3,
        "top_p": 0.5, "user": "u", "verbosity": "low", "web_search_options": {},
    }  # fmt: skip
    known = AmberOpenAiApi.dialect.parameters.keys() - {"max_tokens", "tool_choice", "stream"}
    assert parameters.keys() == known
    message = Message("user", "Why?", {"name": "me"})
    request = ChatRequest((message,), "m", parameters=parameters)
    AmberOpenAiApi.dialect.check(request, ())
    ended = {"choices": [{"index": n, "finish_reason": "stop"} for n in range(2)]}
    async with upstream(events(json.dumps(ended))) as canned:
        await deltas_of(canned, request)
    assert json.loads(canned.seen[0].body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Why?", "name": "me"}],
        "stream": True,
        **parameters,
    }


async def test_a_stream_is_asked_for_its_usage(upstream: Canned) -> None:
    request = ChatRequest((Message("user", "Why?"),), "m")
    async with upstream(completion("So.")) as canned:
        await deltas_of(canned, request)
        await deltas_of(canned, request, stream=False)
    streamed, whole = (json.loads(seen.body) for seen in canned.seen)
    assert streamed["stream_options"] == {"include_usage": True}
    assert "stream_options" not in whole
