"""`file_ids` by name, in both eras: what goes to amber."""

import json
import re
import unicodedata

import pytest
from mcp import Client
from starlette.responses import JSONResponse

from tests.files.test_remembered_uploads import upload
from tests.storage.failures import TROUBLES, failing
from tests.test_server import Connect, connect, failure, structured
from tests.upstream import Canned, Upstream, completion

__all__ = ["connect"]

ASK = ("ask_amber", {"question": "Why?"})
RUN = ("run_agent", {"task": "Go.", "agent": "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"})
IDS = [JSONResponse({"id": f"f{number}"}) for number in range(4)]
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"

both_tools = pytest.mark.parametrize(("tool", "arguments"), [ASK, RUN], ids=["ask", "run"])


def files_sent(canned: Upstream) -> list[list[str]]:
    completions = [json.loads(seen.body) for seen in canned.seen if b'"messages"' in seen.body]
    return [body["metadata"]["files"] for body in completions]


async def upload_all(client: Client) -> None:
    for name in ("Prüfung.pdf", "memo.txt", "f1", "Memo.txt"):
        await upload(client, name)


@both_tools
async def test_a_name_that_one_upload_has_is_sent_as_its_id(
    connect: Connect, upstream: Canned, tool: str, arguments: dict[str, str]
) -> None:
    given = [unicodedata.normalize("NFD", "prüfung.PDF"), "f1", "unknown.txt"]
    async with upstream(*IDS, completion("So.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            await upload_all(client)
            answered = await client.call_tool(tool, {**arguments, "file_ids": given})
            talk = {"conversation_id": structured(answered)["conversation_id"]}
            structured(await client.call_tool(tool, {**arguments, **talk, "file_ids": ["f3"]}))
    sent = ["f0", "f1", "unknown.txt"]
    assert files_sent(canned) == [sent, [*sent, "f3"]]


@both_tools
async def test_a_name_that_several_have_is_told_with_their_ids(
    connect: Connect, upstream: Canned, tool: str, arguments: dict[str, str]
) -> None:
    async with upstream(*IDS, completion("So.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            await upload_all(client)
            asked = await client.call_tool(tool, {**arguments, "file_ids": ["memo.txt"]})
    told = failure(asked, "invalid_request")
    assert re.search(rf"'memo.txt', and 2 uploads .*: f3 \({TIME}\), f1 \({TIME}\)\.", told)
    assert files_sent(canned) == []


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_where_the_state_is_out_of_order_ids_are_passed_on(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.ids", failing(trouble))
    monkeypatch.setattr("amber_mcp.storage.base._DEADLINE_SECONDS", 0.1)
    async with upstream(completion("So.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            structured(await client.call_tool("ask_amber", {**ASK[1], "file_ids": ["f9"]}))
    assert files_sent(canned) == [["f9"]]
