"""Runs that go on by themselves: who gets them, how many there are, and how they end."""

import logging
from collections.abc import Mapping
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue

from amber_mcp.errors import NotFound, Overloaded, StreamBroken
from amber_mcp.http.retry import RequestLimiter
from amber_mcp.runs.manager import RunManager, open_run_manager
from amber_mcp.runs.records import Runs
from amber_mcp.runs.run import Run
from amber_mcp.storage.base import StorageUnavailable
from amber_mcp.storage.memory import MemoryStore
from tests.runs.stores import (
    SETTINGS,
    FailingStore,
    OnText,
    answering,
    ended,
    forever,
    going_on,
    opens,
    run_manager,
    runs,
    runs_in,
    start,
    store,
)

__all__ = ["run_manager", "runs", "store"]


async def test_a_run_outlives_the_task_that_began_it(run_manager: RunManager, runs: Runs) -> None:
    goes_on = anyio.Event()

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        await goes_on.wait()
        return {"answer": "Yes."}

    begun: list[Run] = []
    async with anyio.create_task_group() as tasks:

        async def call() -> None:
            begun.append(await start(run_manager, runs, "f", work))
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

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        return {"answer": of_call.get()}

    of_call.set("the call's")
    run = await ended(runs, await start(run_manager, runs, "f", work))
    assert run.result["answer"] == "none"


async def test_no_more_text_is_kept_than_an_answer_may_have(
    run_manager: RunManager, runs: Runs
) -> None:
    run = await ended(runs, await start(run_manager, runs, "f", answering("x" * 150, "y" * 150)))
    assert run.text == "x" * 150 + "y" * 50


async def test_a_run_that_is_asked_to_stop_stops(run_manager: RunManager, runs: Runs) -> None:
    run = await start(run_manager, runs, "f", forever)
    await runs.request_stop(run.id)
    run = await ended(runs, run)
    assert (run.status, run.text) == ("stopped", "So far")


async def test_a_run_has_its_time(runs: Runs) -> None:
    brief = SETTINGS.model_copy(update={"run_timeout": 0.2})
    with anyio.fail_after(10):
        async with open_run_manager(brief) as run_manager:
            run = await ended(runs, await start(run_manager, runs, "f", forever))
    assert (run.status, run.text) == ("failed", "So far")
    assert "AMBER_RUN_TIMEOUT allows (0.2 s)" in str(run.result["error"])


async def test_a_caller_has_so_many_runs_at_a_time(run_manager: RunManager, runs: Runs) -> None:
    first = await start(run_manager, runs, "1", forever)
    second = await start(run_manager, runs, "2", forever)
    with pytest.raises(Overloaded, match="2 runs are under way") as refused:
        await start(run_manager, runs, "3", answering("never"))
    assert first.id in refused.value.next_step
    assert second.id in refused.value.next_step
    await runs.request_stop(first.id)
    await ended(runs, first)
    third = await ended(runs, await start(run_manager, runs, "3", answering("now")))
    assert third.result == {"answer": "now"}


async def test_progress_is_saved(run_manager: RunManager, runs: Runs) -> None:
    turns = RequestLimiter(1, "amber")

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        async with turns.slot():
            return {}

    async with turns.slot():
        run = await start(run_manager, runs, "f", work)
        while not run.progress:
            await runs.wait(run)
    assert run.progress == "Waiting for one of 1 requests to amber to end"
    assert (await ended(runs, run)).status == "completed"


async def test_each_end_is_logged(
    run_manager: RunManager, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = await ended(runs, await start(run_manager, runs, "f", answering("Hi")))
    while not (found := [each for each in caplog.records if each.message == "run"]):
        await anyio.lowlevel.checkpoint()
    assert (found[0].__dict__["run"], found[0].__dict__["outcome"]) == (run.id, "completed")


async def test_of_runs_that_begin_at_once_as_many_go_on_as_there_is_room_for(
    run_manager: RunManager, runs: Runs
) -> None:
    refused: list[str] = []

    async def call(number: int) -> None:
        try:
            await start(run_manager, runs, str(number), forever)
        except Overloaded as error:
            refused.append(error.message)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(call, number)
    assert len(refused) == 3
    assert len(await going_on(runs)) == SETTINGS.max_runs


async def test_runs_of_other_processes_count(run_manager: RunManager, store: FailingStore) -> None:
    with anyio.fail_after(10):
        async with open_run_manager(SETTINGS) as there:
            for number in range(SETTINGS.max_runs):
                await start(there, runs_in(store, there), str(number), forever)
            with pytest.raises(Overloaded):
                await start(run_manager, runs_in(store, run_manager), "here", forever)
            assert await runs_in(store, run_manager).find_active("here") is None
            # The same task needs no room.
            attached = await start(run_manager, runs_in(store, run_manager), "1", forever)
            assert there.is_local(attached.id)


async def test_equal_calls_get_one_run_in_whichever_store_it_is(
    run_manager: RunManager, runs: Runs
) -> None:
    found: set[str] = set()

    async def call(runs: Runs) -> None:
        found.add((await start(run_manager, runs, "f", forever)).id)

    other_store = Runs(MemoryStore(), "caller", ttl=100, longest=1000)
    async with anyio.create_task_group() as tasks:
        for each in (runs, other_store, runs, other_store, runs):
            tasks.start_soon(call, each)
    (run_id,) = found
    assert await going_on(runs) == [run_id]
    _, run = await run_manager.find("me", opens(other_store), run_id)
    assert run.id == run_id
    with pytest.raises(NotFound):
        await run_manager.find("somebody else", opens(other_store), run_id)


async def test_a_failed_task_can_be_begun_anew_at_once(run_manager: RunManager, runs: Runs) -> None:
    first = await start(run_manager, runs, "f", answering(then=StreamBroken("it broke")))
    await ended(runs, first)
    again = await start(run_manager, runs, "f", answering("now"))
    assert again.id != first.id
    assert (await ended(runs, again)).text == "now"


async def test_equal_calls_for_a_run_of_another_process_each_get_its_answer(
    run_manager: RunManager, store: FailingStore
) -> None:
    said = anyio.Event()

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        for piece in ["One", "two", "three"]:
            on_text(piece)
            await anyio.wait_all_tasks_blocked()
        await said.wait()
        return {"answer": "Done."}

    got: list[str] = []

    async def call() -> None:
        run = await start(run_manager, runs_in(store, run_manager), "f", answering("never"))
        if len(got) == 0:
            said.set()
        while run.status == "running":
            await runs_in(store, run_manager).wait(run)
        got.append(run.status)

    with anyio.fail_after(15):
        async with open_run_manager(SETTINGS) as there:
            await start(there, runs_in(store, there), "f", work)
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(call)
    assert got == ["completed"] * 4


async def test_calls_that_get_a_run_that_is_there_take_no_room(
    run_manager: RunManager, store: FailingStore
) -> None:
    """Which calls are of that kind is known only once the store has told."""
    runs = runs_in(store, run_manager)
    for name in "abc":
        run = await ended(runs, await start(run_manager, runs, name, answering("done")))
        while run_manager.is_local(run.id):
            await anyio.lowlevel.checkpoint()
    got: dict[str, str] = {}

    async def call(name: str) -> None:
        got[name] = (await start(run_manager, runs, name, answering("done"))).status

    async with anyio.create_task_group() as tasks:
        for name in "abcd":
            tasks.start_soon(call, name)
    assert got == {"a": "completed", "b": "completed", "c": "completed", "d": "running"}


async def test_a_run_is_stopped_here_without_the_store(
    run_manager: RunManager, runs: Runs, store: FailingStore
) -> None:
    run = await start(run_manager, runs, "f", forever)
    await anyio.wait_all_tasks_blocked()
    store.failure = StorageUnavailable("away")
    await run_manager.stop(runs, run.id)
    await anyio.wait_all_tasks_blocked()
    store.failure = None
    assert (await ended(runs, run)).status == "stopped"
    await run_manager.stop(runs, "run_x")


async def test_a_run_that_its_store_does_not_take_is_kept_in_this_process(
    run_manager: RunManager, runs: Runs, store: FailingStore
) -> None:
    goes_on = anyio.Event()

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        await goes_on.wait()
        return {"answer": "Done."}

    store.failure = StorageUnavailable("away")
    run = await start(run_manager, runs, "f", work)
    where, found = await run_manager.find("me", opens(runs), run.id)
    assert (found.status, found.spec.task) == ("running", "Go.")
    goes_on.set()
    await ended(where, run)
    again = await start(run_manager, runs, "f", work)
    assert (again.id, again.result) == (run.id, {"answer": "Done."})
    with pytest.raises(StorageUnavailable):
        await run_manager.find("me", opens(runs), "run_x")
    store.failure = None
    assert (await start(run_manager, runs, "f", work)).id == run.id
    with pytest.raises(NotFound):
        await runs.open(run.id)
