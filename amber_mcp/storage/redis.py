"""State in Redis: any number of replicas share it.

The names there are hashes, and all values, ids included, are encrypted: whoever reads Redis sees
how much there is of which kind, and when it was written, but not of whom or what.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import ClassVar

import anyio
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from .base import Key, Kind, Store
from .encryption import Keyring
from .redis_client import RedisClient
from .redis_scripts import ADD, APPEND, DELETE, IDS, ITEMS, PUT

_PREFIX = "amber-mcp:"
_SECRET = f"{_PREFIX}secret"


@asynccontextmanager
async def open_redis(client: RedisClient, keyring: Keyring) -> AsyncIterator["RedisStore"]:
    """The state in a Redis server, which need not be there yet."""
    try:
        yield RedisStore(client, keyring)
    finally:
        with anyio.move_on_after(1, shield=True):
            await client.aclose()


class RedisStore(Store):
    """Every method is one command or one script. Opened by `open_redis`."""

    poll_seconds: ClassVar[float] = 0.4

    def __init__(self, client: RedisClient, keyring: Keyring) -> None:
        super().__init__()
        self._client = client
        self._keyring = keyring
        self._add, self._put, self._append, self._items, self._delete, self._ids = map(
            client.redis.register_script, (ADD, PUT, APPEND, ITEMS, DELETE, IDS)
        )

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        keys = [_entry(key), _index(key.kind, key.caller), _token()]
        arguments = [*self._id_and_ttl(key, ttl), self._encrypt(record, key, "record")]
        return bool(await self._client.run(lambda: self._add(keys, arguments)))

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        keys = [_entry(key), _index(key.kind, key.caller)]
        arguments = [*self._id_and_ttl(key, ttl), self._encrypt(record, key, "record")]
        await self._client.run(lambda: self._put(keys, arguments))

    async def get(self, key: Key) -> JsonValue:
        encrypted = await self._client.command("HGET", _entry(key), "record")
        return None if encrypted is None else self._decrypt(encrypted, key, "record")

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        keys = [_entry(key), _index(key.kind, key.caller), _token()]
        encrypted = [self._encrypt(item, key, "item") for item in items]
        arguments = [*self._id_and_ttl(key, ttl), int(create), *encrypted]
        is_added = bool(await self._client.run(lambda: self._append(keys, arguments)))
        if is_added:
            self._notifier.notify(key)
        return is_added

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        found = await self._client.run(lambda: self._items([_entry(key)], [start]))
        return [self._decrypt(encrypted, key, "item") for encrypted in found]

    async def length(self, key: Key) -> int:
        return int(await self._client.command("HGET", _entry(key), "length") or 0)

    async def delete(self, key: Key) -> None:
        keys = [_entry(key), _index(key.kind, key.caller)]
        await self._client.run(lambda: self._delete(keys))

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        found = await self._client.run(lambda: self._ids([_index(kind, caller)]))
        return [
            self._keyring.decrypt(encrypted, entry).decode()
            for entry, encrypted in zip(found[::2], found[1::2], strict=True)
        ]

    async def secret(self) -> bytes:
        place = _SECRET.encode()
        encrypted = await self._client.command("GET", _SECRET)
        if encrypted is None:
            fresh = self._keyring.encrypt(secrets.token_bytes(32), place)
            await self._client.command("SET", _SECRET, fresh, "NX")
            encrypted = await self._client.command("GET", _SECRET)
        secret = self._keyring.decrypt(encrypted, place)
        if not self._keyring.is_of_the_first_key(encrypted):
            await self._client.command("SET", _SECRET, self._keyring.encrypt(secret, place))
        return secret

    def _id_and_ttl(self, key: Key, ttl: float) -> list[bytes | int]:
        encrypted = self._keyring.encrypt(key.id.encode(), _entry(key).encode())
        return [encrypted, max(1, round(ttl * 1000))]

    def _encrypt(self, value: JsonValue, key: Key, part: str) -> bytes:
        return self._keyring.encrypt(to_json(value), f"{_entry(key)}:{part}".encode())

    def _decrypt(self, encrypted: bytes, key: Key, part: str) -> JsonValue:
        content = self._keyring.decrypt(encrypted, f"{_entry(key)}:{part}".encode())
        value: JsonValue = from_json(content)
        return value


def _entry(key: Key) -> str:
    return f"{_PREFIX}{key.kind}:{_hash(key.kind, key.caller, key.id)}"


def _index(kind: Kind, caller: str) -> str:
    """The name of the sorted set of a caller's entries of one kind."""
    return f"{_PREFIX}{kind}:{_hash(kind, caller)}:index"


def _token() -> str:
    return f"{_PREFIX}token:{secrets.token_urlsafe(18)}"


def _hash(*parts: str) -> str:
    digest = blake2b(digest_size=18)
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return urlsafe_b64encode(digest.digest()).decode()
