"""Lines on pipes, sockets and terminals: read up to a limit, written whole and in turn (POSIX)."""

import asyncio
import os
import select
from collections.abc import Awaitable, Callable
from typing import Self

import anyio
from mcp.types import INVALID_REQUEST

from .messages import END_BYTES, UnreadableLineError, beginning_of

_READ_AHEAD_BYTES = 65536
_POLL_SECONDS = 0.2
_FLUSH_SECONDS = 0.1
_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class LineReader:
    """Lines of at most `limit` bytes from a descriptor, which is made not to block."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._stream = asyncio.StreamReader(_READ_AHEAD_BYTES)
        self._poll = select.poll()
        self._poll.register(descriptor, _HUNG_UP)

    async def __aenter__(self) -> Self:
        pipe = os.fdopen(os.dup(self._descriptor), "rb", buffering=0)  # The transport closes it.
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._stream), pipe
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._transport.close()
        await anyio.lowlevel.cancel_shielded_checkpoint()  # In which the pipe is closed.

    async def line(self) -> bytearray:
        """The next line without its end; the last one needs none.

        Raises:
            UnreadableLineError: in place of a line over the limit.
            anyio.EndOfStream: when the client has gone.
        """
        line, head = bytearray(), b""
        is_whole = False
        while not is_whole:
            try:
                line += await self._stream.readuntil(b"\n")
                line.pop()
                is_whole = True
            except asyncio.LimitOverrunError as overrun:
                line += await self._stream.readexactly(overrun.consumed)
            except asyncio.IncompleteReadError as end:
                if not line and not end.partial:
                    raise anyio.EndOfStream from None
                line += end.partial
                is_whole = True
            except OSError:  # How a terminal or a socket ends whose other side is gone.
                raise anyio.EndOfStream from None
            if len(line) > self._limit:
                head = head or bytes(line[:END_BYTES])
                del line[:-END_BYTES]
        if head:
            fault = f"The line has more than {self._limit} bytes (AMBER_MAX_BODY_BYTES)."
            value = beginning_of(head, line[-END_BYTES:])
            raise UnreadableLineError(INVALID_REQUEST, fault, value)
        return line

    async def unless_hung_up(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait for something else than lines.

        Lines that are left unread hide the end of the stream behind them, so it is looked for.

        Raises:
            anyio.EndOfStream: if the client goes meanwhile.
        """
        while not self._poll.poll(0):
            with anyio.move_on_after(_POLL_SECONDS):
                return await wait()
        raise anyio.EndOfStream


class LineWriter:
    """Lines to a descriptor that does not block. Writing waits while the client does not read."""

    def __init__(self, descriptor: int, reader: LineReader) -> None:
        self._descriptor = descriptor
        self._reader = reader
        self._turn = anyio.Lock(fast_acquire=True)
        self._rest = memoryview(b"")
        self._ending = False
        self.broken = False

    async def send(self, line: Callable[[], bytes]) -> None:
        """Write what `line` returns; it is called in its turn, so that no lines pile up.

        If this is cancelled in the middle, the rest of the line precedes the next one.

        Raises:
            anyio.BrokenResourceError: if nobody reads.
        """
        async with self._turn:
            await self._flush()
            self._rest = memoryview(line() + b"\n")
            await self._flush()

    async def _flush(self) -> None:
        try:
            while self._rest:
                try:
                    self._rest = self._rest[os.write(self._descriptor, self._rest) :]
                except BlockingIOError:
                    await self._wait_for_room()
        except (OSError, anyio.EndOfStream) as error:
            self.broken = True
            raise anyio.BrokenResourceError from error

    async def _wait_for_room(self) -> None:
        if self._ending:
            raise anyio.EndOfStream
        await self._reader.unless_hung_up(lambda: anyio.wait_writable(self._descriptor))

    def end(self) -> None:
        """From now on, nothing waits until the client has room for it."""
        self._ending = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Give a client that reads a moment to get the rest of a line that was begun."""
        self._ending = False
        with anyio.move_on_after(_FLUSH_SECONDS, shield=True):
            try:
                await self._flush()
            except anyio.BrokenResourceError:
                return
