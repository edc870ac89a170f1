"""An SQLite file that cannot be used when it is opened, and can later."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import anyio
import pytest

from amber_mcp.errors import NotConfigured
from amber_mcp.storage import sqlite
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.sqlite import open_sqlite

KEY = Key("conversation", "c", "1")


@pytest.fixture(autouse=True)
def _a_short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amber_mcp.storage.sqlite_lock.BUSY_SECONDS", 0.1)


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
    tmp_path: Path, how: str, is_new: bool
) -> None:
    path = tmp_path / "state.db"
    if not is_new:
        async with open_sqlite(path) as store:
            await store.append(KEY, "before", ttl=60)
    with anyio.fail_after(20), locked(path, how):
        async with open_sqlite(path) as store:
            for work in (store.secret, lambda: store.items(KEY), lambda: store.wait(KEY, 0)):
                with pytest.raises(StorageUnavailable, match="database is locked") as error:
                    await work()
                assert str(path) in error.value.message
    async with open_sqlite(path) as store:
        assert await store.items(KEY) == ([] if is_new else ["before"])


async def test_the_store_that_met_the_lock_works_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with open_sqlite(path) as store:
        await store.append(KEY, "before", ttl=60)
        secret = await store.secret()
    with anyio.fail_after(20), ExitStack() as lock:
        lock.enter_context(locked(path))
        async with open_sqlite(path) as store, open_sqlite(path) as another:
            with pytest.raises(StorageUnavailable):
                await store.append(KEY, "lost", ttl=60)
            lock.close()
            await store.append(KEY, "after", ttl=60)
            assert await another.items(KEY) == ["before", "after"]
            assert await another.secret() == secret
            assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert store._connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


async def test_what_is_wrong_with_a_locked_file_is_told_once_it_is_free(tmp_path: Path) -> None:
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


async def test_a_disk_that_is_full_when_it_is_opened_is_told_until_it_is_not(
    tmp_path: Path,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # No file may become longer than this.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
        async with open_sqlite(tmp_path / "state.db") as store:
            with pytest.raises(StorageUnavailable, match="AMBER_STATE"):
                await store.put(KEY, "record", ttl=60)
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            await store.put(KEY, "record", ttl=60)
            assert await store.get(KEY) == "record"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """No more than `count` files can be opened in the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(count + 1)]
    for each in taken:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# SQLite needs three: for the file, for its log, and for the log's index.
@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_lack_of_descriptors_when_it_is_opened_is_told_until_it_has_passed(
    tmp_path: Path, count: int, is_new: bool
) -> None:
    path = tmp_path / "state.db"
    if not is_new:
        async with open_sqlite(path) as store:
            await store.put(KEY, "record", ttl=60)
    with ExitStack() as lack:
        lack.enter_context(descriptors_left(count))
        async with open_sqlite(path) as store:
            with pytest.raises(StorageUnavailable, match="AMBER_STATE") as error:
                await store.put(KEY, "record", ttl=60)
            assert str(path) in error.value.message
            lack.close()
            await store.put(KEY, "record", ttl=60)
            assert await store.get(KEY) == "record"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_must_not_be_read_is_no_lack_of_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with open_sqlite(path) as store:
        await store.put(KEY, "record", ttl=60)
    path.chmod(0o000)
    with pytest.raises(NotConfigured, match="unable to open database file"):
        async with open_sqlite(path):
            pass


async def test_a_lack_of_memory_when_it_is_opened_is_told_until_it_has_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError  # as the standard library does for SQLITE_NOMEM

    with monkeypatch.context() as lack:
        lack.setattr(sqlite, "connect", no_memory)
        async with open_sqlite(tmp_path / "state.db") as store:
            with pytest.raises(StorageUnavailable, match="cannot be used: out of memory"):
                await store.put(KEY, "record", ttl=60)
            lack.undo()
            await store.put(KEY, "record", ttl=60)
            assert await store.get(KEY) == "record"
