"""A client that asks `server/discover` before it has decided to use it.

The SDK serves two protocol eras on one stream, and lets the first request decide which. Several
hosts open with `server/discover` and then go on with `initialize`, which the SDK would refuse. So
an opening `server/discover` is served as a connection of its own, which decides nothing.
"""

from functools import partial

import anyio
from anyio.abc import ObjectReceiveStream
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

from amber_mcp.app import App


async def serve_streams(
    server: Server[App],
    messages: ReadStream[SessionMessage | Exception],
    replies: WriteStream[SessionMessage],
) -> None:
    """Serve one connection, in the era that its first request other than a discovery decides."""
    async with server.lifespan(server) as app:
        opening = _Opening(server, app, messages, replies)
        await serve_dual_era_loop(server, opening, replies, lifespan_state=app)


class _Opening(ObjectReceiveStream[SessionMessage | Exception]):
    """The client's messages, less the discoveries before the first other request."""

    def __init__(
        self,
        server: Server[App],
        app: App,
        messages: ReadStream[SessionMessage | Exception],
        replies: WriteStream[SessionMessage],
    ) -> None:
        self._server = server
        self._app = app
        self._messages = messages
        self._replies = replies
        self._decided = False

    async def receive(self) -> SessionMessage | Exception:
        while True:
            item = await self._messages.receive()
            if self._decided or not isinstance(item, SessionMessage):
                return item
            if not isinstance(item.message, JSONRPCRequest):
                return item
            if item.message.method != "server/discover":
                self._decided = True
                return item
            try:
                await self._replies.send(await self._answer(item))
            except anyio.BrokenResourceError:
                raise anyio.EndOfStream from None

    async def _answer(self, discovery: SessionMessage) -> SessionMessage:
        client, messages = anyio.create_memory_object_stream[SessionMessage | Exception](1)
        replies, answers = anyio.create_memory_object_stream[SessionMessage](1)
        serve = partial(serve_dual_era_loop, self._server, messages, replies)
        async with client, answers, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(serve, lifespan_state=self._app))
            await client.send(discovery)
            answer = await answers.receive()
            client.close()
        return answer

    async def aclose(self) -> None:
        await self._messages.aclose()
