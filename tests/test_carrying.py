"""Runs that go on by themselves, and what becomes of them when something fails."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue, SecretStr

from amber_mcp.api.patience import Turns
from amber_mcp.carrying import Carrier, Work, open_carrier
from amber_mcp.errors import Overloaded, StreamBroken
from amber_mcp.settings import Settings
from amber_mcp.state.memory import MemoryStore
from amber_mcp.state.runs import About, Run, Runs
from amber_mcp.state.store import Key, StateUnavailable
from tests.planted import KEY

SETTINGS = Settings(api_key=SecretStr(KEY), max_runs=2, max_answer_chars=200)
Say = Callable[[str], None]


class Moody(MemoryStore):
    """A home that is out of order for as long as `is_away` says, or for some kinds alone."""

    is_away = False
    broken: tuple[str, ...] = ()

    async def put(self, key: Key, record: JsonValue, *, ttl: float) -> None:
        self._look(key)
        await super().put(key, record, ttl=ttl)

    async def append(self, key: Key, *items: JsonValue, ttl: float) -> None:
        self._look(key)
        await super().append(key, *items, ttl=ttl)

    async def wait(self, key: Key, seen: int) -> None:
        self._look(key)
        await super().wait(key, seen)

    def _look(self, key: Key) -> None:
        if self.is_away:
            raise StateUnavailable("away")
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
    return About(agent="hr", task="Go.", fingerprint=fingerprint, started=time.time())


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


async def test_a_run_outlives_the_task_that_began_it(carrier: Carrier, runs: Runs) -> None:
    goes_on = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        await goes_on.wait()
        return {"answer": "Yes."}

    begun: list[Run] = []
    async with anyio.create_task_group() as tasks:

        async def call() -> None:
            begun.append(await carrier.begin(runs, about(), work))
            await anyio.sleep_forever()

        tasks.start_soon(call)
        while not begun:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    goes_on.set()
    run = await ended(runs, begun[0])
    assert (run.status, run.result) == ("completed", {"answer": "Yes."})


async def test_a_run_has_nothing_of_the_context_of_its_call(carrier: Carrier, runs: Runs) -> None:
    of_call: ContextVar[str] = ContextVar("of_call", default="none")

    async def work(say: Say) -> Mapping[str, JsonValue]:
        return {"answer": of_call.get()}

    of_call.set("the call's")
    run = await ended(runs, await carrier.begin(runs, about(), work))
    assert run.result["answer"] == "none"


async def test_what_goes_wrong_in_a_run_stays_in_it(
    carrier: Carrier, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    broken = saying("Half", then=StreamBroken("it broke", partial="Half"))
    strange = saying(then=RuntimeError("surprise"))
    other = await carrier.begin(runs, about("other"), saying("fine"))
    failed = await ended(runs, await carrier.begin(runs, about("a"), broken))
    fell_over = await ended(runs, await carrier.begin(runs, about("b"), strange))
    assert (failed.status, failed.text) == ("failed", "Half")
    assert str(failed.result["error"]).startswith("stream_broken: it broke.")
    assert "Half" not in str(failed.result["error"])
    assert str(fell_over.result["error"]).startswith("internal_error: the run failed with Runtime")
    assert (await ended(runs, other)).status == "completed"
    assert "run failed unexpectedly" in caplog.text
    caplog.clear()


async def test_a_key_that_comes_in_pieces_is_not_kept(carrier: Carrier, runs: Runs) -> None:
    pieces = ["It is ", KEY[:7], KEY[7:-1]]
    told = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        for piece in pieces:
            say(piece)
        await told.wait()
        say(KEY[-1:])
        say(" indeed")
        return {"answer": f"It is {KEY} indeed"}

    run = await carrier.begin(runs, about(), work)
    while not run.text:
        await runs.wait(run)
        await runs.refresh(run)
    assert run.text == "It is "
    told.set()
    run = await ended(runs, run)
    assert run.text == "It is [hidden] indeed"
    assert run.result == {"answer": "It is [hidden] indeed"}


async def test_no_more_text_is_kept_than_an_answer_may_have(carrier: Carrier, runs: Runs) -> None:
    run = await ended(runs, await carrier.begin(runs, about(), saying("x" * 150, "y" * 150)))
    assert run.text == "x" * 150 + "y" * 50


async def test_a_run_that_is_asked_to_stop_stops(carrier: Carrier, runs: Runs) -> None:
    run = await carrier.begin(runs, about(), forever)
    await runs.ask_to_stop(run.id)
    run = await ended(runs, run)
    assert (run.status, run.text) == ("stopped", "So far")


async def test_a_run_has_its_time(runs: Runs) -> None:
    brief = SETTINGS.model_copy(update={"run_timeout": 0.2})
    with anyio.fail_after(10):
        async with open_carrier(brief) as carrier:
            run = await ended(runs, await carrier.begin(runs, about(), forever))
    assert (run.status, run.text) == ("failed", "So far")
    assert "AMBER_RUN_TIMEOUT allows (0.2 s)" in str(run.result["error"])


async def test_the_same_task_is_carried_once(carrier: Carrier, runs: Runs) -> None:
    first = await carrier.begin(runs, about(), forever)
    again = await carrier.begin(runs, about(), saying("never"))
    assert again.id == first.id
    assert list(await runs.going_on()) == [first.id]


async def test_a_caller_has_so_many_runs_at_a_time(carrier: Carrier, runs: Runs) -> None:
    first = await carrier.begin(runs, about("1"), forever)
    second = await carrier.begin(runs, about("2"), forever)
    with pytest.raises(Overloaded, match="2 runs are under way") as refused:
        await carrier.begin(runs, about("3"), saying("never"))
    assert first.id in refused.value.next_step
    assert second.id in refused.value.next_step
    await runs.ask_to_stop(first.id)
    await ended(runs, first)
    third = await ended(runs, await carrier.begin(runs, about("3"), saying("now")))
    assert third.result == {"answer": "now"}


async def test_runs_that_go_on_at_the_end_of_the_process_are_lost(runs: Runs) -> None:
    with anyio.fail_after(10):
        async with open_carrier(SETTINGS) as carrier:
            run = await carrier.begin(runs, about(), forever)
            while not run.text:
                await runs.wait(run)
                await runs.refresh(run)
    run = await runs.open(run.id)
    assert (run.status, run.text) == ("lost", "So far")
    assert list(await runs.going_on()) == []


async def test_what_waits_is_told(carrier: Carrier, runs: Runs) -> None:
    turns = Turns(1, "amber")

    async def work(say: Say) -> Mapping[str, JsonValue]:
        async with turns.taken():
            return {}

    async with turns.taken():
        run = await carrier.begin(runs, about(), work)
        while not run.news:
            await runs.wait(run)
            await runs.refresh(run)
    assert run.news == "Waiting for one of 1 requests to amber to end"
    assert (await ended(runs, run)).status == "completed"


async def test_a_run_goes_on_while_the_store_is_away(
    carrier: Carrier, runs: Runs, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    said = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        say("One ")
        await said.wait()
        return {"answer": "One two"}

    run = await carrier.begin(runs, about(), work)
    store.is_away = True
    while "run not held" not in caplog.text:
        await anyio.lowlevel.checkpoint()
    said.set()
    await anyio.wait_all_tasks_blocked()
    store.is_away = False
    run = await ended(runs, run)
    assert (run.status, run.text, run.result) == ("completed", "One ", {"answer": "One two"})
    caplog.clear()


async def test_a_store_that_falls_over_takes_its_run_alone(
    carrier: Carrier, runs: Runs, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    run = await carrier.begin(runs, about("a"), forever)
    await anyio.wait_all_tasks_blocked()
    store.broken = ("stop",)
    second = await carrier.begin(runs, about("b"), forever)
    while "run not told" not in caplog.text:
        await anyio.lowlevel.checkpoint()
    store.broken = ()
    assert (await ended(runs, second)).status == "lost"
    await runs.ask_to_stop(run.id)
    assert (await ended(runs, run)).status == "stopped"
    caplog.clear()


async def test_each_end_is_logged(
    carrier: Carrier, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = await ended(runs, await carrier.begin(runs, about(), saying("Hi")))
    while not (found := [each for each in caplog.records if each.message == "run"]):
        await anyio.lowlevel.checkpoint()
    assert (found[0].__dict__["run"], found[0].__dict__["outcome"]) == (run.id, "completed")
