"""A run_manager of runs, and a home for them that may be out of order."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue, SecretStr

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError
from amber_mcp.runs.manager import RunManager, open_run_manager
from amber_mcp.runs.records import Run, Runs, RunSpec
from amber_mcp.runs.task import Work
from amber_mcp.storage.base import Key, Kind
from amber_mcp.storage.memory import MemoryStore
from tests.planted import KEY

SETTINGS = Settings(api_key=SecretStr(KEY), max_runs=2, max_answer_chars=200)
Say = Callable[[str], None]


class Moody(MemoryStore):
    """A home that is out of order for as long as `is_away` says, or for some kinds alone.

    Where it `suspends`, other tasks run before each answer, as they do with a file or a server.
    """

    is_away: AmberError | None = None
    broken: tuple[str, ...] = ()
    suspends = False

    async def add(self, key: Key, record: JsonValue, *, ttl: float) -> bool:
        await self._look(key)
        return await super().add(key, record, ttl=ttl)

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        await self._look(key)
        await super().put(key, record, ttl=ttl)

    async def get(self, key: Key) -> JsonValue:
        await self._look(key)
        return await super().get(key)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        await self._look(key)
        return await super().append(key, *items, ttl=ttl, create=create)

    async def items(self, key: Key, start: int = 0) -> Sequence[JsonValue]:
        await self._look(key)
        return await super().items(key, start)

    async def wait(self, key: Key, seen: int) -> None:
        await self._look(key)
        await super().wait(key, seen)

    async def delete(self, key: Key) -> None:
        await self._look(key)
        await super().delete(key)

    async def ids(self, kind: Kind, caller: str) -> Sequence[str]:
        await self._look(None)
        return await super().ids(kind, caller)

    async def _look(self, key: Key | None) -> None:
        if self.suspends:
            await anyio.lowlevel.checkpoint()
        if self.is_away:
            raise self.is_away
        if key and key.kind in self.broken:
            raise RuntimeError("broken")


@pytest.fixture(params=["at once", "suspending"])
def store(request: pytest.FixtureRequest) -> Moody:
    store = Moody()
    store.suspends = request.param == "suspending"
    return store


@pytest.fixture
def runs(store: Moody) -> Runs:
    return Runs(store, "caller", ttl=100, longest=1000)


@pytest.fixture
async def run_manager() -> AsyncIterator[RunManager]:
    with anyio.fail_after(20):
        async with open_run_manager(SETTINGS) as run_manager:
            yield run_manager


def about(fingerprint: str = "f") -> RunSpec:
    return RunSpec(agent="hr", task="Go.", fingerprint=fingerprint, started=0)


async def begin(run_manager: RunManager, runs: Runs, fingerprint: str, work: Work) -> Run:
    _, run = await run_manager.begin("me", runs, about(fingerprint), work)
    return run


def runs_in(store: Moody, run_manager: RunManager) -> Runs:
    return Runs(store, "caller", ttl=100, longest=1000, is_carried=run_manager.carries)


async def going_on(runs: Runs) -> list[str]:
    last = about().model_copy(update={"started": time.time() + 1})
    return list(await runs.before("", last))


async def ended(runs: Runs, run: Run) -> Run:
    run = await runs.open(run.id)
    while run.status == "running":
        await runs.wait(run)
        await runs.refresh(run)
    return run


def saying(*pieces: str, then: BaseException | None = None) -> Work:
    async def work(say: Say) -> Mapping[str, JsonValue]:
        for piece in pieces:
            say(piece)
            await anyio.lowlevel.checkpoint()
        if then is not None:
            raise then
        return {"answer": "".join(pieces)}

    return work


async def forever(say: Say) -> Mapping[str, JsonValue]:
    say("So far")
    await anyio.sleep_forever()
    raise AssertionError
