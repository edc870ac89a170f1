"""Open the backend that AMBER_STATE names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from amber_mcp.config.settings import Settings
from amber_mcp.config.storage import decode_key
from amber_mcp.errors import NotConfigured

from .base import Store


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store that the settings name.

    A Redis server need not be there yet, and an SQLite file may be locked: then each call that uses
    the store says so, and works once it can.

    Raises:
        NotConfigured: if the backend cannot be used.
    """
    match settings.state.scheme:
        case "memory":
            from .memory import MemoryStore

            yield MemoryStore()
        case "sqlite":
            from .sqlite import open_sqlite

            async with open_sqlite(settings.state.path) as store:
                yield store
        case "redis" | "rediss":
            async with _open_redis(settings) as store:
                yield store


@asynccontextmanager
async def _open_redis(settings: Settings) -> AsyncIterator[Store]:
    try:
        from .encryption import Keyring
        from .redis import RedisStore
        from .redis_client import RedisClient
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"AMBER_STATE names a Redis server, and {error.name} is not installed: "
            'pip install "amber-mcp[redis]"'
        ) from None
    tls = None
    if settings.state.scheme == "rediss":
        from amber_mcp.config.tls import tls_context

        tls = tls_context(settings)
    if not settings.state_keys:
        raise NotConfigured("AMBER_STATE_KEY is not set, which encrypts what is kept in Redis")
    keyring = Keyring([decode_key(key.get_secret_value()) for key in settings.state_keys])
    client = RedisClient(settings.state, tls)
    try:
        yield RedisStore(client, keyring)
    finally:
        with anyio.move_on_after(1, shield=True):
            await client.aclose()
