"""What is in Redis is encrypted, with keys that can be changed."""

import anyio
import pytest
from redis.asyncio import Redis

from amber_mcp.errors import NotConfigured
from amber_mcp.storage.base import Key
from amber_mcp.storage.encryption import Keyring
from tests.storage.servers import CALLER, KEY, OTHER_KEY, PLACE, TTL, RedisServer, client_of, opened


async def dump(server: RedisServer) -> bytes:
    """All that stands in the server: names and values."""
    content = []
    async with client_of(server) as client:
        for name in await client.keys():
            content.append(name)
            match await client.type(name):
                case b"string":
                    content.append(await client.get(name))
                case b"hash":
                    content += [
                        part for pair in (await client.hgetall(name)).items() for part in pair
                    ]
                case b"zset":
                    content += await client.zrange(name, 0, -1)
    return b"\n".join(content)


async def entries(client: Redis) -> set[bytes]:
    """The names of the hashes that are conversations."""
    return set(await client.keys("amber-mcp:conversation:*")) - set(await client.keys("*:index"))


async def test_nothing_stands_there_in_plain_and_all_of_it_ends(server: RedisServer) -> None:
    async with opened(server.url) as store:
        secret = await store.secret()
        for key in (PLACE, Key("upload", CALLER, "the id")):
            await store.put(key, {"question": "the text"}, ttl=TTL)
            await store.append(key, "the text", {"answer": "the text"}, ttl=TTL)
    content = await dump(server)
    for plain in (b"the text", b"question", b"the caller", b"the id", secret):
        assert plain not in content
    async with client_of(server) as client:
        names = await client.keys()
        assert len(names) == 5 + 2  # two tokens, of what was appended
        for name in names:
            assert name.startswith(b"amber-mcp:")
            assert (0 < await client.ttl(name) <= TTL) is (name != b"amber-mcp:secret")


async def test_another_key_is_told_and_decrypts_nothing(server: RedisServer) -> None:
    async with opened(server.url) as store:
        await store.secret()
        await store.put(PLACE, "record", ttl=TTL)
        await store.append(PLACE, "item", ttl=TTL)
    async with opened(server.url, OTHER_KEY) as store:
        for work in (store.get(PLACE), store.items(PLACE), store.secret(),
                     store.ids("conversation", CALLER)):  # fmt: skip
            with pytest.raises(NotConfigured, match="AMBER_STATE_KEY does not decrypt"):
                await work


async def test_keys_are_changed_without_losing_anything(server: RedisServer) -> None:
    async with opened(server.url, KEY) as store:
        secret = await store.secret()
        await store.append(PLACE, "old", ttl=TTL)
    async with opened(server.url, f"{OTHER_KEY},{KEY}") as store:
        assert await store.secret() == secret
        await store.append(PLACE, "new", ttl=TTL)
        assert await store.items(PLACE) == ["old", "new"]
    async with opened(server.url, OTHER_KEY) as store:
        assert await store.secret() == secret
        assert await store.items(PLACE, 1) == ["new"]
        assert await store.ids("conversation", CALLER) == ["the id"]
        with pytest.raises(NotConfigured, match="AMBER_STATE_KEY"):
            await store.items(PLACE)


async def test_a_value_that_was_changed_or_moved_is_told(server: RedisServer) -> None:
    other = Key("conversation", CALLER, "other")
    async with opened(server.url) as store, client_of(server) as client:
        await store.put(PLACE, "mine", ttl=TTL)
        (name,) = await entries(client)
        encrypted = await client.hget(name, "record")
        await store.put(other, "other", ttl=TTL)
        (other_name,) = await entries(client) - {name}
        flipped = encrypted[:-1] + bytes([encrypted[-1] ^ 1])
        for damaged in (encrypted[:-1], flipped, encrypted[:12], b"", b"x"):
            await client.hset(name, "record", damaged)
            with pytest.raises(NotConfigured, match="AMBER_STATE_KEY does not decrypt"):
                await store.get(PLACE)
        await client.hset(other_name, "record", encrypted)
        with pytest.raises(NotConfigured, match="it was changed there"):
            await store.get(other)


def test_the_same_value_never_looks_the_same() -> None:
    keyring = Keyring([b"k" * 32])
    encrypted = {keyring.encrypt(b"value", b"place") for _ in range(100)}
    assert len(encrypted) == 100
    assert {keyring.decrypt(each, b"place") for each in encrypted} == {b"value"}


async def test_the_index_of_ids_does_not_grow_with_what_has_expired(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        await store.put(PLACE, "lives", ttl=TTL)
        lives = await entries(client)
        for number in range(50):
            await store.put(Key("conversation", CALLER, str(number)), "record", ttl=0.001)
        with anyio.fail_after(20):
            while await entries(client) != lives:  # noqa: ASYNC110  # Redis tells nobody
                await anyio.sleep(0.001)
        await store.put(PLACE, "lives", ttl=TTL)
        for number in range(25):
            await store.put(Key("conversation", CALLER, f"new {number}"), "record", ttl=TTL)
        (index,) = await client.keys("*:index")
        assert await client.zcard(index) == 26
