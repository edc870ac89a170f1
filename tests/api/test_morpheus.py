"""Morpheus: `Accept` fits `stream`, tools are always streamed, and its errors are understood."""

import json
from contextlib import aclosing

import anyio
import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.api.gathering import Gathered
from amber_mcp.api.morpheus import MorpheusApi
from amber_mcp.api.types import ChatDelta, ChatRequest, Message
from amber_mcp.errors import AmberError, describe
from tests.upstream import Canned, Upstream, client_of, completion, events, text_chunk

FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
QUESTION = ChatRequest((Message("user", "Why?"),), "llama-3")


async def deltas_of(
    upstream: Upstream, request: ChatRequest = QUESTION, *, stream: bool = True
) -> list[ChatDelta]:
    with anyio.fail_after(10):
        async with client_of(upstream.settings()) as http:
            async with aclosing(MorpheusApi(http, stream=stream).chat(request)) as deltas:
                return [delta async for delta in deltas]


async def test_every_documented_parameter_is_sent(upstream: Canned) -> None:
    parameters = {
        "temperature": 1, "top_p": 0.5, "n": 2, "stop": ["x"], "max_tokens": 9,
        "presence_penalty": 0, "frequency_penalty": 0.1, "tool_choice": "auto",
        "session_id": "0xabc",
    }  # fmt: skip
    request = ChatRequest(
        messages=(Message("user", "Why?", {"name": "me"}),),
        model="llama-3",
        functions=(FUNCTION,),
        parameters=parameters,
    )
    async with upstream(events(text_chunk("So.", "stop"))) as canned:
        await deltas_of(canned, request)
    assert canned.seen[0].path == "/api/v1/chat/completions"
    assert json.loads(canned.seen[0].body) == {
        "model": "llama-3",
        "messages": [{"role": "user", "content": "Why?", "name": "me"}],
        "stream": True,
        "tools": [FUNCTION],
        **parameters,
    }


@pytest.mark.parametrize(
    ("stream", "functions", "asked"),
    [(True, (), True), (False, (), False), (False, (FUNCTION,), True)],
)
async def test_accept_fits_stream_and_tools_are_always_streamed(
    upstream: Canned, stream: bool, functions: tuple, asked: bool
) -> None:
    request = ChatRequest((Message("user", "Why?"),), "m", functions)
    async with upstream(completion("So.")) as canned:
        await deltas_of(canned, request, stream=stream)
    (seen,) = canned.seen
    assert json.loads(seen.body)["stream"] is asked
    assert seen.headers["accept"] == ("text/event-stream" if asked else "application/json")


async def test_content_beside_tool_calls_is_null(upstream: Canned) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = (
        Message("assistant", "", {"tool_calls": [call]}),
        Message("assistant", "Wait.", {"tool_calls": [call]}),
        Message("tool", "5", {"tool_call_id": "c"}),
    )
    async with upstream(completion("So.")) as canned:
        await deltas_of(canned, ChatRequest(messages, "m"))
    contents = [message["content"] for message in json.loads(canned.seen[0].body)["messages"]]
    assert contents == [None, "Wait.", "5"]


async def test_a_streamed_tool_call_survives_the_gateway_s_quirks(upstream: Canned) -> None:
    def chunk(call: dict, finish_reason: str | None = None) -> str:
        choice = {
            "index": 0,
            "delta": {"tool_calls": [call]},
            "finish_reason": finish_reason,
            "content_filter_results": {},
        }
        return json.dumps({"id": "x", "system_fingerprint": "", "choices": [choice]})

    first = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "f"}}
    later = {"index": 0, "id": "", "type": "", "function": {"arguments": '{"a":1}'}}
    usage = json.dumps({"choices": [], "usage_from_provider": {"total_tokens": 7}})
    whole = Gathered()
    stream = events(chunk(first), chunk(later, "tool_calls"), usage, end=False)
    async with upstream(stream) as canned:
        for delta in await deltas_of(canned):
            whole.add(delta.chunk)
    body = whole.body()
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "tool_calls"
    function = {"name": "f", "arguments": '{"a":1}'}
    assert choice["message"]["tool_calls"] == [
        {"index": 0, "id": "call-1", "type": "function", "function": function}
    ]
    assert body["usage"] == {"total_tokens": 7}


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (JSONResponse({"detail": "API key missing"}, 401), "unauthorized", "API key missing"),
        (
            JSONResponse(
                {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "m"}]},
                422,
            ),
            "invalid_request",
            "body.messages: Field required",
        ),
        (
            JSONResponse(
                {
                    "error": {
                        "message": "No such model",
                        "type": "model_not_found",
                        "code": "model_not_found_near_miss",
                        "suggestions": ["llama-3.3-70b", "llama-3.1-8b"],
                    }
                },
                400,
            ),
            "not_found",
            "Perhaps you mean llama-3.3-70b, llama-3.1-8b.",
        ),
        (
            JSONResponse({"error": {"message": "Too little", "type": "insufficient_balance"}}, 402),
            "payment_required",
            "Too little",
        ),
        (
            JSONResponse(
                {"error": {"message": "Slow down", "type": "requests", "param": None}},
                429,
                {
                    "Retry-After": "9",
                    "X-RateLimit-Limit-Requests": "60",
                    "X-RateLimit-Remaining-Requests": "0",
                    "X-RateLimit-Remaining-Tokens": "50",
                },
            ),
            "rate_limited",
            "the limit of 60 requests is used up. Wait 9 s before the next call.",
        ),
        (
            JSONResponse({"error": "HTTPS Required", "message": "Use https"}, 426),
            "invalid_request",
            "HTTPS Required: Use https",
        ),
        (
            events('{"error": {"message": "gone", "type": "session_expired"}}'),
            "not_found",
            "gone",
        ),
        (
            events('{"error": {"message": "busy", "type": "rate_limit_error"}}'),
            "rate_limited",
            "busy",
        ),
        (events('{"error": {"message": "down", "type": "proxy_error"}}'), "upstream_error", "down"),
    ],
)
async def test_every_form_of_its_errors_is_understood(
    upstream: Canned, answer: Response, kind: str, told: str
) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(AmberError) as error:
            await deltas_of(canned)
    assert error.value.kind == kind
    assert told in describe(error.value)


async def test_its_language_models_are_listed_and_no_others(upstream: Canned) -> None:
    models = [
        {"id": "llama-3", "blockchainID": "0x1", "created": 1, "tags": [], "modelType": "LLM"},
        {"id": "embed", "modelType": "EMBEDDING"},
        {"id": "untyped"},
    ]
    answer = JSONResponse({"object": "list", "data": models})
    async with upstream(answer) as canned, client_of(canned.settings()) as http:
        listed = await MorpheusApi(http, stream=True).models()
    assert [model.id for model in listed] == ["llama-3", "untyped"]
    assert canned.seen[0].path == "/api/v1/models"
    assert listed[0].offers == ("functions", "sessions")
