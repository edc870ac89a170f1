"""What the completions of several APIs have in common, over a real socket."""

import json
from typing import Any

import httpx2
import pytest

from amber_mcp.sandbox import Sandbox

from .conftest import APIS, COMPANY, HELLO, PNG, TRAIN, WEATHER, Caller, calling, events

FEATURED = ["openai", "morpheus", "adaptive"]
"""The APIs that have more of OpenAI's parameters than amber's own."""
WEATHER_IN_AACHEN = [{"role": "user", "content": "What's the weather like in Aachen today?"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "find_train", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "late"}


@pytest.mark.parametrize("api", APIS, indirect=True)
async def test_a_stream_is_the_whole_answer_in_pieces(api: Caller):
    several = {} if api.name == "amber" else {"n": 2}
    whole = await api.completed(**several)
    chunks = events(await api.post(**several, stream=True))
    texts, roles, finishes = ([[], []] for _ in range(3))
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        texts[choice["index"]].append(choice["delta"].get("content") or "")
        roles[choice["index"]].append(choice["delta"].get("role"))
        finishes[choice["index"]].append(choice.get("finish_reason"))
    for choice in whole["choices"]:
        index = choice["index"]
        assert "".join(texts[index]) == choice["message"]["content"]
        assert roles[index][0] == "assistant"
        assert finishes[index] == [None] * (len(finishes[index]) - 1) + ["stop"]
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1
    assert {chunk.get("object") for chunk in chunks} == {
        None if api.name == "adaptive" else "chat.completion.chunk"
    }


@pytest.mark.parametrize("api", FEATURED, indirect=True)
async def test_several_choices_end_early(api: Caller):
    body = await api.completed(n=3, stop=["nowhere", "request"], max_tokens=300)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    for choice in body["choices"]:
        assert choice["message"]["content"].endswith("Your ")
        assert choice["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == 30
    body = await api.completed(max_tokens=3)
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["choices"][0]["message"]["content"] == "*Answer from the"
    assert (
        body["usage"] | {"completion_tokens": 3, "prompt_tokens": 2, "total_tokens": 5}
        == (body["usage"])
    )


@pytest.mark.parametrize("api", FEATURED, indirect=True)
async def test_images_are_described_from_their_bytes(api: Caller):
    def asked(*urls: str) -> list[dict[str, Any]]:
        images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *images]}]

    elsewhere = "https://ambersearch.de/uploads/team.jpg"
    text = await api.answer(messages=asked(PNG, elsewhere))
    assert "Your request: “What is it?”" in text
    assert "Image 1: PNG, 24 bytes." in text
    assert f"Image 2: {elsewhere}. The sandbox fetches nothing" in text
    for url in ("text/plain;base64,aGk=", "image/png;base64,!", "image/png;base64,aGk="):
        refused = await api.post(messages=asked(f"data:{url}"))
        assert refused.status_code == (400 if api.name == "adaptive" else 422)
        assert "data URI" in refused.text


@pytest.mark.parametrize("api", ["openai", "morpheus"], indirect=True)
@pytest.mark.parametrize(
    ("messages", "choice", "expected"),
    [
        (WEATHER_IN_AACHEN, None, ["get_current_weather"]),
        (WEATHER_IN_AACHEN, "none", []),
        (HELLO, "auto", []),
        (HELLO, "required", ["get_current_weather"]),
        ([*WEATHER_IN_AACHEN, CALLING, RESULT], "auto", []),
        ([*WEATHER_IN_AACHEN, CALLING, RESULT], "required", ["get_current_weather"]),
        (HELLO, {"type": "function", "function": {"name": "find_train"}}, ["find_train"]),
    ],
)
async def test_functions_are_called_as_the_choice_says(
    api: Caller, messages: Any, choice: Any, expected: list[str]
):
    asked = {"messages": messages, "tools": [WEATHER, TRAIN], "tool_choice": choice}
    chunks = events(await api.post(**asked, stream=True))
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    calls = [call for each in choices for call in each["delta"].get("tool_calls") or []]
    names = [call["function"].get("name") for call in calls]
    assert [name for name in names if name] == expected
    assert choices[-1]["finish_reason"] == ("tool_calls" if expected else "stop")
    text = "".join(each["delta"].get("content") or "" for each in choices)
    assert ("Result of find_train: “late”" in text) is (not expected and len(messages) > 1)


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", **function}}]}


BROKEN = {**tool(parameters={"properties": {"a": {"enum": 3}}}), "tool_choice": "required"}
USER = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    ("name", "fields", "place"),
    [
        *((name, {"messages": None}, "messages") for name in APIS),
        ("amber", {"model": None}, "model"),
        ("amber", {"messages": []}, "messages"),
        ("amber", {"messages": [{**USER, "role": "tool"}]}, "messages.0.role"),
        ("amber", {"messages": [{"role": "user"}]}, "messages.0.content"),
        ("amber", {"messages": [{"role": "user", "content": []}]}, "messages.0.content"),
        ("amber", {"tools": COMPANY * 2}, "tools"),
        ("amber", {"tools": [{"function": {"name": "x"}}]}, "tools.0.function.name"),
        ("amber", {"max_tokens": 1}, "max_tokens"),
        ("amber", {"metadata": {"agent": "x"}}, "metadata.agent"),
        ("amber", {"metadata": {"language": 7}}, "metadata.language"),
        ("amber", {"temperature": "hot"}, "temperature"),
        ("openai", {"messages": []}, "messages"),
        ("openai", {"messages": [{**USER, "role": "robot"}]}, "messages.0.role"),
        ("openai", {"messages": [{**USER, "id": "1"}]}, "messages.0.id"),
        ("openai", {"messages": [USER, RESULT]}, ""),
        ("openai", {"messages": [USER, CALLING]}, ""),
        ("openai", {"max_tokens": 0}, "max_tokens"),
        ("openai", {"temperature": 9}, "temperature"),
        ("openai", {"logprobs": True}, "logprobs"),
        ("openai", {"metadata": {"files": ["x"]}}, "metadata.files"),
        ("openai", {"response_format": {"type": "xml"}}, "response_format.type"),
        ("openai", {"tools": COMPANY}, "tools.0.type"),
        ("openai", tool(cache=True), "tools.0.function.cache"),
        ("openai", tool(name="a.b"), "tools.0.function.name"),
        ("openai", BROKEN, "tools"),
        ("morpheus", {"messages": [{"content": "x"}]}, "messages.0.role"),
        ("morpheus", {"n": 129}, "n"),
        ("morpheus", {"session_id": 7}, "session_id"),
        ("morpheus", {**BROKEN, "stream": True}, "tools"),
        ("adaptive", {"messages": [{"role": "user"}]}, "messages.0.content"),
        ("adaptive", {"messages": [{**USER, "completion_id": "1"}]}, "messages.0.completion_id"),
        ("adaptive", {"messages": [{**USER, "id": "x"}]}, "messages.0.id"),
        ("adaptive", {"stop": "text"}, "stop"),
        ("adaptive", {"max_tokens": 2**31}, "max_tokens"),
        ("adaptive", {"max_ttft_ms": 1.5}, "max_ttft_ms"),
        ("adaptive", {"session_id": "mine"}, "session_id"),
        ("adaptive", {"n": 129}, "n"),
        ("adaptive", {"labels": {"a": 1}}, "labels.a"),
        ("adaptive", {"tools": [{"id": "company-search"}]}, "tools.0.enabled"),
        ("adaptive", {"response_format": {}}, "response_format"),
        ("adaptive", {"stream_options": {"no": True}}, "stream_options.no"),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_place(
    sandbox: Sandbox, name: str, fields: dict[str, Any], place: str
):
    """In FastAPI's form; of Adaptive, in one text."""
    async with calling(sandbox, name) as api:
        response = await api.post(**fields)
    body = response.json()
    if name == "adaptive":
        assert (response.status_code, [*body]) == (400, ["error"])
        assert body["error"].startswith(f"{place}")
    else:
        (detail,) = body["detail"]
        assert (response.status_code, set(detail)) == (422, {"loc", "msg", "type"})
        assert ".".join(map(str, detail["loc"])) == f"body.{place}".rstrip(".")


@pytest.mark.parametrize(
    ("name", "header", "problem"),
    [
        *(
            (name, header, "Invalid or missing API key")
            for name in ("amber", "openai", "adaptive")
            for header in ("", "Bearer", "Bearer wrong", "Basic {key}", "{key}", "Bearer ü")
        ),
        ("morpheus", "", "API key missing"),
        ("morpheus", "Bearer", "API key missing"),
        ("morpheus", "Bearer ambrs-x", "Invalid API key format. Must start with sk-"),
        ("morpheus", "Bearer sk-x", "Invalid API key"),
        ("morpheus", "sk-ü", "Invalid API key"),
    ],
)
async def test_nothing_is_answered_without_the_key(
    sandbox: Sandbox, name: str, header: str, problem: str
):
    async with calling(sandbox, name) as api:
        key = api.http.headers.pop("Authorization").removeprefix("Bearer ")
        sent = {b"Authorization": header.format(key=key).encode()} if header else {}
        response = await api.http.post(api.path, json={"messages": HELLO}, headers=sent)
    kind = "error" if name == "adaptive" else "detail"
    assert (response.status_code, response.json()) == (401, {kind: problem})
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("api", ["amber", "adaptive"], indirect=True)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422), (b"[]", 422), (b"", 422), (b"\xff", 400), (b"[" * 100_000, 400),
        (b" " * (16 * 2**20 + 1), 413),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
async def test_what_is_no_body_is_an_error_too(api: Caller, body: bytes, status: int):
    headers = {"Content-Type": "application/json"}
    response = await api.http.post(api.path, content=body, headers=headers)
    if api.name == "adaptive":
        status = 400 if status == 422 else status
    assert response.status_code == status
    assert status == 413 or list(response.json()) in (["detail"], ["error"])


@pytest.mark.parametrize("stream", [True, False])
async def test_halves_of_characters_are_refused(sandbox: Sandbox, stream: bool):
    async with calling(sandbox, "openai") as api:
        body = {"model": api.model, "stream": stream, "messages": [{**USER, "content": "a\ud83d"}]}
        headers = {"Content-Type": "application/json"}
        sent = json.dumps(body)
        response: httpx2.Response = await api.http.post(api.path, content=sent, headers=headers)
    assert response.status_code == 400
    assert response.json() == {"detail": "The body has half a character"}
