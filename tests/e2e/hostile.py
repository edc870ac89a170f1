"""An upstream on a raw socket that answers whatever a test says, and what a program makes of it."""

import math
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
import httpx2
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.e2e.programs import ENVELOPE, StdioProgram
from tests.planted import KEY

_PIECE = 65_536


@dataclass(frozen=True)
class Reply:
    """The bytes that a request is answered with.

    `endless` follows them until the client closes the connection.
    """

    content: bytes
    endless: bytes = b""


def response(
    body: bytes, *headers: str, content_type: str = "application/json", status: str = "200 OK"
) -> Reply:
    """A response with a whole body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *headers]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    return Reply("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def stream(body: bytes, *headers: str, endless: bytes = b"") -> Reply:
    """A response of server-sent events that ends with its connection, if it ends."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", *headers, "Connection: close"]
    return Reply("\r\n".join(lines).encode() + b"\r\n\r\n" + body, endless)


@dataclass
class HostileUpstream:
    """Where the upstream is, and how it answers.

    `heads` and `bodies` are those of the requests that it had. A list of models is asked for
    beside other calls: it is `models`, where there is one, and `reply` like all else where there
    is none.
    """

    base_url: str
    reply: Reply = field(default_factory=lambda: response(b"{}"))
    models: Reply | None = field(default_factory=lambda: response(b'{"data": [{"id": "m"}]}'))
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of a program whose four APIs are all this upstream."""
        return {
            "AMBER_BASE_URL": self.base_url,
            "AMBER_API_KEY": KEY,
            "AMBER_MODEL": "m",
            "AMBER_OPENAI_MODELS": "openai/m",
            "MORPHEUS_BASE_URL": self.base_url,
            "MORPHEUS_API_KEY": KEY,
            "ADAPTIVE_BASE_URL": self.base_url,
            "ADAPTIVE_API_KEY": KEY,
            "ADAPTIVE_MODELS": "adaptive/m",
            "AMBER_AGENTS": "agent=9676b2b0-9fdd-40b1-8a0a-0debe64b29ac",
            "AMBER_TOOLS": "ask_amber,web_search,list_models,upload_file,run_agent,"
            "chat_completion,send_feedback",
            "AMBER_RETRIES": "0",
            "AMBER_CALL_TIMEOUT": "20",
        }

    async def serve(self, connection: SocketStream) -> None:
        async with connection:
            received = BufferedByteReceiveStream(connection)
            try:
                head = await received.receive_until(b"\r\n\r\n", 10_000_000)
                self.heads.append(head)
                if length := re.search(rb"(?i)content-length: *(\d+)", head):
                    self.bodies.append(await received.receive_exactly(int(length[1])))
                reply = self.models if b"/models" in head.split(b"\r\n")[0] else None
                reply = reply or self.reply
                for start in range(0, len(reply.content), _PIECE):
                    await connection.send(reply.content[start : start + _PIECE])
                while reply.endless:
                    await connection.send(reply.endless)
            except (OSError, anyio.BrokenResourceError, anyio.IncompleteRead, anyio.EndOfStream):
                pass  # The client has what it wants.


@asynccontextmanager
async def hostile_upstream() -> AsyncIterator[HostileUpstream]:
    """Listen on a free port."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610
        upstream = HostileUpstream(f"http://127.0.0.1:{port}")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, upstream.serve)
            yield upstream
            tasks.cancel_scope.cancel()


class Caller(Protocol):
    """Sends requests to a running program."""

    async def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The response."""
        ...

    async def ping(self) -> None:
        """Send what is answered at once."""
        ...


class StdioCaller:
    """Calls tools of a program on stdio, and pings it beside each call."""

    def __init__(self, program: StdioProgram) -> None:
        self._program = program
        self._last_id = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._answered: dict[int, anyio.Event] = {}

    async def read(self) -> None:
        """Hand on what the program writes, until it ends."""
        while True:
            message = await self._program.receive()
            if event := self._answered.pop(message.get("id", -1), None):
                self._answers[message["id"]] = message
                event.set()

    async def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        number = self._last_id
        self._answered[number] = event = anyio.Event()
        await self._program.send(method, params, request_id=number)
        await event.wait()
        return self._answers.pop(number)

    async def ping(self) -> None:
        await self.request("ping", {})


class HttpCaller:
    """The same for a program that serves HTTP, in the 2026 era."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._last_id = 0

    async def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        message = {
            "jsonrpc": "2.0",
            "id": self._last_id,
            "method": method,
            "params": {**params, "_meta": ENVELOPE},
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": method,
            **({"Mcp-Name": params["name"]} if "name" in params else {}),
        }
        got = await self._client.post(self._url, json=message, headers=headers, timeout=60)
        data = re.findall(r"^data: (.*)$", got.text, re.MULTILINE)
        answer: dict[str, Any] = httpx2.Response(200, text=data[-1] if data else got.text).json()
        return answer

    async def ping(self) -> None:
        answer = await self.request("server/discover", {})
        assert "result" in answer, answer


@dataclass
class Outcome:
    """What a call led to, and the longest that a ping waited meanwhile, in seconds."""

    result: dict[str, Any]
    longest_silence: float = 0
    seconds: float = 0

    @property
    def text(self) -> str:
        return "".join(part["text"] for part in self.result["content"])

    @property
    def kind(self) -> str:
        """The error's kind; empty where there is none."""
        return self.text.partition(":")[0] if self.result.get("isError") else ""


async def call_tool(caller: Caller, name: str, arguments: Mapping[str, Any]) -> Outcome:
    """Call a tool, with a ping each 50 ms beside it."""
    longest = 0.0

    async def ping_repeatedly() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await caller.ping()
            longest = max(longest, time.monotonic() - began)
            await anyio.sleep(max(0, began + 0.05 - time.monotonic()))

    began = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ping_repeatedly)
        answer = await caller.request("tools/call", {"name": name, "arguments": arguments})
        await caller.ping()
        tasks.cancel_scope.cancel()
    took = time.monotonic() - began
    assert "result" in answer, answer
    return Outcome(answer["result"], longest or math.nan, took)
