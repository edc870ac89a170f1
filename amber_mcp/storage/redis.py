"""State in Redis: any number of replicas share it.

The names there are hashes, and all values, ids included, are encrypted: whoever reads Redis sees
how much there is of which kind, and when it was written, but not of whom or what.
"""

import secrets
from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue
from pydantic_core import to_json

from .base import Key, Kind, Store, decode, hash_of
from .encryption import Keyring
from .redis_client import RedisClient
from .redis_scripts import APPEND, IDS, ITEMS, SET

_PREFIX = "amber-mcp:"
_SECRET = f"{_PREFIX}secret"


class RedisStore(Store):
    """Every method is one command or one script."""

    poll_seconds: ClassVar[float] = 0.4

    def __init__(self, client: RedisClient, keyring: Keyring) -> None:
        super().__init__()
        self._client = client
        self._keyring = keyring
        self._known_secret = b""
        self._set, self._append, self._items, self._ids = map(
            client.redis.register_script, (SET, APPEND, ITEMS, IDS)
        )

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        keys = [_entry(key), _index(key.kind, key.caller), _token()]
        return await self._write(keys, key, record, ttl)

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        keys = [_entry(key), _index(key.kind, key.caller)]
        await self._write(keys, key, record, ttl)

    async def replace(self, key: Key, old: JsonValue, record: JsonValue, *, ttl: float) -> bool:
        encrypted = await self._client.command("HGET", _entry(key), "record")
        if encrypted is None or self._decrypt(encrypted, key, "record") != old:
            return False
        keys = [_entry(key), _index(key.kind, key.caller)]
        arguments = [*self._id_and_ttl(key, ttl), self._encrypt(record, key, "record"), encrypted]
        return bool(await self._client.run(lambda: self._set(keys, arguments)))

    async def get(self, key: Key) -> JsonValue:
        encrypted = await self._client.command("HGET", _entry(key), "record")
        return None if encrypted is None else self._decrypt(encrypted, key, "record")

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        keys = [_entry(key), _index(key.kind, key.caller), _token()]
        encrypted = [self._encrypt(item, key, "item") for item in items]
        arguments = [*self._id_and_ttl(key, ttl), int(create), *encrypted]
        is_added = bool(await self._client.run(lambda: self._append(keys, arguments)))
        if is_added:
            self._notify(key)
        return is_added

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        found = await self._client.run(lambda: self._items([_entry(key)], [start]))
        return [self._decrypt(encrypted, key, "item") for encrypted in found]

    async def delete(self, key: Key) -> None:
        # Its name in the index goes with those of what has expired.
        await self._client.command("UNLINK", _entry(key))

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
            # A server that was emptied gets the one that callers are known by.
            fresh = self._keyring.encrypt(self._known_secret or secrets.token_bytes(32), place)
            await self._client.command("SET", _SECRET, fresh, "NX")
            encrypted = await self._client.command("GET", _SECRET)
        secret = self._keyring.decrypt(encrypted, place)
        if not self._keyring.is_of_the_first_key(encrypted):
            await self._client.command("SET", _SECRET, self._keyring.encrypt(secret, place))
        self._known_secret = secret
        return secret

    async def _write(self, keys: list[str], key: Key, record: JsonValue, ttl: float) -> bool:
        arguments = [*self._id_and_ttl(key, ttl), self._encrypt(record, key, "record")]
        return bool(await self._client.run(lambda: self._set(keys, arguments)))

    def _id_and_ttl(self, key: Key, ttl: float) -> list[bytes | int]:
        encrypted = self._keyring.encrypt(key.id.encode(), _entry(key).encode())
        return [encrypted, max(1, round(ttl * 1000))]

    def _encrypt(self, value: JsonValue, key: Key, part: str) -> bytes:
        return self._keyring.encrypt(to_json(value), f"{_entry(key)}:{part}".encode())

    def _decrypt(self, encrypted: bytes, key: Key, part: str) -> JsonValue:
        return decode(self._keyring.decrypt(encrypted, f"{_entry(key)}:{part}".encode()))


def _entry(key: Key) -> str:
    return f"{_PREFIX}{key.kind}:{hash_of(key.kind, key.caller, key.id)}"


def _index(kind: Kind, caller: str) -> str:
    """The name of the sorted set of a caller's entries of one kind."""
    return f"{_PREFIX}{kind}:{hash_of(kind, caller)}:index"


def _token() -> str:
    return f"{_PREFIX}token:{secrets.token_urlsafe(18)}"
