"""How much may be in flight."""

import anyio

from amber_mcp.transports.in_flight import MOST_REQUESTS, InFlight


def test_there_is_room_for_so_many_requests_and_again_when_one_is_settled() -> None:
    in_flight = InFlight(1_000_000)
    for request_id in range(MOST_REQUESTS):
        assert in_flight.has_room
        in_flight.add(request_id, 1)
    assert not in_flight.has_room
    in_flight.settle(0)
    assert in_flight.has_room


def test_large_requests_take_the_room_of_many() -> None:
    in_flight = InFlight(100)
    in_flight.add("large", 100)
    assert in_flight.has_room
    in_flight.add("small", 1)
    assert not in_flight.has_room
    in_flight.settle("large")
    assert in_flight.has_room


def test_requests_of_one_id_count_each_and_an_unknown_one_counts_nothing() -> None:
    in_flight = InFlight(100)
    for _ in range(3):
        in_flight.add(1, 50)
    in_flight.settle("1")
    assert not in_flight.has_room
    in_flight.settle(1)
    assert in_flight.has_room
    for _ in range(9):
        in_flight.settle(1)
    in_flight.add(1, 101)
    assert not in_flight.has_room


async def test_whoever_waits_for_room_gets_it() -> None:
    in_flight = InFlight(100)
    in_flight.add(1, 101)
    in_flight.add(2, 101)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_flight.wait_for_room)
            await anyio.wait_all_tasks_blocked()
            in_flight.settle(1)
            await anyio.wait_all_tasks_blocked()
            assert not in_flight.has_room
            in_flight.settle(2)
