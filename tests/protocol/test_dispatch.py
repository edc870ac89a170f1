"""What leaves the server: results and errors that can be sent and are bounded."""

import json

import anyio
import pytest
from pydantic import SecretStr
from starlette.responses import Response

from amber_mcp.config.parsers import TOOL_NAMES
from amber_mcp.errors import MAY_BE_TAKEN
from amber_mcp.text.redaction import TRUNCATED
from tests.planted import KEY
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, completion, events, stalled_stream, text_chunk

__all__ = ["connect"]

UUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
HALF = "\ud83d"
ODD = {
    "id": "x",
    "model": f"m{HALF}",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": f"Yes{HALF}"},
            "finish_reason": f"stop{HALF}",
        }
    ],
    "sources": [{"url": f"https://w.example/{HALF}", "title": HALF}],
}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("ask_amber", {"question": "Why?"}),
        ("run_agent", {"agent": "a", "task": "Go."}),
        ("chat_completion", {"model": "amber:m", "messages": [{"role": "user", "content": "?"}]}),
        ("list_models", {}),
        ("upload_file", {"content_base64": "YQ==", "filename": "a.txt"}),
    ],
)
async def test_half_a_character_anywhere_leaves_a_result_that_can_be_sent(
    connect: Connect, upstream: Canned, tool: str, arguments: dict[str, object]
) -> None:
    body = json.dumps({**ODD, "data": [{"id": f"m{HALF}"}], "file_id": f"f{HALF}"}).encode()
    async with upstream(Response(body, media_type="application/json")) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_TOOLS=",".join(TOOL_NAMES))
        async with connect(settings) as client:
            result = await client.call_tool(tool, arguments)
    assert not result.is_error
    assert result.model_dump_json().encode()
    assert text_of(result).encode()


async def test_half_a_character_in_an_error_can_be_sent(connect: Connect, upstream: Canned) -> None:
    body = json.dumps({"error": {"message": HALF, "suggestions": [HALF]}}).encode()
    async with upstream(Response(body, 404, media_type="application/json")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    assert failure(result, "not_found").encode()


async def test_a_key_in_an_answer_is_hidden_and_a_common_word_is_not(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(completion(f"The answer of {KEY} is test")) as canned:
        settings = canned.settings(AMBER_MODEL="m")
        odd = settings.model_copy(update={"morpheus_api_key": SecretStr("answer")})
        async with connect(odd) as client:
            answered = structured(await client.call_tool("ask_amber", {"question": "Why?"}))
    assert answered["answer"] == "The answer of {hidden} is test"


async def test_what_is_cut_of_a_broken_answer_is_told(connect: Connect, upstream: Canned) -> None:
    async with upstream(events(text_chunk("x" * 500), end=False)) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_ANSWER_CHARS="200")
        async with connect(settings) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    assert "x" * 200 + TRUNCATED in failure(result, "stream_broken")


async def test_a_call_that_was_not_only_read_may_have_been_taken(
    connect: Connect, upstream: Canned
) -> None:
    feedback = {"project": "p", "metric": "m", "session_id": UUID, "value": "1"}
    async with upstream(stalled_stream) as canned:
        settings = canned.settings(
            AMBER_MODEL="m",
            AMBER_CALL_TIMEOUT="0.3",
            AMBER_TOOLS=",".join(TOOL_NAMES),
            ADAPTIVE_BASE_URL=canned.base_url,
            ADAPTIVE_API_KEY=KEY,
        )
        async with connect(settings) as client:
            for tool, arguments in (
                ("send_feedback", feedback),
                ("upload_file", {"content_base64": "YQ==", "filename": "a.txt"}),
            ):
                told = failure(await client.call_tool(tool, arguments), "upstream_timeout")
                assert MAY_BE_TAKEN in told, tool


async def test_a_call_that_gets_no_turn_is_told(connect: Connect, upstream: Canned) -> None:
    kinds: list[str] = []

    async with upstream(stalled_stream) as canned:
        settings = canned.settings(
            AMBER_MODEL="m", AMBER_CALL_TIMEOUT="1", AMBER_MAX_CONCURRENT_REQUESTS="1"
        )
        async with connect(settings) as client, anyio.create_task_group() as tasks:

            async def call() -> None:
                result = await client.call_tool("ask_amber", {"question": "Why?"})
                kinds.append(text_of(result).partition(":")[0])

            for _ in range(3):
                tasks.start_soon(call)
    assert sorted(kinds) == ["overloaded", "overloaded", "upstream_timeout"]
    assert len(canned.seen) == 1


async def test_a_hidden_key_becomes_no_image(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion(f"!{KEY}(https://evil.example/p.png)")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            answered = structured(await client.call_tool("ask_amber", {"question": "Why?"}))
    assert answered["answer"] == "!{hidden}(https://evil.example/p.png)"


async def test_an_answer_and_an_error_name_the_completion(
    connect: Connect, upstream: Canned
) -> None:
    broken = events(text_chunk("It is"), end=False)
    async with upstream(completion("It is."), broken) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            answered = await client.call_tool("ask_amber", {"question": "Why?"})
            failed = await client.call_tool("ask_amber", {"question": "Why?"})
    assert structured(answered)["completion_id"] == "x"
    assert "Model: canned (completion x)" in text_of(answered)
    assert "Request id: x." in failure(failed, "stream_broken")
