"""Which resources are listed: the fixed ones, and the caller's latest conversations."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from mcp import Client

from amber_mcp.resources.listing import MOST_LISTED
from amber_mcp.settings import Settings
from amber_mcp.state.store import StateUnavailable
from tests.planted import KEY
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
    assert latest.title == f"Why is[31m it{' so' * 22}…"
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


@pytest.mark.parametrize("trouble", ["unavailable", "unforeseen", "hanging"])
async def test_without_the_state_the_fixed_ones_are_listed(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: str,
) -> None:
    async def fails(*_: object) -> None:
        if trouble == "hanging":
            await anyio.sleep_forever()
        if trouble == "unforeseen":
            raise ValueError("an inner matter")
        raise StateUnavailable("the home of the state is out of order")

    monkeypatch.setattr("amber_mcp.state.memory.MemoryStore.ids", fails)
    monkeypatch.setattr("amber_mcp.resources.listing._SECONDS", 0.1)
    async with connect(Settings()) as client:
        assert [each.uri for each in (await client.list_resources()).resources] == FIXED
    (record,) = [each for each in caplog.records if each.msg == "latest resources not listed"]
    assert record.levelname == ("ERROR" if trouble == "unforeseen" else "WARNING")
