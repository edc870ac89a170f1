"""What another version has kept: it costs itself alone, in both eras, and nothing of it is told."""

from pathlib import Path

import pytest
from mcp.types import INTERNAL_ERROR

from amber_mcp.app import open_app
from amber_mcp.config.settings import Settings
from amber_mcp.storage.base import Key, Kind
from tests.files.test_remembered_uploads import files, upload
from tests.resources.test_listing import ask
from tests.resources.test_reading import refusal
from tests.runs.test_run_agent import TASK, run_agent
from tests.test_server import Connect, connect, failure
from tests.upstream import Canned, completion

__all__ = ["connect"]

ODD = {"odd": "what somebody asked"}


async def keep(settings: Settings, kind: Kind, name: str, *, in_a_list: bool = False) -> None:
    """Keep an odd record, or a list that holds one."""
    async with open_app(settings) as app:
        key = Key(kind, await app.caller(), name)
        if in_a_list:
            await app.store.append(key, {**ODD}, ttl=60)
        else:
            await app.store.put(key, {**ODD}, ttl=60)


async def test_one_odd_record_costs_itself_alone(
    connect: Connect, upstream: Canned, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with upstream(completion("Because.")) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_STATE=f"sqlite:{tmp_path}/state.db")
        async with connect(settings) as client:
            talk = await ask(client, "Why?")
            await run_agent(client, **TASK)
            before = [each.uri for each in (await client.list_resources()).resources]
            assert f"amber://conversations/{talk}" in before
            await keep(settings, "conversation", "conv_odd", in_a_list=True)
            await keep(settings, "run", "run_odd")
            listed = [each.uri for each in (await client.list_resources()).resources]
            told = [
                await refusal(client, f"amber://{odd}")
                for odd in ("conversations/conv_odd", "runs/run_odd")
            ]
            asked = {"question": "And?", "conversation_id": "conv_odd"}
            failed = failure(await client.call_tool("ask_amber", asked), "internal_error")
    assert listed == before
    for error in told:
        assert error.code == INTERNAL_ERROR
        assert "_odd' was kept by another version of amber-mcp" in error.message
        assert "AMBER_STATE_TTL" in error.message
    assert "was kept by another version" in failed
    assert "somebody" not in caplog.text
    warned = {
        (record.__dict__["kind"], record.__dict__["id"])
        for record in caplog.records
        if record.msg == "not listed"
    }
    assert warned == {("conversation", "conv_odd"), ("run", "run_odd")}


async def test_a_run_with_an_odd_end_is_told_so(
    connect: Connect, upstream: Canned, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with upstream(completion("Because.")) as canned:
        settings = canned.settings(AMBER_MODEL="m", AMBER_STATE=f"sqlite:{tmp_path}/state.db")
        about = {"agent": "a", "task": "Go.", "fingerprint": "f", "started": 1.0}
        end = {"status": "completed", "ended": 2.0, "result": {"answer": [ODD["odd"]]}}
        async with open_app(settings) as app:
            key = Key("run", await app.caller(), "run_odd")
            await app.store.put(key, {**about}, ttl=60)
            await app.store.append(key, {**end}, ttl=60)
        async with connect(settings) as client:
            error = await refusal(client, "amber://runs/run_odd")
    assert "'run_odd' was kept by another version" in error.message
    assert "somebody" not in caplog.text


async def test_one_odd_upload_costs_itself_alone(
    connect: Connect, upstream: Canned, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with upstream(completion("", id="f1")) as canned:
        settings = canned.settings(AMBER_STATE=f"sqlite:{tmp_path}/state.db")
        async with connect(settings) as client:
            await upload(client, "a.txt")
            await keep(settings, "upload", "f_odd")
            assert [each["file_id"] for each in (await files(client))["files"]] == ["f1"]
    (record,) = [each for each in caplog.records if each.msg == "upload not listed"]
    assert "'f_odd'" in record.__dict__["cause"]
    assert "somebody" not in caplog.text
