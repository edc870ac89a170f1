"""Uploads in each home: remembered for their caller, for a time, the latest first."""

from datetime import UTC, datetime

import anyio
import pytest

from amber_mcp.files.uploads import Upload, Uploads
from amber_mcp.storage.base import Key, Store
from tests.storage.places import Place

DAY = 86_400


def upload(file_id: str, **more: object) -> Upload:
    return Upload.model_validate(
        {
            "file_id": file_id,
            "filename": f"{file_id}.pdf",
            "media_type": "application/pdf",
            "size_bytes": 5,
            "sha256": "00",
            "uploaded_at": datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
            **more,
        }
    )


async def test_an_upload_comes_back_as_it_was(place: Place, store: Store) -> None:
    with anyio.fail_after(30):
        uploads = Uploads(store, ttl=DAY)
        await uploads.add(place.caller, upload("Ä/1 %", size_bytes=3_000_000_000))
        found = await uploads.get(place.caller, "Ä/1 %")
        assert found == upload("Ä/1 %", size_bytes=3_000_000_000)
        assert await uploads.all(place.caller, most=10) == [found]


async def test_nobody_else_finds_it(place: Place, store: Store) -> None:
    with anyio.fail_after(30):
        uploads = Uploads(store, ttl=DAY)
        await uploads.add(place.caller, upload("f1"))
        assert await uploads.get("another", "f1") is None
        assert await uploads.all("another", most=10) == []


async def test_the_latest_come_first_and_no_more_than_asked_for(place: Place, store: Store) -> None:
    with anyio.fail_after(30):
        uploads = Uploads(store, ttl=DAY)
        for name in ("f1", "f2", "f3", "f1"):
            await uploads.add(place.caller, upload(name))
            await place.later(0.01)
        assert [each.file_id for each in await uploads.all(place.caller, most=2)] == ["f1", "f3"]


async def test_an_upload_is_forgotten_in_time(place: Place, store: Store) -> None:
    with anyio.fail_after(30):
        uploads = Uploads(store, ttl=1)
        await uploads.add(place.caller, upload("f1"))
        await place.later(1.1)
        assert await uploads.get(place.caller, "f1") is None
        assert await uploads.all(place.caller, most=10) == []


async def test_no_more_are_read_than_are_asked_for(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with anyio.fail_after(30):
        uploads = Uploads(store, ttl=DAY)
        for number in range(4):
            await uploads.add(place.caller, upload(f"f{number}"))
        get, read = store.get, list[str]()

        async def counted(key: Key) -> object:
            read.append(key.id)
            return await get(key)

        monkeypatch.setattr(store, "get", counted)
        found = await uploads.all(place.caller, most=2)
    assert [each.file_id for each in found] == read == ["f3", "f2"]
