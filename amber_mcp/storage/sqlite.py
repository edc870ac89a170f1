"""State in an SQLite file: it survives restarts, and several processes may share it.

What was written stays when a process is killed. When the machine loses its power, the latest
writes may be lost; the file stays whole.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import anyio
import anyio.to_thread
from pydantic import JsonValue
from pydantic_core import to_json

from .base import Key, Kind, StorageUnavailable, Store, decode
from .sqlite_file import connect, reason
from .sqlite_lock import LockQueue

_OF_KEY = "kind = :kind AND caller = :caller AND id = :id"
_UPSERT = """
    INSERT INTO entries (kind, caller, id, record, length, expires, written)
    VALUES (:kind, :caller, :id, :record, :length, :now + :ttl,
            (SELECT coalesce(max(written), 0) + 1 FROM entries))
    ON CONFLICT (kind, caller, id) DO UPDATE SET
        record = coalesce(excluded.record, record),
        length = length + excluded.length, expires = excluded.expires, written = excluded.written
"""
_REPLACE = f"""
    UPDATE entries SET record = :record, expires = :now + :ttl,
        written = (SELECT max(written) + 1 FROM entries)
    WHERE {_OF_KEY}
"""  # noqa: S608

_T = TypeVar("_T")
_Parameters = dict[str, str | int | float | bytes | None]


@asynccontextmanager
async def open_sqlite(
    path: Path, *, clock: Callable[[], float] = time.time
) -> AsyncIterator["SqliteStore"]:
    """The state in the file at `path`, which is made if there is none.

    The file may be locked, the disk full, or no file descriptor left: then each call that uses the
    store says so, and works once that has passed.

    Raises:
        NotConfigured: naming AMBER_STATE and what is wrong with the file.
    """
    store = SqliteStore(path, clock)
    try:
        with suppress(StorageUnavailable):
            await store.connect()
        yield store
    finally:
        with anyio.CancelScope(shield=True):
            await store.aclose()


class SqliteStore(Store):
    """Every method is one transaction, in a worker thread. Opened by `open_sqlite`."""

    poll_seconds: ClassVar[float] = 0.4

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        super().__init__()
        self._opened: sqlite3.Connection | None = None
        self._path = path
        self._clock = clock
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._lock_queue = LockQueue()

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        parameters = self._parameters(key, ttl, record=to_json(record))
        return await self._write(f"{_UPSERT} WHERE record IS NULL", parameters) > 0

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        await self._write(_UPSERT, self._parameters(key, ttl, record=to_json(record)))

    async def replace(self, key: Key, old: JsonValue, record: JsonValue, *, ttl: float) -> bool:
        parameters = self._parameters(key, ttl, record=to_json(record))
        parameters["old"] = to_json(old)
        return await self._write(f"{_REPLACE} AND record = :old", parameters) > 0

    async def get(self, key: Key) -> JsonValue:
        (record,) = await self._run(lambda: self._select("record", key)) or (None,)
        return None if record is None else decode(record)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        contents = [to_json(item) for item in items]
        parameters = self._parameters(key, ttl, length=len(contents))

        def write() -> bool:
            with self._transaction() as connection:
                if not create and self._select("length", key) in (None, (0,)):
                    return False
                if contents:
                    number, length = connection.execute(
                        f"{_UPSERT} RETURNING number, length", parameters
                    ).fetchone()
                    first = length - len(contents)
                    rows = [(number, at, item) for at, item in enumerate(contents, first)]
                    connection.executemany("INSERT INTO items VALUES (?, ?, ?)", rows)
                return True

        is_added = await self._run(write)
        if is_added:
            self._notify(key)
        return is_added

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        found = await self._read(
            f"SELECT value FROM items JOIN entries ON entry = number WHERE {_OF_KEY}"  # noqa: S608
            " AND expires > :now AND position >= :start ORDER BY position",
            {**self._parameters(key), "start": start},
        )
        return [decode(content) for (content,) in found]

    async def delete(self, key: Key) -> None:
        await self._write(f"DELETE FROM entries WHERE {_OF_KEY}", self._parameters(key))  # noqa: S608

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        found = await self._read(
            "SELECT id FROM entries WHERE kind = :kind AND caller = :caller AND expires > :now"
            " ORDER BY written DESC",
            self._parameters(Key(kind, caller, "")),
        )
        return [each for (each,) in found]

    async def secret(self) -> bytes:
        ((secret,),) = await self._read("SELECT secret FROM store", {})
        return cast("bytes", secret)

    async def connect(self) -> None:
        """Open the file; every other method does where that was not possible.

        Raises:
            NotConfigured: naming AMBER_STATE and what is wrong with the file.
            StorageUnavailable: if the file cannot be used now.
        """
        with self._failures():
            await anyio.to_thread.run_sync(lambda: self._connection, limiter=self._one_at_a_time)

    async def aclose(self) -> None:
        """Close the file."""
        if self._opened is not None:
            await anyio.to_thread.run_sync(self._opened.close, limiter=self._one_at_a_time)

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = connect(self._path)
        return self._opened

    async def _read(self, query: str, parameters: _Parameters) -> list[tuple[Any, ...]]:
        return await self._run(lambda: self._connection.execute(query, parameters).fetchall())

    async def _write(self, statement: str, parameters: _Parameters) -> int:
        """Change entries; returns how many were changed."""

        def write() -> int:
            with self._transaction() as connection:
                return connection.execute(statement, parameters).rowcount

        return await self._run(write)

    async def _run(self, work: Callable[[], _T]) -> _T:
        """Do `work` in a thread; again, once another process lets go of the file."""
        with self._failures():
            return await self._lock_queue.run(
                lambda: anyio.to_thread.run_sync(work, limiter=self._one_at_a_time)
            )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, MemoryError) as error:
            raise StorageUnavailable(
                f"the state in {self._path} (AMBER_STATE) cannot be used: {reason(error)}"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes, without the entries that have expired."""
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM entries WHERE expires <= ?", (self._clock(),))
            yield connection

    def _select(self, column: str, key: Key) -> tuple[Any] | None:
        found = self._connection.execute(
            f"SELECT {column} FROM entries WHERE {_OF_KEY} AND expires > :now",  # noqa: S608
            self._parameters(key),
        ).fetchone()
        return cast("tuple[Any] | None", found)

    def _parameters(
        self, key: Key, ttl: float = 0.0, *, record: bytes | None = None, length: int = 0
    ) -> _Parameters:
        return {
            "kind": key.kind,
            "caller": key.caller,
            "id": key.id,
            "record": record,
            "length": length,
            "now": self._clock(),
            "ttl": ttl,
        }
