"""Adaptive Engine over a real socket, against seed 004 and section 10."""

import json
import time
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox
from amber_mcp.sandbox import adaptive_catalog as catalog
from amber_mcp.sandbox.adaptive_bodies import ChatRequest
from amber_mcp.sandbox.adaptive_records import Records

from . import pictures
from .conftest import events

HELLO = [{"role": "user", "content": "Hello there!"}]
VACATION = [{"role": "user", "content": "How many days of vacation do I get?"}]


@pytest.fixture
async def adaptive(sandbox: Sandbox, stranger: httpx2.AsyncClient) -> httpx2.AsyncClient:
    stranger.base_url = httpx2.URL(f"{sandbox.adaptive_url}/api/v1/")
    stranger.headers["Authorization"] = f"Bearer {sandbox.adaptive_key}"
    return stranger


async def post(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    body = {"model": "sandbox", "messages": HELLO, **fields}
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
    assert isinstance(body["error"], str)
    return response.status_code, body["error"]


async def test_its_key_is_made_up_and_kept(sandbox: Sandbox):
    assert len(sandbox.adaptive_key) > 40
    assert sandbox.adaptive_key not in repr(sandbox)
    assert sandbox.adaptive_models == ("sandbox/quote", "sandbox/detailed")


async def test_a_completion_is_the_sample(adaptive: httpx2.AsyncClient):
    body = await completed(adaptive)
    assert set(body) == {"id", "created", "choices", "session_id", "usage"}
    assert abs(body["created"] - time.time()) < 60
    (choice,) = body["choices"]
    assert set(choice) == {"index", "message", "completion_id", "model", "finish_reason"}
    assert set(choice["message"]) == {"id", "role", "content"}
    numbers = {
        str(UUID(each))
        for each in (
            body["id"],
            body["session_id"],
            choice["completion_id"],
            choice["message"]["id"],
        )
    }
    assert len(numbers) == 4
    assert (choice["index"], choice["model"], choice["finish_reason"]) == (0, "quote", "stop")
    assert choice["message"]["content"] == (
        "*Answer from the sandbox: verbatim quotes, no language model.*\n\n"
        "System prompt: “You are the sandbox of the sample company and answer a visitor in "
        "quotes.”\n\nYour request: “Hello there!”"
    )
    usage = body["usage"]
    assert usage["prompt_tokens"] == 2
    assert usage["total_tokens"] == 2 + usage["completion_tokens"]


async def test_models_belong_to_a_project(adaptive: httpx2.AsyncClient):
    for model, expected in (("sandbox/detailed", "detailed"), ("sandbox/quote", "quote")):
        assert (await completed(adaptive, model=model))["choices"][0]["model"] == expected


async def test_every_field_of_the_sample_is_taken(adaptive: httpx2.AsyncClient):
    session = str(uuid4())
    message = {**HELLO[0], "name": "Erna", "completion_id": str(uuid4()), "metadata": {"a": [1]}}
    body = await completed(
        adaptive, messages=[message], model="sandbox/quote", stop=["there"], max_tokens=100,
        temperature=123, top_p=123, max_ttft_ms=1, stream=False,
        stream_options={"include_usage": True}, session_id=session, user=str(catalog.USER.id),
        ab_campaign=str(catalog.CAMPAIGN.id), n=1, labels={"key": "value"},
        metadata={"key": "value"}, system_prompt_args={}, tags=["tag"], use_tools=True,
        tools=[{"id": "company-search", "enabled": True}], store=True,
    )  # fmt: skip
    assert body["session_id"] == session


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
        ({"model": 1}, "model"),
        ({"stop": "text"}, "stop"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "1"}, "max_tokens"),
        ({"max_tokens": 2**31}, "max_tokens"),
        ({"max_ttft_ms": -1}, "max_ttft_ms"),
        ({"max_ttft_ms": 1.5}, "max_ttft_ms"),
        ({"temperature": "1"}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"stream": 1}, "stream"),
        ({"session_id": "mine"}, "session_id"),
        ({"user": "erna"}, "user"),
        ({"n": -1}, "n"),
        ({"n": 129}, "n"),
        ({"labels": {"a": 1}}, "labels.a"),
        ({"metadata": {"a": None}}, "metadata.a"),
        ({"system_prompt_args": []}, "system_prompt_args"),
        ({"tags": "a"}, "tags"),
        ({"tools": [{"id": "company-search"}]}, "tools.0.enabled"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools.0.id"),
        ({"store": "no"}, "store"),
        ({"response_format": {}}, "response_format"),
        ({"messages": [{**HELLO[0], "id": "x"}]}, "messages.0.id"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ],
)
async def test_fields_have_types_and_ranges(adaptive: httpx2.AsyncClient, fields: Any, place: str):
    status, text = error(await post(adaptive, **fields))
    assert status == 400
    assert text.startswith(f"{place}: ")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
async def test_what_is_no_number_of_json_is_refused(adaptive: httpx2.AsyncClient, number: str):
    body = f'{{"model": "sandbox", "messages": [], "temperature": {number}}}'
    response = await adaptive.post("chat/completions", content=body)
    assert (response.status_code, "JSON decode error" in response.text) == (400, True)


async def test_labels_have_two_names(adaptive: httpx2.AsyncClient):
    await completed(adaptive, labels={"a": "b"}, metadata={"a": "b"})
    status, text = error(await post(adaptive, labels={"a": "b"}, metadata={}))
    assert status == 400
    assert "differ" in text


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "other"}, "Project 'other'"),
        ({"model": "other/quote"}, "Project 'other'"),
        ({"model": "sandbox/other"}, "Model 'other'"),
        ({"model": "sandbox/"}, "Model ''"),
        ({"ab_campaign": "other"}, "Campaign 'other'"),
        ({"user": "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"}, "User"),
        ({"tools": [{"id": "web-search", "enabled": False}]}, "Tool 'web-search'"),
    ],
)
async def test_what_does_not_exist_is_not_found(
    adaptive: httpx2.AsyncClient, fields: Any, kind: str
):
    status, text = error(await post(adaptive, **fields))
    assert status == 404
    assert text.startswith(f"EntityNotFound: {kind}")


async def test_choices_have_their_own_completions(adaptive: httpx2.AsyncClient):
    body = await completed(adaptive, n=3)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert len({choice["completion_id"] for choice in body["choices"]}) == 3
    assert (await completed(adaptive, n=0))["choices"] == []


@pytest.mark.parametrize("campaign", [catalog.CAMPAIGN.key, str(catalog.CAMPAIGN.id).upper()])
async def test_a_campaign_gives_choices_to_its_models(adaptive: httpx2.AsyncClient, campaign: str):
    body = await completed(adaptive, n=3, ab_campaign=campaign)
    assert [choice["model"] for choice in body["choices"]] == ["quote", "detailed", "quote"]


async def test_answers_end_early(adaptive: httpx2.AsyncClient):
    (choice,) = (await completed(adaptive, stop=["System"]))["choices"]
    assert (choice["finish_reason"], "System" in choice["message"]["content"]) == ("stop", False)
    (choice,) = (await completed(adaptive, max_tokens=2))["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "*Answer from"


async def test_arguments_fill_the_system_prompt(adaptive: httpx2.AsyncClient):
    given = {"user_name": "Erna", "style": ["short", "ä"], "unknown": 1}
    text = await answer(adaptive, system_prompt_args=given)
    assert 'sandbox of the sample company and answer Erna in ["short", "ä"].' in text


async def test_a_system_message_is_quoted(adaptive: httpx2.AsyncClient):
    text = await answer(adaptive, messages=[{"role": "system", "content": "Be kind."}, *HELLO])
    assert "Instruction: “Be kind.”" in text


@pytest.mark.parametrize(
    ("fields", "searches"),
    [
        ({}, False),
        ({"use_tools": True}, True),
        ({"use_tools": False}, False),
        ({"use_tools": True, "tools": []}, True),
        ({"use_tools": True, "tools": [{"id": "company-search", "enabled": False}]}, False),
        ({"use_tools": False, "tools": [{"id": "company-search", "enabled": True}]}, False),
        ({"tools": [{"id": str(catalog.COMPANY_SEARCH.id), "enabled": True}]}, True),
    ],
)
async def test_the_company_is_searched_where_its_tool_is_on(
    adaptive: httpx2.AsyncClient, fields: Any, searches: bool
):
    text = await answer(adaptive, messages=VACATION, **fields)
    assert ("30 Tage Urlaub" in text) is searches
    assert ("Your request" in text) is not searches
    assert text.count("Answer from the sandbox") == 1


async def test_a_search_knows_the_question_before(adaptive: httpx2.AsyncClient, sandbox: Sandbox):
    messages = [*VACATION, {"role": "assistant", "content": "30"}, *VACATION]
    text = await answer(adaptive, messages=messages, use_tools=True)
    assert f"({sandbox.documents_url}/hr/urlaub.md)" in text
    text = await answer(adaptive, messages=[{"role": "assistant", "content": ""}], use_tools=True)
    assert "contains no question" in text


@pytest.mark.parametrize("form", ["string", "object"])
async def test_images_are_data_uris(adaptive: httpx2.AsyncClient, form: str):
    uri = pictures.uri(pictures.webp_lossless(7, 5), "webp")
    image = {"type": "image_url", "image_url": uri if form == "string" else {"url": uri}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
    for searches in (True, False):
        text = await answer(adaptive, messages=messages, use_tools=searches)
        assert "Image 1: WebP, 7 × 5 pixels" in text
    image["image_url"] = "https://example.com/a.png"
    status, text = error(await post(adaptive, messages=messages))
    assert (status, "data URI" in text) == (400, True)


@pytest.mark.parametrize("with_usage", [True, False])
async def test_a_stream_has_chunks_of_its_own_form(adaptive: httpx2.AsyncClient, with_usage: bool):
    response = await post(adaptive, stream=True, n=2, stream_options={"include_usage": with_usage})
    *sent, end = events(response)
    assert end == "[DONE]"
    first, *chunks, last, duration = [json.loads(each) for each in sent]
    assert list(first) == ["TTFT"]
    assert list(duration) == ["TotalRequestDuration"]
    assert duration["TotalRequestDuration"] >= first["TTFT"] >= 0
    assert last["choices"] == []
    assert ("usage" in last) is with_usage
    texts: dict[str, str] = {}
    finishes = []
    for chunk in chunks:
        assert set(chunk) == {"id", "choices", "created", "session_id"}
        (choice,) = chunk["choices"]
        assert set(choice["delta"]) == {"id", "role", "content"}
        number = choice["completion_id"]
        texts[number] = texts.get(number, "") + choice["delta"]["content"]
        finishes += [choice["finish_reason"]] if "finish_reason" in choice else []
    assert len({chunk["session_id"] for chunk in chunks}) == 1
    assert [*texts.values()] == [await answer(adaptive)] * 2
    assert finishes == ["stop", "stop"]


async def outcome(http: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    return await http.post("outcome", json={"project_id": "sandbox", "value": 1.5, **fields})


@pytest.mark.parametrize(
    ("metric", "value", "status"),
    [
        ("helpfulness", 4, 201),
        ("helpfulness", -0.5, 201),
        ("helpfulness", True, 400),
        ("resolved", False, 201),
        ("resolved", 1, 400),
        ("helpfulness", "4", 400),
        ("other", 4, 404),
    ],
)
async def test_outcomes_fit_their_metric(
    adaptive: httpx2.AsyncClient, metric: str, value: Any, status: int
):
    session = (await completed(adaptive))["session_id"]
    response = await outcome(adaptive, metric=metric, value=value, session_id=session)
    assert response.status_code == status
    if status == 201:
        assert UUID(response.json().pop("outcome_id"))
    else:
        error(response)


async def test_outcomes_speak_of_what_exists(adaptive: httpx2.AsyncClient):
    session = (await completed(adaptive, user=str(catalog.USER.id)))["session_id"]
    good = {"metric": str(catalog.METRICS[0].id), "session_id": session}
    known = {"project_id": str(catalog.PROJECT.id), "user_id": str(catalog.USER.id)}
    assert (await outcome(adaptive, **good, **known)).status_code == 201
    for field, wrong in (
        ("session_id", str(uuid4())), ("user_id", str(uuid4())), ("project_id", "other"),
    ):  # fmt: skip
        status, text = error(await outcome(adaptive, **{**good, field: wrong}))
        assert (status, text.partition(":")[0]) == (404, "EntityNotFound")
    status, text = error(await adaptive.post("outcome", json={}))
    assert status == 400
    for field in ("value", "project_id", "metric", "session_id"):
        assert f"{field}: Field required" in text


async def test_comparisons_speak_of_stored_completions(adaptive: httpx2.AsyncClient):
    one, two = (choice["completion_id"] for choice in (await completed(adaptive, n=2))["choices"])
    written = {"text": "Hello", "model": "sandbox/quote"}
    (unstored,) = (await completed(adaptive, store=False))["choices"]
    base = {
        "project": "sandbox",
        "metric": "helpfulness",
        "preferred_completion": one,
        "other_completion": two,
    }
    for more in (
        {},
        {"tied": "good"},
        {"tied": "bad", "messages": HELLO, "user_id": str(catalog.USER.id)},
        {"other_completion": written},
    ):
        response = await adaptive.post("comparison", json={**base, **more})
        assert response.status_code == 201, response.text
        assert UUID(response.json().pop("comparison_id"))
    for status, wrong in (
        (404, {"project": "other"}),
        (404, {"metric": "other"}),
        (404, {"user_id": str(uuid4())}),
        (404, {"preferred_completion": str(uuid4())}),
        (404, {"other_completion": unstored["completion_id"]}),
        (404, {"other_completion": {**written, "model": "sandbox/other"}}),
        (400, {"tied": "yes"}),
        (400, {"preferred_completion": "one"}),
        (400, {"other_completion": {"text": "Hello"}}),
    ):
        found, _ = error(await adaptive.post("comparison", json={**base, **wrong}))
        assert found == status


def test_completions_keep_labels_and_tags():
    records = Records()
    body = {"model": "sandbox", "messages": [], "tags": ["a"], "metadata": {"b": "c"}}
    number = records.add_completion(ChatRequest.model_validate(body), uuid4(), "quote", "text")
    kept = records.completions[number]
    assert (kept.text, kept.tags, kept.labels) == ("text", ("a",), {"b": "c"})
    for _ in range(10_001):
        records.add_session(uuid4())
    assert len(records.sessions) == 10_000


async def test_all_errors_have_one_shape(adaptive: httpx2.AsyncClient):
    assert error(await adaptive.get("models")) == (404, "Not Found")
    assert error(await adaptive.get("outcome")) == (405, "Method Not Allowed")
    response = await adaptive.post("chat/completions", content=b"{")
    assert error(response) == (400, "1: JSON decode error")
    assert (error(await adaptive.post("outcome", json=[])))[0] == 400
    large = await adaptive.post("chat/completions", content=b" " * (16 * 2**20 + 1))
    assert error(large) == (413, "Request body too large")
    adaptive.headers["Authorization"] = "Bearer other"
    assert error(await adaptive.get("models")) == (401, "Invalid or missing API key")
