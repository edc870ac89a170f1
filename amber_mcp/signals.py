"""How a person or a service manager ends a server: SIGINT and SIGTERM."""

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import anyio


@contextmanager
def end_signals() -> Iterator[AsyncIterator[int]]:
    """The signals to end that arrive from now on.

    Windows has none that an event loop can wait for: there Ctrl-C raises `KeyboardInterrupt`.
    """
    if sys.platform == "win32":
        yield _never()
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        yield signals


async def _never() -> AsyncIterator[int]:
    await anyio.sleep_forever()
    yield 0
