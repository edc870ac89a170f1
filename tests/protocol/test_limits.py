"""What one call may take: time and size, with progress meanwhile, in both protocol eras."""

import anyio
import pytest

from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, events, stalled_stream, text_chunk

__all__ = ["connect"]


async def test_progress_arrives_while_the_answer_streams(
    connect: Connect, upstream: Canned
) -> None:
    told: list[str | None] = []
    arrived = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)
        if message and "characters" in message:
            arrived.set()

    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            async with anyio.create_task_group() as tasks:

                async def call() -> None:
                    arguments = {"question": "Why?"}
                    await client.call_tool("ask_amber", arguments, progress_callback=on_progress)

                tasks.start_soon(call)
                await arrived.wait()
                tasks.cancel_scope.cancel()
        await canned.closed.wait()
    assert told[-1] == "amber is answering: 4 characters so far"


async def test_a_host_that_takes_no_progress_gets_its_answer(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = anyio.Event()

    async def hang(*_: object, **__: object) -> None:
        blocked.set()
        await anyio.sleep_forever()

    monkeypatch.setattr("mcp.server.session.ServerSession.report_progress", hang)
    async with upstream(events(text_chunk("Because.", "stop"))) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            arguments = {"question": "Why?"}
            result = await client.call_tool("ask_amber", arguments, progress_callback=hang)
    assert structured(result)["answer"] == "Because."
    assert blocked.is_set()


async def test_a_call_that_takes_too_long_keeps_the_text_so_far(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half an ans"))) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_CALL_TIMEOUT="0.3")
        async with connect(settings) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    told = failure(result, "upstream_timeout")
    assert "Half an ans" in told
    assert "AMBER_CALL_TIMEOUT" in told


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("list_models", {}), ("upload_file", {"content_base64": "YQ==", "filename": "a.txt"})],
)
async def test_other_calls_end_in_time_too(
    connect: Connect, upstream: Canned, tool: str, arguments: dict[str, object]
) -> None:
    async with upstream(stalled_stream) as canned:
        async with connect(canned.settings(AMBER_CALL_TIMEOUT="0.3")) as client:
            failure(await client.call_tool(tool, arguments), "upstream_timeout")


async def test_an_answer_is_cut_at_its_limit_and_says_so(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(events(text_chunk("x" * 500, "length"))) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_ANSWER_CHARS="200")
        async with connect(settings) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    answered = structured(result)
    assert len(answered["answer"]) == 200
    assert answered["truncated"] is True
    assert "AMBER_MAX_ANSWER_CHARS" in text_of(result)
    assert "ended this answer early: length" in text_of(result)


async def test_a_list_of_sources_that_is_cut_says_so(connect: Connect, upstream: Canned) -> None:
    links = " ".join(f"https://w.example/{number}" for number in range(60))
    async with upstream(events(text_chunk(links, "stop"))) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_LIST_ENTRIES="50")
        async with connect(settings) as client:
            answered = structured(await client.call_tool("ask_amber", {"question": "Why?"}))
    assert len(answered["sources"]) == 50
    assert answered["truncated"] is True
