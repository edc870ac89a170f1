"""State in Redis: any number of replicas share it.

The names there are hashes, and all values, ids included, are sealed: whoever reads Redis sees how
much is kept of which kind, and when, but not for whom or what.
"""

import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b

import anyio
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from amber_mcp.process import background_tasks

from .base import Key, Kind, Store
from .encryption import Keyring
from .notifier import Notifier
from .redis_client import RedisClient
from .redis_scripts import ADD, APPEND, DELETE, IDS, PUT

_PREFIX = "amber-mcp:"
_SECRET = f"{_PREFIX}secret"
_APPENDED = f"{_PREFIX}appended"
_SECONDS_TO_SUBSCRIBE = 1.0
_SECONDS_OF_SILENCE = 10.0
_SECONDS_BETWEEN_LOOKS = 5.0
_SECONDS_BETWEEN_LOOKS_WHILE_DEAF = 0.5

_Word = str | bytes | int

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_redis(client: RedisClient, seals: Keyring) -> AsyncIterator["RedisStore"]:
    """The state in a Redis server, which need not be there yet."""
    store = RedisStore(client, seals)
    try:
        async with background_tasks() as tasks:
            tasks.start_soon(store.listen)
            yield store
    finally:
        with anyio.move_on_after(1, shield=True):
            await client.aclose()


class RedisStore(Store):
    """Every method is one command or one script. Opened by `open_redis`."""

    def __init__(self, client: RedisClient, seals: Keyring) -> None:
        self._client = client
        self._seals = seals
        self._add, self._put, self._append, self._delete, self._ids = map(
            client.redis.register_script, (ADD, PUT, APPEND, DELETE, IDS)
        )
        self._waiting = Notifier()
        self._anybody = anyio.Event()
        self._listening = anyio.Event()

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        keys, about = self._to_write(key, record, ttl)
        keys.append(_token())
        return bool(await self._client.run(lambda: self._add(keys, about)))

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        keys, about = self._to_write(key, record, ttl)
        await self._client.run(lambda: self._put(keys, about))

    async def get(self, key: Key) -> JsonValue:
        place = _record(_name(key))
        sealed = await self._client.command("GET", place)
        return None if sealed is None else self._opened(sealed, place)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        place = _items(_name(key))
        keys = [place, *_index(key.kind, key.caller), _token()]
        sealed = [self._seals.seal(to_json(item), place.encode()) for item in items]
        about = [*self._about(key, ttl), _APPENDED, int(create), *sealed]
        return bool(await self._client.run(lambda: self._append(keys, about)))

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        place = _items(_name(key))
        return [
            self._opened(sealed, place)
            for sealed in await self._client.command("LRANGE", place, start, -1)
        ]

    async def wait(self, key: Key, seen: int) -> None:
        name = _name(key)
        self._anybody.set()
        while True:
            with self._waiting.bell(name.encode()) as bell:
                with anyio.move_on_after(_SECONDS_TO_SUBSCRIBE):
                    await self._listening.wait()
                if await self._client.command("LLEN", _items(name)) > seen:
                    return
                with anyio.move_on_after(
                    _SECONDS_BETWEEN_LOOKS
                    if self._listening.is_set()
                    else _SECONDS_BETWEEN_LOOKS_WHILE_DEAF
                ):
                    await bell.wait()

    async def delete(self, key: Key) -> None:
        name = _name(key)
        keys = [_record(name), _items(name), *_index(key.kind, key.caller)]
        await self._client.run(lambda: self._delete(keys, [name]))

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        found = await self._client.run(lambda: self._ids(_index(kind, caller), [_PREFIX]))
        return [
            self._seals.open(sealed, name).decode()
            for name, sealed in zip(found[::2], found[1::2], strict=True)
        ]

    async def secret(self) -> bytes:
        place = _SECRET.encode()
        sealed = await self._client.command("GET", _SECRET)
        if sealed is None:
            fresh = self._seals.seal(secrets.token_bytes(32), place)
            await self._client.command("SET", _SECRET, fresh, "NX")
            sealed = await self._client.command("GET", _SECRET)
        secret = self._seals.open(sealed, place)
        if not self._seals.is_of_the_first_key(sealed):
            await self._client.command("SET", _SECRET, self._seals.seal(secret, place))
        return secret

    async def listen(self) -> None:
        """Wake those who wait when a list has grown, for as long as somebody does."""
        while True:
            await self._anybody.wait()
            try:
                await self._hear()
            except Exception as error:  # noqa: BLE001  # whoever waits looks, and meets it too
                logger.debug("waiting for Redis was interrupted: %s", type(error).__name__)
            self._listening = anyio.Event()
            if not self._waiting:
                self._anybody = anyio.Event()
            self._waiting.ring_all()
            await anyio.sleep(_SECONDS_BETWEEN_LOOKS_WHILE_DEAF)

    async def _hear(self) -> None:
        async with self._client.redis.pubsub() as channel:
            await channel.subscribe(_APPENDED)
            is_silent = False
            while True:
                message = await channel.get_message(timeout=_SECONDS_OF_SILENCE)
                if message is None:
                    if is_silent:
                        raise TimeoutError
                    await channel.ping()
                is_silent = message is None
                if message and message["type"] == "subscribe":
                    self._listening.set()
                    self._waiting.ring_all()
                elif message and message["type"] == "message":
                    self._waiting.ring(message["data"])

    def _to_write(self, key: Key, record: JsonValue, ttl: float) -> tuple[list[str], list[_Word]]:
        """What a script has to know to write a record: names in Redis, and the rest."""
        place = _record(_name(key))
        sealed = self._seals.seal(to_json(record), place.encode())
        return [place, *_index(key.kind, key.caller)], [*self._about(key, ttl), sealed]

    def _about(self, key: Key, ttl: float) -> list[_Word]:
        """What a script has to know to write in the index of the caller's ids."""
        name = _name(key)
        sealed_id = self._seals.seal(key.id.encode(), name.encode())
        return [_PREFIX, name, sealed_id, max(1, round(ttl * 1000))]

    def _opened(self, sealed: bytes, place: str) -> JsonValue:
        value: JsonValue = from_json(self._seals.open(sealed, place.encode()))
        return value


def _name(key: Key) -> str:
    return f"{key.kind}:{_hash(key.kind, key.caller, key.id)}"


def _record(name: str) -> str:
    return f"{_PREFIX}{name}:record"


def _items(name: str) -> str:
    return f"{_PREFIX}{name}:items"


def _token() -> str:
    return f"{_PREFIX}token:{secrets.token_urlsafe(18)}"


def _index(kind: Kind, caller: str) -> list[str]:
    """Where the caller's ids of one kind are: in their order, and what they are."""
    name = _hash(kind, caller)
    return [f"{_PREFIX}{kind}:{name}:order", f"{_PREFIX}{kind}:{name}:ids"]


def _hash(*parts: str) -> str:
    digest = blake2b(digest_size=18)
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return urlsafe_b64encode(digest.digest()).decode()
