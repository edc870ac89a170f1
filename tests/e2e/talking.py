"""Conversations with the real program, and what of them went to amber."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2

from tests.e2e.programs import HANDSHAKE, StdioProgram
from tests.planted import KEY
from tests.storage.places import Place
from tests.upstream import Upstream

ENDS = [signal.SIGINT, signal.SIGTERM, None]
"""The ways to end a program: a signal, or the end of stdin."""


def reaching(
    upstream: Upstream, place: Place | None = None, key: str = KEY, **variables: str
) -> dict[str, str]:
    """The variables of a program that asks `upstream` and keeps its conversations at `place`."""
    return {
        "AMBER_BASE_URL": upstream.base_url,
        "AMBER_API_KEY": key,
        "AMBER_MODEL": "m",
        **(place.environment if place else {}),
        **variables,
    }


async def send_call(
    program: StdioProgram, tool: str, *, request_id: int = 1, **arguments: object
) -> None:
    """Call a tool without waiting for the result; progress is told."""
    meta = {"progressToken": request_id}
    call = {"name": tool, "arguments": arguments, "_meta": meta}
    await program.send("tools/call", call, request_id=request_id)


async def call(program: StdioProgram, tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool, and return its result."""
    await send_call(program, tool, **arguments)
    result: dict[str, Any] = (await program.answer_to(1))["result"]
    return result


async def send_question(
    program: StdioProgram, question: str, talk: str = "", *, request_id: int = 1
) -> None:
    """Ask without waiting for the answer."""
    arguments = {"question": question, "conversation_id": talk}
    await send_call(program, "ask_amber", request_id=request_id, **arguments)


async def ask(program: StdioProgram, question: str, talk: str = "") -> str:
    """Ask, and return the id under which the answer was kept."""
    result = await call(program, "ask_amber", question=question, conversation_id=talk)
    kept: str = answered(result)["conversation_id"]
    assert kept
    return kept


async def ask_halfway(program: StdioProgram) -> None:
    """Ask an upstream that stalls, and wait until a part of its answer is told."""
    await send_question(program, "Why?")
    while "characters" not in str(await program.receive()):
        pass


async def end(program: StdioProgram, how: signal.Signals | None) -> None:
    """End a program, which has to leave cleanly and soon."""
    if how:
        program.interrupt(how)
    else:
        await program.close_stdin()
    with anyio.fail_after(3):
        assert await program.process.wait() == 0


@dataclass
class HttpSession:
    """A session of 2025 over HTTP, of a host that shows forms, message by message."""

    http: httpx2.AsyncClient
    url: str
    headers: dict[str, str]

    async def post(self, **members: Any) -> httpx2.Response:
        """Post a message; what it is answered with can be read as it comes."""
        message = {"jsonrpc": "2.0", **members}
        request = self.http.build_request("POST", self.url, json=message, headers=self.headers)
        return await self.http.send(request, stream=True)


@asynccontextmanager
async def http_session(url: str) -> AsyncIterator[HttpSession]:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
        session = HttpSession(http, url, {"Accept": "application/json, text/event-stream"})
        opening = {**HANDSHAKE, "capabilities": {"elicitation": {}}}
        opened = await session.post(id=0, method="initialize", params=opening)
        await opened.aread()
        session.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        await (await session.post(method="notifications/initialized")).aread()
        yield session


def answered(result: dict[str, Any]) -> dict[str, Any]:
    """What a call that succeeded returned."""
    assert not result["isError"], result
    content: dict[str, Any] = result["structuredContent"]
    return content


def last_sent(upstream: Upstream) -> list[str]:
    """What was said in the conversation that amber was asked last, each turn in two lines."""
    return [message["content"] for message in json.loads(upstream.seen[-1].body)["messages"]]
