"""The contract of a backend: one suite, for each of them."""

from typing import Any

import anyio
import pytest
from pydantic import JsonValue

from amber_mcp.storage.backends import open_store
from amber_mcp.storage.base import Key, Store
from tests.storage.places import Place

TTL = 60
SHORT = 0.2


async def test_each_backend_is_opened_by_its_name_and_errors_come_out_as_they_are(
    place: Place,
) -> None:
    with pytest.raises(LookupError, match="as it is"):
        async with open_store(place.settings) as store:
            assert type(store).__name__.lower() == f"{place.name}store"
            await store.put(place.key(), {"a": 1}, ttl=TTL)
            assert await store.get(place.key()) == {"a": 1}
            raise LookupError("as it is")


async def test_of_many_who_add_at_once_one_succeeds(place: Place, store: Store) -> None:
    added: list[int] = []

    async def add(number: int) -> None:
        if await store.add(place.key(), number, ttl=TTL):
            added.append(number)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(add, number)
    assert [await store.get(place.key())] == added


async def test_what_was_read_is_a_copy(place: Place, store: Store) -> None:
    given: dict[str, JsonValue] = {"list": [1]}
    await store.put(place.key(), given, ttl=TTL)
    given["list"] = []
    read: Any = await store.get(place.key())
    read["list"].append(2)
    assert await store.get(place.key()) == {"list": [1]}


async def test_of_many_who_replace_one_record_one_succeeds(place: Place, store: Store) -> None:
    old: JsonValue = {"run": "ä", "started": 1.5}
    assert not await store.replace(place.key(), old, "new", ttl=TTL)
    await store.put(place.key(), old, ttl=TTL)
    assert not await store.replace(place.key(), {**old, "started": 1.0}, "new", ttl=TTL)
    replaced: list[int] = []

    async def replace(number: int) -> None:
        if await store.replace(place.key(), old, number, ttl=TTL):
            replaced.append(number)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(replace, number)
    assert [await store.get(place.key())] == replaced


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 2**62, 1.5, "", "NUL \0 here", "🏳️‍🌈 שלום عالم", "a\r\nb\u2028c",
        {"": [[], {}, [None, {"x": {"y": 1e-300}}]]}, ["\ud7ff\ue000\uffff\U0010ffff"],
        "ä🙂" * 250_000,
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
async def test_any_json_comes_back(place: Place, store: Store, value: JsonValue) -> None:
    key = place.key("an id \0 with 🏳️‍🌈 %s:'\"*?[")
    await store.put(key, value, ttl=TTL)
    await store.append(key, value, {"in": value}, ttl=TTL)
    assert await store.get(key) == value
    assert await store.items(key) == [value, {"in": value}]
    assert await store.ids("conversation", place.caller) == [key.id]


async def test_of_a_list_that_is_deleted_meanwhile_nothing_is_left(
    place: Place, store: Store
) -> None:
    async def append(number: int) -> None:
        await store.append(place.key(), number, ttl=TTL, create=False)

    await store.append(place.key(), "first", ttl=TTL)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(append, number)
                if number == 25:
                    tasks.start_soon(store.delete, place.key())
    assert await store.items(place.key()) == []


async def test_what_has_expired_is_gone_and_each_write_gives_an_entry_its_time(
    place: Place, store: Store
) -> None:
    expires, is_put, is_appended = map(place.key, "123")
    for key in (expires, is_put, is_appended):
        await store.put(key, "record", ttl=SHORT)
        await store.append(key, "item", ttl=SHORT)
    await store.append(is_appended, "again", ttl=TTL, create=False)
    await store.put(is_put, "again", ttl=TTL)
    await store.put(expires, "again", ttl=SHORT)
    await place.later(SHORT + 0.05)
    assert await store.get(expires) is None
    assert await store.items(expires) == []
    assert not await store.append(expires, "goes on", ttl=TTL, create=False)
    assert (await store.get(is_put), await store.items(is_put)) == ("again", ["item"])
    assert await store.get(is_appended) == "record"
    assert await store.items(is_appended) == ["item", "again"]
    assert await store.ids("conversation", place.caller) == ["2", "3"]
    assert await store.add(expires, "anew", ttl=TTL)
    await store.append(expires, "first", ttl=TTL)
    assert await store.items(expires) == ["first"]


async def test_parts_that_are_the_same_once_joined_never_meet(store: Store) -> None:
    await store.put(Key("run", "ab", "c"), "ab, c", ttl=TTL)
    assert await store.get(Key("run", "a", "bc")) is None
    assert await store.ids("run", "a") == []


async def test_calls_cancelled_at_any_moment_do_no_harm(place: Place, store: Store) -> None:
    async def cancelled(number: int) -> None:
        with anyio.move_on_after(number / 10_000):
            await store.put(place.key(f"put {number}"), number, ttl=TTL)
            await store.append(place.key(), number, number, ttl=TTL)
            await store.ids("conversation", place.caller)
            assert await store.get(place.key(f"put {number}")) == number

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(150):
                tasks.start_soon(cancelled, number)
        items = await store.items(place.key())
    assert items[::2] == items[1::2]
    assert len({str(item) for item in items}) == len(items) / 2
