"""A call that is cancelled ends upstream too, in each era and on each transport.

The real program allows one request at a time here, so that anything left running would hold up
the next call.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
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


@pytest.fixture(params=[(t, era) for t in ("stdio", "http") for era in ERAS], ids="-".join)
def connect(request: pytest.FixtureRequest, sandbox: SandboxProgram) -> Any:
    transport, era = request.param

    @asynccontextmanager
    async def connecting() -> AsyncIterator[Client]:
        async with connected(transport, era, {**sandbox.environment, **SETTINGS}) as client:
            yield client

    return connecting


async def ends(faults: Control) -> list[str]:
    """How the requests ended that the sandbox got, "" for those that are under way."""
    answer = (await faults.client.get("/sandbox/faults")).json()
    return [request["end"] for request in answer["requests"]]


@pytest.fixture(autouse=True)
def _no_word_of_trouble(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """On stdio, the program's stderr is that of the tests."""
    yield
    told = capfd.readouterr().err
    assert not [sign for sign in ("Traceback", "Warning", "never awaited") if sign in told], told


async def served(client: Client) -> None:
    with anyio.fail_after(5):
        result = await client.call_tool("ask_amber", QUESTION)
    assert not result.is_error, result


async def test_a_cancelled_call_ends_upstream_too(connect: Any, sandbox: SandboxProgram) -> None:
    async with connect() as client:
        for tool, fault in STAGES.values():
            async with control(sandbox) as faults:
                await closes_its_connection(client, faults, tool, fault)
        for check in (is_not_tried_again, leaves_the_queue):
            async with control(sandbox) as faults:
                await check(client, faults)


async def closes_its_connection(
    client: Client, faults: Control, tool: str, fault: Mapping[str, Any]
) -> None:
    await faults.let(fault)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, tool, QUESTION if tool == "ask_amber" else FILE)
            while await ends(faults) != [""]:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        while await ends(faults) != ["left"]:
            await anyio.lowlevel.checkpoint()
    await served(client)


async def call_until(client: Client, message: str) -> None:
    """Ask, and cancel the call once the host hears of this."""
    with anyio.fail_after(10), anyio.CancelScope() as cancelling:

        async def on_progress(_: float, __: float | None, heard: str | None) -> None:
            if message in (heard or ""):
                cancelling.cancel()

        await client.call_tool("ask_amber", QUESTION, progress_callback=on_progress)
    assert cancelling.cancelled_caught


async def is_not_tried_again(client: Client, faults: Control) -> None:
    await faults.let({"path": CHAT, "status": 429, "headers": {"Retry-After": "30"}})
    await call_until(client, "trying again")
    await served(client)
    assert await ends(faults) == ["answered", "answered"]


async def leaves_the_queue(client: Client, faults: Control) -> None:
    await faults.let({"path": CHAT, "delay": 60})
    async with anyio.create_task_group() as first:
        first.start_soon(client.call_tool, "ask_amber", QUESTION)
        with anyio.fail_after(10):
            while await ends(faults) != [""]:
                await anyio.lowlevel.checkpoint()
        await call_until(client, "Waiting for one of")
        first.cancel_scope.cancel()
    await served(client)
    assert await ends(faults) == ["left", "answered"]
