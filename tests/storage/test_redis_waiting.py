"""Waiting for a list in Redis to grow: one connection for all, through restarts and silence."""

import signal

import anyio
import pytest

from amber_mcp.storage.base import Key, StorageUnavailable
from tests.storage.redis_backend import CALLER, PLACE, TTL, client_of, opened
from tests.storage.servers import RedisServer
from tests.storage.watching import until, waiting


async def called(server: RedisServer, command: str, times: int) -> None:
    """Return once the server has been given a command so many times."""
    async with client_of(server) as client:
        while True:
            told = (await client.info("commandstats")).get(f"cmdstat_{command}", {})
            if told.get("calls", 0) >= times:
                return
            await anyio.sleep(0.01)


async def test_those_who_wait_go_on_waiting_through_a_restart(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store, opened(server.url) as other:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(store.wait, PLACE, 0)
                await until(lambda: waiting(store) == 3 and store._listening.is_set())
                server.stop()
                await anyio.to_thread.run_sync(server.start)
                await other.append(PLACE, 1, ttl=TTL)


async def test_those_who_wait_are_told_that_the_server_is_gone(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store:

            async def told() -> None:
                with pytest.raises(StorageUnavailable), anyio.fail_after(4):
                    await store.wait(PLACE, 0)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(told)
                await until(store._listening.is_set)
                server.stop()
            await told()
            server.start()
            await store.append(PLACE, 1, ttl=TTL)
            await store.wait(PLACE, 0)


async def test_all_who_wait_share_one_connection(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for number in range(200):
                    tasks.start_soon(store.wait, Key("run", CALLER, str(number)), 0)
                await called(server, "llen", 200)
                await until(store._listening.is_set)
                kinds = [each["flags"] for each in await client.client_list()]
                tasks.cancel_scope.cancel()
    assert kinds.count("P") == 1
    assert len(kinds) <= 34


async def test_a_silent_connection_is_asked_whether_it_still_stands(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amber_mcp.storage.redis._SECONDS_OF_SILENCE", 0.1)
    assert server.process is not None
    async with opened(server.url) as store, client_of(server) as client:

        async def listeners() -> list[str]:
            return [each["id"] for each in await client.client_list() if "P" in each["flags"]]

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.wait, PLACE, 0)
                await until(store._listening.is_set)
                before = await listeners()
                await called(server, "ping", 3)
                assert await listeners() == before
                server.process.send_signal(signal.SIGSTOP)
                await until(lambda: not store._listening.is_set())
                server.process.send_signal(signal.SIGCONT)
                await until(lambda: store._listening.is_set())  # noqa: PLW0108  # another event by then
                assert await listeners() != before
                await store.append(PLACE, 1, ttl=TTL)
