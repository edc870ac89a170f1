"""`run_agent` over several calls, in both eras: a run goes on whoever waits for it."""

import json
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult

from amber_mcp.config.settings import Settings
from amber_mcp.runs.records import Runs
from amber_mcp.runs.run import Run
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, OrderedStream, Upstream, completion, stalled_stream, text_chunk

__all__ = ["connect"]

TASK = {"agent": "a", "task": "Go."}


def settings_of(upstream: Upstream, **variables: str) -> Settings:
    return upstream.settings(**{"AMBER_MODEL": "m", "AMBER_CALL_TIMEOUT": "0.5", **variables})


def half(upstream: Upstream) -> object:
    return stalled_stream(upstream, text_chunk("Half"))


async def run_agent(client: Client, **arguments: Any) -> CallToolResult:
    return await client.call_tool("run_agent", arguments)


async def test_a_long_run_is_finished_by_several_calls(connect: Connect, upstream: Canned) -> None:
    stream = OrderedStream()
    async with upstream(stream, completion("Four.")) as canned:
        async with connect(settings_of(canned)) as client:
            stream.send("One ")
            begun = await run_agent(client, **TASK)
            run = structured(begun)
            assert run["status"] == "running"
            assert run["answer"] == "One "
            assert "conversation_id" not in run or not run["conversation_id"]
            assert f"run_id: {run['run_id']}" in text_of(begun)
            assert text_of(begun).startswith("running: Call run_agent with this run_id alone")
            stream.send("two ")
            more = structured(await run_agent(client, run_id=run["run_id"]))
            assert (more["status"], more["answer"]) == ("running", "One two ")
            assert more["elapsed_seconds"] >= run["elapsed_seconds"]
            stream.end("three")
            last = structured(await run_agent(client, run_id=run["run_id"]))
            assert (last["status"], last["answer"]) == ("completed", "One two three")
            assert structured(await run_agent(client, run_id=run["run_id"]))["answer"]
            follow_up = {"task": "More.", "conversation_id": last["conversation_id"]}
            assert structured(await run_agent(client, **follow_up))["run_id"] != run["run_id"]
    assert len(canned.seen) == 2
    said = [each["content"] for each in json.loads(canned.seen[1].body)["messages"]]
    assert said == ["Go.", "One two three", "More."]


async def test_the_same_call_attaches_while_the_run_goes_on(
    connect: Connect, upstream: Canned
) -> None:
    stream = OrderedStream()
    async with upstream(stream, completion("Another.")) as canned:
        async with connect(settings_of(canned)) as client:
            first = structured(await run_agent(client, **TASK))
            again = structured(await run_agent(client, **TASK))
            assert again["run_id"] == first["run_id"]
            assert len(canned.seen) == 1
            others: tuple[dict[str, Any], ...] = (
                {"task": "Else."},
                {"agent": "b"},
                {"file_ids": ["f"]},
                {"search": "web"},
                {"model": "n"},
                {"language": "de"},
            )
            for other in others:
                answered = structured(await run_agent(client, **{**TASK, **other}))
                assert answered["answer"] == "Another."
            talk = {"conversation_id": answered["conversation_id"]}
            assert structured(await run_agent(client, **TASK, **talk))["answer"] == "Another."
            assert len(canned.seen) == 8
            stream.end("Done.")
            last = structured(await run_agent(client, **TASK))
            assert (last["run_id"], last["answer"]) == (first["run_id"], "Done.")
            # Whether the host still waited for that, nobody knows: for a while it stays.
            repeated = await run_agent(client, **TASK)
            assert structured(repeated)["run_id"] == first["run_id"]
            assert structured(repeated)["repeated"]
            assert "the agent did not work again" in text_of(repeated)
    assert len(canned.seen) == 8


async def test_while_it_waits_the_host_hears_of_the_run(connect: Connect, upstream: Canned) -> None:
    told: list[str] = []

    async def hear(_: float, __: float | None, message: str | None) -> None:
        told.append(message or "")

    async with upstream(half) as canned:
        async with connect(settings_of(canned, AMBER_CALL_TIMEOUT="3")) as client:
            await client.call_tool("run_agent", TASK, progress_callback=hear)
    assert told[0] == "The agent a is at work"
    assert "The agent a is at work: 4 characters so far" in told


async def test_half_a_character_in_a_task_is_mended(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("Done.")) as canned:
        async with connect(settings_of(canned)) as client:
            run = structured(await run_agent(client, agent="a\ud83d", task="Go \ud83d."))
    assert (run["answer"], run["agent"]) == ("Done.", "a\ufffd")


async def test_only_a_call_that_returns_the_answer_begins_its_last_minute(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned: list[str] = []

    async def mark_returned(_: Runs, run: Run) -> None:
        returned.append(run.id)

    monkeypatch.setattr(Runs, "mark_returned", mark_returned)
    stream = OrderedStream()
    async with upstream(stream) as canned:
        async with connect(settings_of(canned)) as client:
            run = structured(await run_agent(client, **TASK))
            assert returned == []
            stream.end("Done.")
            last = structured(await run_agent(client, run_id=run["run_id"]))
    assert last["answer"] == "Done."
    assert not last["repeated"]
    assert returned == [run["run_id"]]


async def test_in_a_conversation_the_same_words_are_the_next_task(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(completion("One."), completion("Two."), completion("Three.")) as canned:
        async with connect(settings_of(canned)) as client:
            talk = structured(await run_agent(client, **TASK))["conversation_id"]
            more = {"task": "Go on.", "conversation_id": talk}
            answers = [structured(await run_agent(client, **more))["answer"] for _ in range(2)]
    assert answers == ["Two.", "Three."]


async def test_what_makes_no_other_task_attaches(connect: Connect, upstream: Canned) -> None:
    async with upstream(half) as canned:
        async with connect(settings_of(canned)) as client:
            run = structured(await run_agent(client, **TASK, file_ids=["f", "g"]))
            for same in ({}, {"model": "m"}, {"language": "en"}):
                again = await run_agent(client, **TASK, file_ids=["g", "f", "f"], **same)
                assert structured(again)["run_id"] == run["run_id"]
    assert len(canned.seen) == 1


async def test_a_run_outlives_its_cancelled_call(connect: Connect, upstream: Canned) -> None:
    stream = OrderedStream()
    async with upstream(stream) as canned:
        async with connect(settings_of(canned, AMBER_CALL_TIMEOUT="15")) as client:
            with anyio.CancelScope() as giving_up:

                async def give_up(*_: object) -> None:
                    giving_up.cancel()

                stream.send("One ")
                await client.call_tool("run_agent", TASK, progress_callback=give_up)
            assert giving_up.cancelled_caught
            stream.end("two")
            run = structured(await run_agent(client, **TASK))
    assert (run["status"], run["answer"]) == ("completed", "One two")
    assert len(canned.seen) == 1


async def test_a_run_can_be_stopped(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("One."), half) as canned:
        async with connect(settings_of(canned)) as client:
            talk = structured(await run_agent(client, **TASK))["conversation_id"]
            run = structured(await run_agent(client, task="Go on.", conversation_id=talk))
            assert (run["status"], run["conversation_id"]) == ("running", talk)
            stopped = await run_agent(client, run_id=run["run_id"], stop="true")
            with anyio.fail_after(5):
                await canned.closed.wait()
            again = structured(await run_agent(client, run_id=run["run_id"], stop=True))
    assert structured(stopped)["status"] == "stopped"
    assert structured(stopped)["conversation_id"] == talk
    assert structured(stopped)["answer"] == "Half"
    assert text_of(stopped).startswith("stopped: What the agent has done by then stays done.")
    assert again["status"] == "stopped"


async def test_a_run_that_fails_is_told_with_its_text_each_time(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(half) as canned:
        settings = settings_of(canned, AMBER_RUN_TIMEOUT="0.2", AMBER_CALL_TIMEOUT="10")
        async with connect(settings) as client:
            failed = await run_agent(client, **TASK)
            run_id = (failed.structured_content or {})["run_id"]
            again = await run_agent(client, run_id=run_id)
    for told in (failed, again):
        assert "AMBER_RUN_TIMEOUT" in failure(told, "upstream_timeout")
        assert "The answer so far, which may be incomplete:\n\nHalf" in text_of(told)
        assert told.structured_content is not None
        assert (told.structured_content["status"], told.structured_content["answer"]) == (
            "failed",
            "Half",
        )


async def test_a_caller_has_so_many_runs(connect: Connect, upstream: Canned) -> None:
    async with upstream(half) as canned:
        settings = settings_of(canned, AMBER_MAX_RUNS="1")
        async with connect(settings) as client:
            run = structured(await run_agent(client, **TASK))
            told = failure(await run_agent(client, agent="a", task="Else."), "overloaded")
            assert run["run_id"] in told
            await run_agent(client, run_id=run["run_id"], stop=True)
            structured(await run_agent(client, agent="a", task="Else."))
    assert len(canned.seen) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"run_id": "run_x"}, "not_found: there is no run 'run_x', or not any more"),
        ({"run_id": "run_x", "task": "Go."}, "invalid_request: `run_id` waits for a run"),
        ({"run_id": "run_x", "file_ids": ["f"]}, "invalid_request: `run_id` waits for a run"),
        ({"run_id": "run_x", "model": "m"}, "invalid_request: `run_id` waits for a run"),
        ({"run_id": "run_x", "search": "web"}, "invalid_request: `run_id` waits for a run"),
        ({"stop": True, **TASK}, "invalid_request: `stop` says nothing without `run_id`"),
        ({"run_id": "x", "stop": "maybe"}, "`stop` must be true or false, not 'maybe'"),
        ({"run_id": "x", "stop": 1}, "`stop` must be true or false, not 1"),
        ({}, "invalid_request: `task` is empty"),
    ],
)
async def test_calls_that_make_no_sense_are_told(
    connect: Connect, upstream: Canned, arguments: dict[str, Any], told: str
) -> None:
    async with upstream(completion("Never.")) as canned:
        async with connect(settings_of(canned)) as client:
            result = await run_agent(client, **arguments)
    assert result.is_error
    assert told in text_of(result)
    assert canned.seen == []
