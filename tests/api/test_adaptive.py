"""Adaptive: its parameters, its own form of images, its control chunks, and feedback."""

import json
from contextlib import aclosing

import anyio
import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.api.adaptive import AdaptiveApi
from amber_mcp.api.gathering import Gathered
from amber_mcp.api.types import ChatDelta, ChatRequest, Message
from amber_mcp.errors import AmberError, InvalidRequest, UpstreamError
from tests.upstream import Canned, Upstream, client_of, completion, events

UUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
QUESTION = ChatRequest((Message("user", "Why?"),), "support/llama-3")
DATA_URI = "data:image/png;base64,iVBORw0KGgo="


async def deltas_of(
    upstream: Upstream, request: ChatRequest = QUESTION, *, stream: bool = True
) -> list[ChatDelta]:
    with anyio.fail_after(10):
        async with client_of(upstream.settings()) as http:
            api = AdaptiveApi(http, stream=stream, models=())
            async with aclosing(api.chat(request)) as deltas:
                return [delta async for delta in deltas]


async def test_every_documented_parameter_is_sent(upstream: Canned) -> None:
    parameters = {
        "stop": ["x"], "max_tokens": 1, "temperature": 0.5, "top_p": 0.5, "max_ttft_ms": 100,
        "stream_options": {"include_usage": False}, "session_id": UUID, "user": UUID,
        "ab_campaign": "spring", "n": 2, "labels": {"a": "b"}, "metadata": {"a": "b"},
        "system_prompt_args": {"name": "Ada"}, "tags": ["t"], "use_tools": True,
        "tools": [{"id": "search", "enabled": True}], "store": False,
    }  # fmt: skip
    message = Message("user", "Why?", {"name": "me", "completion_id": UUID, "metadata": {"a": 1}})
    request = ChatRequest((message,), "support", parameters=parameters)
    async with upstream(completion("So.")) as canned:
        await deltas_of(canned, request)
    assert canned.seen[0].path == "/api/v1/chat/completions"
    assert json.loads(canned.seen[0].body) == {
        "model": "support",
        "messages": [
            {
                "role": "user",
                "content": "Why?",
                "name": "me",
                "completion_id": UUID,
                "metadata": {"a": 1},
            }
        ],
        "stream": True,
        **parameters,
    }


async def test_a_stream_is_asked_for_its_usage_and_a_whole_answer_is_not(upstream: Canned) -> None:
    async with upstream(completion("So.")) as canned:
        await deltas_of(canned)
        await deltas_of(canned, stream=False)
        await deltas_of(
            canned,
            ChatRequest(
                QUESTION.messages, "m", parameters={"stream_options": {"include_usage": True}}
            ),
            stream=False,
        )
    streamed, whole, optioned = (json.loads(seen.body) for seen in canned.seen)
    assert streamed["stream_options"] == {"include_usage": True}
    assert "stream_options" not in whole
    assert "stream_options" not in optioned


@pytest.mark.parametrize("image", [{"url": DATA_URI}, DATA_URI])
async def test_an_image_is_a_plain_data_uri(upstream: Canned, image: object) -> None:
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": image}]
    async with upstream(completion("So.")) as canned:
        await deltas_of(canned, ChatRequest((Message("user", parts),), "m"))
    assert json.loads(canned.seen[0].body)["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": DATA_URI},
    ]


async def test_an_image_s_address_is_refused(upstream: Canned) -> None:
    part = {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}
    async with upstream(completion("So.")) as canned:
        with pytest.raises(InvalidRequest, match="data URIs alone"):
            await deltas_of(canned, ChatRequest((Message("user", [part]),), "m"))
    assert canned.seen == []


async def test_control_chunks_are_passed_over_and_the_rest_is_gathered(upstream: Canned) -> None:
    def chunk(choice: dict | None, **more: object) -> str:
        choices = [] if choice is None else [choice]
        return json.dumps(
            {"id": "x", "created": 1.5, "session_id": UUID, "choices": choices, **more}
        )

    def choice(content: str, **more: object) -> dict:
        delta = {"id": "m", "role": "assistant", "content": content}
        return {"index": 0, "completion_id": "c-1", "delta": delta, **more}

    stream = events(
        '{"TTFT": 12}',
        chunk(choice("Be")),
        '{"finish_reason": "stop"}',
        chunk(choice("cause.", finish_reason="stop")),
        chunk(None, usage={"completion_tokens": 2, "prompt_tokens": 1, "total_tokens": 3}),
        '{"TotalRequestDuration": 99, "choices": null}',
    )
    whole = Gathered()
    async with upstream(stream) as canned:
        deltas = await deltas_of(canned)
    for delta in deltas:
        whole.add(delta.chunk)
    assert len(deltas) == 5
    assert whole.body() == {
        "id": "x",
        "created": 1.5,
        "session_id": UUID,
        "choices": [
            {
                "index": 0,
                "completion_id": "c-1",
                "finish_reason": "stop",
                "message": {"id": "m", "role": "assistant", "content": "Because."},
            }
        ],
        "usage": {"completion_tokens": 2, "prompt_tokens": 1, "total_tokens": 3},
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (JSONResponse({"error": "EntityNotFound: project support"}, 400), "not_found"),
        (JSONResponse({"error": "EntityNotFound: metric x"}, 404), "not_found"),
        (JSONResponse({"error": "max_tokens is negative"}, 400), "invalid_request"),
        (Response("Forbidden", 403), "forbidden"),
        (Response("", 500), "upstream_error"),
    ],
)
async def test_its_errors_are_understood(upstream: Canned, answer: Response, kind: str) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(AmberError) as error:
            await deltas_of(canned)
    assert error.value.kind == kind


async def test_feedback_is_recorded_and_its_handle_returned(upstream: Canned) -> None:
    answers = (
        JSONResponse({"outcome_id": "o-1"}, 201),
        JSONResponse({"comparison_id": "p-1"}, 201),
        JSONResponse({"comparison_id": "p-2"}, 201),
        JSONResponse({"ok": True}, 201),
    )
    compared = {"project": "support", "metric": "helpful", "preferred": "c-1", "other": "c-2"}
    async with upstream(*answers) as canned, client_of(canned.settings()) as http:
        api = AdaptiveApi(http, stream=True, models=())
        rated = {"project": "support", "metric": "helpful", "session_id": UUID, "value": 0.5}
        assert await api.add_outcome(**rated) == "o-1"
        assert await api.add_comparison(**compared, tied="") == "p-1"
        assert await api.add_comparison(**compared, tied="good") == "p-2"
        with pytest.raises(UpstreamError, match="no outcome_id"):
            await api.add_outcome(**rated)
    outcome, comparison, tied, _ = canned.seen
    assert outcome.path == "/api/v1/outcome"
    assert json.loads(outcome.body) == {
        "project_id": "support",
        "metric": "helpful",
        "session_id": UUID,
        "value": 0.5,
    }
    assert comparison.path == "/api/v1/comparison"
    assert json.loads(comparison.body) == {
        "project": "support",
        "metric": "helpful",
        "preferred_completion": "c-1",
        "other_completion": "c-2",
    }
    assert json.loads(tied.body)["tied"] == "good"


async def test_its_models_are_those_that_the_operator_names(upstream: Canned) -> None:
    async with upstream(completion("")) as canned, client_of(canned.settings()) as http:
        api = AdaptiveApi(http, stream=True, models=("support/llama-3", "support"))
        models = await api.models()
    assert [model.id for model in models] == ["support/llama-3", "support"]
    assert {model.api for model in models} == {"adaptive"}
