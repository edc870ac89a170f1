"""A client's messages, a line each, and the way back to it."""

import logging

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import (
    INTERNAL_ERROR,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
)

from .backpressure import Backpressure
from .lines import LineReader, LineWriter
from .messages import UnreadableLineError, encoded, read_message, repeated_id

logger = logging.getLogger(__name__)


class MessageReader(ObjectReceiveStream[SessionMessage | Exception]):
    """The client's messages. A line that is none is refused, if it may have been a request."""

    def __init__(self, reader: LineReader, writer: LineWriter, backpressure: Backpressure) -> None:
        self._reader = reader
        self._writer = writer
        self._backpressure = backpressure

    async def receive(self) -> SessionMessage:
        """The next message. Reading waits while too many requests are in flight.

        Raises:
            anyio.EndOfStream: when the client has gone.
        """
        try:
            while not self._writer.broken:
                if not self._backpressure.has_room:
                    await self._reader.unless_hung_up(self._backpressure.wait_for_room)
                if message := await self._next():
                    return message
                # However many such lines there are, the others get their turn.
                await anyio.lowlevel.checkpoint()
            raise anyio.EndOfStream
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self._writer.end()
            raise anyio.EndOfStream from None

    async def _next(self) -> SessionMessage | None:
        """The message in the next line, if there is one."""
        try:
            line = await self._reader.line()
            if not line or line.isspace():
                return None
            message = await read_message(line)
        except UnreadableLineError as error:
            return await self._refuse(error)
        if not isinstance(message, JSONRPCRequest):
            return SessionMessage(message)
        request_id = message.id
        if not self._backpressure.add(request_id, len(line)):
            return await self._refuse(repeated_id(request_id))

        async def settle() -> None:
            self._backpressure.settle(request_id)

        return SessionMessage(message, ServerMessageMetadata(on_request_unanswered=settle))

    async def _refuse(self, error: UnreadableLineError) -> SessionMessage | None:
        """What is left of such a line: that a question of ours was not answered."""
        if failure := error.failure:
            return SessionMessage(failure)
        if refusal := error.refusal:
            await self._writer.send(lambda: encoded(refusal))
        else:
            logger.debug("dropped a line: %s", error)
        return None

    async def aclose(self) -> None:
        """Whoever opened the pipe closes it."""


class TooManyQuestionsError(MCPError):
    """So many calls have asked the client something that another one may not."""

    def __init__(self) -> None:
        super().__init__(INTERNAL_ERROR, "too many calls ask the client something")


class MessageWriter(ObjectSendStream[SessionMessage]):
    """The server's messages. Writing waits while the client does not read."""

    def __init__(self, writer: LineWriter, backpressure: Backpressure) -> None:
        self._writer = writer
        self._backpressure = backpressure

    async def send(self, item: SessionMessage) -> None:
        """Write a message.

        Raises:
            TooManyQuestionsError: for a question, which is not written then.
            anyio.BrokenResourceError: if nobody reads.
        """
        message = item.message
        if isinstance(message, JSONRPCRequest) and not self._may_ask(item):
            raise TooManyQuestionsError
        try:
            await self._writer.send(lambda: encoded(message))
        finally:
            if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                self._backpressure.settle(message.id)

    def _may_ask(self, item: SessionMessage) -> bool:
        metadata = item.metadata
        call = metadata.related_request_id if isinstance(metadata, ServerMessageMetadata) else None
        return call is None or self._backpressure.ask(call)

    def end(self) -> None:
        """From now on, nothing waits until the client has room for it."""
        self._writer.end()

    async def aclose(self) -> None:
        """Whoever opened the pipe closes it."""
