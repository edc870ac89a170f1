"""Which resources are listed: the fixed ones, and the caller's latest conversations."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from mcp import Client

from amber_mcp.app import open_app
from amber_mcp.config.settings import Settings
from amber_mcp.resources import TEMPLATES
from amber_mcp.resources.listing import MOST_LISTED
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.memory import MemoryStore
from tests.planted import KEY
from tests.storage.failures import TROUBLES, failing
from tests.test_server import Connect, connect, structured
from tests.upstream import Canned, completion

__all__ = ["connect"]

FIXED = ["amber://models", "amber://agents", "amber://files"]


async def ask(client: Client, question: str, talk: str = "") -> str:
    arguments = {"question": question, "conversation_id": talk}
    answered = structured(await client.call_tool("ask_amber", arguments))
    return str(answered["conversation_id"])


async def test_the_latest_conversations_are_listed_by_their_first_question(
    connect: Connect, upstream: Canned
) -> None:
    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            first = await ask(client, f"Why\nis\x1b[31m it {'so ' * 50}?")
            second = await ask(client, "What?")
            await ask(client, "And then?", first)
            listed = (await client.list_resources()).resources
    assert [each.uri for each in listed[:3]] == FIXED
    latest, other = listed[3:]
    assert latest.uri == f"amber://conversations/{first}"
    assert other.uri == f"amber://conversations/{second}"
    assert latest.title == f"Why is it{' so' * 23}…"
    assert other.title == "What?"
    assert latest.description == "A conversation with amber: 2 turns."
    assert other.description == "A conversation with amber: 1 turn."
    assert latest.mime_type == "text/markdown"
    assert latest.annotations is not None
    assert latest.annotations.last_modified is not None
    modified = datetime.fromisoformat(latest.annotations.last_modified)
    assert datetime.now(UTC) - modified < timedelta(minutes=1)


async def test_the_list_is_bounded(connect: Connect, upstream: Canned) -> None:
    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            talks = [await ask(client, f"{n}?") for n in range(MOST_LISTED + 2)]
            listed = await client.list_resources()
    assert listed.next_cursor is None
    conversations = [each.uri for each in listed.resources[3:]]
    expected = [f"amber://conversations/{talk}" for talk in reversed(talks)][:MOST_LISTED]
    assert conversations == expected


async def test_another_caller_s_conversations_are_not_listed(
    connect: Connect, upstream: Canned, tmp_path: object
) -> None:
    state = f"sqlite:{tmp_path}/state.db"
    async with upstream(completion("Because.")) as canned:
        one = canned.settings(AMBER_MODEL="m", AMBER_STATE=state)
        other = canned.settings(AMBER_MODEL="m", AMBER_STATE=state, AMBER_API_KEY=f"{KEY}2")
        async with connect(one) as client:
            await ask(client, "Why?")
            assert len((await client.list_resources()).resources) == 4
        async with connect(other) as client:
            assert len((await client.list_resources()).resources) == 3


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_without_the_state_the_fixed_ones_are_listed(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.ids", failing(trouble))
    monkeypatch.setattr("amber_mcp.resources.listing._SECONDS", 0.1)
    async with connect(Settings()) as client:
        assert [each.uri for each in (await client.list_resources()).resources] == FIXED
    records = [each for each in caplog.records if each.msg == "latest resources not listed"]
    assert {each.__dict__["kind"] for each in records} == {"conversation", "run"}
    assert len(records) == 2
    for record in records:
        assert record.levelname == ("ERROR" if trouble == "unforeseen" else "WARNING")


@pytest.mark.parametrize("trouble", ["hanging", "unavailable"])
@pytest.mark.parametrize("bound", ["_SECONDS", "AMBER_CALL_TIMEOUT"])
async def test_what_is_there_is_listed_though_the_rest_is_not(
    connect: Connect,
    upstream: Canned,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
    bound: str,
) -> None:
    items, slow = MemoryStore.items, set[str]()

    async def some(self: MemoryStore, key: Key, start: int = 0) -> object:
        if key.id in slow:
            if trouble == "hanging":
                await anyio.sleep_forever()
            raise StorageUnavailable("the home of the state is out of order")
        return await items(self, key, start)

    monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.items", some)
    seconds = 0.3 if bound == "_SECONDS" else 1000
    monkeypatch.setattr("amber_mcp.resources.listing._SECONDS", seconds)
    async with upstream(completion("Because.")) as canned:
        limit = "0.3" if bound == "AMBER_CALL_TIMEOUT" else "50"
        settings = canned.settings(AMBER_MODEL="m", AMBER_CALL_TIMEOUT=limit)
        async with connect(settings) as client:
            talks = [await ask(client, f"{n}?") for n in range(3)]
            run = structured(await client.call_tool("run_agent", {"agent": "a", "task": "Go."}))
            slow.add(talks[0])
            listed = [each.uri for each in (await client.list_resources()).resources]
    assert f"amber://runs/{run['run_id']}" in listed
    assert f"amber://conversations/{talks[0]}" not in listed
    assert listed.index(f"amber://conversations/{talks[2]}") == len(FIXED) + 1
    (record,) = [each for each in caplog.records if each.msg == "latest resources not listed"]
    assert record.__dict__["kind"] == "conversation"
    assert record.__dict__["cause"] == ("timeout" if trouble == "hanging" else "internal_error")


async def test_what_ends_meanwhile_is_not_listed_and_not_told(
    connect: Connect,
    upstream: Canned,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def gone(*_: object) -> list[str]:
        return ["x_gone"]

    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.ids", gone)
            assert [each.uri for each in (await client.list_resources()).resources] == FIXED
    assert not [each for each in caplog.records if "not listed" in each.msg]


async def test_a_key_in_a_title_is_not_listed(
    connect: Connect, upstream: Canned, tmp_path: object
) -> None:
    about = {"agent": f"a {KEY}", "task": f"Use {KEY}.", "fingerprint": "f", "started": 1.0}
    async with upstream(completion("Because.")) as canned:
        settings = canned.settings(AMBER_STATE=f"sqlite:{tmp_path}/state.db")
        async with open_app(settings) as app:  # Whatever keeps it takes keys out; so does the list.
            await app.store.put(Key("run", await app.caller(), "run_1"), {**about}, ttl=60)
        async with connect(settings) as client:
            (listed,) = (await client.list_resources()).resources[len(FIXED) :]
    assert (listed.title, listed.description) == (
        "Use {hidden}.",
        "A run of the agent a {hidden}: lost.",
    )


async def test_the_state_is_asked_for_the_caller_once_a_kind(
    connect: Connect, upstream: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, asked = MemoryStore.secret, []

    async def counted(self: MemoryStore) -> bytes:
        asked.append("secret")
        return await secret(self)

    async with upstream(completion("Because.")) as canned:
        async with connect(canned.settings(AMBER_MODEL="m")) as client:
            for n in range(3):
                await ask(client, f"{n}?")
            monkeypatch.setattr("amber_mcp.storage.memory.MemoryStore.secret", counted)
            assert len((await client.list_resources()).resources) == len(FIXED) + 3
    assert len(asked) == len(TEMPLATES)
