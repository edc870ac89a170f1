"""Lines on descriptors that never block: read up to a limit, written whole and in turn (POSIX)."""

import os
import select
from collections.abc import Awaitable, Callable

import anyio

END_BYTES = 4096

_CHUNK_BYTES = 65536
_LOOK_SECONDS = 0.2
_LAST_SECONDS = 0.1
_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class LineTooLongError(Exception):
    """A line over the limit: what it begins with and what it ends with; the rest is not kept."""

    def __init__(self, head: bytes, tail: bytes) -> None:
        super().__init__()
        self.head = head
        self.tail = tail


class Inlet:
    """Lines of at most `limit` bytes, from a descriptor."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._parts: list[bytes] = []
        self._poll = select.poll()
        self._poll.register(descriptor, _HUNG_UP)

    async def line(self) -> bytearray:
        """The next line without its end; the last one needs none.

        Raises:
            LineTooLongError: in place of a line that is over the limit.
            anyio.EndOfStream: when the client has gone.
        """
        line, head, at_end = bytearray(), b"", False
        while True:
            if not self._parts:
                chunk = await self._read()
                at_end = not chunk
                self._parts = chunk.split(b"\n")[::-1]
            line += self._parts.pop()
            if len(line) > self._limit:
                head = head or bytes(line[:END_BYTES])
                del line[:-END_BYTES]
            if self._parts or at_end:  # In a chunk, an end follows each part but the last.
                break
        if head:
            raise LineTooLongError(head, bytes(line[-END_BYTES:]))
        if at_end and not line:
            raise anyio.EndOfStream
        return line

    async def _read(self) -> bytes:
        while True:
            await anyio.wait_readable(self._descriptor)
            try:
                return os.read(self._descriptor, _CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                return b""  # How a terminal or a socket ends whose other side is gone.

    async def unless_hung_up(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait for something else than lines.

        Lines that are left unread hide the end of the stream behind them, so it is looked for.

        Raises:
            anyio.EndOfStream: if the client goes meanwhile.
        """
        while not self._poll.poll(0):
            with anyio.move_on_after(_LOOK_SECONDS):
                return await wait()
        raise anyio.EndOfStream


class Outlet:
    """Lines to a descriptor. Writing waits while the client does not read."""

    def __init__(self, descriptor: int, inlet: Inlet) -> None:
        self._descriptor = descriptor
        self._inlet = inlet
        self._turn = anyio.Lock(fast_acquire=True)
        self._rest = memoryview(b"")
        self._ending = False
        self.broken = False

    async def send(self, line: Callable[[], bytes]) -> None:
        """Write what `line` returns; it is asked for in its turn, so that no lines pile up.

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
        await self._inlet.unless_hung_up(lambda: anyio.wait_writable(self._descriptor))

    def end(self) -> None:
        """From now on, nothing waits until the client has room for it."""
        self._ending = True

    async def aclose(self) -> None:
        """Give a client that reads a moment to get the rest of a line that was begun."""
        self._ending = False
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            try:
                await self._flush()
            except anyio.BrokenResourceError:
                return
