"""An SQLite file that another process has locked, and those who wait for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from amber_mcp.errors import NotConfigured
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.sqlite import open_sqlite
from amber_mcp.storage.sqlite_lock import LockQueue

KEY = Key("conversation", "c", "1")
FOR_EVER = 1000.0


def wait_for(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amber_mcp.storage.sqlite_lock.BUSY_SECONDS", seconds)


@contextmanager
def locked(path: Path, how: str = "EXCLUSIVE") -> Iterator[None]:
    """Another program holds the file in the block."""
    # Any thread may take the lock.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(connection) as other:
        if how == "EXCLUSIVE":
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("how", ["EXCLUSIVE", "IMMEDIATE"])
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_file_that_is_locked_is_told_by_each_call_and_used_once_it_is_free(
    tmp_path: Path, how: str, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(0.1, monkeypatch)
    path = tmp_path / "state.db"
    if not is_new:
        async with open_sqlite(path) as store:
            await store.append(KEY, "before", ttl=60)
    with anyio.fail_after(20), ExitStack() as lock:
        lock.enter_context(locked(path, how))
        async with open_sqlite(path) as store, open_sqlite(path) as another:
            for work in (store.secret, lambda: store.items(KEY), lambda: store.wait(KEY, 0),
                         lambda: store.append(KEY, "lost", ttl=60)):  # fmt: skip
                with pytest.raises(StorageUnavailable, match="database is locked") as error:
                    await work()
                assert str(path) in error.value.message
            lock.close()
            await store.append(KEY, "after", ttl=60)
            assert await another.items(KEY) == ["before", "after"][is_new:]
            assert await another.secret() == await store.secret()
            assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert store._connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


async def test_what_is_wrong_with_a_locked_file_is_told_once_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(0.1, monkeypatch)
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with anyio.fail_after(20), ExitStack() as lock:
        lock.enter_context(locked(path))
        async with open_sqlite(path) as store:
            with pytest.raises(StorageUnavailable, match="locked"):
                await store.get(KEY)
            lock.close()
            for _ in range(2):
                with pytest.raises(NotConfigured, match="the database of another program"):
                    await store.get(KEY)


@pytest.mark.parametrize("is_new", [True, False])
async def test_to_open_a_locked_file_waits_for_nothing_and_a_wait_can_be_cancelled(
    tmp_path: Path, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(FOR_EVER, monkeypatch)
    path = tmp_path / "state.db"
    if not is_new:
        async with open_sqlite(path) as store:
            await store.secret()
    with anyio.fail_after(10), ExitStack() as lock:
        lock.enter_context(locked(path, "IMMEDIATE"))
        async with open_sqlite(path) as store:
            with anyio.move_on_after(0.1) as waiting:
                await store.put(KEY, "never", ttl=60)
            assert waiting.cancelled_caught
            lock.close()
            assert await store.get(KEY) is None
            await store.put(KEY, "record", ttl=60)


async def test_who_reads_passes_by_those_who_wait_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(FOR_EVER, monkeypatch)
    path = tmp_path / "state.db"
    with anyio.fail_after(10):
        async with open_sqlite(path) as store:
            await store.append(KEY, "before", ttl=60)
            async with anyio.create_task_group() as tasks:
                with locked(path, "IMMEDIATE"):
                    for number in range(12):
                        tasks.start_soon(lambda item: store.append(KEY, item, ttl=60), number)
                    for _ in range(20):
                        assert await store.items(KEY) == ["before"]
            _, *items = await store.items(KEY)
    assert sorted(map(int, map(str, items))) == list(range(12))


async def test_those_who_wait_at_once_give_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(0.5, monkeypatch)
    path = tmp_path / "state.db"
    refused = 0
    async with open_sqlite(path) as store:
        await store.secret()

        async def put() -> None:
            nonlocal refused
            with pytest.raises(StorageUnavailable, match="database is locked"):
                await store.put(KEY, "record", ttl=60)
            refused += 1

        # One after the other, they would take six seconds.
        with anyio.fail_after(3), locked(path, "IMMEDIATE"):
            async with anyio.create_task_group() as tasks:
                for _ in range(12):
                    tasks.start_soon(put)
    assert refused == 12


async def test_a_lock_between_the_tables_and_the_log_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(FOR_EVER, monkeypatch)
    path = tmp_path / "state.db"
    is_locked = True

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
            with ExitStack() as lock:
                if is_locked and "journal_mode" in statement:
                    lock.enter_context(locked(path, "IMMEDIATE"))
                return super().execute(statement, *parameters)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    with anyio.fail_after(10):
        async with open_sqlite(path) as store:
            with anyio.move_on_after(0.1) as waiting:
                await store.get(KEY)
            assert waiting.cancelled_caught
            is_locked = False
            assert await store.get(KEY) is None
            assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def refusal(kind: int = sqlite3.SQLITE_BUSY) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = kind
    return error


async def test_nobody_gives_up_in_a_line_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for(0.3, monkeypatch)
    queue = LockQueue()
    done: list[int] = []

    async def work_through(number: int) -> None:
        answers = iter([refusal(), refusal(), None])

        async def work() -> None:
            if error := next(answers):
                raise error
            await anyio.sleep(0.1)
            done.append(number)

        await queue.run(work)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(work_through, number)
    assert done == list(range(8))


@pytest.mark.parametrize("tries", [1, 2])
async def test_what_is_no_lock_is_told_at_once(tries: int) -> None:
    answers = [refusal()] * (tries - 1) + [refusal(sqlite3.SQLITE_FULL), refusal()]

    async def work() -> None:
        raise answers.pop(0)

    with anyio.fail_after(10), pytest.raises(sqlite3.OperationalError) as error:
        await LockQueue().run(work)
    assert error.value.sqlite_errorcode == sqlite3.SQLITE_FULL
    assert len(answers) == 1
