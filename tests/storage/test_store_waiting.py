"""The contract of a backend: waiting for a list to grow."""

import math

import anyio
import pytest

from amber_mcp.storage.base import Store
from tests.storage.places import Place, until, waiting

TTL = 60


async def test_a_wait_for_what_is_there_ends_at_once_and_another_can_be_cancelled(
    place: Place, store: Store
) -> None:
    await store.append(place.key(), 1, 2, ttl=TTL)
    with anyio.fail_after(10):
        await store.wait(place.key(), 0)
        await store.wait(place.key(), 1)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(store.wait, place.key(), 2)
            await until(lambda: waiting(store) == 20)
            tasks.cancel_scope.cancel()
        assert not waiting(store)
        await store.append(place.key(), 3, ttl=TTL)
        await store.wait(place.key(), 2)


async def test_all_who_wait_wake_at_once_when_the_list_has_grown(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(store), "poll_seconds", math.inf)
    woken: list[int] = []

    async def wait(seen: int) -> None:
        await store.wait(place.key(), seen)
        woken.append(seen)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for seen in (0, 0, 1, 2):
                tasks.start_soon(wait, seen)
            await until(lambda: waiting(store) == 4)
            await store.append(place.key("another"), 1, ttl=TTL)
            await store.append(place.key(), 1, ttl=TTL)
            await until(lambda: len(woken) == 2)
            await anyio.sleep(0.05)
            assert woken == [0, 0]
            await store.append(place.key(), 2, 3, ttl=TTL)
    assert sorted(woken) == [0, 0, 1, 2]
    assert not waiting(store)
