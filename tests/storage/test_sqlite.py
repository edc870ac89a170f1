"""The SQLite file: private, safe to share, and refused where it cannot be used."""

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from amber_mcp.config.settings import Settings
from amber_mcp.errors import NotConfigured
from amber_mcp.storage.backends import open_store
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.sqlite import open_sqlite

KEY = Key("conversation", "c", "1")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}*"))


async def test_its_owner_alone_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "state.db"
    before = os.umask(0)
    try:
        async with open_sqlite(path) as store:
            await store.put(KEY, "record", ttl=60)
            assert [each.name for each in files(path)] == [
                "state.db", "state.db-shm", "state.db-wal",
            ]  # fmt: skip
            assert {mode(each) for each in files(path)} == {0o600}
        assert mode(path.parent) == 0o700
    finally:
        os.umask(before)


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with open_sqlite(path) as store:
        await store.put(KEY, "record", ttl=60)
    path.chmod(0o644)
    async with open_sqlite(path) as store:
        assert await store.get(KEY) == "record"
        await store.put(KEY, "record", ttl=60)
        assert {mode(each) for each in files(path)} == {0o600}


def _link(path: Path) -> None:
    (path.parent / "elsewhere.db").touch()
    path.symlink_to(path.parent / "elsewhere.db")


def _link_in_place_of_the_log(path: Path) -> None:
    path.touch()
    Path(f"{path}-wal").symlink_to(path.parent / "elsewhere")


def _text(path: Path) -> None:
    path.write_text("Conversations of the first quarter\n" * 100)


def _database(script: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)

    return make


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (Path.mkdir, "it is not a regular file"),
        (os.mkfifo, "it is not a regular file"),
        (_link, "it is a link: name the file itself"),
        (_link_in_place_of_the_log, "it is a link: name the file itself"),
        (_text, "file is not a database"),
        (
            _database("CREATE TABLE bookmarks (url TEXT)"),
            "it is the database of another program",
        ),
        (
            _database("PRAGMA application_id = 1634558578; PRAGMA user_version = 99"),
            "another version of amber-mcp wrote it (format 99)",
        ),
    ],
)
async def test_a_file_that_cannot_be_used_is_told_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], object], fault: str
) -> None:
    path = tmp_path / "state.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(NotConfigured) as error:
        async with open_store(Settings.from_environment({"AMBER_STATE": f"sqlite:{path}"})):
            pass
    assert error.value.message.startswith("AMBER_STATE names a file that cannot be used: ")
    assert str(path) in error.value.message
    assert fault in error.value.message
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("{tmp}/no/such/state.db", "there is no folder {tmp}/no"),
        ("{tmp}/file/state.db", "{tmp}/file is no folder: file exists"),
        ("{tmp}/file/below/state.db", "{tmp}/file/below is no folder: not a directory"),
    ],
)
async def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, path: str, fault: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotConfigured, match="AMBER_STATE") as error:
        async with open_sqlite(Path(path.format(tmp=tmp_path))):
            pass
    assert fault.format(tmp=tmp_path) in error.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_must_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotConfigured, match="permission denied"):
        async with open_sqlite(tmp_path / "state.db"):
            pass


async def test_a_file_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    path.touch()
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(NotConfigured, match="it belongs to somebody else"):
        async with open_sqlite(path):
            pass


async def test_a_file_that_is_damaged_later_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with open_sqlite(path) as store:
        await store.append(KEY, *["x" * 1000] * 200, ttl=60)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises((StorageUnavailable, NotConfigured), match="AMBER_STATE") as error:
        async with open_sqlite(path) as store:
            await store.items(KEY)
    assert str(path) in error.value.message
    assert "malformed" in error.value.message


async def test_those_who_open_a_new_file_at_once_share_it(tmp_path: Path) -> None:
    secrets: list[bytes] = []

    async def opened() -> None:
        async with open_sqlite(tmp_path / "state.db") as store:
            secrets.append(await store.secret())
            await store.append(KEY, 1, ttl=60)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(opened)
    assert len(set(secrets)) == 1
    async with open_sqlite(tmp_path / "state.db") as store:
        assert await store.items(KEY) == [1] * 12


async def test_what_has_expired_is_removed_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    now = time.time()
    async with open_sqlite(path, clock=lambda: now) as store:
        await store.put(KEY, "record", ttl=10)
        await store.append(KEY, 1, 2, 3, ttl=10)
    async with open_sqlite(path, clock=lambda: now + 20) as store:
        await store.put(Key("run", "c", "2"), "record", ttl=10)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (0,)


async def test_a_copy_of_what_a_killed_process_left_is_whole(tmp_path: Path) -> None:
    """The log that was not yet carried over belongs to the file."""
    path, copy = tmp_path / "state.db", tmp_path / "copy.db"
    async with open_sqlite(path) as store:
        await store.append(KEY, *range(100), ttl=60)
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    async with open_sqlite(copy) as store:
        assert await store.items(KEY) == list(range(100))
