"""What becomes of a run when something fails: in it, in the store, or in the process."""

from base64 import b64encode
from collections.abc import Mapping

import anyio
import anyio.lowlevel
import pytest
from pydantic import JsonValue

from amber_mcp.errors import AmberError, InternalError, NotConfigured, StreamBroken
from amber_mcp.runs.manager import RunManager, open_run_manager
from amber_mcp.runs.records import Runs
from amber_mcp.storage.base import Key, StorageUnavailable
from amber_mcp.storage.memory import MemoryStore
from tests.planted import KEY
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


async def test_what_goes_wrong_in_a_run_stays_in_it(
    run_manager: RunManager, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    broken = saying("Half", then=StreamBroken("it broke", partial="Half"))
    strange = saying(then=RuntimeError("surprise"))
    other = await begin(run_manager, runs, "other", saying("fine"))
    failed = await ended(runs, await begin(run_manager, runs, "a", broken))
    fell_over = await ended(runs, await begin(run_manager, runs, "b", strange))
    assert (failed.status, failed.text) == ("failed", "Half")
    assert str(failed.result["error"]).startswith("stream_broken: it broke.")
    assert "Half" not in str(failed.result["error"])
    assert str(fell_over.result["error"]).startswith("internal_error: the run failed with Runtime")
    assert (await ended(runs, other)).status == "completed"
    assert "run failed unexpectedly" in caplog.text
    caplog.clear()


async def test_a_key_that_comes_in_pieces_is_not_kept(run_manager: RunManager, runs: Runs) -> None:
    pieces = ["It is ", KEY[:7], KEY[7:-1]]
    told = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        for piece in pieces:
            say(piece)
        await told.wait()
        say(KEY[-1:])
        say(" indeed")
        return {"answer": f"It is {KEY} indeed"}

    run = await begin(run_manager, runs, "f", work)
    while not run.text:
        await runs.wait(run)
        await runs.refresh(run)
    assert run.text == "It is "
    told.set()
    run = await ended(runs, run)
    assert run.text == "It is [hidden] indeed"
    assert run.result == {"answer": "It is [hidden] indeed"}


async def test_runs_that_go_on_at_the_end_of_the_process_are_lost(runs: Runs) -> None:
    with anyio.fail_after(10):
        async with open_run_manager(SETTINGS) as run_manager:
            run = await begin(run_manager, runs, "f", forever)
            while not run.text:
                await runs.wait(run)
                await runs.refresh(run)
    run = await runs.open(run.id)
    assert (run.status, run.text) == ("lost", "So far")
    assert list(await going_on(runs)) == []


async def test_a_run_goes_on_while_the_store_is_away(
    run_manager: RunManager, runs: Runs, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    said = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        say("One ")
        await said.wait()
        return {"answer": "One two"}

    run = await begin(run_manager, runs, "f", work)
    store.is_away = StorageUnavailable("away")
    while "run not held" not in caplog.text:
        await anyio.lowlevel.checkpoint()
    said.set()
    await anyio.wait_all_tasks_blocked()
    store.is_away = None
    run = await ended(runs, run)
    assert (run.status, run.text, run.result) == ("completed", "One ", {"answer": "One two"})
    caplog.clear()


async def test_a_store_that_falls_over_ends_no_work(
    run_manager: RunManager, runs: Runs, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    said = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        say("One ")
        await said.wait()
        return {"answer": "Done."}

    store.broken = ("stop",)
    run = await begin(run_manager, runs, "f", work)
    store.broken = ("stop", "lease", "run")
    while not {"run cannot be stopped by others", "run not held", "run not told"} <= {
        each.message for each in caplog.records
    }:
        await anyio.lowlevel.checkpoint()
    store.broken = ()
    said.set()
    run = await ended(runs, run)
    assert (run.status, run.text, run.result) == ("completed", "One ", {"answer": "Done."})
    caplog.clear()


async def test_an_answer_that_cannot_be_told_yet_is_not_worked_for_again(
    run_manager: RunManager, runs: Runs, store: Moody
) -> None:
    worked: list[str] = []

    async def work(say: Say) -> Mapping[str, JsonValue]:
        worked.append("once")
        store.is_away = StorageUnavailable("away")
        return {"answer": "Done."}

    first = await begin(run_manager, runs, "f", work)
    await anyio.wait_all_tasks_blocked()
    spare = Runs(MemoryStore(), "caller", ttl=100, longest=1000)
    # They have ended, and leave room for others.
    others = [await begin(run_manager, spare, str(n), forever) for n in range(SETTINGS.max_runs)]
    again = await begin(run_manager, spare, "f", work)
    assert again.id == first.id
    store.is_away = None
    assert (await ended(runs, again)).result == {"answer": "Done."}
    assert worked == ["once"]
    assert all(run_manager.stop(other.id) for other in others)


async def test_a_run_goes_on_in_a_home_that_was_emptied(
    run_manager: RunManager, runs: Runs, store: Moody
) -> None:
    said = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        say("One ")
        await anyio.wait_all_tasks_blocked()
        say("two")
        await said.wait()
        return {"answer": "One two"}

    here = runs_in(store, run_manager)
    begun = await begin(run_manager, here, "f", work)
    run = await here.open(begun.id)
    while run.seen < 2:
        await here.wait(run)
        await here.refresh(run)
    for kind in ("run", "lease", "attach"):
        for each in await store.ids(kind, "caller"):
            await store.delete(Key(kind, "caller", each))
    said.set()
    while run.status == "running":
        await here.wait(run)
        await here.refresh(run)
    assert (run.status, run.result) == ("completed", {"answer": "One two"})


async def test_a_time_limit_of_the_work_s_own_is_not_the_run_s(
    run_manager: RunManager, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    run = await ended(runs, await begin(run_manager, runs, "f", saying(then=TimeoutError())))
    assert "internal_error: the run failed with TimeoutError" in str(run.result["error"])
    caplog.clear()


async def test_what_has_not_begun_at_the_end_of_the_process_is_refused(
    runs: Runs, store: Moody
) -> None:
    refused: list[str] = []

    async def call(run_manager: RunManager, fingerprint: str) -> None:
        with pytest.raises(InternalError) as error:
            await begin(run_manager, runs, fingerprint, saying("never"))
        refused.append(error.value.message)

    store.broken = ()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            async with open_run_manager(SETTINGS) as run_manager:
                tasks.start_soon(call, run_manager, "a")
                tasks.start_soon(call, run_manager, "b")
                await anyio.lowlevel.checkpoint()
    assert refused == ["the run was not begun: this server is ending"] * 2


@pytest.mark.parametrize("trouble", [NotConfigured("no longer"), RuntimeError("broken")])
async def test_no_trouble_of_a_store_ends_the_runs_of_another(
    run_manager: RunManager,
    runs: Runs,
    store: Moody,
    trouble: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = Runs(MemoryStore(), "caller", ttl=100, longest=1000)
    sound = await begin(run_manager, other, "sound", forever)
    run = await begin(run_manager, runs, "f", forever)
    await anyio.wait_all_tasks_blocked()
    store.is_away = trouble  # type: ignore[assignment]  # A fault of the store's is none of ours.
    assert run_manager.stop(run.id)
    while run_manager.carries(run.id) and "run not carried" not in caplog.text:
        if isinstance(trouble, AmberError):
            store.is_away = None
        await anyio.lowlevel.checkpoint()
    assert (await other.open(sound.id)).status == "running"
    run_manager.stop(sound.id)
    assert (await ended(other, sound)).status == "stopped"
    caplog.clear()


async def test_a_run_that_is_refused_by_the_store_goes_on(
    run_manager: RunManager, runs: Runs, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    said = anyio.Event()

    async def work(say: Say) -> Mapping[str, JsonValue]:
        await said.wait()
        return {"answer": "Done."}

    run = await begin(run_manager, runs, "f", work)
    store.is_away = NotConfigured("the password is another one now")
    while "run not held" not in caplog.text:
        await anyio.lowlevel.checkpoint()
    store.is_away = None
    said.set()
    assert (await ended(runs, run)).result == {"answer": "Done."}
    caplog.clear()


async def test_a_run_whose_call_is_cancelled_while_it_begins_leaves_no_ghost(
    run_manager: RunManager, runs: Runs
) -> None:
    worked: list[str] = []

    async def work(say: Say) -> Mapping[str, JsonValue]:
        worked.append("once")
        return {"answer": "Done."}

    with anyio.CancelScope() as giving_up:
        giving_up.cancel()
        await begin(run_manager, runs, "f", work)
    run = await ended(runs, await begin(run_manager, runs, "f", work))
    assert run.result == {"answer": "Done."}
    assert worked == ["once"]


async def test_a_run_that_could_not_be_begun_leaves_nothing(
    run_manager: RunManager, runs: Runs, store: Moody
) -> None:
    store.is_away = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        await begin(run_manager, runs, "f", saying("never"))
    store.is_away = None
    assert await going_on(runs) == []
    assert (await ended(runs, await begin(run_manager, runs, "f", saying("now")))).text == "now"


async def test_a_strange_fault_while_a_run_begins_is_told(
    run_manager: RunManager, runs: Runs, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    store.broken = ("lease",)
    with pytest.raises(InternalError, match="the run was not begun: RuntimeError"):
        await begin(run_manager, runs, "f", saying("never"))
    assert "run not begun" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("form", [KEY, b64encode(KEY.encode()).decode().rstrip("=")])
async def test_half_a_key_at_an_unfinished_end_is_hidden(
    run_manager: RunManager, runs: Runs, form: str
) -> None:
    async def work(say: Say) -> Mapping[str, JsonValue]:
        say(f"It is {form[:-1]}")
        await anyio.sleep_forever()
        raise AssertionError

    run = await begin(run_manager, runs, "f", work)
    await anyio.wait_all_tasks_blocked()
    run_manager.stop(run.id)
    assert (await ended(runs, run)).text == "It is [hidden]"
