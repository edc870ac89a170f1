"""Morpheus: `Accept` fits `stream`, tools are always streamed, and its errors are understood."""

import json

import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import AmberError, InvalidRequest, describe
from tests.api.asking import CALL, FUNCTION, USER, api_on, asked, body_of, sent
from tests.upstream import Canned, client_of, completion, events


@pytest.mark.parametrize(
    ("stream", "functions", "streamed"),
    [(True, (), True), (False, (), False), (False, (FUNCTION,), True)],
)
async def test_accept_fits_stream_and_tools_are_always_streamed(
    upstream: Canned, stream: bool, functions: tuple, streamed: bool
) -> None:
    async with upstream(completion("So.")) as canned:
        await asked(canned, "morpheus", ChatRequest(USER, "m", functions), stream=stream)
    assert sent(canned)[0]["stream"] is streamed
    accept = canned.seen[0].headers["accept"]
    assert accept == ("text/event-stream" if streamed else "application/json")


async def test_functions_without_a_stream_are_refused(upstream: Canned) -> None:
    request = ChatRequest(USER, "m", (FUNCTION,), {"stream": False})
    async with upstream(completion("So.")) as canned:
        with pytest.raises(InvalidRequest, match="stream"):
            await asked(canned, "morpheus", request)
    assert canned.seen == []


async def test_content_beside_tool_calls_is_null(upstream: Canned) -> None:
    messages = (
        Message("assistant", "", {"tool_calls": [CALL]}),
        Message("assistant", "Wait.", {"tool_calls": [CALL]}),
        Message("tool", "5", {"tool_call_id": "c"}),
    )
    async with upstream(completion("So.")) as canned:
        await asked(canned, "morpheus", ChatRequest(messages, "m"))
    contents = [message["content"] for message in sent(canned)[0]["messages"]]
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
    stream = events(chunk(first), chunk(later, "tool_calls"), usage, end=False)
    async with upstream(stream) as canned:
        body = body_of(await asked(canned, "morpheus"))
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
            'Perhaps you mean "llama-3.3-70b", "llama-3.1-8b".',
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
                    "Retry-After": "90",
                    "X-RateLimit-Limit-Requests": "60",
                    "X-RateLimit-Remaining-Requests": "0",
                    "X-RateLimit-Remaining-Tokens": "50",
                },
            ),
            "rate_limited",
            "the limit of 60 requests is used up. Wait 90 s before the next call.",
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
            await asked(canned, "morpheus")
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
        listed = await api_on(http, "morpheus").models()
    assert [model.id for model in listed] == ["llama-3", "untyped"]
    assert canned.seen[0].path == "/api/v1/models"
    assert listed[0].offers == ("functions", "sessions")
