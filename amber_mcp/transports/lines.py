"""A client's messages, a line each, and the way back to it."""

import logging
from typing import Self

import anyio
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
)

from .in_flight import InFlight
from .messages import NotAMessageError, NotJsonError, message_of
from .refusal import failure_of, refusal_of, seen_in
from .wire import END_BYTES, Inlet, LineTooLongError, Outlet

logger = logging.getLogger(__name__)


class Lines:
    """The client's messages. What is none is refused, where it may have been a request."""

    def __init__(self, inlet: Inlet, outlet: Outlet, in_flight: InFlight, limit: int) -> None:
        self._inlet = inlet
        self._outlet = outlet
        self._in_flight = in_flight
        self._limit = limit
        self._dropped = False

    async def receive(self) -> SessionMessage:
        """The next message. Reading waits while too many requests are in flight.

        Raises:
            anyio.EndOfStream: when the client has gone.
        """
        try:
            while not self._outlet.broken:
                if not self._in_flight.has_room:
                    await self._inlet.unless_hung_up(self._in_flight.wait_for_room)
                if message := await self._message():
                    return message
                # However many such lines there are, the others get their turn.
                await anyio.lowlevel.checkpoint()
            raise anyio.EndOfStream
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self._outlet.end()
            raise anyio.EndOfStream from None

    async def _message(self) -> SessionMessage | None:
        """The message in the next line, if there is one."""
        try:
            line = await self._inlet.line()
            if not line or line.isspace():
                return None
            message = message_of(line)
        except LineTooLongError as error:
            fault = f"The line has more than {self._limit} bytes (AMBER_MAX_BODY_BYTES)."
            return await self._refused(seen_in(error.head, error.tail), INVALID_REQUEST, fault)
        except NotJsonError as error:
            tail = line[-END_BYTES:] if len(line) > END_BYTES else b""
            return await self._refused(seen_in(line[:END_BYTES], tail), error.code, str(error))
        except NotAMessageError as error:
            return await self._refused(error.value, error.code, str(error))
        if isinstance(message, JSONRPCRequest):
            return self._counted(message, len(line))
        return SessionMessage(message)

    def _counted(self, request: JSONRPCRequest, size: int) -> SessionMessage:
        self._in_flight.add(request.id, size)

        async def unanswered() -> None:
            self._in_flight.settle(request.id)

        return SessionMessage(request, ServerMessageMetadata(on_request_unanswered=unanswered))

    async def _refused(self, value: object, code: int, fault: str) -> SessionMessage | None:
        """What is left of a line that is no message: that a question of ours was not answered."""
        if failure := failure_of(value, code=code, message=fault):
            return SessionMessage(failure)
        refusal = refusal_of(value, code=code, message=fault)
        if refusal is not None:
            await self._outlet.send(lambda: encoded(refusal))
        elif not self._dropped:
            # Only once: a host may never read stderr, and writing there would wait for it.
            self._dropped = True
            logger.warning("dropped a line, and will drop others in silence: %s", fault)
        return None

    async def aclose(self) -> None:
        """The pipe is closed by whoever opened it."""


class TooManyQuestionsError(MCPError):
    """So many calls have asked the client something that another one may not."""

    def __init__(self) -> None:
        super().__init__(INTERNAL_ERROR, "too many calls ask the client something")


class Replies:
    """The server's messages. Writing waits while the client does not read."""

    def __init__(self, outlet: Outlet, in_flight: InFlight) -> None:
        self._outlet = outlet
        self._in_flight = in_flight

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message.

        Raises:
            TooManyQuestionsError: for a question, which is not written then.
            anyio.BrokenResourceError: if nobody reads.
        """
        message = item.message
        if isinstance(message, JSONRPCRequest) and not self._may_ask(item):
            raise TooManyQuestionsError
        try:
            await self._outlet.send(lambda: encoded(message))
        finally:
            if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                self._in_flight.settle(message.id)

    def _may_ask(self, item: SessionMessage) -> bool:
        metadata = item.metadata
        call = metadata.related_request_id if isinstance(metadata, ServerMessageMetadata) else None
        return call is None or self._in_flight.ask(call)

    def end(self) -> None:
        """From now on, nothing waits until the client has room for it."""
        self._outlet.end()

    async def aclose(self) -> None:
        """The pipe is closed by whoever opened it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


def encoded(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
