"""A run manager, a store that fails on demand, and work for runs."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue, SecretStr

from amber_mcp.config.settings import Settings
from amber_mcp.runs.manager import OpenRuns, RunManager, open_run_manager
from amber_mcp.runs.records import Runs
from amber_mcp.runs.run import Run, RunSpec
from amber_mcp.runs.task import Work
from amber_mcp.storage.base import Key, Kind
from amber_mcp.storage.memory import MemoryStore
from tests.planted import KEY

SETTINGS = Settings(api_key=SecretStr(KEY), max_runs=2, max_answer_chars=200)
OnText = Callable[[str], None]


class FailingStore(MemoryStore):
    """A store that raises `failure`, if it is set, once `fails_after` calls have gone well.

    Where it `suspends`, other tasks run before each answer, as they do with a file or a server.
    """

    failure: Exception | None = None
    fails_after = 0
    suspends = False

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        await self._look()
        return await super().add(key, record, ttl=ttl)

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        await self._look()
        await super().put(key, record, ttl=ttl)

    async def replace(self, key: Key, old: JsonValue, record: JsonValue, *, ttl: float) -> bool:
        await self._look()
        return await super().replace(key, old, record, ttl=ttl)

    async def get(self, key: Key) -> JsonValue:
        await self._look()
        return await super().get(key)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        await self._look()
        return await super().append(key, *items, ttl=ttl, create=create)

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        await self._look()
        return await super().items(key, start)

    async def wait(self, key: Key, seen: int) -> None:
        await self._look()
        await super().wait(key, seen)

    async def delete(self, key: Key) -> None:
        await self._look()
        await super().delete(key)

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        await self._look()
        return await super().ids(kind, caller)

    async def _look(self) -> None:
        if self.suspends:
            await anyio.lowlevel.checkpoint()
        if self.failure and self.fails_after <= 0:
            raise self.failure
        self.fails_after -= 1


@pytest.fixture(params=["at once", "suspending"])
def store(request: pytest.FixtureRequest) -> FailingStore:
    store = FailingStore()
    store.suspends = request.param == "suspending"
    return store


@pytest.fixture
def runs(store: FailingStore) -> Runs:
    return Runs(store, "caller", ttl=100, longest=1000)


@pytest.fixture
async def run_manager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunManager]:
    monkeypatch.setattr("amber_mcp.runs.task.HEARTBEAT_SECONDS", 0.2)
    with anyio.fail_after(20):
        async with open_run_manager(SETTINGS) as run_manager:
            yield run_manager


def spec(fingerprint: str = "f") -> RunSpec:
    return RunSpec(agent="hr", task="Go.", fingerprint=fingerprint, started=0)


async def start(run_manager: RunManager, runs: Runs, fingerprint: str, work: Work) -> Run:
    _, run = await run_manager.start("me", opens(runs), spec(fingerprint), work)
    return run


def opens(runs: Runs) -> OpenRuns:
    async def open_runs() -> Runs:
        return runs

    return open_runs


def runs_in(store: FailingStore, run_manager: RunManager) -> Runs:
    return Runs(store, "caller", ttl=100, longest=1000, is_local=run_manager.is_local)


async def going_on(runs: Runs) -> list[str]:
    last = spec().model_copy(update={"started": time.time() + 1})
    return list(await runs.started_before("", last))


async def ended(runs: Runs, run: Run) -> Run:
    run = await runs.open(run.id)
    while run.status == "running":
        await runs.wait(run)
    return run


def answering(*pieces: str, then: BaseException | None = None) -> Work:
    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        for piece in pieces:
            on_text(piece)
            await anyio.lowlevel.checkpoint()
        if then is not None:
            raise then
        return {"answer": "".join(pieces)}

    return work


async def forever(on_text: OnText) -> Mapping[str, JsonValue]:
    on_text("So far")
    await anyio.sleep_forever()
    raise AssertionError
