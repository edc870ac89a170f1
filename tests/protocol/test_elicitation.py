"""A question in mid-call (the older era): the clock, the progress, and who gives up first."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import ElicitResult, ErrorData

from amber_mcp.config.settings import Settings
from amber_mcp.protocol import progress
from amber_mcp.server import build_server
from amber_mcp.tools import choice as choosing
from tests.test_server import failure, structured
from tests.tools.users import NEVER, Asked, with_agents
from tests.upstream import Canned, completion, events, text_chunk


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LEAST_SECONDS_BETWEEN", 0.02)
    monkeypatch.setattr(progress, "_HEARTBEAT_SECONDS", 0.05)


@asynccontextmanager
async def connected(settings: Settings, user: Any) -> AsyncIterator[Client]:
    server = build_server(settings, local_files=False)
    with anyio.fail_after(20):
        async with Client(server, mode="legacy", elicitation_callback=user) as client:
            yield client


async def test_a_user_who_never_answers_is_waited_for_so_long(
    upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "PATIENCE_SECONDS", 0.2)
    user = Asked({"agent": NEVER})
    async with upstream(completion("Done.")) as canned:
        async with connected(with_agents(canned), user) as client:
            result = await client.call_tool("run_agent", {"agent": "legal", "task": "Go."})
            await user.withdrawn.wait()
    told = failure(result, "invalid_request")
    assert "the user was asked for the agent, and did not answer within 0.2 s" in told
    assert "legal-de, legal-en" in told


async def test_thinking_takes_no_time_of_the_call_and_progress_goes_on(upstream: Canned) -> None:
    told: list[str] = []
    enough = anyio.Event()

    async def on_progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message or "")
        if len(told) == 40:  # That takes two seconds: the call may take one and a half.
            enough.set()

    async def user(*_: object) -> ElicitResult:
        await enough.wait()
        return ElicitResult(action="accept", content={"agent": "hr"})

    answer = events(text_chunk("Done.", "stop"))
    async with upstream(answer) as canned:
        settings = with_agents(canned, AMBER_CALL_TIMEOUT="1")
        async with connected(settings, user) as client:
            result = await client.call_tool(
                "run_agent", {"task": "Go."}, progress_callback=on_progress
            )
    assert structured(result)["answer"] == "Done."
    assert told[0] == "Asking the user for the agent"
    assert told[1].startswith("Asking the user for the agent (")


async def test_a_host_that_gives_up_takes_the_question_along(upstream: Canned) -> None:
    user = Asked({"agent": NEVER})
    async with upstream(completion("Done.")) as canned:
        async with connected(with_agents(canned), user) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "run_agent", {"task": "Go."})
                await user.asked.wait()
                tasks.cancel_scope.cancel()
            await user.withdrawn.wait()
            # The connection lives, and other calls are answered.
            user.answers = {"agent": "hr"}
            run = await client.call_tool("run_agent", {"task": "Go."})
    assert structured(run)["agent"] == "hr"
    assert len(canned.seen) == 1


async def test_a_host_that_fails_to_ask_is_told_the_choices(
    upstream: Canned, caplog: pytest.LogCaptureFixture
) -> None:

    async def user(*_: object) -> ErrorData:
        return ErrorData(code=-32603, message="no window")

    async with (
        upstream(completion("Done.")) as canned,
        connected(with_agents(canned), user) as client,
    ):
        with caplog.at_level(logging.WARNING):
            result = await client.call_tool("run_agent", {"agent": "legal", "task": "Go."})
    assert "legal-de, legal-en" in failure(result, "not_found")
    assert "the host did not ask" in caplog.messages
