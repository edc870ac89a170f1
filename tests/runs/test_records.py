"""Runs in each of the homes: who has a task, what is told of it, and when a run is lost."""

import time
from dataclasses import replace

import anyio
import pytest

from amber_mcp.errors import NotFound
from amber_mcp.runs.records import LEASE_SECONDS, Run, Runs, RunSpec
from amber_mcp.storage.base import Store
from amber_mcp.storage.validation import InvalidRecord
from tests.storage.places import Place

ABOUT = RunSpec(agent="hr", task="Go.", fingerprint="f", started=1_000_000.0)
LATER = 9e12
ORDER = {"a": 2.0, "b": 1.0, "c": 3.0, "d": 3.0}


def runs_in(store: Store, place: Place, caller: str = "") -> Runs:
    return Runs(store, caller or place.caller, ttl=100, longest=1000)


async def going_on(runs: Runs) -> list[str]:
    return list(await runs.before("", ABOUT.model_copy(update={"started": LATER})))


@pytest.fixture
def runs(store: Store, place: Place) -> Runs:
    return runs_in(store, place)


async def test_a_run_tells_what_happened_until_its_end(runs: Runs) -> None:
    await runs.begin("r", ABOUT)
    await runs.tell("r", {"news": "waiting"}, {"text": "One ", "at": 0, "after": 3})
    run = await runs.open("r")
    assert (run.status, run.text, run.news, run.about) == ("running", "One ", "waiting", ABOUT)
    assert run.elapsed_seconds == pytest.approx(time.time() - ABOUT.started, abs=60)
    await runs.tell("r", {"text": "two", "at": 4, "after": 4})
    await runs.end("r", ABOUT, "completed", {"answer": "One two"})
    with anyio.fail_after(5):
        await runs.wait(run)
    await runs.refresh(run)
    assert (run.status, run.text, run.result) == ("completed", "One two", {"answer": "One two"})
    assert run == replace(await runs.open("r"), is_held=run.is_held)


async def test_what_is_told_twice_stands_once(runs: Runs) -> None:
    await runs.begin("r", ABOUT)
    await runs.tell("r", {"text": "abc", "at": 0, "after": 1})
    await runs.tell("r", {"text": "abcd", "at": 0, "after": 2}, {"text": "e", "at": 4, "after": 4})
    await runs.end("r", ABOUT, "stopped", {})
    await runs.end("r", ABOUT, "lost", {})
    run = await runs.open("r")
    assert (run.text, run.status) == ("abcde", "stopped")


async def test_a_run_whose_lease_runs_out_is_lost_with_its_text(runs: Runs, place: Place) -> None:
    if place.name == "redis":
        pytest.skip("Redis has a clock of its own; tests/e2e kills a process for it")
    await runs.begin("r", ABOUT)
    await runs.tell("r", {"text": "Half", "at": 0, "after": 7.5})
    await place.later(LEASE_SECONDS / 2)
    await runs.hold("r", ABOUT)
    await place.later(LEASE_SECONDS - 1)
    assert (await runs.open("r")).status == "running"
    await place.later(1.5)
    run = await runs.open("r")
    assert (run.status, run.text, run.elapsed_seconds) == ("lost", "Half", 7.5)
    with anyio.fail_after(5):
        await runs.wait(run)  # Nobody will tell any more.
    assert list(await going_on(runs)) == []


async def test_nobody_else_finds_a_run(runs: Runs, store: Store, place: Place) -> None:
    await runs.begin("r", ABOUT)
    others = runs_in(store, place, "somebody else")
    with pytest.raises(NotFound) as of_another:
        await others.open("r")
    with pytest.raises(NotFound) as of_nobody:
        await runs.open("x")
    assert of_another.value.message.replace("'r'", "") == of_nobody.value.message.replace("'x'", "")
    assert await others.claim("o", ABOUT.fingerprint) is None
    assert list(await going_on(others)) == []


async def test_a_task_belongs_to_one_run_while_that_goes_on(runs: Runs) -> None:
    claims: list[Run | None] = []

    async def claim(run_id: str) -> None:
        await runs.begin(run_id, ABOUT)
        claims.append(await runs.claim(run_id, "f"))

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(claim, f"r{number}")
    assert claims.count(None) == 1
    (having,) = {run.id for run in claims if run is not None}
    assert await runs.claim("late", "f") == await runs.open(having)
    assert await runs.claim("late", "another task") is None


@pytest.mark.parametrize("status", ["failed", "stopped", "lost"])
async def test_a_task_that_brought_no_answer_is_free_at_once(runs: Runs, status: str) -> None:
    await runs.begin("r", ABOUT)
    await runs.claim("r", "f")
    await runs.end("r", ABOUT, status, {})  # type: ignore[arg-type]  # one of its values
    assert await runs.claim("s", "f") is None


async def test_an_answer_keeps_its_task_for_a_while(runs: Runs, place: Place) -> None:
    await runs.begin("r", ABOUT)
    await runs.claim("r", "f")
    await runs.end("r", ABOUT, "completed", {"answer": "Yes."})
    found = await runs.claim("s", "f")
    assert found is not None
    assert found == await runs.having("f")
    assert found.result == {"answer": "Yes."}
    if place.name == "redis":
        return  # It has a clock of its own.
    await place.later(99)
    assert await runs.having("f")
    await place.later(1)
    assert await runs.having("f") is None


async def test_an_answer_that_was_returned_keeps_its_task_for_a_minute(
    runs: Runs, place: Place
) -> None:
    await runs.begin("r", ABOUT)
    await runs.claim("r", "f")
    await runs.end("r", ABOUT, "completed", {"answer": "Yes."})
    found = await runs.open("r")
    await runs.release(found)
    assert await runs.having("f") == found
    if place.name == "redis":
        return  # It has a clock of its own.
    await place.later(40)
    await runs.release(found)  # That it was returned again adds nothing.
    await place.later(21)
    assert await runs.claim("s", "f") is None
    await runs.begin("s", ABOUT)
    await runs.release(found)  # It has nothing any more, and takes nothing from the other.
    again = await runs.having("f")
    assert again is not None
    assert again.id == "s"


async def test_a_run_that_goes_on_keeps_its_task_and_what_it_is_about(
    store: Store, place: Place
) -> None:
    if place.name == "redis":
        pytest.skip("Redis has a clock of its own")
    runs = Runs(store, place.caller, ttl=5, longest=5)
    await runs.begin("r", ABOUT)
    await runs.claim("r", "f")
    for _ in range(5):
        await place.later(LEASE_SECONDS - 1)
        await runs.hold("r", ABOUT)
    having = await runs.having("f")
    assert having is not None
    assert (having.id, having.status) == ("r", "running")


async def test_a_run_that_this_process_carries_goes_on_whatever_the_store_says(
    store: Store, place: Place
) -> None:
    here = Runs(store, place.caller, ttl=9, longest=9, is_carried=lambda run_id: run_id == "r")
    await here.begin("r", ABOUT)
    await store.delete(place.key("r", "lease"))
    assert (await here.open("r")).status == "running"
    assert (await runs_in(store, place).open("r")).status == "lost"


async def test_runs_that_were_begun_before_are_told_in_one_order(runs: Runs) -> None:
    abouts = {name: ABOUT.model_copy(update={"started": at}) for name, at in ORDER.items()}
    for run_id, about in abouts.items():
        await runs.begin(run_id, about)
    for run_id, expected in (("b", set()), ("a", {"b"}), ("c", {"b", "a"}), ("d", {"b", "a", "c"})):
        assert set(await runs.before(run_id, abouts[run_id])) == expected


async def test_a_claim_of_a_run_that_was_not_kept_is_none(runs: Runs) -> None:
    await runs.claim("gone", "f")
    assert await runs.claim("r", "f") is None


async def test_what_is_discarded_leaves_nothing(runs: Runs) -> None:
    await runs.begin("r", ABOUT)
    await runs.claim("r", "f")
    await runs.discard("r", "f")
    assert list(await going_on(runs)) == []
    assert await runs.claim("s", "f") is None
    with pytest.raises(NotFound):
        await runs.open("r")


async def test_whoever_carries_a_run_hears_that_it_is_to_stop(runs: Runs) -> None:
    heard = anyio.Event()

    async def listen() -> None:
        await runs.asked_to_stop("r")
        heard.set()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await runs.ask_to_stop("r")
            await heard.wait()


async def test_a_run_that_holds_something_strange_is_told_as_a_fault(runs: Runs) -> None:
    await runs.begin("r", ABOUT)
    await runs.tell("r", {"what": "is this"})
    with pytest.raises(InvalidRecord, match="another version"):
        await runs.open("r")
