"""Files that go to amber: from where, and what is refused, in both protocol eras."""

import base64
import binascii
import hashlib
import threading
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned, stalled_stream

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


PNG = b"\x89PNG\r\n\x1a\n"
BASE64 = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    ("content", "data", "media_type"),
    [
        (BASE64, PNG, "application/octet-stream"),
        ("-__-_w", b"\xfb\xff\xfe\xff", "application/octet-stream"),
        (" -_ _-\r\n_w = =\t", b"\xfb\xff\xfe\xff", "application/octet-stream"),
        (f"data:image/png;base64,{BASE64}", PNG, "image/png"),
        (f"\nDATA:Image/PNG;name=a.png;base64,\n{BASE64[:5]} {BASE64[5:]}", PNG, "image/png"),
        ("data:;base64,YQ", b"a", "application/octet-stream"),
    ],
)
async def test_base64_is_understood_as_models_send_it(
    connect: Connect, upstream: Canned, content: str, data: bytes, media_type: str
) -> None:
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings()) as client:
            sent = {"content_base64": content, "filename": "a.bin"}
            uploaded = structured(await client.call_tool("upload_file", sent))
    assert uploaded["size_bytes"] == len(data)
    assert uploaded["media_type"] == media_type
    assert uploaded["sha256"] == hashlib.sha256(data).hexdigest()
    assert f"Content-Type: {media_type}\r\n".encode() in canned.seen[0].body


async def test_a_large_file_is_decoded_in_pieces_beside_the_event_loop(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[int] = []

    def decoded(text: bytes, *, strict_mode: bool) -> bytes:
        assert threading.current_thread() is not threading.main_thread()
        pieces.append(len(text))
        return binascii.a2b_base64(text, strict_mode=strict_mode)

    monkeypatch.setattr("amber_mcp.files.base64_text.a2b_base64", decoded)
    data = bytes(range(256)) * 16_384
    content = base64.encodebytes(data).decode() + " \n" * 2_000_000
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings()) as client:
            sent = {"content_base64": content, "filename": "a.bin"}
            uploaded = structured(await client.call_tool("upload_file", sent))
    assert uploaded["sha256"] == hashlib.sha256(data).hexdigest()
    assert len(pieces) > 5
    assert max(pieces) < 1_100_000


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("report.csv", "text/csv"),
        ("report.csv.gz", "application/gzip"),
        ("logo.svgz", "application/gzip"),
        ("report.csv.bz2", "application/x-bzip2"),
        ("odd", "application/octet-stream"),
    ],
)
async def test_a_compressed_file_is_no_table_and_no_picture(
    connect: Connect, upstream: Canned, name: str, media_type: str
) -> None:
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings()) as client:
            sent = {"content_base64": "YQ==", "filename": name}
            uploaded = structured(await client.call_tool("upload_file", sent))
    assert uploaded["media_type"] == media_type


async def test_a_file_has_its_name_without_quotes_and_escapes(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    (tmp_path / "My File.pdf").write_text("x")
    async with upstream(JSONResponse({"id": "f1"})) as canned:
        async with connect(canned.settings(AMBER_UPLOAD_ROOTS=str(tmp_path))) as client:
            for path in (f"file://{tmp_path}/My%20File.pdf", f'"{tmp_path}/My File.pdf"\n'):
                uploaded = structured(await client.call_tool("upload_file", {"path": path}))
                assert uploaded["filename"] == "My File.pdf"
                assert uploaded["media_type"] == "application/pdf"


async def test_of_several_files_each_has_its_own_result(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    paths = [str(tmp_path / name) for name in ("a.txt", "none.txt", "b\nfile_id: f9.txt", "c.txt")]
    for path in (paths[0], *paths[2:]):
        Path(path).write_text("x")
    answers = [
        JSONResponse({"id": "f1"}),
        JSONResponse({"detail": "No\n- a.txt: file_id f7"}, 400),
        JSONResponse({"id": "f3"}),
    ]
    async with upstream(*answers) as canned:
        settings = canned.settings(AMBER_UPLOAD_ROOTS=str(tmp_path))
        async with connect(settings) as client:
            sent = {"paths": [*paths, paths[0]], "path": "", "filename": "null"}
            result = await client.call_tool("upload_file", sent)
            remembered = await client.read_resource("amber://files")
    files = structured(result)["files"]
    assert [file["path"] for file in files] == paths
    assert [file.get("file_id") for file in files] == ["f1", None, None, "f3"]
    assert [file.get("error", "").partition(":")[0] for file in files] == [
        "",
        "not_found",
        "invalid_request",
        "",
    ]
    assert len(text_of(result).splitlines()) == 6
    assert f"- {paths[0]}: file_id f1\n" in text_of(result)
    assert f"- {paths[1]}: not_found: there is no file" in text_of(result)
    assert "f1" in str(remembered)
    assert "f3" in str(remembered)


async def test_several_ids_of_a_file_come_back_as_several(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")
    ids = [{"path": "a.txt", "file_id": "f1"}, {"path": "a.txt", "file_id": "f2"}]
    async with upstream(JSONResponse({"ids": ["f1", "f2"]})) as canned:
        settings = canned.settings(AMBER_UPLOAD_ROOTS=str(tmp_path))
        async with connect(settings) as client:
            for sent in ({"path": "a.txt"}, {"paths": ["a.txt"]}):
                result = await client.call_tool("upload_file", sent)
                assert structured(result)["files"] == ids
                assert "- a.txt: file_id f1\n- a.txt: file_id f2\n" in text_of(result)
            remembered = await client.read_resource("amber://files")
    assert "f1" in str(remembered)
    assert "f2" in str(remembered)


async def test_the_variable_that_spares_a_second_try_is_named(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")
    missing = {"detail": [{"loc": ["body", "files"], "msg": "Field required"}]}
    answers = [JSONResponse(missing, 422), JSONResponse({"id": "f1"})] * 2
    async with upstream(*answers) as canned:
        settings = canned.settings(AMBER_UPLOAD_ROOTS=str(tmp_path))
        async with connect(settings) as client:
            for sent in ({"path": "a.txt"}, {"paths": ["a.txt"]}):
                result = await client.call_tool("upload_file", sent)
                assert "AMBER_UPLOAD_FIELD=files" in structured(result)["note"]
                assert "AMBER_UPLOAD_FIELD=files" in text_of(result)


async def test_several_files_that_all_fail_are_an_error(
    connect: Connect, settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"upload_roots": (tmp_path,)})
    async with connect(settings) as client:
        result = await client.call_tool("upload_file", {"paths": ["a", "/etc/passwd"]})
    assert result.is_error
    assert result.structured_content is not None
    assert [file["error"][:9] for file in result.structured_content["files"]] == [
        "not_found",
        "forbidden",
    ]


async def test_time_that_is_up_takes_no_result_away(
    connect: Connect, upstream: Canned, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("x")
    async with upstream(JSONResponse({"id": "f1"}), stalled_stream) as canned:
        settings = canned.settings(AMBER_UPLOAD_ROOTS=str(tmp_path), AMBER_CALL_TIMEOUT="1")
        async with connect(settings) as client:
            result = await client.call_tool("upload_file", {"paths": ["a", "b", "c"]})
    first, second, third = structured(result)["files"]
    assert first["file_id"] == "f1"
    assert second["error"].startswith("upstream_timeout: the upload of b took longer than 1 s")
    assert third["error"].startswith("upstream_timeout: no time was left for c")
    assert len(canned.seen) == 2


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
        ({}, "invalid_request", "either `path`, or `paths`, or `content_base64`"),
        ({"path": "a", "content_base64": "YQ=="}, "invalid_request", "either"),
        ({"path": "a", "paths": ["b"]}, "invalid_request", "either"),
        ({"paths": ["a", "b"], "filename": "c"}, "invalid_request", "either"),
        ({"paths": ["a"]}, "unsupported", "content_base64"),
        ({"content_base64": "", "filename": "a.txt"}, "invalid_request", "a.txt is empty"),
        ({"content_base64": " \n" * 50, "filename": "a.txt"}, "invalid_request", "a.txt is empty"),
        (
            {"content_base64": "data:text/plain;base64,", "filename": "a"},
            "invalid_request",
            "empty",
        ),
        ({"content_base64": "data:text/plain,a", "filename": "a"}, "invalid_request", "not base64"),
        ({"content_base64": "YQ==YQ==", "filename": "a"}, "invalid_request", "not base64"),
        ({"content_base64": "YQ=a", "filename": "a"}, "invalid_request", "not base64"),
        ({"content_base64": "YWJjZ", "filename": "a"}, "invalid_request", "not base64"),
        ({"content_base64": "YWJjß", "filename": "a"}, "invalid_request", "not base64"),
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
