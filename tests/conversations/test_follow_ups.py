"""Follow-ups: what of a conversation goes to amber with a question, in both eras."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, Response

from amber_mcp.config.settings import Settings
from tests.conftest import SandboxProgram
from tests.e2e.programs import stdio_program
from tests.planted import KEY
from tests.storage.failures import TROUBLES, failing
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, Upstream, completion, events, text_chunk

__all__ = ["connect"]

AGENT = "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"


def asked(upstream: Upstream) -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in upstream.seen]


def said(body: dict[str, Any]) -> list[str]:
    return [f"{message['role']}: {message['content']}" for message in body["messages"]]


async def test_a_follow_up_carries_what_was_said_and_asked_for(
    connect: Connect, upstream: Canned
) -> None:
    first = {
        "question": "Who is Anna?",
        "instructions": "Be brief.",
        "language": "de",
        "file_ids": ["f1"],
    }
    async with upstream(completion("A colleague."), completion("At noon.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            begun = await client.call_tool("ask_amber", first)
            talk = structured(begun)["conversation_id"]
            follow_up = {"question": "When does she eat?", "conversation_id": talk}
            went_on = structured(
                await client.call_tool("ask_amber", {**follow_up, "file_ids": ["f2", "f1"]})
            )
    assert talk.startswith("conv_")
    assert f"conversation_id: {talk}" in text_of(begun)
    assert went_on["conversation_id"] == talk
    assert said(asked(canned)[1]) == [
        "system: Be brief.",
        "user: Who is Anna?",
        "assistant: A colleague.",
        "user: When does she eat?",
    ]
    assert asked(canned)[1]["metadata"] == {"language": "de", "files": ["f1", "f2"]}


@pytest.mark.parametrize("allowed", ["off", "on"])
async def test_a_search_of_the_web_keeps_the_language_and_what_instructions_it_may(
    connect: Connect, upstream: Canned, allowed: str
) -> None:
    first = {"question": "Who?", "language": "de", "instructions": "Be brief."}
    async with upstream(completion("Anna.")) as canned:
        async with connect(
            canned.settings(AMBER_MODEL="m", AMBER_WEB_WITH_COMPANY=allowed)
        ) as client:
            talk = structured(await client.call_tool("ask_amber", first))["conversation_id"]
            structured(
                await client.call_tool("web_search", {"query": "Why?", "conversation_id": talk})
            )
    searched = asked(canned)[1]
    assert searched["metadata"]["language"] == "de"
    assert ("system: Be brief." in said(searched)) == (allowed == "on")


async def test_a_run_goes_on_with_its_agent(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("Done.")) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_AGENTS=f"hr={AGENT}")
        async with connect(settings) as client:
            run = structured(await client.call_tool("run_agent", {"agent": "hr", "task": "Go."}))
            more = {"task": "Go on.", "conversation_id": run["conversation_id"]}
            structured(await client.call_tool("run_agent", more))
            told = failure(await client.call_tool("run_agent", {"task": "Go."}), "invalid_request")
    assert "`agent` is empty" in told
    assert [body["metadata"]["agent_id"] for body in asked(canned)] == [AGENT, AGENT]
    assert said(asked(canned)[1])[:2] == ["user: Go.", "assistant: Done."]


@pytest.mark.parametrize("allowed", ["off", "on"])
async def test_company_answers_go_to_the_web_only_if_that_is_allowed(
    connect: Connect, upstream: Canned, allowed: str
) -> None:
    async with upstream(completion("A secret."), completion("News.")) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_WEB_WITH_COMPANY=allowed)
        async with connect(settings) as client:
            begun = structured(await client.call_tool("ask_amber", {"question": "What is X?"}))
            talk = {"conversation_id": begun["conversation_id"]}
            for query in ("Who makes it?", "Since when?"):
                structured(await client.call_tool("web_search", {"query": query, **talk}))
            structured(await client.call_tool("ask_amber", {"question": "And now?", **talk}))
    first, second, third, last = map(said, asked(canned))
    assert ("assistant: A secret." in second + third) == (allowed == "on")
    assert third[-3:] == ["user: Who makes it?", "assistant: News.", "user: Since when?"]
    assert [*first, "assistant: A secret."] == last[:2]
    assert len(last) == 7


async def test_what_the_web_got_of_the_company_stays_company(
    connect: Connect, upstream: Canned
) -> None:
    """A search that was sent company text may hold it: it does not go out again when that ends."""
    async with upstream(completion("A secret."), completion("News of a secret.")) as canned:
        on = canned.settings(AMBER_MODEL="m", AMBER_WEB_WITH_COMPANY="on")
        async with connect(on) as client:
            begun = structured(await client.call_tool("ask_amber", {"question": "What is X?"}))
            talk = {"conversation_id": begun["conversation_id"]}
            structured(await client.call_tool("web_search", {"query": "And?", **talk}))
            on.__dict__["web_with_company"] = False
            structured(await client.call_tool("web_search", {"query": "So?", **talk}))
    assert said(asked(canned)[-1]) == ["user: So?"]


@pytest.mark.parametrize("tool", ["ask_amber", "web_search", "run_agent"])
async def test_an_unknown_conversation_is_not_found(
    connect: Connect, upstream: Canned, tool: str
) -> None:
    question = {
        "ask_amber": {"question": "?"},
        "web_search": {"query": "?"},
        "run_agent": {"task": "?", "agent": AGENT},
    }[tool]
    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            arguments = {**question, "conversation_id": "conv_none"}
            told = failure(await client.call_tool(tool, arguments), "not_found")
    assert "conv_none" in told
    assert "Leave `conversation_id` empty" in told
    assert canned.seen == []


async def test_an_unfinished_turn_is_not_kept(connect: Connect, upstream: Canned) -> None:
    broken = events(text_chunk("Half"), end=False)
    async with upstream(completion("One."), broken, completion("Three.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            begun = structured(await client.call_tool("ask_amber", {"question": "1?"}))
            talk = {"conversation_id": begun["conversation_id"]}
            failure(
                await client.call_tool("ask_amber", {"question": "2?", **talk}), "stream_broken"
            )
            structured(await client.call_tool("ask_amber", {"question": "3?", **talk}))
    assert said(asked(canned)[2]) == ["user: 1?", "assistant: One.", "user: 3?"]


async def test_questions_at_once_are_both_answered_and_kept(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(completion("Yes.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            begun = structured(await client.call_tool("ask_amber", {"question": "0?"}))
            talk = {"conversation_id": begun["conversation_id"]}

            async def ask(question: str) -> None:
                structured(await client.call_tool("ask_amber", {"question": question, **talk}))

            async with anyio.create_task_group() as tasks:
                for number in range(1, 6):
                    tasks.start_soon(ask, f"{number}?")
            await ask("last?")
    questions = [line for line in said(asked(canned)[-1]) if line.startswith("user:")]
    assert sorted(questions) == sorted(f"user: {each}?" for each in [*range(6), "last"])


async def test_a_conversation_that_expires_while_it_is_answered_has_ended(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    """Its next turn alone would pass for the whole of it."""

    def late(_: Upstream) -> Response:
        with closing(sqlite3.connect(tmp_path / "state.db")) as other, other:
            other.execute("UPDATE entries SET expires = 0")
        return completion("Two.")

    async with upstream(completion("One."), late) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_STATE=f"sqlite:{tmp_path}/state.db")
        async with connect(settings) as client:
            begun = structured(await client.call_tool("ask_amber", {"question": "1?"}))
            follow_up = {"question": "2?", "conversation_id": begun["conversation_id"]}
            answered = await client.call_tool("ask_amber", follow_up)
            failure(await client.call_tool("ask_amber", follow_up), "not_found")
    assert structured(answered)["answer"] == "Two."
    assert structured(answered)["conversation_id"] == ""
    assert "This turn was not kept" in text_of(answered)
    assert len(canned.seen) == 2


async def test_of_a_long_conversation_the_latest_turns_are_sent(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(completion("x" * 90)) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_MAX_HISTORY_CHARS="200")
        async with connect(settings) as client:
            talk = ""
            first = {"question": "0?", "instructions": "Be brief."}
            for arguments in (first, {"question": "1?"}, {"question": "2?"}, {"question": "3?"}):
                call = {**arguments, "conversation_id": talk}
                result = await client.call_tool("ask_amber", call)
                talk = structured(result)["conversation_id"]
    questions = [line for line in said(asked(canned)[3]) if not line.startswith("assistant:")]
    assert questions == ["system: Be brief.", "user: 1?", "user: 2?", "user: 3?"]
    assert structured(result)["dropped_turns"] == 1
    assert "Without the 1 oldest turns" in text_of(result)


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_answer_that_cannot_be_kept_is_an_answer(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.append", failing(trouble))
    monkeypatch.setattr("amber_mcp.protocol.call._SAVING_SECONDS", 0.1)
    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            result = await client.call_tool("ask_amber", {"question": "Why?"})
    assert structured(result)["answer"] == "Because."
    assert structured(result)["conversation_id"] == ""
    assert "This turn was not kept" in text_of(result)


async def test_a_turn_without_an_answer_is_not_kept(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion(" ")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            answered = structured(await client.call_tool("ask_amber", {"question": "Why?"}))
    assert answered["conversation_id"] == ""


async def test_half_a_character_and_a_key_are_not_kept(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion(f"It is {KEY}.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            odd = {"question": "Why \ud83d?", "file_ids": ["f\ud83d"]}
            begun = structured(await client.call_tool("ask_amber", odd))
            follow_up = {"question": "So?", "conversation_id": begun["conversation_id"]}
            structured(await client.call_tool("ask_amber", follow_up))
    assert said(asked(canned)[1]) == [
        "user: Why \ufffd?",
        "assistant: It is {hidden}.",
        "user: So?",
    ]


async def test_blank_arguments_leave_what_the_conversation_holds(
    connect: Connect, upstream: Canned
) -> None:
    first = {"question": "1?", "instructions": "Be brief.", "language": "de"}
    async with upstream(completion("One.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            begun = structured(await client.call_tool("ask_amber", first))
            blank = {"question": "2?", "instructions": " ", "language": " "}
            talk = {"conversation_id": begun["conversation_id"]}
            structured(await client.call_tool("ask_amber", {**blank, **talk}))
    assert said(asked(canned)[1])[0] == "system: Be brief."
    assert asked(canned)[1]["metadata"]["language"] == "de"


async def test_on_the_sandbox_a_conversation_goes_on_after_a_restart(
    connect: Connect, tmp_path: Path
) -> None:
    settings = Settings.from_environment(
        {"AMBER_BASE_URL": "sandbox", "AMBER_STATE": f"sqlite:{tmp_path}/state.db"}
    )
    talk = ""
    for _ in range(2):
        async with connect(settings) as client:
            arguments = {"question": "How many vacation days?", "conversation_id": talk}
            talk = structured(await client.call_tool("ask_amber", arguments))["conversation_id"]


async def test_a_conversation_goes_on_after_a_restart(
    sandbox: SandboxProgram, tmp_path: object
) -> None:
    given = {**sandbox.environment, "AMBER_STATE": f"sqlite:{tmp_path}/state.db"}
    arguments = {"question": "How many vacation days do I get?"}
    for _ in range(2):
        async with stdio_program(**given) as program:
            await program.handshake()
            call = {"name": "ask_amber", "arguments": arguments}
            await program.send("tools/call", call, request_id=1)
            result = (await program.answer_to(1))["result"]
        assert not result["isError"], result
        talk = result["structuredContent"]["conversation_id"]
        assert talk == arguments.get("conversation_id", talk)
        arguments = {"question": "And in the first year?", "conversation_id": talk}


async def test_a_home_that_cannot_be_used_is_told_on_each_call(
    connect: Connect, upstream: Canned, tmp_path: object
) -> None:
    async with upstream(JSONResponse({}), Response()) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_STATE=f"sqlite:{tmp_path}")
        async with connect(settings) as client:
            told = failure(await client.call_tool("ask_amber", {"question": "?"}), "not_configured")
    assert "AMBER_STATE" in told
