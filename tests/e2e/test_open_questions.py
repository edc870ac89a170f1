"""Questions that are open on stdio: what is read meanwhile, and how they end."""

import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from amber_mcp.transports.backpressure import MOST_ASKING
from tests.e2e.programs import HANDSHAKE, PING, StdioProgram, started_program
from tests.e2e.talking import ENDS, end, reaching
from tests.e2e.test_stdio_flood import host, list_tools, request
from tests.tools.users import AGENTS
from tests.upstream import Canned, Upstream, completion, stalled_stream

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")

OPENING = {**HANDSHAKE, "capabilities": {"elicitation": {}}}
LIMITS = {"AMBER_AGENTS": AGENTS, "AMBER_MAX_BODY_BYTES": "1048576"}
TAKEN = {"action": "accept", "content": {"agent": "legal-en"}}
CHOICES = "legal-de, legal-en"


@pytest.fixture
async def program(upstream: Canned) -> AsyncIterator[StdioProgram]:
    async with upstream(completion("Done.")) as canned, asking(canned) as program:
        yield program
        await program.close_stdin()
        assert await program.process.wait() == 0


@asynccontextmanager
async def asking(upstream: Upstream) -> AsyncIterator[StdioProgram]:
    """A program that asks which agent is meant, and has room for calls of 1 MiB."""
    async with started_program(**reaching(upstream, **LIMITS)) as program:
        await program.send("initialize", OPENING, request_id=0)
        await program.answer_to(0)
        await program.send("notifications/initialized", {})
        with anyio.fail_after(10):
            yield program


async def run_agent(program: StdioProgram, call: int, task: str = "Go.") -> Any:
    """Call, and return the id of the question that it leads to."""
    params = {"name": "run_agent", "arguments": {"agent": "legal", "task": task}}
    await program.send("tools/call", params, request_id=call)
    message = await program.receive()
    return message["id"] if message.get("method") == "elicitation/create" else message


async def answer(program: StdioProgram, question: int, **members: Any) -> None:
    members = members or {"result": TAKEN}
    await program.send_line(json.dumps({"jsonrpc": "2.0", "id": question, **members}).encode())


async def outcomes(program: StdioProgram, *calls: int) -> dict[int, str]:
    told: dict[int, str] = {}
    while told.keys() != {*calls}:
        message = await program.receive()
        told[message["id"]] = json.dumps(message["result"])
    return told


async def test_answers_are_read_though_the_calls_fill_the_room(program: StdioProgram) -> None:
    questions = [await run_agent(program, call, "x" * 600_000) for call in (1, 2)]
    await program.send("ping", {}, request_id=PING)
    assert (await program.receive())["id"] == PING
    for question in questions:
        await answer(program, question)
    assert all("Done." in each for each in (await outcomes(program, 1, 2)).values())


async def test_a_call_that_fills_the_room_can_be_cancelled(program: StdioProgram) -> None:
    questions = [await run_agent(program, call, "x" * 600_000) for call in (1, 2)]
    for call, question in enumerate(questions, 1):
        await program.send("notifications/cancelled", {"requestId": call})
        withdrawn = await program.receive()
        assert withdrawn["method"] == "notifications/cancelled"
        assert withdrawn["params"]["requestId"] == question


async def test_so_many_calls_may_ask_and_the_others_are_told_the_choices(
    program: StdioProgram,
) -> None:
    questions = [await run_agent(program, call) for call in range(1, MOST_ASKING + 1)]
    refused = await run_agent(program, 99)
    assert CHOICES in json.dumps(refused["result"])
    await answer(program, questions[0])
    assert "Done." in (await outcomes(program, 1))[1]
    assert await run_agent(program, 99) > max(questions)


async def test_calls_that_ask_hold_no_more_than_the_limit_and_one_more(
    program: StdioProgram,
) -> None:
    for call in (1, 2):
        assert isinstance(await run_agent(program, call, "x" * 600_000), int)
    assert CHOICES in json.dumps((await run_agent(program, 3, "x" * 600_000))["result"])


@pytest.mark.parametrize(
    "members",
    [
        {"error": {"code": "x"}},
        {"error": "no"},
        {"result": None},
        {"result": [1]},
        {"result": "x"},
        {"result": {"action": "perhaps"}},
        {"result": {"action": "accept", "content": {"agent": "x" * 2**20}}},
    ],
    ids=lambda members: json.dumps(members)[:40],
)
async def test_an_answer_that_cannot_be_read_ends_the_question(
    members: dict[str, Any], program: StdioProgram
) -> None:
    await answer(program, await run_agent(program, 1), **members)
    (told,) = (await outcomes(program, 1)).values()
    assert CHOICES in told


@pytest.mark.parametrize("how", ENDS)
async def test_open_questions_do_not_hold_up_the_end(
    how: signal.Signals | None, upstream: Canned
) -> None:
    async with upstream(stalled_stream) as canned, asking(canned) as program:
        questions = [await run_agent(program, call) for call in (1, 2, 3)]
        await answer(program, questions[0])  # The call goes on.
        await program.around(b"")
        await end(program, how)


@pytest.mark.parametrize("how", [signal.SIGTERM, None])
async def test_nor_do_they_if_nobody_reads(how: signal.Signals | None, upstream: Canned) -> None:
    async with upstream(stalled_stream) as canned, host(**reaching(canned, **LIMITS)) as program:
        await program.handshake(OPENING)
        params = {"name": "run_agent", "arguments": {"agent": "legal", "task": "Go."}}
        await program.write(request(1, "tools/call", **params))
        async for message in program.messages():
            if message.get("method") == "elicitation/create":
                break
        await program.write_while_taken(list_tools)
        await program.end(how)
