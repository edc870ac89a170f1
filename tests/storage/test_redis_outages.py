"""A Redis server that goes, comes back, says nothing, or loses an answer."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from amber_mcp.errors import describe
from amber_mcp.storage import redis_client
from amber_mcp.storage.base import Key, StorageUnavailable
from tests.storage.places import until, waiting
from tests.storage.servers import CALLER, PLACE, TTL, RedisServer, client_of, opened


@pytest.fixture(autouse=True)
def _short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_client, "_PAUSES", (0.01, 0.02))


async def test_the_server_may_come_later_go_and_come_again(server: RedisServer) -> None:
    server.stop()
    with anyio.fail_after(30):
        async with opened(server.url) as store:
            for item in ("first", "after"):
                with pytest.raises(StorageUnavailable) as error:
                    await store.append(PLACE, "nobody is there", ttl=TTL)
                told = describe(error.value)
                assert told.startswith("internal_error: Redis at redis://127.0.0.1:")
                assert "AMBER_STATE" in told
                assert "connecting to 127.0.0.1" in told
                server.start()
                await store.append(PLACE, item, ttl=TTL)
                assert await store.items(PLACE) == [item]
                server.stop()


async def test_a_restart_of_a_moment_is_waited_for(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "_PAUSES", (0.1,) * 40)
    with anyio.fail_after(30):
        async with opened(server.url) as store, opened(server.url) as other:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(store.wait, PLACE, 0)
                await until(lambda: waiting(store) == 3)
                server.stop()
                tasks.start_soon(anyio.to_thread.run_sync, server.start)
                await other.append(PLACE, "after", ttl=TTL)
            assert await store.items(PLACE) == ["after"]


async def test_who_waits_learns_that_the_server_is_gone(server: RedisServer) -> None:
    with anyio.fail_after(30):
        async with opened(server.url) as store:
            with pytest.raises(ExceptionGroup) as error:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(store.wait, PLACE, 0)
                    await until(lambda: waiting(store) == 1)
                    server.stop()
            assert error.group_contains(StorageUnavailable)


async def test_many_who_wait_share_few_connections(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for number in range(200):
                    tasks.start_soon(store.wait, Key("run", CALLER, str(number)), 0)
                await until(lambda: waiting(store) == 200)
                await store.items(PLACE)
                assert len(await client.client_list()) <= 34
                tasks.cancel_scope.cancel()


async def test_what_was_done_before_its_answer_was_lost_is_not_done_again(
    server: RedisServer,
) -> None:
    async with losing_answers(server) as port, opened(f"redis://127.0.0.1:{port}") as store:
        with anyio.fail_after(20):
            for number in range(3):
                key = Key("run", CALLER, str(number))
                await store.append(key, 1, 2, ttl=TTL)
                assert await store.append(key, 3, ttl=TTL, create=False)
                assert await store.items(key) == [1, 2, 3]
                assert await store.add(key, "mine", ttl=TTL)
                assert not await store.add(key, "another's", ttl=TTL)
                assert await store.get(key) == "mine"
                await store.delete(key)
                assert await store.ids("run", CALLER) == []


@asynccontextmanager
async def losing_answers(server: RedisServer) -> AsyncIterator[int]:
    """A way to the server that closes, every second time, when a script has been done."""
    scripts = 0

    async def forward(source: SocketStream, target: SocketStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                await target.send(await source.receive())

    async def serve(client: SocketStream) -> None:
        nonlocal scripts
        async with client, await anyio.connect_tcp("127.0.0.1", server.port) as behind:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(forward, behind, client)
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    while True:
                        request = await client.receive()
                        scripts += b"EVALSHA" in request
                        if b"EVALSHA" in request and scripts % 2:
                            tasks.cancel_scope.cancel()
                        with anyio.CancelScope(shield=True):
                            await behind.send(request)
                            if tasks.cancel_scope.cancel_called:
                                await behind.receive()
                tasks.cancel_scope.cancel()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            yield listener.extra(SocketAttribute.local_port)  # noqa: S610
            tasks.cancel_scope.cancel()


async def test_a_server_that_says_nothing_is_not_waited_for_long(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "_LIMIT_SECONDS", 0.5)
    assert server.process is not None
    async with opened(server.url) as store:
        await store.put(PLACE, "record", ttl=TTL)

        async def told() -> None:
            with pytest.raises(StorageUnavailable, match="it did not answer within"):
                await store.get(PLACE)

        server.process.send_signal(signal.SIGSTOP)
        try:
            with anyio.fail_after(10):
                async with anyio.create_task_group() as tasks:
                    # More than are let through at a time.
                    for _ in range(70):
                        tasks.start_soon(told)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert await store.get(PLACE) == "record"


async def test_a_full_server_is_told(server: RedisServer) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        await client.config_set("maxmemory", "1")
        with pytest.raises(StorageUnavailable, match="maxmemory"):
            await store.put(PLACE, "record", ttl=TTL)


async def test_an_emptied_server_gets_the_secret_that_callers_are_known_by(
    server: RedisServer,
) -> None:
    async with opened(server.url) as store, client_of(server) as client:
        secret = await store.secret()
        await client.flushall()
        assert await store.secret() == secret
