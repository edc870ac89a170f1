"""State in the process: bounded."""

from pathlib import Path

import pytest

from amber_mcp.conversations.records import Conversations, Turn
from amber_mcp.errors import NotFound
from amber_mcp.storage.base import Key
from amber_mcp.storage.memory import MAX_BYTES, MAX_KEYS, MemoryStore


def key(number: int) -> Key:
    return Key("conversation", "c", str(number))


async def test_ten_thousand_are_kept_and_the_least_recently_written_goes_first() -> None:
    store = MemoryStore()
    for number in range(10_000):
        await store.append(key(number), {"text": "x"}, ttl=60)
    await store.get(key(1))
    await store.put(key(0), "written again", ttl=60)
    await store.put(key(10_000), "one too many", ttl=60)
    ids = await store.ids("conversation", "c")
    assert len(ids) == 10_000
    assert ids[:2] == ["10000", "0"]
    assert "1" not in ids
    assert await store.items(key(1)) == []
    assert await store.items(key(0)) == [{"text": "x"}]


async def test_of_more_conversations_than_are_kept_the_least_recently_written_are_gone() -> None:
    conversations = Conversations(MemoryStore(), ttl=60)
    begun = Turn(question="Why?", answer="Because.", origin="company")
    ids = [f"conv_{number}" for number in range(MAX_KEYS + 50)]
    for number, talk in enumerate(ids):
        await conversations.add("c", talk, begun, is_new=True)
        if number == MAX_KEYS - 1:
            await conversations.load("c", ids[1])
            await conversations.add("c", ids[0], begun, is_new=False)
    gone = []
    for talk in ids:
        try:
            await conversations.load("c", talk)
        except NotFound:
            gone.append(talk)
    assert gone == ids[1:51]
    with pytest.raises(NotFound):
        await conversations.add("c", gone[0], begun, is_new=False)


def test_the_bound_is_stated() -> None:
    told = (Path(__file__).parents[2] / "docs" / "state.md").read_text()
    assert f"At most {MAX_KEYS:,} conversations" in told
    assert f"{MAX_BYTES // 1024**2} MiB together" in told


async def test_large_ones_are_bounded_together() -> None:
    store = MemoryStore(max_bytes=1000)
    for number in range(5):
        await store.put(key(number), "x" * 300, ttl=60)
    assert await store.ids("conversation", "c") == ["4", "3", "2"]
    await store.append(key(2), "x" * 600, ttl=60)
    assert await store.ids("conversation", "c") == ["2"]
    await store.put(key(2), "small", ttl=60)
    await store.delete(key(2))
    assert store._size == 0
