"""A model that amber refuses, and one that several APIs have: who asks, and what is asked."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from amber_mcp.app import open_app
from amber_mcp.errors import InvalidRequest, NotFound
from amber_mcp.protocol.call import Call
from amber_mcp.protocol.progress import Progress
from amber_mcp.tools.model_choice import choose_other_model
from tests.test_server import failure, structured
from tests.tools.users import Asked, Connect
from tests.upstream import Canned, Upstream, completion, events, stalled_stream, text_chunk

LISTED = JSONResponse({"data": [{"id": "gpt-5"}, {"id": "claude-4"}, {"id": "claude-4-mini"}]})
REFUSAL = {"detail": "no such model"}
TOOLS = [("ask_amber", "question"), ("web_search", "query"), ("run_agent", "task")]


def tenant(
    *, models: Response = LISTED, status: int = 404, known: tuple[str, ...] = ("claude-4",)
) -> Callable[[Upstream], Response]:
    """Answers questions to the models that it knows, which need not be those that it lists."""

    def answer(upstream: Upstream) -> Response:
        seen = upstream.seen[-1]
        if seen.method == "GET":
            return models
        if json.loads(seen.body)["model"] in known:
            return events(text_chunk("Because.", "stop"))
        return JSONResponse(REFUSAL, status)

    return answer


def arguments_of(tool: str, text: str, model: str) -> dict[str, str]:
    return {text: "Why?", "model": model} | ({"agent": "a"} if tool == "run_agent" else {})


def models_asked(upstream: Upstream) -> list[str]:
    return [json.loads(seen.body)["model"] for seen in upstream.seen if seen.method == "POST"]


@pytest.mark.parametrize(("tool", "text"), TOOLS)
@pytest.mark.parametrize("status", [404, 400, 422])
async def test_the_user_chooses_a_model_in_place_of_one_that_is_refused(
    connect: Connect, upstream: Canned, tool: str, text: str, status: int
) -> None:
    user = Asked({"model": "claude-4"})
    async with upstream(tenant(status=status)) as canned:
        async with connect(canned.settings(), user) as client:
            given = arguments_of(tool, text, "Claude")
            answered = structured(await client.call_tool(tool, given))
    assert answered["answer"] == "Because."
    assert models_asked(canned) == ["Claude", "claude-4"]
    assert user.choices == [["claude-4", "claude-4-mini", "gpt-5"]]
    assert "does not list the model 'Claude'" in user.questions[0].message


async def test_a_model_that_is_not_listed_and_answers_needs_no_question(
    connect: Connect, upstream: Canned
) -> None:
    user = Asked()
    async with upstream(tenant(known=("hidden",))) as canned:
        async with connect(canned.settings(), user) as client:
            structured(await client.call_tool("ask_amber", {"question": "?", "model": "hidden"}))
    assert [seen.method for seen in canned.seen] == ["POST"]
    assert user.questions == []


@pytest.mark.parametrize(
    ("model", "models"),
    [
        ("gpt-5", LISTED),
        ("Claude", JSONResponse({"detail": "not yours"}, 403)),
        ("Claude", JSONResponse({"data": []})),
        ("Claude", stalled_stream),
    ],
)
async def test_nothing_is_asked_where_the_list_has_the_model_or_cannot_be_had(
    connect: Connect, upstream: Canned, model: str, models: Any
) -> None:
    user = Asked()

    def answer(canned: Upstream) -> Response:
        response = tenant(models=models)(canned)
        return response if isinstance(response, Response) else response(canned)

    async with upstream(answer) as canned:
        async with connect(canned.settings(AMBER_CALL_TIMEOUT="2"), user) as client:
            result = await client.call_tool("ask_amber", {"question": "?", "model": model})
    told = failure(result, "not_found")
    assert "no such model" in told
    assert "does not list" not in told
    assert user.questions == []


async def test_looking_for_models_takes_no_longer_than_the_call_has_left(
    connect: Connect, upstream: Canned
) -> None:
    async def late() -> AsyncIterator[str]:
        await anyio.sleep(0.7)
        yield json.dumps(REFUSAL)

    def answer(canned: Upstream) -> Response:
        if canned.seen[-1].method == "GET":
            return stalled_stream(canned)
        return StreamingResponse(late(), 404, media_type="application/json")

    async with upstream(answer) as canned:
        async with connect(canned.settings(AMBER_CALL_TIMEOUT="1"), Asked()) as client:
            result = await client.call_tool("ask_amber", {"question": "?", "model": "Claude"})
    assert "no such model" in failure(result, "not_found")


async def test_no_other_failure_leads_to_a_question(connect: Connect, upstream: Canned) -> None:
    user = Asked()
    async with upstream(tenant(status=403)) as canned:
        async with connect(canned.settings(), user) as client:
            result = await client.call_tool("ask_amber", {"question": "?", "model": "Claude"})
    failure(result, "forbidden")
    assert [seen.method for seen in canned.seen] == ["POST"]


@pytest.mark.parametrize(("tool", "text"), TOOLS)
async def test_where_nobody_can_be_asked_the_error_lists_the_models(
    connect: Connect, upstream: Canned, tool: str, text: str
) -> None:
    async with upstream(tenant()) as canned, connect(canned.settings(), None) as client:
        result = await client.call_tool(tool, arguments_of(tool, text, "claude"))
    told = failure(result, "not_found")
    assert "no such model" in told
    assert "it lists claude-4, claude-4-mini, gpt-5." in told
    assert models_asked(canned) == ["claude"]


@pytest.mark.parametrize(("tool", "text"), TOOLS)
@pytest.mark.parametrize("answer", ["gpt-6", None])
async def test_no_model_is_asked_that_the_user_did_not_choose(
    connect: Connect, upstream: Canned, answer: str | None, tool: str, text: str
) -> None:
    user = Asked({"model": answer})
    async with upstream(tenant()) as canned, connect(canned.settings(), user) as client:
        result = await client.call_tool(tool, arguments_of(tool, text, "claude"))
    assert "claude-4, claude-4-mini, gpt-5" in failure(result, "invalid_request")
    assert models_asked(canned) == ["claude"]
    assert len(user.questions) == 1


async def test_a_chosen_model_that_is_refused_too_is_told_and_not_asked_again(
    connect: Connect, upstream: Canned
) -> None:
    user = Asked({"model": "gpt-5"})
    async with upstream(tenant()) as canned, connect(canned.settings(), user) as client:
        result = await client.call_tool("ask_amber", {"question": "?", "model": "claude"})
    assert "does not list" not in failure(result, "not_found")
    assert models_asked(canned)[-1] == "gpt-5"
    assert len(user.questions) == 1


async def test_a_refusal_lists_the_models_unless_there_is_text(upstream: Canned) -> None:
    async def send(*_: object) -> None:
        """Nobody listens."""

    async with upstream(LISTED) as canned, open_app(canned.settings()) as app:
        call = Call(app, Progress(send), local_files=False)
        for refusal in (
            NotFound("no", status=404),
            InvalidRequest("no", status=422),
            NotFound("no", status=404, partial="Half"),
            NotFound("no"),
        ):
            with anyio.fail_after(5), pytest.raises(type(refusal)) as told:
                await choose_other_model(call, "claude", refusal)
            assert told.value is refusal
            before_the_work = refusal.status is not None and not refusal.partial
            assert ("it lists claude-4" in refusal.next_step) == before_the_work


@pytest.mark.parametrize(("tool", "text"), TOOLS)
@pytest.mark.parametrize("answer", ["claude-4", None])
async def test_what_failed_amid_the_work_is_not_done_again(
    connect: Connect, upstream: Canned, tool: str, text: str, answer: str | None
) -> None:
    """An agent may have acted, though no text has come of it."""
    error = {"error": {"code": 404, "message": "the ticket was made, its attachment not found"}}
    late = json.dumps(error)
    half = events(text_chunk("Half"), late, end=False)
    for body in (events(late), JSONResponse(error), half):
        user = Asked({"model": answer})

        def answered(canned: Upstream, body: Response = body) -> Response:
            return LISTED if canned.seen[-1].method == "GET" else body

        async with upstream(answered) as canned, connect(canned.settings(), user) as client:
            result = await client.call_tool(tool, arguments_of(tool, text, "hidden"))
        told = failure(result, "not_found")
        assert "the ticket was made" in told
        assert ("Half" in told) == (body is half)
        assert models_asked(canned) == ["hidden"]
        assert user.questions == []


async def test_the_question_and_the_refusal_tell_what_amber_said(
    connect: Connect, upstream: Canned
) -> None:
    user = Asked({"model": None})
    async with upstream(tenant()) as canned:
        async with connect(canned.settings(AMBER_MODEL="hidden"), user) as client:
            result = await client.call_tool("run_agent", {"agent": "a", "task": "Go."})
            asks_in_mid_call = client.protocol_version == "2025-11-25"
    (question,) = user.questions
    named = "does not list the model 'hidden' (AMBER_MODEL). It said: \"no such model\"."
    assert named in question.message
    assert ("no such model" in failure(result, "invalid_request")) == asks_in_mid_call


SEVERAL = {
    "AMBER_TOOLS": "chat_completion",
    "MORPHEUS_API_KEY": "sk-morpheus",
    "AMBER_OPENAI_MODELS": "m",
}
GIVEN = {"model": " m ", "messages": [{"role": "user", "content": "Why?"}]}


def everywhere(upstream: Upstream) -> Response:
    return (
        JSONResponse({"data": [{"id": "m"}]})
        if upstream.seen[-1].method == "GET"
        else completion("Because.")
    )


@pytest.mark.parametrize("api", ["amber", "amber-openai", "morpheus"])
async def test_the_user_chooses_the_api(connect: Connect, upstream: Canned, api: str) -> None:
    user = Asked({"api": api})
    async with upstream(everywhere) as canned:
        settings = canned.settings(MORPHEUS_BASE_URL=canned.base_url, **SEVERAL)
        async with connect(settings, user) as client:
            completed = structured(await client.call_tool("chat_completion", GIVEN))
    assert completed["api"] == api
    assert models_asked(canned) == ["m"]
    assert user.choices == [["amber", "amber-openai", "morpheus"]]
    assert "Several APIs have the model 'm'." in user.questions[0].message


@pytest.mark.parametrize("answer", ["adaptive", None, "ask nobody"])
async def test_no_api_is_asked_that_the_user_did_not_choose(
    connect: Connect, upstream: Canned, answer: str | None
) -> None:
    user = None if answer == "ask nobody" else Asked({"api": answer})
    async with upstream(everywhere) as canned:
        settings = canned.settings(MORPHEUS_BASE_URL=canned.base_url, **SEVERAL)
        async with connect(settings, user) as client:
            result = await client.call_tool("chat_completion", GIVEN)
    told = failure(result, "invalid_request")
    assert "amber-openai" in told
    assert models_asked(canned) == []
