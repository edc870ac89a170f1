"""Files that go to amber: from where, and what is refused, in both protocol eras."""

import base64
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned

__all__ = ["connect"]


async def test_an_uploaded_file_is_answered_from(
    connect: Connect, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "memo.txt").write_text("The lighthouse project is led by Ada Quist since May.")
    settings = settings.model_copy(update={"upload_roots": (tmp_path,)})
    async with connect(settings) as client:
        result = await client.call_tool("upload_file", {"path": str(tmp_path / "memo.txt")})
        uploaded = structured(result)
        question = {
            "question": "Who leads the lighthouse project?",
            "search": "none",
            "file_ids": [uploaded["file_id"]],
        }
        answered = structured(await client.call_tool("ask_amber", question))
    assert uploaded["filename"] == "memo.txt"
    assert uploaded["media_type"] == "text/plain"
    assert uploaded["size_bytes"] == 53
    assert uploaded["file_id"] in text_of(result)
    assert uploaded["sha256"] in text_of(result)
    assert "Ada Quist" in answered["answer"]


async def test_a_file_may_come_as_base64(connect: Connect, settings: Settings) -> None:
    content = base64.b64encode(b"The lighthouse opens in June.").decode()
    sent = {"content_base64": f"{content[:10]}\n{content[10:]}", "filename": "/x/C:\\y\\memo.txt"}
    async with connect(settings, local_files=False) as client:
        uploaded = structured(await client.call_tool("upload_file", sent))
    assert uploaded["filename"] == "memo.txt"
    assert uploaded["size_bytes"] == 29


async def test_a_long_name_keeps_its_ending(connect: Connect, upstream: Canned) -> None:
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings()) as client:
            for name, kept in {
                "n" * 251 + ".pdf": "n" * 251 + ".pdf",
                "n" * 300 + ".pdf": "n" * 251 + ".pdf",
                "n." + "e" * 300: "n." + "e" * 253,
            }.items():
                sent = {"content_base64": "YQ==", "filename": name}
                assert structured(await client.call_tool("upload_file", sent))["filename"] == kept


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        ({}, "invalid_request", "either `path`, or `content_base64`"),
        ({"path": "a", "content_base64": "YQ=="}, "invalid_request", "either"),
        ({"content_base64": "YQ=="}, "invalid_request", "`filename` is missing"),
        ({"content_base64": "!", "filename": "a.txt"}, "invalid_request", "not base64"),
        ({"content_base64": "YQ==", "filename": "/"}, "invalid_request", "no name"),
        ({"content_base64": "YWFhYWFh", "filename": "a.txt"}, "too_large", "6 bytes"),
        ({"path": "/etc/passwd"}, "unsupported", "content_base64"),
    ],
)
async def test_an_upload_that_cannot_be_is_refused(
    connect: Connect,
    settings: Settings,
    arguments: dict[str, object],
    kind: str,
    told: str,
) -> None:
    settings = settings.model_copy(update={"max_upload_bytes": 5})
    async with connect(settings, local_files=False) as client:
        assert told in failure(await client.call_tool("upload_file", arguments), kind)


async def test_a_path_outside_the_allowed_folders_is_forbidden(
    connect: Connect, settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"upload_roots": (tmp_path,)})
    async with connect(settings) as client:
        told = failure(await client.call_tool("upload_file", {"path": "/etc/passwd"}), "forbidden")
    assert "AMBER_UPLOAD_ROOTS" in told
