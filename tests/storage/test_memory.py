"""State in the process: bounded."""

from pathlib import Path

from amber_mcp.storage.base import Key
from amber_mcp.storage.memory import MAX_BYTES, MAX_KEYS, MemoryStore


def key(number: int) -> Key:
    return Key("conversation", "c", str(number))


async def test_ten_thousand_are_kept_and_the_least_recently_written_goes_first() -> None:
    store = MemoryStore()
    for number in range(MAX_KEYS):
        await store.append(key(number), {"text": "x"}, ttl=60)
    await store.get(key(1))
    await store.put(key(0), "written again", ttl=60)
    for number in range(MAX_KEYS, MAX_KEYS + 50):
        await store.put(key(number), "too many", ttl=60)
    ids = await store.ids("conversation", "c")
    assert len(ids) == MAX_KEYS
    assert (ids[0], ids[50], ids[-1]) == ("10049", "0", "51")
    assert await store.items(key(1)) == []
    assert not await store.append(key(1), "goes on", ttl=60, create=False)
    assert await store.items(key(0)) == [{"text": "x"}]


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
