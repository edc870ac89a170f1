"""What the four APIs share: what is sent, how answers end, and what is refused."""

import json

import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import AmberError, InvalidRequest, StreamBroken, UpstreamError, describe
from tests.api.asking import (
    EVERY_PARAMETER,
    FUNCTION,
    USER,
    UUID,
    api_on,
    asked,
    body_of,
    sent,
)
from tests.upstream import Canned, amber_of, client_of, completion, events


def choices(*finish_reasons: str | None) -> str:
    return json.dumps(
        {
            "choices": [
                {"index": index, "delta": {"content": "A"}, "finish_reason": finish_reason}
                for index, finish_reason in enumerate(finish_reasons)
            ]
        }
    )


@pytest.mark.parametrize(
    ("api", "functions", "fields"),
    [
        ("amber-openai", (FUNCTION,), {"name": "me"}),
        ("morpheus", (FUNCTION,), {"name": "me"}),
        ("adaptive", (), {"name": "me", "completion_id": UUID, "metadata": {"a": 1}}),
    ],
)
async def test_every_documented_parameter_is_sent(
    upstream: Canned, api: str, functions: tuple, fields: dict
) -> None:
    parameters = EVERY_PARAMETER[api]
    request = ChatRequest((Message("user", "Why?", fields),), "llama-3", functions, parameters)
    async with upstream(events(choices("stop", "stop"))) as canned:
        await asked(canned, api, request)
    (body,) = sent(canned)
    assert body == {
        "model": "llama-3",
        "messages": [{"role": "user", "content": "Why?", **fields}],
        **({"tools": list(functions)} if functions else {}),
        **parameters,
    }
    path = "/api/beta/openai/v1" if api == "amber-openai" else "/api/v1"
    assert canned.seen[0].path == f"{path}/chat/completions"


@pytest.mark.parametrize("api", ["amber-openai", "adaptive"])
async def test_a_stream_is_asked_for_its_usage_and_a_whole_answer_is_not(
    upstream: Canned, api: str
) -> None:
    options = {"stream_options": {"include_usage": True}}
    async with upstream(completion("So.")) as canned:
        await asked(canned, api)
        await asked(canned, api, stream=False)
        await asked(canned, api, ChatRequest(USER, "m", parameters=options), stream=False)
    streamed, whole, optioned = sent(canned)
    assert streamed["stream_options"] == {"include_usage": True}
    assert "stream_options" not in whole
    assert "stream_options" not in optioned


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("api", EVERY_PARAMETER)
async def test_a_request_may_say_whether_it_is_streamed(
    upstream: Canned, api: str, configured: bool
) -> None:
    request = ChatRequest(USER, "m", parameters={"stream": not configured})
    async with upstream(completion("So.")) as canned:
        await asked(canned, api, request, stream=configured)
    assert sent(canned)[0]["stream"] is not configured
    accept = canned.seen[0].headers["accept"]
    assert accept == ("application/json" if configured else "text/event-stream")


@pytest.mark.parametrize("api", ["amber-openai", "adaptive"])
async def test_its_models_are_those_that_the_operator_names(upstream: Canned, api: str) -> None:
    async with upstream(completion("")) as canned, client_of(canned.settings()) as http:
        models = await api_on(http, api).models()
    assert [(model.id, model.api) for model in models] == [
        ("support/llama-3", api),
        ("support", api),
    ]
    assert "images" in models[0].offers
    assert canned.seen == []


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": [{"id": "a", "owned_by": "me"}, {"id": "b/c"}, {}, 5, ""]},
        {"models": ["a", "b/c"]},
        ["a", {"id": "b/c", "owned_by": None}],
    ],
)
async def test_models_are_read_in_the_forms_that_occur(upstream: Canned, body: object) -> None:
    async with upstream(JSONResponse(body)) as canned, client_of(canned.settings()) as http:
        models = await amber_of(http).models()
    assert [(model.id, model.api) for model in models] == [("a", "amber"), ("b/c", "amber")]
    assert canned.seen[0].path == "/api/beta/amberai/models"


async def test_a_list_of_models_that_is_none_is_an_error(upstream: Canned) -> None:
    answer = JSONResponse({"data": {}})
    async with upstream(answer) as canned, client_of(canned.settings()) as http:
        with pytest.raises(UpstreamError, match="list of models"):
            await amber_of(http).models()


async def test_every_choice_needs_its_end(upstream: Canned) -> None:
    request = ChatRequest(USER, "m", parameters={"n": 2})
    half = events(choices("stop", None), end=False)
    whole = events(choices("stop", None), choices("stop", "length"), end=False)
    async with upstream(half, whole) as canned:
        with pytest.raises(StreamBroken):
            await asked(canned, "morpheus", request)
        await asked(canned, "morpheus", request)


PARTS = [{"type": "text", "text": "So"}, {"type": "text", "text": "."}]


@pytest.mark.parametrize("wrap", ["", "data"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "choice",
    [
        *("So.", {"text": "So."}, {"content": "So."}, {"message": "So."}, {"delta": "So."}),
        *({"message": {"content": "So."}}, {"delta": {"content": "So."}}),
        *({"message": {"content": PARTS}}, {"delta": {}, "message": {"content": "So."}}),
    ],
)
async def test_a_choice_is_read_in_every_form(
    upstream: Canned, choice: object, stream: bool, wrap: str
) -> None:
    body: dict[str, object] = {"choices": [choice], "model": "m"}
    body = {"code": 0, wrap: body} if wrap else body
    answer = events(json.dumps(body)) if stream else JSONResponse(body)
    async with upstream(answer) as canned:
        deltas = await asked(canned, stream=stream)
    assert "".join(delta.text for delta in deltas) == "So."
    (whole,) = body_of(deltas)["choices"]
    assert whole["message"]["content"] in ("So.", PARTS)
    assert not whole.keys() & {"text", "content", "delta"}


@pytest.mark.parametrize("choice", [5, None, {}, {"message": None}, {"message": {"content": {}}}])
async def test_what_is_no_choice_is_no_answer(upstream: Canned, choice: object) -> None:
    async with upstream(JSONResponse({"choices": [choice]})) as canned:
        with pytest.raises(UpstreamError, match="no choice"):
            await asked(canned)


@pytest.mark.parametrize("end", [True, False])
async def test_a_stream_without_a_choice_is_no_answer(upstream: Canned, end: bool) -> None:
    async with upstream(events('{"detail": "Agent not found"}', end=end)) as canned:
        with pytest.raises(UpstreamError) as error:
            await asked(canned)
    assert error.value.upstream == "Agent not found"


@pytest.mark.parametrize("chunk", ['{"TTFT": 1}', '{"id": "x", "choices": []}'])
async def test_a_stream_that_stops_before_its_first_choice_is_broken(
    upstream: Canned, chunk: str
) -> None:
    async with upstream(events(chunk, end=False)) as canned:
        with pytest.raises(StreamBroken):
            await asked(canned, "adaptive")


async def test_no_choices_are_an_answer_to_who_asked_for_none(upstream: Canned) -> None:
    none = ChatRequest(USER, "m", parameters={"n": 0})
    body = {"id": "x", "choices": [], "session_id": UUID, "usage": {"total_tokens": 1}}
    streamed = events('{"TTFT": 1}', json.dumps(body), '{"TotalRequestDuration": 2}')
    async with upstream(streamed, JSONResponse(body), JSONResponse(body)) as canned:
        assert body_of(await asked(canned, "adaptive", none)) == body
        assert body_of(await asked(canned, "adaptive", none, stream=False)) == body
        with pytest.raises(AmberError, match="no choice"):
            await asked(canned, "adaptive", stream=False)


DEEP = '{"choices": [{"message": {"content": "A"}}], "x": ' + "[" * 300 + "]" * 300 + "}"


@pytest.mark.parametrize(
    "answer", [Response(DEEP, media_type="application/json"), events(DEEP, choices("stop"))]
)
async def test_an_answer_that_is_too_deep_is_an_error(upstream: Canned, answer: Response) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(UpstreamError) as error:
            await asked(canned)
    assert "nested too deeply" in describe(error.value)


async def test_half_a_character_is_replaced_before_it_is_sent(upstream: Canned) -> None:
    request = ChatRequest((Message("user", "\ud83d\ude00 \ud83d"),), "m\udc00")
    async with upstream(completion("So.")) as canned:
        await asked(canned, "amber", request)
    (body,) = sent(canned)
    assert body["messages"][0]["content"] == "\U0001f600 \ufffd"
    assert body["model"] == "m\ufffd"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("inf"), "`system_prompt_args.a.0` is not a finite number"),
        (float("nan"), "not a finite number"),
        (-float("inf"), "not a finite number"),
        (10**400, "`system_prompt_args.a.0` is a number too large to be sent"),
    ],
)
async def test_what_is_no_number_of_json_is_refused(
    upstream: Canned, value: float, told: str
) -> None:
    nested = {"system_prompt_args": {"a": [value]}}
    async with upstream(completion("So.")) as canned:
        with pytest.raises(InvalidRequest, match=told):
            await asked(canned, "adaptive", ChatRequest(USER, "m", parameters=nested))
    assert canned.seen == []
