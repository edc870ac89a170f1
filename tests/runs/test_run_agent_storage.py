"""`run_agent` and where its runs are kept: what is in it, and what becomes of a run without it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from amber_mcp.storage.base import StorageUnavailable
from amber_mcp.storage.memory import MemoryStore
from amber_mcp.storage.sqlite import SqliteStore
from tests.planted import KEY
from tests.runs.test_run_agent import TASK, half, run_agent, settings_of
from tests.test_server import Connect, connect, failure, structured
from tests.upstream import Canned, OrderedStream

__all__ = ["connect"]


async def test_no_key_is_kept_of_a_task(connect: Connect, upstream: Canned, tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    async with upstream(half) as canned:
        async with connect(settings_of(canned, AMBER_STATE=f"sqlite:{file}")) as client:
            task = f"Use {KEY} for it."
            run = structured(await run_agent(client, agent="a", task=task))
            await run_agent(client, run_id=run["run_id"], stop=True)
    kept = b"".join(each.read_bytes() for each in tmp_path.glob("state.db*"))
    assert b"Use {hidden} for it." in kept
    assert KEY.encode() not in kept


async def test_a_call_that_can_no_longer_read_says_how_to_go_on(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable("away")

    async with upstream(half) as canned:
        async with connect(settings_of(canned)) as client:
            with monkeypatch.context() as patch:
                patch.setattr(MemoryStore, "wait", away)
                told = failure(await run_agent(client, **TASK), "internal_error")
            run_id = told.partition("with run_id ")[2].split()[0]
            assert structured(await run_agent(client, run_id=run_id))["answer"] == "Half"


async def test_while_the_state_is_out_of_order_a_run_is_this_process_s_own(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StorageUnavailable("away")

    stream = OrderedStream()
    async with upstream(stream) as canned:
        settings = settings_of(canned, AMBER_STATE=f"sqlite:{tmp_path / 'state.db'}")
        async with connect(settings) as client:
            with monkeypatch.context() as patch:
                for method in ("secret", "put", "append", "get", "items"):
                    patch.setattr(SqliteStore, method, away)
                stream.send("One ")
                begun = structured(await run_agent(client, **TASK))
                assert (begun["status"], begun["answer"]) == ("running", "One ")
            stream.end("two")
            run = structured(await run_agent(client, run_id=begun["run_id"]))
            told = failure(await run_agent(client, run_id="run_x"), "not_found")
    assert (run["status"], run["answer"]) == ("completed", "One two")
    assert "there is no run 'run_x'" in told


async def test_a_run_of_this_process_is_not_lost_while_its_lease_is(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.runs.records.LEASE_SECONDS", 0.05)
    monkeypatch.setattr("amber_mcp.runs.task.HEARTBEAT_SECONDS", 60)
    async with upstream(half) as canned:
        async with connect(settings_of(canned)) as client:
            run = structured(await run_agent(client, **TASK))
            again = structured(await run_agent(client, run_id=run["run_id"]))
            equal = structured(await run_agent(client, **TASK))
    assert (run["status"], again["status"], equal["status"]) == ("running",) * 3
    assert equal["run_id"] == run["run_id"]
    assert len(canned.seen) == 1


async def test_a_heartbeat_that_is_late_is_no_loss_elsewhere(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("amber_mcp.runs.task.HEARTBEAT_SECONDS", 0.1)
    file = tmp_path / "state.db"
    async with upstream(half) as canned:
        settings = settings_of(canned, AMBER_STATE=f"sqlite:{file}")
        async with connect(settings) as one, connect(settings) as other:
            run = structured(await run_agent(one, **TASK))
            with closing(sqlite3.connect(file)) as database, database:
                database.execute("DELETE FROM entries WHERE kind = 'lease'")
            again = structured(await run_agent(other, run_id=run["run_id"]))
    assert again["status"] == "running"
