"""State in an SQLite file: it survives restarts, and several processes may share it.

What was written is kept when a process is killed. When the machine loses its power, the latest
writes may be lost; the file stays whole.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import anyio
import anyio.to_thread
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from .base import Key, Kind, StorageUnavailable, Store
from .notifier import Notifier
from .sqlite_file import connect, reason, set_up
from .sqlite_lock import LockQueue

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_BETWEEN_SWEEPS = 60.0
_OF_KEY = "kind = ? AND caller = ? AND id = ?"

_T = TypeVar("_T")


@asynccontextmanager
async def open_sqlite(
    path: Path, *, clock: Callable[[], float] = time.time
) -> AsyncIterator["SqliteStore"]:
    """The state in the file at `path`, which is made if there is none.

    It may be locked, the disk full, or no file descriptor left: that is not waited for here. What
    uses the store tells, and works once it has passed.

    Raises:
        NotConfigured: naming AMBER_STATE and what is wrong with the file.
    """
    store = SqliteStore(path, clock)
    try:
        with suppress(StorageUnavailable):
            await store.prepare()
        yield store
    finally:
        with anyio.CancelScope(shield=True):
            await store.aclose()


class SqliteStore(Store):
    """Every method is one transaction, in a worker thread. Opened by `open_sqlite`."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._opened: sqlite3.Connection | None = None
        self._path = path
        self._clock = clock
        self._is_set_up = False
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._line = LockQueue()
        self._waiting = Notifier()
        self._others = 0
        self._next_look = 0.0
        self._next_sweep = 0.0

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        content = to_json(record)

        def write() -> bool:
            with self._transaction():
                if self._record(key) is not None:
                    return False
                self._replace(key, content, ttl)
                return True

        return await self._do(write)

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        content = to_json(record)

        def write() -> None:
            with self._transaction():
                self._replace(key, content, ttl)

        await self._do(write)

    async def get(self, key: Key) -> JsonValue:
        content = await self._do(lambda: self._record(key))
        return None if content is None else _value(content)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        contents = [to_json(item) for item in items]

        def write() -> bool:
            with self._transaction():
                if not (create or self._list(key)[0]):
                    return False
                if contents:
                    self._extend(key, contents, ttl)
                return True

        is_added = await self._do(write)
        if is_added:
            self._waiting.ring(key)
        return is_added

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        def read() -> list[tuple[bytes]]:
            return self._connection.execute(
                f"SELECT value FROM items JOIN lists ON list = number WHERE {_OF_KEY}"  # noqa: S608
                " AND expires > ? AND position >= ? ORDER BY position",
                (key.kind, key.caller, key.id, self._clock(), start),
            ).fetchall()

        return [_value(content) for (content,) in await self._do(read)]

    async def wait(self, key: Key, seen: int) -> None:
        while True:
            with self._waiting.bell(key) as bell:
                if await self._do(lambda: self._list(key)[1]) > seen:
                    return
                while not bell.is_set():
                    with anyio.move_on_after(_SECONDS_BETWEEN_LOOKS):
                        await bell.wait()
                    await self._look_for_others_writes()

    async def delete(self, key: Key) -> None:
        def write() -> None:
            with self._transaction():
                for table in ("records", "lists"):
                    self._connection.execute(
                        f"DELETE FROM {table} WHERE {_OF_KEY}",  # noqa: S608
                        (key.kind, key.caller, key.id),
                    )

        await self._do(write)

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        def read() -> list[tuple[str]]:
            of_caller = "WHERE kind = :kind AND caller = :caller AND expires > :now"
            return self._connection.execute(
                f"SELECT id FROM (SELECT id, written FROM records {of_caller} UNION ALL"  # noqa: S608
                f" SELECT id, written FROM lists {of_caller})"
                " GROUP BY id ORDER BY max(written) DESC",
                {"kind": kind, "caller": caller, "now": self._clock()},
            ).fetchall()

        return [each for (each,) in await self._do(read)]

    async def secret(self) -> bytes:
        def read() -> bytes:
            (secret,) = self._connection.execute("SELECT secret FROM home").fetchone()
            return cast("bytes", secret)

        return await self._do(read)

    async def prepare(self) -> None:
        """Set the file up at once, as each other method does where that was not possible before.

        Raises:
            NotConfigured: naming AMBER_STATE and what is wrong with the file.
            StateUnavailable: if the file cannot be used now.
        """
        with self._telling():
            await self._try(lambda: None)

    async def aclose(self) -> None:
        """Close the file."""
        if self._opened is not None:
            await anyio.to_thread.run_sync(self._opened.close, limiter=self._one_at_a_time)

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = connect(self._path)
        return self._opened

    async def _do(self, work: Callable[[], _T]) -> _T:
        """Do `work`, which may have to be done again, once another process lets go of the file."""
        with self._telling():
            return await self._line.through(lambda: self._try(work))

    async def _try(self, work: Callable[[], _T]) -> _T:
        def work_when_set_up() -> _T:
            if not self._is_set_up:
                set_up(self._connection, self._path)
                self._is_set_up = True
            return work()

        return await anyio.to_thread.run_sync(work_when_set_up, limiter=self._one_at_a_time)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, MemoryError) as error:
            raise StorageUnavailable(
                f"the state in {self._path} (AMBER_STATE) cannot be used: {reason(error)}"
            ) from error

    async def _look_for_others_writes(self) -> None:
        """Wake all who wait if another process has written; one look at a time is enough."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _SECONDS_BETWEEN_LOOKS / 2
        others = await self._do(
            lambda: cast("int", self._connection.execute("PRAGMA data_version").fetchone()[0])
        )
        if others != self._others:
            self._others = others
            self._waiting.ring_all()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction that writes."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._sweep()
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _record(self, key: Key) -> bytes | None:
        found = self._connection.execute(
            f"SELECT value FROM records WHERE {_OF_KEY} AND expires > ?",  # noqa: S608
            (key.kind, key.caller, key.id, self._clock()),
        ).fetchone()
        return found and cast("bytes", found[0])

    def _list(self, key: Key) -> tuple[int, int]:
        """The list's number in the file and its length."""
        found = self._connection.execute(
            f"SELECT number, length FROM lists WHERE {_OF_KEY} AND expires > ?",  # noqa: S608
            (key.kind, key.caller, key.id, self._clock()),
        ).fetchone()
        return cast("tuple[int, int]", found or (0, 0))

    def _replace(self, key: Key, content: bytes, ttl: float) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)",
            (key.kind, key.caller, key.id, content, self._clock() + ttl, self._count_write()),
        )

    def _extend(self, key: Key, contents: Sequence[bytes], ttl: float) -> None:
        number, length = self._list(key)
        if not number:
            # One that has expired may still be there.
            self._connection.execute(
                f"DELETE FROM lists WHERE {_OF_KEY}",  # noqa: S608
                (key.kind, key.caller, key.id),
            )
            number = (
                self._connection.execute(
                    "INSERT INTO lists VALUES (NULL, ?, ?, ?, 0, 0, 0)",
                    (key.kind, key.caller, key.id),
                ).lastrowid
                or 0
            )
        self._connection.executemany(
            "INSERT INTO items VALUES (?, ?, ?)",
            [(number, position, each) for position, each in enumerate(contents, length)],
        )
        self._connection.execute(
            "UPDATE lists SET length = ?, expires = ?, written = ? WHERE number = ?",
            (length + len(contents), self._clock() + ttl, self._count_write(), number),
        )

    def _count_write(self) -> int:
        self._connection.execute("UPDATE home SET writes = writes + 1")
        (writes,) = self._connection.execute("SELECT writes FROM home").fetchone()
        return cast("int", writes)

    def _sweep(self) -> None:
        """Remove what has expired, from time to time."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SECONDS_BETWEEN_SWEEPS
        for table in ("records", "lists"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE expires <= ?",  # noqa: S608
                (self._clock(),),
            )


def _value(content: bytes) -> JsonValue:
    value: JsonValue = from_json(content)
    return value
