"""An SQLite file that lacks disk, descriptors or memory when it is opened, and not later."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from amber_mcp.errors import NotConfigured
from amber_mcp.storage import sqlite
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.sqlite import open_sqlite

KEY = Key("conversation", "c", "1")


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
