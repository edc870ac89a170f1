"""A client that asks `server/discover` before it has decided to use it.

The SDK serves two protocol eras on one stream, and lets the first request decide which. Several
hosts open with `server/discover` and then go on with `initialize`, which the SDK would refuse. So
an opening `server/discover` is answered here, without deciding anything.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import anyio
from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data, modern_on_request, serve_dual_era_loop
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.message import MessageMetadata, SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp.types import ErrorData, JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId
from pydantic import ValidationError

from amber_mcp.app import App


class Lines(Protocol):
    """Where messages come from."""

    async def receive(self) -> SessionMessage | Exception: ...
    async def aclose(self) -> None: ...


class Replies(Protocol):
    """Where messages go."""

    async def send(self, item: SessionMessage, /) -> None: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exception: Any) -> None: ...


async def serve_streams(server: Server[App], lines: Lines, replies: Replies) -> None:
    """Serve one connection, in the era that its first request other than a discovery decides."""
    async with server.lifespan(server) as app:
        opening = _Opening(server, app, lines, replies)
        await serve_dual_era_loop(server, opening, replies, lifespan_state=app)


class _Opening:
    """The client's messages, less the discoveries before the first other request."""

    def __init__(self, server: Server[App], app: App, lines: Lines, replies: Replies) -> None:
        self._server = server
        self._app = app
        self._lines = lines
        self._replies = replies
        self._decided = False

    async def receive(self) -> SessionMessage | Exception:
        while True:
            item = await self._lines.receive()
            if self._decided or not isinstance(item, SessionMessage):
                return item
            if not isinstance(item.message, JSONRPCRequest):
                return item
            if item.message.method != "server/discover":
                self._decided = True
                return item
            try:
                await self._replies.send(SessionMessage(await self._discovered(item.message)))
            except anyio.BrokenResourceError:
                raise anyio.EndOfStream from None

    async def _discovered(self, request: JSONRPCRequest) -> JSONRPCResponse | JSONRPCError:
        route = classify_inbound_request({"method": request.method, "params": request.params})
        if isinstance(route, InboundLadderRejection):
            data = {} if route.data is None else {"data": route.data}
            error = ErrorData(code=route.code, message=route.message, **data)
            return JSONRPCError(jsonrpc="2.0", id=request.id, error=error)
        answered = modern_on_request(self._server, self._app)
        try:
            result = await answered(_Discovery(request.id), request.method, request.params)
        except (MCPError, ValidationError) as refusal:
            error = modern_error_data(refusal)
            return JSONRPCError(jsonrpc="2.0", id=request.id, error=error)
        return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)

    async def aclose(self) -> None:
        await self._lines.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


@dataclass(frozen=True)
class _Discovery:
    """The context of a discovery: nothing is asked back, and nothing is told besides the result."""

    request_id: RequestId
    transport: TransportContext = field(
        default_factory=lambda: TransportContext(kind="stdio", can_send_request=False)
    )
    message_metadata: MessageMetadata = None
    can_send_request: bool = False
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(self, method: str, *_: object) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, *_: object) -> None:
        """Nobody listens."""

    async def progress(self, *_: object) -> None:
        """Nobody listens."""
