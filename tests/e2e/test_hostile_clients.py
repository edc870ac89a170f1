"""Clients that send too much, one id twice, or sessions that they never close."""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import anyio
import httpx2
import pytest

from tests.e2e.programs import ENVELOPE, HANDSHAKE, http_program, stdio_program
from tests.e2e.talking import reaching
from tests.upstream import Canned, stalled_stream, text_chunk

HEADERS = {"Accept": "application/json, text/event-stream"}
INVALID_REQUEST = -32600
MIB = 1024**2
ASKED = {"name": "ask_amber", "arguments": {"question": "Why?"}, "_meta": {"progressToken": 1}}

Send = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class HttpHost:
    """A host that speaks HTTP: with a session up to 2025-11-25, without one since."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self.url = url
        self.http = http
        self.headers = dict(HEADERS)
        self.numbers = count(100)

    async def open(self) -> "HttpHost":
        answer = await self.post(0, "initialize", HANDSHAKE)
        self.headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
        return self

    def request(self, request_id: object, method: str, params: object) -> httpx2.Request:
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        return self.http.build_request("POST", self.url, json=message, headers=self.headers)

    async def post(self, request_id: object, method: str, params: object) -> httpx2.Response:
        return await self.http.send(self.request(request_id, method, params))

    async def send(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return message_in(await self.post(1, method, params))

    async def send_new(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The same since 2026-07-28."""
        self.headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        self.headers |= {"Mcp-Name": params["name"]} if "name" in params else {}
        return message_in(await self.post(1, method, enveloped(params)))

    async def status(self) -> int:
        """Of a ping, with an id of its own."""
        return (await self.post(next(self.numbers), "ping", {})).status_code


def enveloped(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "_meta": {**ENVELOPE, **params.get("_meta", {})}}


def message_in(answer: httpx2.Response) -> dict[str, Any]:
    """The last message of an answer, which is one or a stream of some."""
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines()]
    message: dict[str, Any] = json.loads(next(line for line in lines[::-1] if line[:1] == "{"))
    return message


@asynccontextmanager
async def hosts(**variables: str) -> AsyncIterator[Callable[[], HttpHost]]:
    """Hosts of one program, each made without a session."""
    async with (
        http_program(**variables) as url,
        httpx2.AsyncClient(
            trust_env=False, timeout=60, limits=httpx2.Limits(max_connections=None)
        ) as http,
    ):
        yield lambda: HttpHost(url, http)


@asynccontextmanager
async def requests(transport: str, era: str) -> AsyncIterator[Send]:
    """A way to send requests; over HTTP, another host is served beside."""
    if transport == "http":
        async with hosts() as new_host:
            host, other = await new_host().open(), await new_host().open()
            yield beside(other, host.send if era == "2025" else host.send_new)
        return
    async with stdio_program() as program:
        if era == "2025":
            await program.handshake()

        async def send(method: str, params: dict[str, Any]) -> dict[str, Any]:
            given = params if era == "2025" else enveloped(params)
            await program.send(method, given, request_id=7)
            return await program.answer_to(7)

        yield send
        if sys.platform == "linux":
            assert program.peak_memory() < 500 * MIB


def beside(other: HttpHost, send: Send) -> Send:
    """The same, while another host pings, and gets its answers."""

    async def sent(method: str, params: dict[str, Any]) -> dict[str, Any]:
        async def ping() -> None:
            while True:
                with anyio.fail_after(3):
                    assert await other.status() == 200
                await anyio.sleep(0.05)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ping)
            answer = await send(method, params)
            tasks.cancel_scope.cancel()
        return answer

    return sent


def asking(**arguments: object) -> dict[str, Any]:
    return {"name": "ask_amber", "arguments": {"question": "Why?", **arguments}}


def numbered(number: int, value: object = 1) -> dict[str, object]:
    return {f"a{each}": value for each in range(number)}


TOO_MUCH: list[tuple[str, dict[str, Any], str]] = [
    (
        "tools/call",
        asking(file_ids="[" + "1," * (10 * MIB) + "1]"),
        "`file_ids` has JSON that holds more than 50,000 values",
    ),
    ("tools/call", asking(file_ids=["a"] * 2000), "`file_ids` has 2000 items, and 1000 are"),
    ("tools/call", asking(question="x" * 2_000_000), "`question` has 2000000 characters"),
    ("tools/call", asking(**numbered(5000)), "`a9` is unknown; and 4990 more"),
    ("tools/call", asking(**numbered(10**6)), "more than 11000 values"),
    ("tools/call", {**asking(), "inputResponses": numbered(5000, [])}, "more than 1000 values"),
    ("prompts/get", {"name": "research", "arguments": numbered(5000)}, "more than 1000 values"),
    ("prompts/get", {"name": "x", "arguments": {"a": "\n" * MIB}}, "100000 are the most"),
    (
        "completion/complete",
        {
            "ref": {"type": "ref/prompt", "name": "research"},
            "argument": {"name": "model", "value": "x"},
            "context": {"arguments": numbered(5000)},
        },
        "more than 1000 values",
    ),
    ("resources/read", {"uri": "amber://runs/" + "x" * MIB}, "100000 are the most"),
]


@pytest.mark.parametrize("era", ["2025", "2026"])
@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_what_is_too_much_is_refused_at_once(transport: str, era: str) -> None:
    async with requests(transport, era) as send:
        for method, params, told in TOO_MUCH:
            answer = json.dumps(await send(method, params))
            assert told in answer, told
            assert len(answer) < 2000
            assert "tools" in (await send("tools/list", {}))["result"]


@asynccontextmanager
async def in_flight(
    host: HttpHost, request_id: object
) -> AsyncIterator[tuple[httpx2.Response, AsyncIterator[str]]]:
    """A call that amber has begun to answer, and the lines of its answer."""
    answer = await host.http.send(host.request(request_id, "tools/call", ASKED), stream=True)
    lines = answer.aiter_lines()
    while "characters" not in await anext(lines):
        pass
    try:
        yield answer, lines
    finally:
        await answer.aclose()


@pytest.mark.parametrize(("first", "then"), [(1, 1), (1, "1"), ("one", "one")])
@pytest.mark.parametrize("stays", [True, False], ids=["client stays", "client gone"])
async def test_an_id_in_flight_is_refused_over_http(
    first: object, then: object, stays: bool, upstream: Canned
) -> None:
    async with (
        upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned,
        hosts(**reaching(canned)) as new_host,
    ):
        host, other = await new_host().open(), await new_host().open()
        with anyio.fail_after(30):
            async with in_flight(host, first) as (stream, lines):
                if not stays:
                    await stream.aclose()
                answer = await host.post(then, "tools/list", {})
                assert answer.status_code == 400
                assert answer.json()["error"]["code"] == INVALID_REQUEST
                assert answer.json()["id"] == then
                assert (await host.post(2, "ping", {})).status_code == 200
                assert (await other.post(then, "ping", {})).status_code == 200
                await host.http.post(
                    host.url,
                    json={
                        "jsonrpc": "2.0",
                        "method": "notifications/cancelled",
                        "params": {"requestId": first},
                    },
                    headers=host.headers,
                )
                if stays:
                    assert "cancelled" in "".join([line async for line in lines])
            await canned.closed.wait()
            while (await host.post(then, "ping", {})).status_code == 400:
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_requests_of_one_id_at_once_are_each_answered_over_http(era: str) -> None:
    answers: list[httpx2.Response] = []
    async with hosts() as new_host:
        host = new_host()
        params: dict[str, Any] = {}
        if era == "2025":
            await host.open()
        else:
            host.headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
            params = enveloped({})

        async def post(request_id: object) -> None:
            answers.append(await host.post(request_id, "tools/list", params))

        with anyio.fail_after(30):
            for _ in range(5):  # An id is taken again at the very moment that it is free.
                async with anyio.create_task_group() as tasks:
                    for number in range(60):
                        tasks.start_soon(post, str(number % 3) if number % 2 else number % 3)
            for _ in range(100):
                assert (await host.post(1, "tools/list", params)).status_code == 200
    served = [message_in(answer) for answer in answers if answer.status_code == 200]
    assert all("tools" in answer["result"] for answer in served)
    refused = [answer.json()["error"]["code"] for answer in answers if answer.status_code == 400]
    assert refused == [INVALID_REQUEST] * (300 - len(served))
    assert len(served) == 300 if era == "2026" else len(served) >= 15


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_an_id_in_flight_is_refused_on_stdio(era: str, upstream: Canned) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with stdio_program(**reaching(canned)) as program:
            if era == "2025":
                await program.handshake()
            params = ASKED if era == "2025" else enveloped(ASKED)
            await program.send("tools/call", params, request_id=5)
            while "characters" not in str(await program.receive()):
                pass
            listing = {"jsonrpc": "2.0", "method": "tools/list", "params": enveloped({})}
            if era == "2025":
                listing["params"] = {}
            for same in (5, "5"):
                await program.send_line(json.dumps({**listing, "id": same}).encode())
                refused = await program.receive()
                assert (refused["id"], refused["error"]["code"]) == (same, INVALID_REQUEST)
            await program.send("notifications/cancelled", {"requestId": 5})
            await canned.closed.wait()
            await program.send_line(json.dumps({**listing, "id": "5"}).encode())
            assert "tools" in (await program.receive())["result"]


async def test_the_session_that_was_idle_longest_makes_room(upstream: Canned) -> None:
    async with (
        upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned,
        hosts(**reaching(canned), AMBER_MAX_SESSIONS="4") as new_host,
    ):
        listening, calling, idle, used = [await new_host().open() for _ in range(4)]
        with anyio.fail_after(30):
            stream = listening.http.stream("GET", listening.url, headers=listening.headers)
            async with stream as opened, in_flight(calling, 1):
                assert opened.status_code == 200
                await idle.status()
                await used.status()
                newest = await new_host().open()
                assert [await each.status() for each in (idle, used, newest)] == [404, 200, 200]
                for _ in range(100):
                    newest = await new_host().open()
                every = (listening, calling, newest, idle, used)
                assert [await each.status() for each in every] == [200, 200, 200, 404, 404]
                assert await (await idle_anew(idle)).status() == 200


async def idle_anew(host: HttpHost) -> HttpHost:
    """What a host does that gets a 404: it opens another session."""
    del host.headers["Mcp-Session-Id"]
    return await host.open()


async def test_where_all_sessions_are_in_use_there_is_no_new_one(upstream: Canned) -> None:
    async with (
        upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned,
        hosts(**reaching(canned), AMBER_MAX_SESSIONS="1") as new_host,
    ):
        host = await new_host().open()
        with anyio.fail_after(30):
            async with in_flight(host, 1) as (answer, _):
                assert (await new_host().post(0, "initialize", HANDSHAKE)).status_code == 503
                await answer.aclose()
                assert (await new_host().post(0, "initialize", HANDSHAKE)).status_code == 503
                assert await host.status() == 200


async def test_an_idle_session_ends_and_one_with_a_stream_stays() -> None:
    async with hosts(AMBER_SESSION_TIMEOUT="0.2") as new_host:
        idle, listening = await new_host().open(), await new_host().open()
        with anyio.fail_after(30):
            stream = listening.http.stream("GET", listening.url, headers=listening.headers)
            async with stream:
                seconds = 0.1
                while await idle.status() == 200:
                    await anyio.sleep(seconds)
                    seconds *= 2
                assert await idle.status() == 404
                assert await listening.status() == 200
