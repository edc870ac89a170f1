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
from mcp.types import jsonrpc_message_adapter

logger = logging.getLogger(__name__)


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
            yield Lines(reader), Replies(asyncio.StreamWriter(outgoing, flow, None, loop))
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
    """The client's messages. A line that is no message comes out as the exception it caused."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def receive(self) -> SessionMessage | Exception:
        while line := await self._line():
            if line.isspace():
                continue
            try:
                return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError as error:
                logger.warning("dropped a line of %d bytes that is no message", len(line))
                return error
        raise anyio.EndOfStream

    async def _line(self) -> bytes:
        """The next line, the last one perhaps without its end; empty at the end of the stream."""
        too_long = 0
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                return b"" if too_long else error.partial
            except asyncio.LimitOverrunError as error:
                too_long += len(await self._reader.readexactly(error.consumed))
                continue
            if not too_long:
                return line
            logger.warning("dropped a message of %d bytes: too long", too_long + len(line))
            too_long = 0

    async def aclose(self) -> None:
        """The pipe is closed by whoever opened it."""

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
