"""How much may be in flight."""

import anyio

from amber_mcp.transports.in_flight import MOST_ASKING, MOST_REQUESTS, InFlight


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


def test_a_request_that_asks_takes_no_room_until_it_is_settled() -> None:
    in_flight = InFlight(100)
    in_flight.add(1, 101)
    assert in_flight.ask(1)
    assert in_flight.ask(1)
    assert in_flight.has_room
    in_flight.add(2, 101)
    in_flight.settle(1)
    assert not in_flight.has_room
    in_flight.settle(2)
    assert in_flight.has_room


def test_so_many_requests_ask_at_a_time_and_no_more_bytes_than_may_be_in_flight() -> None:
    in_flight = InFlight(100)
    for request_id in range(MOST_ASKING):
        in_flight.add(request_id, 1)
        assert in_flight.ask(request_id)
    in_flight.add("large", 101)
    assert not in_flight.ask("large")
    assert not in_flight.has_room
    in_flight.settle(0)
    assert in_flight.ask("large")
    in_flight.settle(1)
    in_flight.add("small", 1)
    assert not in_flight.ask("small")
    in_flight.settle("large")
    assert in_flight.ask("small")


def test_requests_of_one_id_are_told_apart_by_nobody_but_all_are_settled() -> None:
    in_flight = InFlight(100)
    for _ in range(2):
        in_flight.add(1, 101)
    assert in_flight.ask(1)
    assert not in_flight.has_room
    in_flight.settle(1)
    in_flight.settle(1)
    assert in_flight.has_room
    in_flight.add(2, 1)
    assert in_flight.ask(2)
    assert in_flight.has_room


async def test_a_request_that_asks_makes_room_for_whoever_waits_for_it() -> None:
    in_flight = InFlight(100)
    in_flight.add(1, 101)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_flight.wait_for_room)
            await anyio.wait_all_tasks_blocked()
            in_flight.ask(1)


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
