"""A Redis server as the tests of its home use it: through a store, and past it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio

from amber_mcp.config.settings import Settings
from amber_mcp.storage.backends import open_store
from amber_mcp.storage.base import Key
from tests.storage.servers import KEY, RedisServer

TTL = 60
CALLER = "the caller's name"
PLACE = Key("conversation", CALLER, "the id")


def opened(url: str, key: str = KEY, **more: str) -> Any:
    settings = Settings.from_environment({"AMBER_STATE": url, "AMBER_STATE_KEY": key, **more})
    assert settings.problems == ()
    return open_store(settings)


@asynccontextmanager
async def client_of(server: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis(port=server.port) as client:
        yield client
