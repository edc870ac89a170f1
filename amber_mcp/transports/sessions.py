"""What comes over HTTP, checked at the door; and the sessions of hosts up to 2025-11-25.

The SDK refuses a session too many, and mixes up two requests of one id in the same session. Here
the session that was idle longest makes room, and an id is refused while it is in use.
"""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import anyio
from anyio.abc import ObjectSendStream
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .messages import UnreadableLineError, encoded, read_message, repeated_id


class SessionManager(StreamableHTTPSessionManager):
    """Serves requests of both protocol eras, and holds no more than `max_sessions` sessions.

    The SDK has no public way to have a say in either.
    """

    async def _handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            return await super()._handle_request(scope, receive, send)
        unread = [await receive()]  # The whole body: it was collected up to its limit.
        try:
            await self._check(scope, unread[0].get("body", b""))
        except UnreadableLineError as error:
            return await _refusal(error)(scope, receive, send)

        async def once_more() -> Message:
            return unread.pop() if unread else await receive()

        return await super()._handle_request(scope, once_more, send)

    async def _check(self, scope: Scope, body: bytes) -> None:
        """Check a message before the SDK reads it.

        Raises:
            UnreadableLineError: if it is none, or too large, or its id is in use.
        """
        message = await read_message(body)
        await anyio.lowlevel.checkpoint()  # The SDK parses it again, which may take as long.
        session = self._server_instances.get(Headers(scope=scope).get(MCP_SESSION_ID_HEADER, ""))
        unanswered = session.unanswered if isinstance(session, Session) else ()
        if isinstance(message, JSONRPCRequest) and str(message.id) in unanswered:
            raise repeated_id(message.id)

    def _admit_session(
        self, _: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        sessions = self._server_instances
        if self.max_sessions is not None and len(sessions) >= self.max_sessions:
            longest = min(sessions.values(), key=_idle_until)
            if longest.idle_scope is None or _idle_until(longest) == math.inf:
                return None
            sessions.pop(longest.mcp_session_id or "")
            longest.idle_scope.cancel()
        session = Session(
            uuid4().hex,
            security_settings=self.security_settings,
            idle_timeout=self.session_idle_timeout,
        )
        sessions[session.id] = session
        return session


class Session(StreamableHTTPServerTransport):
    """A client's session, and the ids of its requests that are not answered yet."""

    def __init__(self, session_id: str, **more: Any) -> None:
        super().__init__(session_id, **more)
        self.id = session_id
        self.unanswered: set[str] = set()

    def _create_session_message(
        self, message: JSONRPCRequest, request: Request, request_id: RequestId, version: str
    ) -> SessionMessage:
        self.unanswered.add(str(request_id))
        return super()._create_session_message(message, request, request_id, version)

    async def _clean_up_memory_streams(self, request_id: RequestId) -> None:
        """Close a request's stream, unless a new request has got the id of one just answered."""
        sending, receiving = self._request_streams.get(request_id, (None, None))
        if sending is None or receiving is None:
            return
        is_read = receiving.statistics().open_receive_streams > 0
        if is_read and str(request_id) in self.unanswered and not self.is_terminated:
            return
        del self._request_streams[request_id]
        sending.close()
        receiving.close()

    async def _terminate_unanswered_request(self, request_id: RequestId) -> None:
        await super()._terminate_unanswered_request(request_id)
        await _forget(self.unanswered, request_id)

    @asynccontextmanager
    async def connect(
        self,
    ) -> AsyncGenerator[tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]]]:
        async with super().connect() as (messages, replies):
            yield messages, _Replies(replies, self.unanswered)


class _Replies(ObjectSendStream[SessionMessage]):
    """The way to the client. What is on it is no longer unanswered."""

    def __init__(self, replies: WriteStream[SessionMessage], unanswered: set[str]) -> None:
        self._replies = replies
        self._unanswered = unanswered

    async def send(self, item: SessionMessage) -> None:
        await self._replies.send(item)
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            await _forget(self._unanswered, item.message.id)

    async def aclose(self) -> None:
        await self._replies.aclose()


async def _forget(unanswered: set[str], request_id: RequestId | None) -> None:
    """Free an id whose answer was sent, as soon as the SDK has looked up where it goes to."""
    await anyio.lowlevel.cancel_shielded_checkpoint()  # In which it does.
    unanswered.discard(str(request_id))


def _idle_until(session: StreamableHTTPServerTransport) -> float:
    """When an idle session would end by itself; infinite, if it is in use."""
    if session.idle_scope is None or (isinstance(session, Session) and session.unanswered):
        return math.inf
    return session.idle_scope.deadline


def _refusal(error: UnreadableLineError) -> Response:
    told = error.refusal or JSONRPCError(jsonrpc="2.0", id=None, error=error.error)
    return Response(encoded(told), status_code=400, media_type="application/json")
