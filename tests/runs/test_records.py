"""Runs in each of the backends: who has a task, what is saved, and when a run is lost."""

import time
from dataclasses import replace

import anyio
import pytest

from amber_mcp.errors import NotFound
from amber_mcp.runs.records import LEASE_SECONDS, Runs
from amber_mcp.runs.run import Run, RunSpec, Status
from amber_mcp.storage.base import InvalidRecord, Store
from tests.storage.places import Place

SPEC = RunSpec(agent="hr", task="Go.", fingerprint="f", started=1_000_000.0)
OTHER = SPEC.model_copy(update={"fingerprint": "g"})
LATEST = SPEC.model_copy(update={"started": 9e12})


def runs_in(store: Store, place: Place, caller: str = "") -> Runs:
    return Runs(store, caller or place.caller, ttl=100, longest=1000)


@pytest.fixture
def runs(store: Store, place: Place) -> Runs:
    return runs_in(store, place)


async def test_a_run_is_read_until_its_end(runs: Runs) -> None:
    assert await runs.start("r", SPEC) is None
    await runs.append("r", {"progress": "waiting"}, {"text": "One ", "at": 0, "after": 3})
    run = await runs.open("r")
    assert (run.status, run.text, run.progress, run.spec) == ("running", "One ", "waiting", SPEC)
    assert run.elapsed_seconds == pytest.approx(time.time() - SPEC.started, abs=60)
    await runs.append("r", {"text": "two", "at": 4, "after": 4})
    await runs.end("r", SPEC, "completed", {"answer": "One two"})
    with anyio.fail_after(5):
        await runs.wait(run)
    assert (run.status, run.text, run.result) == ("completed", "One two", {"answer": "One two"})
    assert run == replace(await runs.open("r"), has_lease=run.has_lease)


async def test_what_is_appended_twice_stands_once(runs: Runs) -> None:
    await runs.start("r", SPEC)
    await runs.append("r", {"text": "abc", "at": 0, "after": 1})
    await runs.append(
        "r", {"text": "abcd", "at": 0, "after": 2}, {"text": "e", "at": 4, "after": 4}
    )
    await runs.end("r", SPEC, "stopped", {})
    await runs.end("r", SPEC, "lost", {})
    run = await runs.open("r")
    assert (run.text, run.status) == ("abcde", "stopped")


async def test_a_run_whose_lease_runs_out_is_lost_with_its_text(
    runs: Runs, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place.name == "redis":
        pytest.skip("Redis has a clock of its own; tests/e2e kills a process for it")
    monkeypatch.setattr("amber_mcp.runs.records._SECONDS_BETWEEN_LOOKS", 0.1)
    await runs.start("r", SPEC)
    await runs.append("r", {"text": "Half", "at": 0, "after": 7.5})
    await place.later(LEASE_SECONDS / 2)
    await runs.renew("r", SPEC)
    await place.later(LEASE_SECONDS - 1)
    run = await runs.open("r")
    assert run.status == "running"
    await place.later(1.5)
    with anyio.fail_after(5):
        await runs.wait(run)
    assert (run.status, run.text, run.elapsed_seconds) == ("lost", "Half", 7.5)
    assert await runs.started_before("", LATEST) == []
    assert await runs.start("s", SPEC) is None
    await runs.renew("r", SPEC)  # Too late: its task has a new run.
    found = await runs.find_active("f")
    assert found is not None
    assert found.id == "s"


async def test_nobody_else_finds_a_run(runs: Runs, store: Store, place: Place) -> None:
    await runs.start("r", SPEC)
    others = runs_in(store, place, "somebody else")
    with pytest.raises(NotFound) as of_another:
        await others.open("r")
    with pytest.raises(NotFound) as of_nobody:
        await runs.open("x")
    assert of_another.value.message.replace("'r'", "") == of_nobody.value.message.replace("'x'", "")
    assert await others.start("o", SPEC) is None
    assert await others.started_before("", LATEST) == ["o"]


async def test_a_task_belongs_to_one_run_while_that_goes_on(runs: Runs) -> None:
    found: list[Run | None] = []

    async def start(run_id: str) -> None:
        found.append(await runs.start(run_id, SPEC))

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(start, f"r{number}")
    assert found.count(None) == 1
    (run_id,) = {run.id for run in found if run is not None}
    assert await runs.start("late", SPEC) == await runs.open(run_id)
    with pytest.raises(NotFound):
        await runs.open("late")
    assert await runs.start("another", OTHER) is None


async def test_a_lease_that_was_dropped_is_taken_once(runs: Runs) -> None:
    await runs.start("r", SPEC)
    await runs.end("r", SPEC, "failed", {})
    found: dict[str, Run | None] = {}

    async def start(run_id: str) -> None:
        found[run_id] = await runs.start(run_id, SPEC)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(start, f"s{number}")
    (taker,) = [run_id for run_id, other in found.items() if other is None]
    assert {other.id for other in found.values() if other} == {taker}


async def test_a_run_that_ends_late_leaves_its_task_to_the_new_one(
    runs: Runs, place: Place
) -> None:
    if place.name == "redis":
        pytest.skip("Redis has a clock of its own")
    await runs.start("r", SPEC)
    await place.later(LEASE_SECONDS + 1)
    assert await runs.start("s", SPEC) is None
    await runs.end("r", SPEC, "completed", {"answer": "Late."})
    assert (await runs.open("r")).status == "completed"
    found = await runs.find_active("f")
    assert found is not None
    assert (found.id, found.status) == ("s", "running")


@pytest.mark.parametrize("status", ["failed", "stopped", "lost"])
async def test_a_task_that_brought_no_answer_is_free_at_once(runs: Runs, status: Status) -> None:
    await runs.start("r", SPEC)
    await runs.end("r", SPEC, status, {})
    assert await runs.start("s", SPEC) is None


async def test_an_answer_keeps_its_task_for_a_while(runs: Runs, place: Place) -> None:
    await runs.start("r", SPEC)
    await runs.end("r", SPEC, "completed", {"answer": "Yes."})
    found = await runs.start("s", SPEC)
    assert found is not None
    assert found == await runs.find_active("f")
    assert (found.id, found.result) == ("r", {"answer": "Yes."})
    assert await runs.started_before("", LATEST) == []  # It takes no room.
    if place.name == "redis":
        return  # It has a clock of its own.
    await place.later(99)
    assert await runs.find_active("f")
    await place.later(1)
    assert await runs.find_active("f") is None


async def test_an_answer_that_was_returned_keeps_its_task_for_a_minute(
    runs: Runs, place: Place
) -> None:
    await runs.start("r", SPEC)
    await runs.end("r", SPEC, "completed", {"answer": "Yes."})
    run = await runs.open("r")
    await runs.mark_returned(run)
    assert await runs.find_active("f") == run
    if place.name == "redis":
        return  # It has a clock of its own.
    await place.later(40)
    await runs.mark_returned(run)  # That it was returned again adds nothing.
    await place.later(21)
    assert await runs.start("s", SPEC) is None
    await runs.mark_returned(run)  # Its task has a new run, which keeps it.
    again = await runs.find_active("f")
    assert again is not None
    assert again.id == "s"


async def test_in_a_conversation_a_returned_answer_leaves_its_task_at_once(runs: Runs) -> None:
    spec = SPEC.model_copy(update={"conversation_id": "conv_a"})
    await runs.start("r", spec)
    await runs.end("r", spec, "completed", {"answer": "Yes."})
    await runs.mark_returned(await runs.open("r"))
    assert await runs.start("s", spec) is None


async def test_a_run_that_goes_on_keeps_its_task_and_its_record(store: Store, place: Place) -> None:
    if place.name == "redis":
        pytest.skip("Redis has a clock of its own")
    runs = Runs(store, place.caller, ttl=5, longest=5)
    await runs.start("r", SPEC)
    for _ in range(5):
        await place.later(LEASE_SECONDS - 1)
        await runs.renew("r", SPEC)
    found = await runs.find_active("f")
    assert found is not None
    assert (found.id, found.status) == ("r", "running")


async def test_a_run_of_this_process_goes_on_whatever_the_store_says(
    store: Store, place: Place
) -> None:
    here = Runs(store, place.caller, ttl=9, longest=9, is_local=lambda run_id: run_id == "r")
    await here.start("r", SPEC)
    await store.delete(place.key("f", "lease"))
    assert (await here.open("r")).status == "running"
    assert (await runs_in(store, place).open("r")).status == "lost"


async def test_runs_that_started_before_have_one_order(runs: Runs) -> None:
    specs = {
        run_id: SPEC.model_copy(update={"started": started, "fingerprint": run_id})
        for run_id, started in {"a": 2.0, "b": 1.0, "c": 3.0, "d": 3.0}.items()
    }
    for run_id, spec in specs.items():
        await runs.start(run_id, spec)
    for run_id, expected in (("b", set()), ("a", {"b"}), ("c", {"b", "a"}), ("d", {"b", "a", "c"})):
        assert set(await runs.started_before(run_id, specs[run_id])) == expected


async def test_what_is_discarded_leaves_nothing(runs: Runs, store: Store, place: Place) -> None:
    await runs.start("r", SPEC)
    await store.delete(place.key("r", "run"))  # A lease of a run that is not there is none.
    assert await runs.start("s", SPEC) is None
    await runs.discard("s", SPEC)
    assert await runs.started_before("", LATEST) == []
    assert await runs.start("t", SPEC) is None
    with pytest.raises(NotFound):
        await runs.open("s")


async def test_a_heartbeat_tells_that_a_run_is_to_stop(runs: Runs) -> None:
    await runs.start("r", SPEC)
    assert not await runs.renew("r", SPEC)
    await runs.request_stop("r")
    assert await runs.renew("r", SPEC)


async def test_an_event_that_no_run_should_have_is_an_error(runs: Runs) -> None:
    await runs.start("r", SPEC)
    await runs.append("r", {"what": "is this"})
    with pytest.raises(InvalidRecord, match="another version"):
        await runs.open("r")
