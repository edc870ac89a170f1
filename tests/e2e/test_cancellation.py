"""A call that is cancelled ends upstream too, in each era and on each transport.

The real program allows one request at a time here, so that anything left running would hold up
the next call.
"""

from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.conftest import SandboxProgram
from tests.e2e.test_fault_matrix import Control, control
from tests.e2e.test_python_clients import ERAS, connected

QUESTION = {"question": "How many vacation days do I get?"}
FILE = {"content_base64": "SGVsbG8=", "filename": "hello.txt"}
CHAT = "/api/beta/amberai/chat/completions"
UPLOAD = "/api/beta/files/upload"
SETTINGS = {
    "AMBER_MODEL": "sandbox-brief",
    "AMBER_MAX_CONCURRENT_REQUESTS": "1",
    "AMBER_LOG_LEVEL": "info",
}
STAGES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "before the answer": ("ask_amber", {"path": CHAT, "delay": 60}),
    "amid the answer": ("ask_amber", {"path": CHAT, "stop_at": 900, "stop_by": "stall"}),
    "amid an upload": ("upload_file", {"path": UPLOAD, "delay": 60}),
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_cancelled_calls_hold_up_nothing(
    transport: str, era: str, sandbox: SandboxProgram, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {**sandbox.environment, **SETTINGS}
    async with connected(transport, era, settings) as client:
        for tool, fault in STAGES.values():
            async with control(sandbox) as faults:
                await closes_its_connection(client, faults, tool, fault)
        async with control(sandbox) as faults:
            await is_not_tried_again(client, faults)
        async with control(sandbox) as faults:
            await leaves_the_queue(client, faults)
    told = capfd.readouterr().err  # On stdio, the program's stderr is that of the tests.
    assert not [sign for sign in ("Traceback", "Warning", "never awaited") if sign in told], told


async def ends(faults: Control) -> list[str]:
    """How the requests ended that the sandbox got, "" for those that are under way."""
    answer = (await faults.client.get("/sandbox/faults")).json()
    return [request["end"] for request in answer["requests"]]


async def wait_for_ends(faults: Control, *expected: str) -> None:
    while await ends(faults) != [*expected]:
        await anyio.lowlevel.checkpoint()


async def served(client: Client) -> None:
    with anyio.fail_after(5):
        result = await client.call_tool("ask_amber", QUESTION)
    assert not result.is_error, result


async def call_until(client: Client, news: str, event: anyio.Event) -> None:
    """Ask, and set the event as soon as a progress message holds the news."""

    async def on_progress(_: float, __: float | None, message: str | None) -> None:
        if news in (message or ""):
            event.set()

    await client.call_tool("ask_amber", QUESTION, progress_callback=on_progress)


async def closes_its_connection(
    client: Client, faults: Control, tool: str, fault: Mapping[str, Any]
) -> None:
    await faults.let(fault)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, tool, QUESTION if tool == "ask_amber" else FILE)
            await wait_for_ends(faults, "")
            tasks.cancel_scope.cancel()
    with anyio.fail_after(3):
        await wait_for_ends(faults, "left")
    await served(client)


async def is_not_tried_again(client: Client, faults: Control) -> None:
    told = anyio.Event()
    await faults.let({"path": CHAT, "status": 429, "headers": {"Retry-After": "30"}})
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call_until, client, "trying again", told)
            await told.wait()
            tasks.cancel_scope.cancel()
    await served(client)
    assert await ends(faults) == ["answered", "answered"]


async def leaves_the_queue(client: Client, faults: Control) -> None:
    waiting = anyio.Event()
    await faults.let({"path": CHAT, "delay": 60})
    with anyio.fail_after(10):
        async with anyio.create_task_group() as first:
            first.start_soon(client.call_tool, "ask_amber", QUESTION)
            await wait_for_ends(faults, "")
            async with anyio.create_task_group() as second:
                second.start_soon(call_until, client, "Waiting for one of", waiting)
                await waiting.wait()
                second.cancel_scope.cancel()
            first.cancel_scope.cancel()
    await served(client)
    assert await ends(faults) == ["left", "answered"]
