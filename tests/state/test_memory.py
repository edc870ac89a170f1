"""State in the process: bounded."""

from amber_mcp.state.memory import MemoryStore
from amber_mcp.state.store import Key


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


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


async def test_what_nobody_reads_again_is_removed_all_the_same() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    for number in range(10):
        await store.put(key(number), "record", ttl=10)
        await store.append(key(number), "item", ttl=20)
    clock.now = 100
    await store.put(key(10), "later", ttl=10)
    assert list(store._kept) == [key(10)]
    assert store._size == len('"later"')
