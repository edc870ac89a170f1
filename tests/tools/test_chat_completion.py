"""`chat_completion`: odd arguments and odd answers; what it promises is in test_completions.py."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from amber_mcp.server import build_server
from tests.test_server import failure, structured, text_of
from tests.upstream import Canned, Upstream, completion, events, text_chunk

PNG = b"\x89PNG\r\n\x1a\n"
IMAGE = f"data:image/png;base64,{base64.b64encode(PNG + bytes(60)).decode()}"
TOOLS = "chat_completion,send_feedback,list_models"
USER = [{"role": "user", "content": "Why?"}]
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "index": 0}


def image_message(**fields: object) -> list[dict[str, object]]:
    """Messages with one part, which is an image."""
    return [{"role": "user", "content": [{"type": "image_url", **fields}]}]


@asynccontextmanager
async def connected(settings: Settings, *, local_files: bool = True) -> AsyncIterator[Client]:
    with anyio.fail_after(20):
        async with Client(build_server(settings, local_files=local_files), mode="legacy") as client:
            yield client


def settings_of(upstream: Upstream, **variables: str) -> Settings:
    """All four APIs at one address."""
    return upstream.settings(
        AMBER_TOOLS=TOOLS,
        AMBER_OPENAI_MODELS="m",
        MORPHEUS_BASE_URL=upstream.base_url,
        MORPHEUS_API_KEY="sk-morpheus-key",
        ADAPTIVE_BASE_URL=upstream.base_url,
        ADAPTIVE_API_KEY="adaptivekey0123456789",
        **variables,
    )


async def called(
    upstream: Upstream, model: str = "amber:m", tool: str = "chat_completion", **arguments: object
) -> CallToolResult:
    asked = {"model": model, "messages": USER, **arguments} if tool == "chat_completion" else {}
    variables = arguments.pop("variables", {})
    assert isinstance(variables, dict)
    asked.pop("variables", None)
    async with connected(settings_of(upstream, **variables)) as client:
        return await client.call_tool(tool, asked or arguments)


@pytest.mark.parametrize(
    "choice",
    [
        {"finish_reason": 5},
        {"finish_reason": {"type": "stop"}},
        {"finish_reason": "stop", "completion_id": 12},
    ],
)
async def test_odd_types_in_an_answer_are_taken_as_text(upstream: Canned, choice: dict) -> None:
    body = {"choices": [{"index": 0, "message": {"content": "So."}, **choice}], "session_id": 7}
    async with upstream(JSONResponse(body)) as canned:
        completed = structured(await called(canned))
    (told,) = completed["choices"]
    assert completed["session_id"] == "7"
    assert all(isinstance(told.get(key, ""), str) for key in ("finish_reason", "completion_id"))
    assert "5" in told["finish_reason"] or "stop" in told["finish_reason"]


async def test_a_bare_text_is_a_choice(upstream: Canned) -> None:
    async with upstream(JSONResponse({"choices": ["Hello"]})) as canned:
        (choice,) = structured(await called(canned))["choices"]
    assert choice["message"]["content"] == "Hello"


@pytest.mark.parametrize(
    "number", ['{"temperature": 1e999}', '{"temperature": NaN}', '{"metadata": {"x": 1e999}}']
)
async def test_a_number_that_is_none_is_refused(upstream: Canned, number: str) -> None:
    async with upstream(completion("So.")) as canned:
        failure(await called(canned, parameters=number), "invalid_request")
    assert canned.seen == []


async def test_half_a_character_in_a_message_is_mended(upstream: Canned) -> None:
    async with upstream(completion("So.")) as canned:
        structured(await called(canned, messages='[{"role": "user", "content": "\\ud83d"}]'))
    assert json.loads(canned.seen[0].body)["messages"][0]["content"] == "\ufffd"


async def test_null_parameters_are_unset_and_whole_numbers_are_whole(upstream: Canned) -> None:
    parameters = {"temperature": None, "max_tokens": 100.0, "top_p": 0.5}
    async with upstream(completion("So.")) as canned:
        structured(await called(canned, "morpheus:m", parameters=parameters))
    body = canned.seen[0].body.decode()
    assert '"max_tokens":100,' in body
    assert "temperature" not in body


async def test_numbers_and_truth_values_may_come_as_text(upstream: Canned) -> None:
    parameters = {
        "max_tokens": "300",
        "n": "2.0",
        "temperature": " 0.7",
        "stream": "False",
        "top_p": "null",
        "seed": "",
        "user": "12",
        "stop": "null",
        "reasoning_effort": "5",
    }
    async with upstream(completion("So.")) as canned:
        structured(await called(canned, "amber-openai:m", parameters=parameters))
    body = json.loads(canned.seen[0].body)
    assert {name: body.get(name) for name in parameters} == {
        "max_tokens": 300,
        "n": 2,
        "temperature": 0.7,
        "stream": False,
        "top_p": None,
        "seed": None,
        "user": "12",
        "stop": "null",
        "reasoning_effort": "5",
    }
    assert "top_p" not in body


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"max_tokens": "3.5"}, "`parameters.max_tokens` must be a whole number, not 3.5"),
        ({"temperature": "warm"}, "`parameters.temperature` must be a number, not 'warm'"),
        ({"stream": "yes"}, "`parameters.stream` must be true or false, not 'yes'"),
    ],
)
async def test_what_is_not_exact_is_not_converted(
    upstream: Canned, parameters: dict, told: str
) -> None:
    async with upstream(completion("So.")) as canned:
        result = await called(canned, "morpheus:m", parameters=parameters)
    assert told in failure(result, "invalid_request")


@pytest.mark.parametrize("api", ["amber", "amber-openai", "morpheus", "adaptive"])
async def test_an_answer_s_message_can_be_sent_back(upstream: Canned, api: str) -> None:
    message = {
        "id": "m-1",
        "role": "assistant",
        "content": "So.",
        "reasoning_content": "Hm.",
        "reasoning_details": [{"text": "Hm."}],
        "annotations": [],
        "refusal": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [CALL] if api in ("amber-openai", "morpheus") else [],
    }
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    async with upstream(JSONResponse(body), completion("Yes.")) as canned:
        (choice,) = structured(await called(canned, f"{api}:m"))["choices"]
        again = [*USER, choice["message"], {"role": "user", "content": "Sure?"}]
        structured(await called(canned, f"{api}:m", messages=again))
    sent = json.loads(canned.seen[1].body)["messages"][1]
    calls = {"tool_calls": [{key: CALL[key] for key in ("id", "type", "function")}]}
    expected = {"role": "assistant", "content": "So."}
    assert sent == ({**expected, **calls} if choice["message"]["tool_calls"] else expected)


@pytest.mark.parametrize(
    ("model", "arguments", "kind", "told"),
    [
        ("amber-openai:m", {"parameters": {"tools": []}}, "invalid_request", "Pass it as `tools`"),
        ("morpheus:m", {"parameters": {"model": "x"}}, "invalid_request", "Pass it as `model`"),
        ("amber:m", {"parameters": {"messages": []}}, "invalid_request", "Pass it as `messages`"),
        ("amber:m", {"parameters": {"stream": "yes"}}, "invalid_request", "true or false"),
        (
            "morpheus:m",
            {"parameters": {"stream": False}, "tools": [FUNCTION]},
            "invalid_request",
            "Leave `stream` out",
        ),
        ("amber:m", {"messages": []}, "invalid_request", "`messages` is empty"),
        ("amber:m", {"messages": ["x"]}, "invalid_request", "`messages.0` must be an object"),
        (
            "amber:m",
            {"messages": [{"content": "x"}]},
            "invalid_request",
            "`messages.0.role` is missing",
        ),
        ("amber:m", {"messages": [{"role": 5}]}, "invalid_request", "must be text, not 5"),
        ("amber:", {}, "invalid_request", "names the API amber and no model"),
        ("amber:m", {"parameters": {"top_p": 1}}, "unsupported", "`top_p`"),
        ("amber:m", {"parameters": {"top_p": 1}}, "unsupported", "morpheus, adaptive"),
        ("amber:m", {"parameters": "x"}, "invalid_request", "must be an object"),
        ("amber:m", {"tools": [FUNCTION]}, "unsupported", "function `tools`"),
        ("amber:m", {"tools": [{"id": "x"}]}, "unsupported", "`parameters.tools`"),
        (
            "morpheus:m",
            {"tools": [{"id": "x"}]},
            "invalid_request",
            "`tools.0` must be an object with `type`",
        ),
        ("amber:m", {"messages": image_message()}, "invalid_request", "`image_url`"),
        (
            "amber-openai:m",
            {"messages": image_message(image_url="/etc/passwd")},
            "forbidden",
            "/etc/passwd",
        ),
        ("adaptive:", {}, "invalid_request", "names the API adaptive and no model"),
        (
            "adaptive:m",
            {"messages": image_message(image_url={"url": IMAGE, "detail": "low"})},
            "invalid_request",
            "not `detail`",
        ),
        (
            "amber:m",
            {
                "messages": [
                    {"role": "user", "content": "x"},
                    {"role": "assistant", "content": None, "function_call": {"name": "f"}},
                ]
            },
            "unsupported",
            "`messages.1.function_call`",
        ),
    ],
)
async def test_what_cannot_be_sent_is_told_with_its_place(
    upstream: Canned, tmp_path: Path, model: str, arguments: dict, kind: str, told: str
) -> None:
    roots = {"AMBER_UPLOAD_ROOTS": str(tmp_path)}
    async with upstream(completion("So.")) as canned:
        result = await called(canned, model, **arguments, variables=roots)
    assert told in failure(result, kind)
    assert canned.seen == []


async def test_what_a_request_says_of_an_image_is_kept(upstream: Canned) -> None:
    messages = image_message(image_url={"url": IMAGE, "detail": "low"})
    async with upstream(completion("So.")) as canned:
        structured(await called(canned, "amber-openai:m", messages=messages))
    assert json.loads(canned.seen[0].body)["messages"] == messages


async def test_a_stream_of_amber_openai_tells_its_usage(upstream: Canned) -> None:
    usage = json.dumps({"choices": [], "usage": {"total_tokens": 3}})
    async with upstream(events(text_chunk("So.", "stop"), usage)) as canned:
        completed = structured(await called(canned, "amber-openai:m"))
        structured(await called(canned, "amber-openai:m", parameters={"stream": False}))
    assert completed["usage"] == {"total_tokens": 3}
    streamed, whole = (json.loads(seen.body) for seen in canned.seen)
    assert streamed["stream_options"] == {"include_usage": True}
    assert whole["stream"] is False
    assert "stream_options" not in whole


async def test_text_is_cut_at_the_limit_and_the_result_says_so(upstream: Canned) -> None:
    def choice(index: int, **message: object) -> dict[str, object]:
        return {"index": index, "message": message, "finish_reason": "stop"}

    part = {"type": "text", "text": "c" * 150}
    choices = [choice(0, content="a" * 100, tool_calls=[CALL]), choice(1, content=[part])]
    choices.append(choice(2, content="d", reasoning="e"))
    async with upstream(JSONResponse({"choices": choices})) as canned:
        result = await called(canned, "amber:m", variables={"AMBER_MAX_ANSWER_CHARS": "200"})
    completed = structured(result)
    first, second, third = (choice["message"] for choice in completed["choices"])
    assert (first["content"], first["tool_calls"]) == ("a" * 100, [CALL])
    assert second["content"] == [{"type": "text", "text": "c" * 100}]
    assert (third["content"], third["reasoning"]) == ("", "")
    assert completed["truncated"] is True
    assert json.loads(text_of(result))["truncated"] is True


async def test_what_had_arrived_of_a_broken_answer_is_cut_too(upstream: Canned) -> None:
    async with upstream(events(text_chunk("a" * 5_000), end=False)) as canned:
        result = await called(canned, variables={"AMBER_MAX_ANSWER_CHARS": "200"})
    told = failure(result, "stream_broken")
    assert "a" * 200 + "… (cut)" in told
    assert "a" * 201 not in told


async def test_a_text_within_the_limit_is_whole(upstream: Canned) -> None:
    async with upstream(completion("a" * 200)) as canned:
        completed = structured(await called(canned, variables={"AMBER_MAX_ANSWER_CHARS": "200"}))
    assert completed["truncated"] is False
    assert completed["choices"][0]["message"]["content"] == "a" * 200


async def test_remote_images_in_an_answer_become_links(upstream: Canned) -> None:
    async with upstream(completion("See ![x](https://evil.example/?q=1).")) as canned:
        (choice,) = structured(await called(canned))["choices"]
    assert choice["message"]["content"] == "See [x](https://evil.example/?q=1)."


async def test_morpheus_has_a_default_model_and_takes_any_role(upstream: Canned) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *USER]
    async with upstream(completion("So.")) as canned:
        structured(await called(canned, "morpheus:", messages=messages))
    body = json.loads(canned.seen[0].body)
    assert "model" not in body
    assert body["messages"] == messages


async def test_a_local_image_is_refused_in_words_of_images(
    upstream: Canned, tmp_path: Path
) -> None:
    (tmp_path / "big.png").write_bytes(bytes(10 * 1024**2 + 1))
    roots = {"AMBER_UPLOAD_ROOTS": str(tmp_path)}
    for name, kind in (("big.png", "too_large"), ("/etc/passwd", "forbidden")):
        messages = image_message(image_url={"url": name})
        async with upstream(completion("So.")) as canned:
            result = await called(canned, "amber-openai:m", messages=messages, variables=roots)
        told = failure(result, kind)
        assert "AMBER_MAX_UPLOAD_BYTES" not in told
        assert "upload" not in told.replace("AMBER_UPLOAD_ROOTS", "")
        assert "content_base64" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "m" * 100_000},
        {"model": "amber:m", "parameters": {"p" * 100_000: 1}},
        {"model": "amber:m", "parameters": {"temperature": "x" * 100_000}},
        {"model": "amber:m", "parameters": {"temperature": [["x" * 100_000]]}},
        {"model": "amber:m", "parameters": '{"temperature": ' + "[" * 300 + "]" * 300 + "}"},
        {"model": "amber:m", "parameters": {"metadata": {"p" * 100_000: 1}}},
        {"model": "amber:m", "messages": [{"role": "r" * 100_000, "content": "x"}]},
        {"model": "amber:m", "messages": [{"role": "user", "content": "x", "n" * 100_000: 1}]},
        {
            "model": "amber-openai:m",
            "messages": image_message(image_url={"url": "A" * 1_000_000}),
        },
    ],
)
async def test_an_error_repeats_little_of_an_argument(upstream: Canned, arguments: dict) -> None:
    async with upstream(JSONResponse({"data": [{"id": "m"}]})) as canned:
        result = await called(canned, **arguments)
    assert result.is_error
    assert len(text_of(result)) < 1500
    assert "internal_error" not in text_of(result)


async def test_a_key_that_an_api_repeats_is_hidden(upstream: Canned) -> None:
    echo = JSONResponse({"told": "adaptivekey0123456789 and sk-morpheus-key"})
    session = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
    rated = {"project": "p", "metric": "m", "session_id": session, "value": "1"}
    async with upstream(echo) as canned:
        feedback = await called(canned, tool="send_feedback", **rated)
        listed = await called(canned, tool="list_models")
    assert "{hidden} and {hidden}" in failure(feedback, "upstream_error")
    for result in (feedback, listed):
        told = text_of(result) + json.dumps(result.structured_content)
        assert "adaptivekey" not in told
        assert "sk-morpheus" not in told
