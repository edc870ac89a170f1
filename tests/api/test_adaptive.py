"""Adaptive: its parameters, its own form of images, its control chunks, and feedback."""

import json

import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.api.adaptive import AdaptiveApi
from amber_mcp.api.types import ChatRequest, Message
from amber_mcp.errors import AmberError, InvalidRequest, UpstreamError
from tests.api.asking import UUID, asked, body_of, sent
from tests.upstream import Canned, client_of, completion, events, text_chunk

DATA_URI = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("image", [{"url": DATA_URI}, DATA_URI])
async def test_an_image_is_a_plain_data_uri(upstream: Canned, image: object) -> None:
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": image}]
    async with upstream(completion("So.")) as canned:
        await asked(canned, "adaptive", ChatRequest((Message("user", parts),), "m"))
    assert sent(canned)[0]["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": DATA_URI},
    ]


async def test_an_image_s_address_is_refused(upstream: Canned) -> None:
    part = {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}
    async with upstream(completion("So.")) as canned:
        with pytest.raises(InvalidRequest, match="data URIs alone"):
            await asked(canned, "adaptive", ChatRequest((Message("user", [part]),), "m"))
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
    async with upstream(stream) as canned:
        deltas = await asked(canned, "adaptive")
    assert len(deltas) == 5
    assert body_of(deltas) == {
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


async def test_what_comes_with_times_is_kept_and_the_times_are_not(upstream: Canned) -> None:
    last = {"choices": [], "usage": {"total_tokens": 3}, "session_id": UUID}
    stream = events(
        '{"TTFT": 5}',
        text_chunk("So."),
        '{"finish_reason": "length"}',
        json.dumps({**last, "TotalRequestDuration": 5}),
        end=False,
    )
    async with upstream(stream) as canned:
        deltas = await asked(canned, "adaptive")
    body = body_of(deltas)
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "length"
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["length"]
    assert (body["session_id"], body["usage"]) == (UUID, {"total_tokens": 3})
    assert not {"TTFT", "TotalRequestDuration", "finish_reason"} & body.keys()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (JSONResponse({"error": "EntityNotFound: project support"}, 400), "not_found"),
        (JSONResponse({"error": "EntityNotFound: metric x"}, 404), "not_found"),
        (JSONResponse({"error": "max_tokens is negative"}, 400), "invalid_request"),
        (Response("Forbidden", 403), "forbidden"),
        (Response("", 500), "upstream_error"),
        (events('{"error": "boom", "finish_reason": "error"}'), "upstream_error"),
    ],
)
async def test_its_errors_are_understood(upstream: Canned, answer: Response, kind: str) -> None:
    async with upstream(answer) as canned:
        with pytest.raises(AmberError) as error:
            await asked(canned, "adaptive")
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
        with pytest.raises(InvalidRequest, match="`session_id` must be a UUID, not 'abc'"):
            await api.add_outcome(**{**rated, "session_id": "abc"})
    paths = [seen.path for seen in canned.seen]
    assert paths == ["/api/v1/outcome", *["/api/v1/comparison"] * 2, "/api/v1/outcome"]
    outcome, comparison, tied, _ = sent(canned)
    assert outcome == {
        "project_id": "support",
        "metric": "helpful",
        "session_id": UUID,
        "value": 0.5,
    }
    assert comparison == {
        "project": "support",
        "metric": "helpful",
        "preferred_completion": "c-1",
        "other_completion": "c-2",
    }
    assert tied["tied"] == "good"
