"""Another process's lock on the SQLite file, waited for where that can be cancelled.

SQLite's own way to wait keeps a thread, which nothing ends before its time, and everybody behind
it. Here those who met the lock stand in a queue, and the first of them tries again and again.
"""

import random
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

BUSY_SECONDS = 1.0

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.01

_T = TypeVar("_T")


class LockQueue:
    """Those of this process who wait for the file; who does not meet a lock passes by them."""

    def __init__(self) -> None:
        self._first = anyio.Lock()
        self._moved = 0.0

    async def run(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do `work`, again and again while the file is locked. It must leave nothing half done.

        Raises:
            sqlite3.OperationalError: if the file stays locked for `BUSY_SECONDS`.
        """
        try:
            return await work()
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        refused = anyio.current_time()
        async with self._first:
            pause = _FIRST_PAUSE
            while True:
                try:
                    result = await work()
                except sqlite3.OperationalError as error:
                    # While those before got through, the file was only busy.
                    give_up = max(refused, self._moved) + BUSY_SECONDS
                    if not _is_busy(error) or anyio.current_time() >= give_up:
                        raise
                else:
                    self._moved = anyio.current_time()
                    return result
                # Processes that ask in step would go on meeting each other.
                await anyio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # no secret
                pause = min(2 * pause, _LONGEST_PAUSE)


def _is_busy(error: sqlite3.Error) -> bool:
    # The code's first byte tells the kind; the others tell more of it.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
