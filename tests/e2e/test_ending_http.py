"""The end of the HTTP server, whatever is open: two seconds' grace, and nothing after it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest

from tests.e2e.programs import HANDSHAKE, http_program
from tests.e2e.talking import reaching
from tests.tools.users import AGENTS
from tests.upstream import Canned, stalled_stream, text_chunk

HEADERS = {"Accept": "application/json, text/event-stream"}
GRACE_AND_MARGIN = 4
QUESTION = {"name": "run_agent", "arguments": {"agent": "legal", "task": "Go."}}
ANSWER = {"name": "ask_amber", "arguments": {"question": "Why?"}, "_meta": {"progressToken": 1}}


@asynccontextmanager
async def called(
    http: httpx2.AsyncClient, url: str, params: dict[str, Any]
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines that a call is answered with, in a session of its own."""

    def message(**members: Any) -> httpx2.Request:
        return http.build_request("POST", url, json={"jsonrpc": "2.0", **members}, headers=headers)

    headers = dict(HEADERS)
    opening = {**HANDSHAKE, "capabilities": {"elicitation": {}}}
    opened = await http.send(message(id=0, method="initialize", params=opening))
    headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
    await http.send(message(method="notifications/initialized"))
    call = message(id=1, method="tools/call", params=params)
    response = await http.send(call, stream=True)
    try:
        yield response.aiter_lines()
    finally:
        await response.aclose()


@pytest.mark.parametrize("stays", [True, False], ids=["client stays", "client gone"])
@pytest.mark.parametrize(
    ("params", "sign"), [(QUESTION, "elicitation/create"), (ANSWER, "characters")]
)
async def test_a_call_that_waits_does_not_hold_up_the_end(
    params: dict[str, Any], sign: str, stays: bool, upstream: Canned
) -> None:
    async with (
        upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned,
        httpx2.AsyncClient(trust_env=False, timeout=30) as http,
    ):
        given = reaching(canned, AMBER_AGENTS=AGENTS)
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(
                http_program(ends_within=GRACE_AND_MARGIN, **given)
            )
            async with called(http, url, params) as lines:
                while sign not in await anext(lines):
                    pass
                if stays:
                    await stack.aclose()
        if params is ANSWER:
            with anyio.fail_after(5):
                await canned.closed.wait()
