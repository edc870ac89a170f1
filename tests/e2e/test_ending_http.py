"""The end of the HTTP server, whatever is open: two seconds' grace, and nothing after it."""

from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from tests.e2e.programs import http_program
from tests.e2e.talking import http_session, reaching
from tests.tools.users import AGENTS
from tests.upstream import Canned, stalled_stream, text_chunk

GRACE_AND_MARGIN = 4
QUESTION = {"name": "run_agent", "arguments": {"agent": "legal", "task": "Go."}}
ANSWER = {"name": "ask_amber", "arguments": {"question": "Why?"}, "_meta": {"progressToken": 1}}


@pytest.mark.parametrize("stays", [True, False], ids=["client stays", "client gone"])
@pytest.mark.parametrize(
    ("params", "sign"), [(QUESTION, "elicitation/create"), (ANSWER, "characters")]
)
async def test_a_call_that_waits_does_not_hold_up_the_end(
    params: dict[str, Any], sign: str, stays: bool, upstream: Canned
) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with AsyncExitStack() as stack:
            given = reaching(canned, AMBER_AGENTS=AGENTS)
            url = await stack.enter_async_context(
                http_program(ends_within=GRACE_AND_MARGIN, **given)
            )
            async with http_session(url) as session:
                called = await session.post(id=1, method="tools/call", params=params)
                lines = called.aiter_lines()
                while sign not in await anext(lines):
                    pass
                if stays:
                    await stack.aclose()
                await called.aclose()
        if params is ANSWER:
            with anyio.fail_after(5):
                await canned.closed.wait()
