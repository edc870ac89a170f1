"""Runs that go on by themselves: who gets them, how many there are, and how they end."""

import logging
from collections.abc import Mapping
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue

from amber_mcp.errors import Overloaded, StreamBroken
from amber_mcp.http.retry import RequestLimiter
from amber_mcp.runs.manager import RunManager, open_run_manager
from amber_mcp.runs.records import Run, Runs
from amber_mcp.storage.base import StorageUnavailable
from amber_mcp.storage.memory import MemoryStore
from tests.runs.stores import (
    SETTINGS,
    Moody,
    Say,
    begin,
    ended,
    forever,
    going_on,
    run_manager,
    runs,
    runs_in,
    saying,
    store,
)

__all__ = ["run_manager", "runs", "store"]


async def test_a_run_outlives_the_task_that_began_it(run_manager: RunManager, runs: Runs) -> None:
    goes_on = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        await goes_on.wait()
        return {"answer": "Yes."}

    begun: list[Run] = []
    async with anyio.create_task_group() as tasks:

        async def call() -> None:
            begun.append(await begin(run_manager, runs, "f", work))
            await anyio.sleep_forever()

        tasks.start_soon(call)
        while not begun:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    goes_on.set()
    run = await ended(runs, begun[0])
    assert (run.status, run.result) == ("completed", {"answer": "Yes."})


async def test_a_run_has_nothing_of_the_context_of_its_call(
    run_manager: RunManager, runs: Runs
) -> None:
    of_call: ContextVar[str] = ContextVar("of_call", default="none")

    async def work(say: Say) -> Mapping[str, JsonValue]:
        return {"answer": of_call.get()}

    of_call.set("the call's")
    run = await ended(runs, await begin(run_manager, runs, "f", work))
    assert run.result["answer"] == "none"


async def test_no_more_text_is_kept_than_an_answer_may_have(
    run_manager: RunManager, runs: Runs
) -> None:
    run = await ended(runs, await begin(run_manager, runs, "f", saying("x" * 150, "y" * 150)))
    assert run.text == "x" * 150 + "y" * 50


async def test_a_run_that_is_asked_to_stop_stops(run_manager: RunManager, runs: Runs) -> None:
    run = await begin(run_manager, runs, "f", forever)
    await runs.ask_to_stop(run.id)
    run = await ended(runs, run)
    assert (run.status, run.text) == ("stopped", "So far")


async def test_a_run_has_its_time(runs: Runs) -> None:
    brief = SETTINGS.model_copy(update={"run_timeout": 0.2})
    with anyio.fail_after(10):
        async with open_run_manager(brief) as run_manager:
            run = await ended(runs, await begin(run_manager, runs, "f", forever))
    assert (run.status, run.text) == ("failed", "So far")
    assert "AMBER_RUN_TIMEOUT allows (0.2 s)" in str(run.result["error"])


async def test_the_same_task_is_carried_once(run_manager: RunManager, runs: Runs) -> None:
    first = await begin(run_manager, runs, "f", forever)
    again = await begin(run_manager, runs, "f", saying("never"))
    assert again.id == first.id
    assert list(await going_on(runs)) == [first.id]


async def test_a_caller_has_so_many_runs_at_a_time(run_manager: RunManager, runs: Runs) -> None:
    first = await begin(run_manager, runs, "1", forever)
    second = await begin(run_manager, runs, "2", forever)
    with pytest.raises(Overloaded, match="2 runs are under way") as refused:
        await begin(run_manager, runs, "3", saying("never"))
    assert first.id in refused.value.next_step
    assert second.id in refused.value.next_step
    await runs.ask_to_stop(first.id)
    await ended(runs, first)
    third = await ended(runs, await begin(run_manager, runs, "3", saying("now")))
    assert third.result == {"answer": "now"}


async def test_what_waits_is_told(run_manager: RunManager, runs: Runs) -> None:
    turns = RequestLimiter(1, "amber")

    async def work(say: Say) -> Mapping[str, JsonValue]:
        async with turns.slot():
            return {}

    async with turns.slot():
        run = await begin(run_manager, runs, "f", work)
        while not run.news:
            await runs.wait(run)
            await runs.refresh(run)
    assert run.news == "Waiting for one of 1 requests to amber to end"
    assert (await ended(runs, run)).status == "completed"


async def test_each_end_is_logged(
    run_manager: RunManager, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = await ended(runs, await begin(run_manager, runs, "f", saying("Hi")))
    while not (found := [each for each in caplog.records if each.message == "run"]):
        await anyio.lowlevel.checkpoint()
    assert (found[0].__dict__["run"], found[0].__dict__["outcome"]) == (run.id, "completed")


async def test_of_runs_that_begin_at_once_as_many_go_on_as_there_is_room_for(
    run_manager: RunManager, runs: Runs
) -> None:
    refused: list[str] = []

    async def call(number: int) -> None:
        try:
            await begin(run_manager, runs, str(number), forever)
        except Overloaded as error:
            refused.append(error.message)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(call, number)
    assert len(refused) == 3
    assert len(await going_on(runs)) == SETTINGS.max_runs


async def test_runs_of_other_processes_count(run_manager: RunManager, store: Moody) -> None:
    with anyio.fail_after(10):
        async with open_run_manager(SETTINGS) as there:
            for number in range(SETTINGS.max_runs):
                await begin(there, runs_in(store, there), str(number), forever)
            with pytest.raises(Overloaded):
                await begin(run_manager, runs_in(store, run_manager), "here", forever)
            assert await runs_in(store, run_manager).having("here") is None
            # The same task needs no room.
            attached = await begin(run_manager, runs_in(store, run_manager), "1", forever)
            assert there.carries(attached.id)


async def test_equal_calls_at_once_get_one_run(run_manager: RunManager, runs: Runs) -> None:
    got: set[str] = set()

    async def call() -> None:
        got.add((await begin(run_manager, runs, "f", forever)).id)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(call)
    assert len(got) == 1


async def test_a_task_is_known_here_in_whichever_home_its_run_is(
    run_manager: RunManager, runs: Runs, store: Moody
) -> None:
    run = await begin(run_manager, runs, "f", forever)
    spare = Runs(MemoryStore(), "caller", ttl=100, longest=1000)
    assert (await begin(run_manager, spare, "f", forever)).id == run.id
    found = await run_manager.find("me", run.id)
    assert found is not None
    assert found[0] is runs
    assert await run_manager.find("somebody else", run.id) is None


async def test_a_failed_task_can_be_begun_anew_at_once(run_manager: RunManager, runs: Runs) -> None:
    first = await begin(run_manager, runs, "f", saying(then=StreamBroken("it broke")))
    await ended(runs, first)
    again = await begin(run_manager, runs, "f", saying("now"))
    assert again.id != first.id
    assert (await ended(runs, again)).text == "now"


async def test_equal_calls_for_a_run_of_another_process_each_get_its_answer(
    run_manager: RunManager, store: Moody
) -> None:
    said = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        for piece in ["One", "two", "three"]:
            say(piece)
            await anyio.wait_all_tasks_blocked()
        await said.wait()
        return {"answer": "Done."}

    got: list[str] = []

    async def call() -> None:
        run = await begin(run_manager, runs_in(store, run_manager), "f", saying("never"))
        if len(got) == 0:
            said.set()
        while run.status == "running":
            await runs_in(store, run_manager).wait(run)
            await runs_in(store, run_manager).refresh(run)
        got.append(run.status)

    with anyio.fail_after(15):
        async with open_run_manager(SETTINGS) as there:
            await begin(there, runs_in(store, there), "f", work)
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(call)
    assert got == ["completed"] * 4


async def test_calls_that_get_a_run_that_is_there_take_no_room(
    run_manager: RunManager, store: Moody
) -> None:
    """Which calls are of that kind is known only once the store has told."""
    runs = runs_in(store, run_manager)
    for name in "abc":
        run = await ended(runs, await begin(run_manager, runs, name, saying("done")))
        while run_manager.carries(run.id):
            await anyio.lowlevel.checkpoint()
    got: dict[str, str] = {}

    async def call(name: str) -> None:
        got[name] = (await begin(run_manager, runs, name, saying("done"))).status

    async with anyio.create_task_group() as tasks:
        for name in "abcd":
            tasks.start_soon(call, name)
    assert got == {"a": "completed", "b": "completed", "c": "completed", "d": "running"}


async def test_a_run_is_stopped_here_without_the_store(
    run_manager: RunManager, runs: Runs, store: Moody
) -> None:
    run = await begin(run_manager, runs, "f", forever)
    await anyio.wait_all_tasks_blocked()
    store.is_away = StorageUnavailable("away")
    assert run_manager.stop(run.id)
    await anyio.wait_all_tasks_blocked()
    store.is_away = None
    assert (await ended(runs, run)).status == "stopped"
    assert not run_manager.stop("run_x")
