"""`list_files`: what was uploaded, where it is offered, in both eras."""

import re

from jsonschema import validate
from starlette.responses import JSONResponse

from amber_mcp.config.settings import Settings
from tests.files.test_remembered_uploads import upload
from tests.test_server import Connect, connect, failure, structured, text_of
from tests.upstream import Canned

__all__ = ["connect"]

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


async def test_uploads_are_listed_the_latest_first_and_a_cut_is_told(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(*(JSONResponse({"id": f"f{number}"}) for number in range(3))) as canned:
        tools = {"AMBER_TOOLS": "upload_file,list_files", "AMBER_MAX_LIST_ENTRIES": "2"}
        async with connect(canned.settings(**tools)) as client:
            schema = (await client.list_tools()).tools[1].output_schema
            none = await client.call_tool("list_files", {})
            for name in ("a.txt", "b.txt"):
                await upload(client, name)
            both = await client.call_tool("list_files", {})
            await upload(client, "![x](evil.example).txt", b"12345")
            cut = await client.call_tool("list_files", {})
    assert text_of(none) == "No upload is remembered."
    assert structured(both)["truncated"] is False
    listed = structured(cut)
    validate(listed, schema)
    assert [each["file_id"] for each in listed["files"]] == ["f2", "f1"]
    assert listed["truncated"] is True
    first, second, notice = text_of(cut).splitlines()
    assert re.fullmatch(rf"- f2: .*\.txt \(5 bytes, {TIME}\)", first)
    assert "](" not in first
    assert re.fullmatch(rf"- f1: b\.txt \(1 bytes, {TIME}\)", second)
    assert "AMBER_MAX_LIST_ENTRIES" in notice


async def test_without_a_tenant_nothing_is_listed(connect: Connect) -> None:
    async with connect(Settings.from_environment({"AMBER_TOOLS": "list_files"})) as client:
        failure(await client.call_tool("list_files", {}), "not_configured")
