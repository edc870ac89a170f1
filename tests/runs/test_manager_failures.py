"""What becomes of a run when something fails: in it, in the store, or in the process."""

from base64 import b64encode
from collections.abc import Mapping

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue

from amber_mcp.errors import NotConfigured, StreamBroken
from amber_mcp.runs.manager import RunManager, open_run_manager
from amber_mcp.runs.records import Runs
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.memory import MemoryStore
from tests.planted import KEY
from tests.runs.stores import (
    SETTINGS,
    FailingStore,
    OnText,
    answering,
    ended,
    forever,
    going_on,
    run_manager,
    runs,
    runs_in,
    start,
    store,
)

__all__ = ["run_manager", "runs", "store"]

FAILURES = [
    StorageUnavailable("away"),
    NotConfigured("the password is another one now"),
    RuntimeError("broken"),
]


async def test_what_goes_wrong_in_a_run_stays_in_it(
    run_manager: RunManager, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    broken = answering("Half", then=StreamBroken("it broke", partial="Half"))
    other = await start(run_manager, runs, "other", answering("fine"))
    failed = await ended(runs, await start(run_manager, runs, "a", broken))
    assert (failed.status, failed.text) == ("failed", "Half")
    assert str(failed.result["error"]).startswith("stream_broken: it broke.")
    assert "Half" not in str(failed.result["error"])
    for error in (RuntimeError("surprise"), TimeoutError()):
        run = await ended(runs, await start(run_manager, runs, "b", answering(then=error)))
        words = f"internal_error: the run failed with {type(error).__name__}"
        assert str(run.result["error"]).startswith(words)
    assert (await ended(runs, other)).status == "completed"
    assert "run failed unexpectedly" in caplog.text
    caplog.clear()


async def test_a_key_that_comes_in_pieces_is_not_saved(run_manager: RunManager, runs: Runs) -> None:
    pieces = ["It is ", KEY[:7], KEY[7:-1]]
    goes_on = anyio.Event()

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        for piece in pieces:
            on_text(piece)
        await goes_on.wait()
        on_text(KEY[-1:])
        on_text(" indeed")
        return {"answer": f"It is {KEY} indeed"}

    run = await start(run_manager, runs, "f", work)
    while not run.text:
        await runs.wait(run)
    assert run.text == "It is "
    goes_on.set()
    run = await ended(runs, run)
    assert run.text == "It is {hidden} indeed"
    assert run.result == {"answer": "It is {hidden} indeed"}


@pytest.mark.parametrize("form", [KEY, b64encode(KEY.encode()).decode().rstrip("=")])
async def test_half_a_key_at_an_unfinished_end_is_hidden(
    run_manager: RunManager, runs: Runs, form: str
) -> None:
    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        on_text(f"It is {form[:-1]}")
        await anyio.sleep_forever()
        raise AssertionError

    run = await start(run_manager, runs, "f", work)
    await anyio.wait_all_tasks_blocked()
    await run_manager.stop(runs, run.id)
    assert (await ended(runs, run)).text == "It is {hidden}"


async def test_runs_that_go_on_at_the_end_of_the_process_are_lost(runs: Runs) -> None:
    with anyio.fail_after(10):
        async with open_run_manager(SETTINGS) as run_manager:
            run = await start(run_manager, runs, "f", forever)
            while not run.text:
                await runs.wait(run)
        with pytest.raises(RuntimeError):
            await start(run_manager, runs, "late", forever)
    run = await runs.open(run.id)
    assert (run.status, run.text) == ("lost", "So far")
    assert await going_on(runs) == []


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_run_goes_on_while_its_store_fails(
    run_manager: RunManager,
    runs: Runs,
    store: FailingStore,
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    goes_on = anyio.Event()

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        on_text("One ")
        await goes_on.wait()
        return {"answer": "One two"}

    async def logged(*events: str) -> None:
        while not set(events) <= {each.message for each in caplog.records}:
            await anyio.lowlevel.checkpoint()

    elsewhere = Runs(MemoryStore(), "caller", ttl=100, longest=1000)
    other = await start(run_manager, elsewhere, "other", forever)
    run = await start(run_manager, runs, "f", work)
    store.failure = failure
    await logged("lease not renewed", "events not saved")
    goes_on.set()
    await logged("end not saved")
    store.failure = None
    run = await ended(runs, run)
    assert (run.status, run.text, run.result) == ("completed", "One ", {"answer": "One two"})
    assert len({each.message for each in caplog.records}) == len(caplog.records)  # each once
    assert (await elsewhere.open(other.id)).status == "running"
    caplog.clear()


async def test_an_answer_that_is_not_saved_yet_is_not_worked_for_again(
    run_manager: RunManager, runs: Runs, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    worked: list[str] = []

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        worked.append("once")
        store.failure = StorageUnavailable("away")
        return {"answer": "Done."}

    first = await start(run_manager, runs, "f", work)
    await anyio.wait_all_tasks_blocked()
    elsewhere = Runs(MemoryStore(), "caller", ttl=100, longest=1000)
    # It has ended, and leaves room for others.
    for number in range(SETTINGS.max_runs):
        await start(run_manager, elsewhere, str(number), forever)
    again = await start(run_manager, elsewhere, "f", work)
    assert again.id == first.id
    store.failure = None
    assert (await ended(runs, again)).result == {"answer": "Done."}
    assert worked == ["once"]
    caplog.clear()


async def test_a_run_goes_on_in_a_store_that_was_emptied(
    run_manager: RunManager, runs: Runs, store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read, is_emptied = anyio.Event(), anyio.Event()
    monkeypatch.setattr("amber_mcp.runs.records._SECONDS_BETWEEN_LOOKS", 0.1)

    async def work(on_text: OnText) -> Mapping[str, JsonValue]:
        on_text("One ")
        await is_read.wait()
        on_text("two")
        await is_emptied.wait()
        return {"answer": "One two"}

    here = runs_in(store, run_manager)
    run = await start(run_manager, here, "f", work)
    await here.wait(run)
    is_read.set()
    await here.wait(run)
    assert run.position == 2
    for kind in ("run", "lease"):
        for each in await store.ids(kind, "caller"):
            await store.delete(Key(kind, "caller", each))
    is_emptied.set()
    while run.status == "running":
        await here.wait(run)
    assert (run.status, run.result) == ("completed", {"answer": "One two"})


async def test_a_run_whose_call_is_cancelled_while_it_starts_leaves_nothing(
    run_manager: RunManager, runs: Runs, store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with anyio.CancelScope() as giving_up, monkeypatch.context() as patch:

        async def cancelled(*_: object, **__: object) -> bool:
            giving_up.cancel()
            await anyio.lowlevel.checkpoint()
            raise AssertionError

        patch.setattr(store, "add", cancelled)
        await start(run_manager, runs, "f", answering("never"))
    assert giving_up.cancelled_caught
    assert await store.ids("run", "caller") == []
    assert (await ended(runs, await start(run_manager, runs, "f", answering("now")))).text == "now"


@pytest.mark.parametrize("failure", FAILURES[1:])
async def test_a_run_that_could_not_be_started_leaves_nothing(
    run_manager: RunManager, runs: Runs, store: FailingStore, failure: Exception
) -> None:
    store.fails_after = 2  # The run is saved, and its lease.
    store.failure = failure
    with pytest.raises(type(failure)):
        await start(run_manager, runs, "f", answering("never"))
    store.failure = None
    store.fails_after = 0
    assert (await ended(runs, await start(run_manager, runs, "f", answering("now")))).text == "now"


async def test_a_run_keeps_its_task_until_its_end_is_saved(
    run_manager: RunManager,
    runs: Runs,
    store: FailingStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def full(*_: object, **__: object) -> bool:
        raise StorageUnavailable("full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", full)
        run = await start(run_manager, runs, "f", answering("Done."))
        while "end not saved" not in caplog.text:
            await anyio.lowlevel.checkpoint()
        await store.delete(Key("lease", "caller", "f"))  # As if it had run out.
        while await store.get(Key("lease", "caller", "f")) is None:
            await anyio.lowlevel.checkpoint()
    assert (await ended(runs, run)).status == "completed"
    caplog.clear()
