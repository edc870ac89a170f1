"""How answers end and begin: what a stream must have said, and what a request may hold."""

import json
from contextlib import aclosing

import anyio
import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.api.adaptive import AdaptiveApi
from amber_mcp.api.amber_openai import AmberOpenAiApi
from amber_mcp.api.completions import CompletionsApi
from amber_mcp.api.gathering import Gathered
from amber_mcp.api.morpheus import MorpheusApi
from amber_mcp.api.types import ChatDelta, ChatRequest, Json, Message
from amber_mcp.errors import AmberError, InvalidRequest, StreamBroken, describe
from tests.upstream import Canned, Upstream, amber_of, client_of, completion, events, text_chunk

USER = (Message("user", "Why?"),)
SESSION = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


async def asked(
    upstream: Upstream, request: ChatRequest, *, api: str = "amber", stream: bool = True
) -> list[ChatDelta]:
    with anyio.fail_after(10):
        async with client_of(upstream.settings()) as http:
            apis: dict[str, CompletionsApi] = {
                "amber": amber_of(http, stream=stream),
                "amber-openai": AmberOpenAiApi(http, stream=stream, models=()),
                "morpheus": MorpheusApi(http, stream=stream),
                "adaptive": AdaptiveApi(http, stream=stream, models=()),
            }
            async with aclosing(apis[api].chat(request)) as deltas:
                return [delta async for delta in deltas]


def gathered(deltas: list[ChatDelta]) -> dict[str, Json]:
    whole = Gathered()
    for delta in deltas:
        whole.add(delta.chunk)
    return whole.body()


def choices(*finish_reasons: str | None) -> str:
    return json.dumps(
        {
            "choices": [
                {"index": index, "delta": {"content": "A"}, "finish_reason": finish_reason}
                for index, finish_reason in enumerate(finish_reasons)
            ]
        }
    )


async def test_every_choice_needs_its_end(upstream: Canned) -> None:
    request = ChatRequest(USER, "m", parameters={"n": 2})
    half = events(choices("stop", None), end=False)
    whole = events(choices("stop", None), choices("stop", "length"), end=False)
    async with upstream(half, whole) as canned:
        with pytest.raises(StreamBroken):
            await asked(canned, request, api="morpheus")
        await asked(canned, request, api="morpheus")


@pytest.mark.parametrize("end", [True, False])
async def test_a_stream_without_a_choice_is_no_answer(upstream: Canned, end: bool) -> None:
    stream = events('{"detail": "Agent not found"}', end=end)
    async with upstream(stream) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned, ChatRequest(USER, "m"))
    assert error.value.kind == "upstream_error"
    assert error.value.upstream == "Agent not found"


@pytest.mark.parametrize("chunk", ['{"TTFT": 1}', '{"id": "x", "choices": []}'])
async def test_a_stream_that_stops_before_its_first_choice_is_broken(
    upstream: Canned, chunk: str
) -> None:
    async with upstream(events(chunk, end=False)) as canned:
        with pytest.raises(StreamBroken):
            await asked(canned, ChatRequest(USER, "m"), api="adaptive")


async def test_no_choices_are_an_answer_to_who_asked_for_none(upstream: Canned) -> None:
    none = ChatRequest(USER, "m", parameters={"n": 0})
    body = {"id": "x", "choices": [], "session_id": SESSION, "usage": {"total_tokens": 1}}
    streamed = events('{"TTFT": 1}', json.dumps(body), '{"TotalRequestDuration": 2}')
    async with upstream(streamed, JSONResponse(body), JSONResponse(body)) as canned:
        assert gathered(await asked(canned, none, api="adaptive")) == body
        assert gathered(await asked(canned, none, api="adaptive", stream=False)) == body
        with pytest.raises(AmberError, match="no choice"):
            await asked(canned, ChatRequest(USER, "m"), api="adaptive", stream=False)


async def test_an_error_in_a_chunk_of_adaptive_s_own_is_told(upstream: Canned) -> None:
    async with upstream(events('{"error": "boom", "finish_reason": "error"}')) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned, ChatRequest(USER, "m"), api="adaptive")
    assert error.value.upstream == "boom"


async def test_what_comes_with_times_is_kept_and_the_times_are_not(upstream: Canned) -> None:
    last = {"choices": [], "usage": {"total_tokens": 3}, "session_id": SESSION}
    stream = events(
        '{"TTFT": 5}',
        text_chunk("So."),
        '{"finish_reason": "length"}',
        json.dumps({**last, "TotalRequestDuration": 5}),
        end=False,
    )
    async with upstream(stream) as canned:
        deltas = await asked(canned, ChatRequest(USER, "m"), api="adaptive")
    body = gathered(deltas)
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "length"
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["length"]
    assert body["session_id"] == SESSION
    assert body["usage"] == {"total_tokens": 3}
    assert not {"TTFT", "TotalRequestDuration", "finish_reason"} & body.keys()


DEEP = '{"choices": [{"message": {"content": "A"}}], "x": ' + "[" * 300 + "]" * 300 + "}"


@pytest.mark.parametrize(
    "answer", [Response(DEEP, media_type="application/json"), events(DEEP, choices("stop"))]
)
async def test_an_answer_that_is_too_deep_is_an_error(upstream: Canned, answer: Response) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned, ChatRequest(USER, "m"))
    assert error.value.kind == "upstream_error"
    assert "nested too deeply" in describe(error.value)


async def test_half_a_character_is_sent_mended(upstream: Canned) -> None:
    request = ChatRequest((Message("user", "\ud83d\ude00 \ud83d"),), "m\udc00")
    async with upstream(completion("So.")) as canned:
        await asked(canned, request)
    body = json.loads(canned.seen[0].body)
    assert body["messages"][0]["content"] == "\U0001f600 \ufffd"
    assert body["model"] == "m\ufffd"


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -float("inf")])
async def test_what_is_no_number_of_json_is_refused(upstream: Canned, value: float) -> None:
    nested = {"system_prompt_args": {"a": [value]}}
    async with upstream(completion("So.")) as canned:
        with pytest.raises(InvalidRequest, match="not a finite number"):
            await asked(canned, ChatRequest(USER, "m", parameters=nested), api="adaptive")
    assert canned.seen == []


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("api", ["amber", "amber-openai", "morpheus", "adaptive"])
async def test_a_request_may_say_whether_it_is_streamed(
    upstream: Canned, api: str, configured: bool
) -> None:
    request = ChatRequest(USER, "m", parameters={"stream": not configured})
    async with upstream(completion("So.")) as canned:
        await asked(canned, request, api=api, stream=configured)
    (seen,) = canned.seen
    assert json.loads(seen.body)["stream"] is not configured
    assert seen.headers["accept"] == ("application/json" if configured else "text/event-stream")


async def test_morpheus_calls_functions_in_streams_alone(upstream: Canned) -> None:
    function = {"type": "function", "function": {"name": "f"}}
    request = ChatRequest(USER, "m", (function,), {"stream": False})
    async with upstream(completion("So.")) as canned:
        with pytest.raises(InvalidRequest, match="stream"):
            await asked(canned, request, api="morpheus")
    assert canned.seen == []
