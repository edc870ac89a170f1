"""What is remembered of an upload, in both eras, and that remembering never costs the upload."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextResourceContents
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from tests.planted import KEY
from tests.storage.failures import TROUBLES, failing
from tests.test_server import Connect, connect, structured
from tests.upstream import Canned

__all__ = ["connect"]


async def upload(client: Client, name: str, content: bytes = b"x") -> dict[str, Any]:
    sent = {"content_base64": base64.b64encode(content).decode(), "filename": name}
    return structured(await client.call_tool("upload_file", sent))


async def files(client: Client) -> dict[str, Any]:
    (contents,) = (await client.read_resource("amber://files")).contents
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == "application/json"
    listed: dict[str, Any] = json.loads(contents.text)
    return listed


async def test_uploads_are_remembered_the_latest_first(
    connect: Connect, settings: Settings
) -> None:
    async with connect(settings) as client:
        assert await files(client) == {"files": [], "truncated": False}
        first = await upload(client, "offer.csv", b"12345")
        second = await upload(client, "memo.txt")
        listed = await files(client)
    assert listed["truncated"] is False
    times = [datetime.fromisoformat(each.pop("uploaded_at")) for each in listed["files"]]
    assert listed["files"] == [second, first]
    assert first["size_bytes"] == 5
    assert first["sha256"] == hashlib.sha256(b"12345").hexdigest()
    assert all(datetime.now(UTC) - each < timedelta(minutes=1) for each in times)


async def test_a_list_of_files_is_bounded_and_tells(connect: Connect, settings: Settings) -> None:
    settings = settings.model_copy(update={"max_list_entries": 2})
    async with connect(settings) as client:
        for name in ("1.txt", "2.txt", "3.txt"):
            await upload(client, name)
        listed = await files(client)
    assert [each["filename"] for each in listed["files"]] == ["3.txt", "2.txt"]
    assert listed["truncated"] is True


async def test_a_key_in_a_name_is_not_remembered(connect: Connect, upstream: Canned) -> None:
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings()) as client:
            await upload(client, f"{KEY}.txt")
            listed = await files(client)
    assert [each["filename"] for each in listed["files"]] == ["{hidden}.txt"]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_upload_that_cannot_be_remembered_is_an_upload(
    connect: Connect,
    upstream: Canned,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.put", failing(trouble))
    monkeypatch.setattr("amber_mcp.protocol.call._SAVING_SECONDS", 0.1)
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings()) as client:
            assert (await upload(client, "a.txt"))["file_id"] == "f1"
            assert (await files(client))["files"] == []
    (record,) = [each for each in caplog.records if each.message == "upload not saved"]
    assert record.levelname == ("ERROR" if trouble == "unforeseen" else "WARNING")


async def test_a_failed_upload_is_not_remembered(connect: Connect, upstream: Canned) -> None:
    async with upstream(JSONResponse({"detail": "no"}, 500)) as canned:
        async with connect(canned.settings(AMBER_RETRIES="0")) as client:
            sent = {"content_base64": "YQ==", "filename": "a.txt"}
            assert (await client.call_tool("upload_file", sent)).is_error
            assert (await files(client))["files"] == []
