"""The three backends, as tests get them, and the tasks that wait in them."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from amber_mcp.config.settings import Settings
from amber_mcp.config.storage import storage_location
from amber_mcp.storage.backends import open_store
from amber_mcp.storage.base import Key, Kind, Store
from amber_mcp.storage.memory import MemoryStore
from amber_mcp.storage.sqlite import open_sqlite
from tests.storage.servers import KEY, RedisServer, running_redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server of the test's own, which it may stop."""
    with running_redis(tmp_path) as server:
        yield server


@dataclass
class Place:
    """One backend, which can be opened several times at once unless it is memory."""

    name: str
    environment: Mapping[str, str]
    caller: str = field(default_factory=secrets.token_urlsafe)
    _now: float = 1_000_000.0

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def is_shared(self) -> bool:
        return self.name != "memory"

    def open(self) -> AbstractAsyncContextManager[Store]:
        match self.name:
            case "memory":
                return self._memory()
            case "sqlite":
                return open_sqlite(
                    storage_location(self.environment["AMBER_STATE"]).path, clock=self._clock
                )
            case _:
                return open_store(self.settings)

    async def later(self, seconds: float) -> None:
        """Let time pass: Redis alone has a clock of its own."""
        self._now += seconds
        if self.name == "redis":
            await anyio.sleep(seconds)

    def key(self, name: str = "1", kind: Kind = "conversation") -> Key:
        return Key(kind, self.caller, name)

    def _clock(self) -> float:
        return self._now

    @asynccontextmanager
    async def _memory(self) -> AsyncIterator[Store]:
        yield MemoryStore(clock=self._clock)


def place_named(name: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    match name:
        case "memory":
            return Place(name, {"AMBER_STATE": "memory"})
        case "sqlite":
            return Place(name, {"AMBER_STATE": f"sqlite:{folder / 'state' / 'state.db'}"})
        case _:
            server: RedisServer = request.getfixturevalue("redis_server")
            return Place(name, {"AMBER_STATE": server.url, "AMBER_STATE_KEY": KEY})


@pytest.fixture(params=["memory", "sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_named(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "redis"])
def shared_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_named(request.param, request, tmp_path)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with place.open() as opened:
        yield opened


def waiting(store: Store) -> int:
    """How many tasks wait."""
    return sum(event.statistics().tasks_waiting for event in store._events.values())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # nobody sets an event for it
        await anyio.sleep(0.01)
