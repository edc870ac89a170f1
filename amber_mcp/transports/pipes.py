"""A client's messages on the pipes of fd 0 and fd 1, read and written on the event loop (POSIX)."""

import asyncio
import fcntl
import logging
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Self

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, jsonrpc_message_adapter

from .refusal import refusal_of

logger = logging.getLogger(__name__)

_TELLING_BYTES = 4096


def are_pipes() -> bool:
    """Whether the event loop can wait for stdin and stdout: pipes, sockets and terminals."""
    return _is_watchable(0) and _is_watchable(1)


def _is_watchable(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


@asynccontextmanager
async def open_pipes(max_message_bytes: int) -> AsyncIterator[tuple["Lines", "Replies"]]:
    """The client's messages and the way back to it.

    While they are open, fd 0 is the null device and fd 1 is stderr, so that nothing but protocol
    reaches the client.
    """
    loop = asyncio.get_running_loop()
    with _claimed(0, os.open(os.devnull, os.O_RDONLY)) as wire_in, _claimed(1, os.dup(2)) as out:
        reader = asyncio.StreamReader(limit=max_message_bytes)
        incoming, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(wire_in, "rb", 0)
        )
        outgoing, flow = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(out, "wb", 0)
        )
        try:
            replies = Replies(asyncio.StreamWriter(outgoing, flow, None, loop))
            yield Lines(reader, replies, max_message_bytes), replies
        finally:
            incoming.close()
            outgoing.close()


@contextmanager
def _claimed(descriptor: int, diversion: int) -> Iterator[int]:
    """A private duplicate of `descriptor`, which meanwhile leads to `diversion`.

    The duplicate shares its blocking mode with whoever else has the pipe or terminal open, so
    the mode is put back in the end.
    """
    blocking = os.get_blocking(descriptor)
    private = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    kept = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(diversion, descriptor)
    os.close(diversion)
    try:
        yield private
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.set_blocking(descriptor, blocking)


class Lines:
    """The client's messages. A request that cannot be read is refused, if it tells its id."""

    def __init__(self, reader: asyncio.StreamReader, replies: "Replies", limit: int) -> None:
        self._reader = reader
        self._replies = replies
        self._limit = limit

    async def receive(self) -> SessionMessage | Exception:
        """The next message, or what was wrong with it.

        Raises:
            anyio.EndOfStream: when the client has gone.
        """
        while line := await self._line():
            if line.isspace():
                continue
            try:
                return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError as error:
                await self._refuse(line, line, PARSE_ERROR, "The message is not valid JSON-RPC.")
                return error
        raise anyio.EndOfStream

    async def _line(self) -> bytes:
        """The next line, the last one perhaps without its end; empty at the end of the stream."""
        head = b""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                return b"" if head else error.partial
            except asyncio.LimitOverrunError as error:
                skipped = await self._reader.readexactly(error.consumed)
                head = head or skipped[:_TELLING_BYTES]
                continue
            if not head:
                return line
            told = f"The message has more than {self._limit} bytes (AMBER_MAX_BODY_BYTES)."
            await self._refuse(head, line, INVALID_REQUEST, told)
            head = b""

    async def _refuse(self, head: bytes, tail: bytes, code: int, message: str) -> None:
        refusal = refusal_of(
            head[:_TELLING_BYTES], tail[-_TELLING_BYTES:], code=code, message=message
        )
        if refusal is None:
            logger.warning("dropped a line: %s", message)
        else:
            await self._replies.send(SessionMessage(refusal))

    async def aclose(self) -> None:
        """The pipe is closed by whoever opened it."""


class Replies:
    """The server's messages. Writing waits while the client does not read."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def send(self, item: SessionMessage, /) -> None:
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            self._writer.write(line.encode() + b"\n")
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """The pipe is closed by whoever opened it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()
