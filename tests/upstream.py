"""An upstream with canned answers on a real socket, for what the sandbox never says."""

import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from amber_mcp.api.amber import AmberApi
from amber_mcp.config.settings import Settings
from amber_mcp.http.client import HttpClient
from tests.planted import KEY

MOST_KEPT = 1_000_000


@dataclass
class Seen:
    """One request as it arrived; of a long body, the first part is kept.

    The port that it came from stands among the headers, as `x-client-port`.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    size: int


@dataclass
class Upstream:
    """A running upstream: where it is, what it was asked, and settings that reach it."""

    base_url: str
    seen: list[Seen] = field(default_factory=list)
    closed: anyio.Event = field(default_factory=anyio.Event)

    def settings(self, **variables: str) -> Settings:
        return Settings.from_environment(
            {"AMBER_BASE_URL": self.base_url, "AMBER_API_KEY": KEY, **variables}
        )


Canned = Callable[..., AbstractAsyncContextManager[Upstream]]
"""The type of the `upstream` fixture."""


def client_of(settings: Settings) -> HttpClient:
    """A client that reaches what `settings` name as amber."""
    return HttpClient(settings.base_url, settings.api_key, settings)


def amber_of(http: HttpClient, *, stream: bool = True, upload_field: str = "file") -> AmberApi:
    """amber's API on `http`."""
    return AmberApi(http, stream=stream, language="en", upload_field=upload_field)


def events(*chunks: str, end: bool = True) -> Response:
    """A stream of the given events, `[DONE]` last."""
    lines = [f"data: {chunk}\n\n" for chunk in chunks] + (["data: [DONE]\n\n"] if end else [])
    return Response("".join(lines), media_type="text/event-stream")


def text_chunk(text: str, finish_reason: str | None = None) -> str:
    """An OpenAI chunk that holds `text`."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return json.dumps({"id": "x", "created": 1, "model": "canned", "choices": [choice]})


def completion(text: str, **more: object) -> Response:
    """The one body of seed 000 around `text`."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse(
        {"id": "x", "created": 1, "model": "canned", "choices": [choice], "usage": {}, **more}
    )


def stalled_stream(upstream: Upstream, *chunks: str) -> Response:
    """A stream that sends `chunks` and then nothing, until the client goes; `closed` tells when."""

    async def content() -> AsyncIterator[str]:
        try:
            for chunk in chunks:
                yield f"data: {chunk}\n\n"
            await anyio.sleep_forever()
        finally:
            upstream.closed.set()

    return StreamingResponse(content(), media_type="text/event-stream")


class OrderedStream:
    """One stream, which sends a chunk whenever the test says so."""

    def __init__(self) -> None:
        self._chunks: deque[str] = deque()
        self._is_closed = False
        self._more = anyio.Event()

    def __call__(self, upstream: Upstream) -> Response:
        async def content() -> AsyncIterator[str]:
            try:
                while self._chunks or not self._is_closed:
                    if self._chunks:
                        yield f"data: {self._chunks.popleft()}\n\n"
                    else:
                        await self._more.wait()
                yield "data: [DONE]\n\n"
            finally:
                upstream.closed.set()

        return StreamingResponse(content(), media_type="text/event-stream")

    def send(self, text: str, finish_reason: str | None = None) -> None:
        self._chunks.append(text_chunk(text, finish_reason))
        self._ring()

    def end(self, text: str) -> None:
        """Send the last chunk, and end the stream behind it."""
        self.send(text, "stop")
        self._is_closed = True
        self._ring()

    def _ring(self) -> None:
        self._more.set()
        self._more = anyio.Event()


def broken_stream(_: Upstream) -> Response:
    """A stream whose connection is cut after its first chunk, "Half"."""

    async def content() -> AsyncIterator[str]:
        yield f"data: {text_chunk('Half')}\n\n"
        raise ConnectionResetError

    return StreamingResponse(content(), media_type="text/event-stream")


async def _seen(request: Request) -> Seen:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        body += chunk[: max(0, MOST_KEPT - len(body))]
    port = str(request.client.port) if request.client else ""
    headers = {**request.headers, "x-client-port": port}
    return Seen(request.method, request.url.path, headers, bytes(body), size)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._stopping.wait()


@asynccontextmanager
async def running_upstream(*answers: object) -> AsyncIterator[Upstream]:
    """Answer the requests in turn with `answers` (the last one again and again).

    An answer is a response, or a function from the `Upstream` to one.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    upstream = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}")

    async def endpoint(request: Request) -> Response:
        upstream.seen.append(await _seen(request))
        answer = answers[min(len(upstream.seen), len(answers)) - 1]
        response = (
            answer(upstream) if callable(answer) and not isinstance(answer, Response) else answer
        )
        assert isinstance(response, Response)
        return response

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = _Server(config)
    with listener:  # A server that is stopped before it has started leaves it open.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            try:
                yield upstream
            finally:
                server.stop()
