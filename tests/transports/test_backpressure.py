"""How much may be in flight."""

from collections.abc import Callable

import anyio
import pytest

from amber_mcp.transports.backpressure import MOST_ASKING, MOST_REQUESTS, Backpressure


def test_there_is_room_for_so_many_requests_and_again_when_one_is_settled() -> None:
    backpressure = Backpressure(1_000_000)
    for request_id in range(MOST_REQUESTS):
        assert backpressure.has_room
        backpressure.add(request_id, 1)
    assert not backpressure.has_room
    backpressure.settle(0)
    assert backpressure.has_room


def test_large_requests_take_the_room_of_many() -> None:
    backpressure = Backpressure(100)
    backpressure.add("large", 100)
    assert backpressure.has_room
    backpressure.add("small", 1)
    assert not backpressure.has_room
    backpressure.settle("large")
    assert backpressure.has_room


@pytest.mark.parametrize("asks", [False, True])
def test_an_id_is_free_again_when_its_request_is_settled(*, asks: bool) -> None:
    backpressure = Backpressure(100)
    assert backpressure.add(1, 101)
    assert not asks or backpressure.ask(1)
    for same in (1, "1"):
        assert not backpressure.add(same, 1)
    assert backpressure.has_room == asks
    for unknown in (2, 1, 1):
        backpressure.settle(unknown)
    assert backpressure.has_room
    assert backpressure.add("1", 101)
    assert not backpressure.has_room


def test_a_request_that_asks_takes_no_room_until_it_is_settled() -> None:
    backpressure = Backpressure(100)
    backpressure.add(1, 101)
    assert backpressure.ask(1)
    assert backpressure.ask(1)
    assert backpressure.has_room
    backpressure.add(2, 101)
    backpressure.settle(1)
    assert not backpressure.has_room
    backpressure.settle(2)
    assert backpressure.has_room


def test_so_many_requests_ask_at_a_time_and_no_more_bytes_than_may_be_backpressure() -> None:
    backpressure = Backpressure(100)
    for request_id in range(MOST_ASKING):
        backpressure.add(request_id, 1)
        assert backpressure.ask(request_id)
    backpressure.add("large", 101)
    assert not backpressure.ask("large")
    assert not backpressure.has_room
    backpressure.settle(0)
    assert backpressure.ask("large")
    backpressure.settle(1)
    backpressure.add("small", 1)
    assert not backpressure.ask("small")
    backpressure.settle("large")
    assert backpressure.ask("small")


@pytest.mark.parametrize("settling", [Backpressure.ask, Backpressure.settle])
async def test_whoever_waits_for_room_gets_it(
    settling: Callable[[Backpressure, int], object],
) -> None:
    backpressure = Backpressure(100)
    backpressure.add(1, 101)
    backpressure.add(2, 101)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backpressure.wait_for_room)
            await anyio.wait_all_tasks_blocked()
            settling(backpressure, 1)
            await anyio.wait_all_tasks_blocked()
            assert not backpressure.has_room
            backpressure.settle(2)
