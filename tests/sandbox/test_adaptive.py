"""Adaptive Engine over a real socket, against seed 004 and section 10."""

import time
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox

from .conftest import HELLO, PNG, Caller, events

API = "adaptive"
VACATION = [{"role": "user", "content": "Wie viele Tage Urlaub habe ich?"}]
SEARCH = {"id": "company-search", "enabled": True}


def error(response: httpx2.Response) -> tuple[int, str]:
    body = response.json()
    assert list(body) == ["error"]
    return response.status_code, body["error"]


async def test_a_completion_is_the_sample(api: Caller):
    body = await api.completed(model="sandbox")
    assert set(body) == {"id", "created", "choices", "session_id", "usage"}
    assert abs(body["created"] - time.time()) < 60
    (choice,) = body["choices"]
    assert set(choice) == {"index", "message", "completion_id", "model", "finish_reason"}
    assert set(choice["message"]) == {"id", "role", "content"}
    ids = (body["id"], body["session_id"], choice["completion_id"], choice["message"]["id"])
    assert len({UUID(each) for each in ids}) == 4
    assert (choice["index"], choice["model"], choice["finish_reason"]) == (0, "quote", "stop")
    assert choice["message"]["content"].endswith("Your request: “Hello there!”")
    assert body["usage"]["prompt_tokens"] == 2
    assert body["usage"]["total_tokens"] == 2 + body["usage"]["completion_tokens"]


async def test_every_field_of_the_sample_is_taken(api: Caller):
    session = str(uuid4())
    message = {**HELLO[0], "name": "Erna", "completion_id": str(uuid4()), "metadata": {"a": [1]}}
    body = await api.completed(
        messages=[{**message, "tool_calls": None}], model="sandbox/detailed",
        stop=["there"], max_tokens=100, temperature=123, top_p=123, max_ttft_ms=1, stream=False,
        stream_options={"include_usage": True}, session_id=session, user=str(uuid4()),
        ab_campaign="76d1fab3-214c-47ef-bb04-16270639bf89", n=1, labels={"key": "value"},
        metadata={"key": "value"}, system_prompt_args={}, tags=["tag"], use_tools=True,
        tools=[SEARCH], store=True, response_format=None,
    )  # fmt: skip
    assert body["session_id"] == session
    assert body["choices"][0]["model"] == "detailed"


async def test_null_is_what_the_document_allows(api: Caller):
    names = "stop max_tokens temperature top_p max_ttft_ms session_id user ab_campaign tags tools"
    await api.completed(**dict.fromkeys([*names.split(), "store"]))
    others = "stream stream_options n labels metadata system_prompt_args use_tools"
    status, text = error(await api.post(**dict.fromkeys(others.split())))
    assert status == 400
    assert all(f"{name}: " in text for name in others.split())


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "other/quote"}, "Project 'other'"),
        ({"model": "sandbox/"}, "Model ''"),
        ({"tools": [{"id": "web-search", "enabled": False}]}, "Tool 'web-search'"),
    ],
)
async def test_what_does_not_exist_is_not_found(api: Caller, fields: Any, kind: str):
    status, text = error(await api.post(**fields))
    assert status == 404
    assert text.startswith(f"EntityNotFound: {kind}")


async def test_choices_have_their_own_completions(api: Caller):
    choices = (await api.completed(n=3))["choices"]
    assert len({choice["completion_id"] for choice in choices}) == 3
    assert (await api.completed(n=0))["choices"] == []


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
    api: Caller, sandbox: Sandbox, fields: Any, searches: bool
):
    image = {"type": "image_url", "image_url": PNG}
    asked = {"role": "user", "content": [{"type": "text", "text": VACATION[0]["content"]}, image]}
    messages = [*VACATION, {"role": "assistant", "content": "30"}, asked]
    text = await api.answer(messages=messages, **fields)
    assert ("30 Tage Urlaub" in text) is searches
    assert (f"({sandbox.documents_url}/hr/urlaub.md)" in text) is searches
    assert ("Your request" in text) is not searches
    assert "Image 1: PNG" in text


@pytest.mark.parametrize("with_usage", [True, False])
async def test_a_stream_has_chunks_of_its_own_form(api: Caller, with_usage: bool):
    asked = {"stream": True, "n": 2, "stream_options": {"include_usage": with_usage}}
    *chunks, last = events(await api.post(**asked))
    for chunk in [*chunks, last]:
        assert set(chunk) - {"usage"} == {"id", "choices", "created", "session_id"}
        (choice,) = chunk["choices"]
        assert set(choice["delta"]) == {"id", "role", "content"}
    assert ("usage" in last) is with_usage
    assert not any("usage" in chunk for chunk in chunks)
    assert len({chunk["session_id"] for chunk in chunks}) == 1
    assert len({chunk["choices"][0]["completion_id"] for chunk in chunks}) == 2


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
    api: Caller, fields: dict[str, Any], status: int
):
    session = (await api.completed())["session_id"]
    body = {"project_id": "sandbox", "metric": "helpfulness", "value": 1.5, "session_id": session}
    response = await api.http.post("outcome", json={**body, **fields})
    assert response.status_code == status
    if status == 201:
        assert UUID(response.json().pop("outcome_id"))
    else:
        assert error(response)[1].startswith("EntityNotFound") is (status == 404)


async def test_comparisons_speak_of_stored_completions(api: Caller):
    one, two = (choice["completion_id"] for choice in (await api.completed(n=2))["choices"])
    (unstored,) = (await api.completed(store=False))["choices"]
    written = {"text": "Hello", "model": "sandbox/quote"}
    base = {"project": "sandbox", "metric": "helpfulness"}
    base |= {"preferred_completion": one, "other_completion": two}
    for status, fields in (
        (201, {}),
        (201, {"tied": "bad", "messages": HELLO, "user_id": str(uuid4())}),
        (201, {"other_completion": written}),
        (404, {"other_completion": {**written, "model": "sandbox/other"}}),
        (404, {"project": "other"}),
        (404, {"metric": "other"}),
        (404, {"other_completion": unstored["completion_id"]}),
        (400, {"tied": "yes"}),
        (400, {"preferred_completion": "one"}),
        (400, {"other_completion": {"text": "Hello"}}),
    ):
        response = await api.http.post("comparison", json={**base, **fields})
        assert response.status_code == status, response.text
        assert list(response.json()) == ["comparison_id" if status == 201 else "error"]


async def test_errors_of_routes_have_its_form_too(api: Caller):
    assert error(await api.http.get("models")) == (404, "Not Found")
    assert error(await api.http.get("outcome")) == (405, "Method Not Allowed")
