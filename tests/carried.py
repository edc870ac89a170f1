"""A carrier of runs, and a home for them that may be out of order."""

import time
from collections.abc import AsyncIterator, Callable, Mapping

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue, SecretStr

from amber_mcp.carrying import Carrier, Work, open_carrier
from amber_mcp.errors import AmberError
from amber_mcp.settings import Settings
from amber_mcp.state.memory import MemoryStore
from amber_mcp.state.runs import About, Run, Runs
from amber_mcp.state.store import Key
from tests.planted import KEY

SETTINGS = Settings(api_key=SecretStr(KEY), max_runs=2, max_answer_chars=200)
Say = Callable[[str], None]


class Moody(MemoryStore):
    """A home that is out of order for as long as `is_away` says, or for some kinds alone."""

    is_away: AmberError | None = None
    broken: tuple[str, ...] = ()

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        self._look(key)
        await super().put(key, record, ttl=ttl)

    async def append(self, key: Key, *items: JsonValue, ttl: float, create: bool = True) -> bool:
        self._look(key)
        return await super().append(key, *items, ttl=ttl, create=create)

    async def wait(self, key: Key, seen: int) -> None:
        self._look(key)
        await super().wait(key, seen)

    def _look(self, key: Key) -> None:
        if self.is_away:
            raise self.is_away
        if key.kind in self.broken:
            raise RuntimeError("broken")


@pytest.fixture
def store() -> Moody:
    return Moody()


@pytest.fixture
def runs(store: Moody) -> Runs:
    return Runs(store, "caller", ttl=100, longest=1000)


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    with anyio.fail_after(20):
        async with open_carrier(SETTINGS) as carrier:
            yield carrier


def about(fingerprint: str = "f") -> About:
    return About(agent="hr", task="Go.", fingerprint=fingerprint, started=0)


async def begin(carrier: Carrier, runs: Runs, fingerprint: str, work: Work) -> Run:
    _, run = await carrier.begin("me", runs, about(fingerprint), work)
    return run


def runs_in(store: Moody, carrier: Carrier) -> Runs:
    return Runs(store, "caller", ttl=100, longest=1000, is_carried=carrier.carries)


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
