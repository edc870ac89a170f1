"""The pipes of fd 0 and fd 1, taken for the protocol alone (POSIX)."""

import fcntl
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from .backpressure import Backpressure
from .lines import LineReader, LineWriter
from .streams import MessageReader, MessageWriter


def are_pipes() -> bool:
    """Whether the event loop can wait for stdin and stdout: pipes, sockets and terminals."""
    return _is_watchable(0) and _is_watchable(1)


def _is_watchable(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


@asynccontextmanager
async def open_pipes(max_message_bytes: int) -> AsyncIterator[tuple[MessageReader, MessageWriter]]:
    """The client's messages and the way back to it.

    While they are open, fd 0 is the null device and fd 1 is stderr, so that nothing but protocol
    reaches the client.
    """
    with _claimed(0, os.open(os.devnull, os.O_RDONLY)) as stdin, _claimed(1, os.dup(2)) as stdout:
        async with (
            LineReader(stdin, max_message_bytes) as reader,
            LineWriter(stdout, reader) as writer,
        ):
            backpressure = Backpressure(max_message_bytes)
            yield MessageReader(reader, writer, backpressure), MessageWriter(writer, backpressure)


@contextmanager
def _claimed(descriptor: int, diversion: int) -> Iterator[int]:
    """A private duplicate of `descriptor` that never blocks; `descriptor` leads to `diversion`.

    The duplicate shares its blocking mode with whoever else has the pipe or terminal open, so
    the mode is put back in the end.
    """
    blocking = os.get_blocking(descriptor)
    private = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(diversion, descriptor)
    os.close(diversion)
    os.set_blocking(private, False)
    try:
        yield private
    finally:
        os.dup2(private, descriptor)
        os.close(private)
        os.set_blocking(descriptor, blocking)
