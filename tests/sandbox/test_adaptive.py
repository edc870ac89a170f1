"""Adaptive Engine over a real socket, against seed 004 and section 10."""

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox

from .conftest import PNG, client_of, events

HELLO = [{"role": "user", "content": "Hello there!"}]
VACATION = [{"role": "user", "content": "Wie viele Tage Urlaub habe ich?"}]
SEARCH = {"id": "company-search", "enabled": True}


@pytest.fixture
async def adaptive(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(f"{sandbox.adaptive_url}/api/v1/", sandbox.adaptive_key) as client:
        yield client


async def post(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    body = {"messages": HELLO, "model": "sandbox", **fields}
    return await http.post("chat/completions", json=body)


async def completed(http: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await post(http, **fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def answer(http: httpx2.AsyncClient, **fields: Any) -> str:
    text: str = (await completed(http, **fields))["choices"][0]["message"]["content"]
    return text


def error(response: httpx2.Response) -> tuple[int, str]:
    body = response.json()
    assert list(body) == ["error"]
    return response.status_code, body["error"]


async def test_a_completion_is_the_sample(adaptive: httpx2.AsyncClient, sandbox: Sandbox):
    assert sandbox.adaptive_models == ("sandbox/quote", "sandbox/detailed")
    body = await completed(adaptive)
    assert set(body) == {"id", "created", "choices", "session_id", "usage"}
    assert abs(body["created"] - time.time()) < 60
    (choice,) = body["choices"]
    assert set(choice) == {"index", "message", "completion_id", "model", "finish_reason"}
    assert set(choice["message"]) == {"id", "role", "content"}
    ids = (body["id"], body["session_id"], choice["completion_id"], choice["message"]["id"])
    assert len({UUID(each) for each in ids}) == 4
    assert (choice["index"], choice["model"], choice["finish_reason"]) == (0, "quote", "stop")
    assert choice["message"]["content"] == (
        "*Answer from the sandbox: verbatim quotes, no language model.*\n\n"
        "System prompt: “You are the sandbox of the sample company and answer a visitor in "
        "quotes.”\n\nYour request: “Hello there!”"
    )
    usage = body["usage"]
    assert usage["prompt_tokens"] == 2
    assert usage["total_tokens"] == 2 + usage["completion_tokens"]


async def test_every_field_of_the_sample_is_taken(adaptive: httpx2.AsyncClient):
    session = str(uuid4())
    message = {**HELLO[0], "name": "Erna", "completion_id": str(uuid4()), "metadata": {"a": [1]}}
    body = await completed(
        adaptive, messages=[{**message, "tool_calls": None}], model="sandbox/detailed",
        stop=["there"], max_tokens=100, temperature=123, top_p=123, max_ttft_ms=1, stream=False,
        stream_options={"include_usage": True}, session_id=session, user=str(uuid4()),
        ab_campaign="76d1fab3-214c-47ef-bb04-16270639bf89", n=1, labels={"key": "value"},
        metadata={"key": "value"}, system_prompt_args={}, tags=["tag"], use_tools=True,
        tools=[SEARCH], store=True, response_format=None,
    )  # fmt: skip
    assert body["session_id"] == session
    assert body["choices"][0]["model"] == "detailed"


async def test_null_is_what_the_document_allows(adaptive: httpx2.AsyncClient):
    names = "stop max_tokens temperature top_p max_ttft_ms session_id user ab_campaign tags tools"
    await completed(adaptive, **dict.fromkeys([*names.split(), "store"]))
    others = "stream stream_options n labels metadata system_prompt_args use_tools"
    status, text = error(await post(adaptive, **dict.fromkeys(others.split())))
    assert status == 400
    assert all(f"{name}: " in text for name in others.split())


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{**HELLO[0], "completion_id": "1"}]}, "messages.0.completion_id"),
        ({"messages": [{**HELLO[0], "id": "x"}]}, "messages.0.id"),
        ({"model": 1}, "model"),
        ({"stop": "text"}, "stop"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 2**31}, "max_tokens"),
        ({"max_ttft_ms": 1.5}, "max_ttft_ms"),
        ({"session_id": "mine"}, "session_id"),
        ({"n": 129}, "n"),
        ({"labels": {"a": 1}}, "labels.a"),
        ({"system_prompt_args": []}, "system_prompt_args"),
        ({"tools": [{"id": "company-search"}]}, "tools.0.enabled"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools.0.id"),
        ({"response_format": {}}, "response_format"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ],
)
async def test_fields_have_types_and_ranges(adaptive: httpx2.AsyncClient, fields: Any, place: str):
    status, text = error(await post(adaptive, **fields))
    assert status == 400
    assert text.startswith(f"{place}")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "other/quote"}, "Project 'other'"),
        ({"model": "sandbox/"}, "Model ''"),
        ({"tools": [{"id": "web-search", "enabled": False}]}, "Tool 'web-search'"),
    ],
)
async def test_what_does_not_exist_is_not_found(
    adaptive: httpx2.AsyncClient, fields: Any, kind: str
):
    status, text = error(await post(adaptive, **fields))
    assert status == 404
    assert text.startswith(f"EntityNotFound: {kind}")


async def test_choices_have_their_own_completions_and_end_early(adaptive: httpx2.AsyncClient):
    body = await completed(adaptive, n=3, stop=["System"])
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert len({choice["completion_id"] for choice in body["choices"]}) == 3
    assert not any("System" in choice["message"]["content"] for choice in body["choices"])
    assert (await completed(adaptive, n=0))["choices"] == []
    (choice,) = (await completed(adaptive, max_tokens=2))["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "*Answer from"


async def test_system_prompts_are_filled_and_quoted(adaptive: httpx2.AsyncClient):
    given = {"user_name": "Erna", "style": ["short", "ä"], "unknown": 1}
    messages = [{"role": "system", "content": "Be kind."}, *HELLO]
    text = await answer(adaptive, system_prompt_args=given, messages=messages)
    assert "sandbox of the sample company and answer Erna in ['short', 'ä']." in text
    assert "Instruction: “Be kind.”" in text


@pytest.mark.parametrize(
    ("fields", "searches"),
    [
        ({}, False),
        ({"use_tools": True}, True),
        ({"use_tools": True, "tools": [{**SEARCH, "enabled": False}]}, False),
        ({"use_tools": False, "tools": [SEARCH]}, True),
        ({"tools": [SEARCH]}, True),
    ],
)
async def test_the_company_is_searched_where_its_tool_is_on(
    adaptive: httpx2.AsyncClient, sandbox: Sandbox, fields: Any, searches: bool
):
    messages = [*VACATION, {"role": "assistant", "content": "30"}, *VACATION]
    text = await answer(adaptive, messages=messages, **fields)
    assert ("30 Tage Urlaub" in text) is searches
    assert (f"({sandbox.documents_url}/hr/urlaub.md)" in text) is searches
    assert ("Your request" in text) is not searches
    assert text.count("Answer from the sandbox") == text.count("System prompt") == 1


@pytest.mark.parametrize("form", ["string", "object"])
async def test_images_are_data_uris(adaptive: httpx2.AsyncClient, form: str):
    image = {"type": "image_url", "image_url": PNG if form == "string" else {"url": PNG}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
    for searches in (True, False):
        text = await answer(adaptive, messages=messages, use_tools=searches)
        assert "Image 1: PNG" in text
    image["image_url"] = "data:text/plain,x"
    status, text = error(await post(adaptive, messages=messages))
    assert (status, "data URI" in text) == (400, True)


@pytest.mark.parametrize("with_usage", [True, False])
async def test_a_stream_has_chunks_of_its_own_form(adaptive: httpx2.AsyncClient, with_usage: bool):
    asked = {"stream": True, "n": 2, "stream_options": {"include_usage": with_usage}}
    *chunks, last = events(await post(adaptive, **asked))
    texts: dict[str, str] = {}
    finishes = []
    for chunk in [*chunks, last]:
        assert set(chunk) - {"usage"} == {"id", "choices", "created", "session_id"}
        (choice,) = chunk["choices"]
        assert set(choice["delta"]) == {"id", "role", "content"}
        number = choice["completion_id"]
        texts[number] = texts.get(number, "") + choice["delta"]["content"]
        finishes += [choice["finish_reason"]] if "finish_reason" in choice else []
    assert ("usage" in last) is with_usage
    assert not any("usage" in chunk for chunk in chunks)
    assert len({chunk["session_id"] for chunk in chunks}) == 1
    assert [*texts.values()] == [await answer(adaptive)] * 2
    assert finishes == ["stop", "stop"]


async def outcome(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    body = {"project_id": "sandbox", "metric": "helpfulness", "value": 1.5, **fields}
    return await http.post("outcome", json=body)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"value": 4}, 201),
        ({"value": -0.5, "user_id": str(UUID(int=1))}, 201),
        ({"value": True}, 400),
        ({"metric": "resolved", "value": False}, 201),
        ({"metric": "resolved", "value": 1}, 400),
        ({"value": "much"}, 400),
        ({"metric": "other"}, 404),
        ({"project_id": "other"}, 404),
        ({"session_id": str(UUID(int=1))}, 404),
    ],
)
async def test_outcomes_speak_of_what_exists_and_fit_their_metric(
    adaptive: httpx2.AsyncClient, fields: dict[str, Any], status: int
):
    session = (await completed(adaptive))["session_id"]
    response = await outcome(adaptive, **{"session_id": session, **fields})
    assert response.status_code == status
    if status == 201:
        assert UUID(response.json().pop("outcome_id"))
    else:
        assert error(response)[1].startswith("EntityNotFound") is (status == 404)


async def test_comparisons_speak_of_stored_completions(adaptive: httpx2.AsyncClient):
    one, two = (choice["completion_id"] for choice in (await completed(adaptive, n=2))["choices"])
    (unstored,) = (await completed(adaptive, store=False))["choices"]
    base = {
        "project": "sandbox",
        "metric": "helpfulness",
        "preferred_completion": one,
        "other_completion": two,
    }
    for more in (
        {},
        {"tied": "bad", "messages": HELLO, "user_id": str(uuid4())},
    ):
        response = await adaptive.post("comparison", json={**base, **more})
        assert response.status_code == 201, response.text
        assert UUID(response.json().pop("comparison_id"))
    for status, wrong in (
        (404, {"project": "other"}),
        (404, {"metric": "other"}),
        (404, {"other_completion": unstored["completion_id"]}),
        (400, {"tied": "yes"}),
        (400, {"preferred_completion": "one"}),
        (400, {"other_completion": {"text": "Hello"}}),
    ):
        found, _ = error(await adaptive.post("comparison", json={**base, **wrong}))
        assert found == status


async def test_all_errors_have_one_shape(adaptive: httpx2.AsyncClient):
    assert error(await adaptive.get("models")) == (404, "Not Found")
    assert error(await adaptive.get("outcome")) == (405, "Method Not Allowed")
    headers = {"Content-Type": "application/json"}
    response = await adaptive.post("chat/completions", content=b"{", headers=headers)
    assert error(response) == (400, "1: JSON decode error")
    large = await adaptive.post("chat/completions", content=b" " * (16 * 2**20 + 1))
    assert large.status_code == 413
    adaptive.headers["Authorization"] = "Bearer other"
    assert error(await post(adaptive)) == (401, "Invalid or missing API key")
