"""The contract of a backend that processes share: nothing is lost, and all see it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio

from amber_mcp.storage.backends import open_store
from tests.storage.places import Place, until, waiting

TTL = 60


@contextmanager
def writer(place: Place, name: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """A process that adds `count` items to the list `1` once it reads a line."""
    command = [sys.executable, "-m", "tests.storage.program", place.caller, "1", name, str(count)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **place.environment},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], line: str = "go") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


async def test_the_secret_stays_the_same(place: Place) -> None:
    async with place.open() as store:
        secret = await store.secret()
        assert len(secret) == 32
        assert await store.secret() == secret
    async with place.open() as again:
        assert (await again.secret() == secret) is place.is_shared


async def test_what_was_kept_is_there_when_it_is_opened_again(shared_place: Place) -> None:
    key = shared_place.key()
    async with shared_place.open() as store:
        await store.put(key, "record", ttl=TTL)
        await store.append(key, 1, 2, ttl=TTL)
    async with shared_place.open() as store, shared_place.open() as other:
        assert await store.get(key) == await other.get(key) == "record"
        await other.append(key, 3, ttl=TTL)
        assert await store.items(key) == [1, 2, 3]
        assert not await store.add(key, "another", ttl=TTL)


async def test_processes_that_start_at_once_share_a_list_and_lose_nothing(
    shared_place: Place,
) -> None:
    names = "abc"
    with ExitStack() as stack:
        writers = [stack.enter_context(writer(shared_place, name, 200)) for name in names]
        for process in writers:
            say(process)
        for process in writers:
            assert process.wait(60) == 0
    async with open_store(shared_place.settings) as store:
        items: Any = await store.items(shared_place.key(kind="run"))
    assert len(items) == 600
    for name in names:
        assert [each["number"] for each in items if each["writer"] == name] == list(range(200))


async def test_a_killed_process_loses_nothing_that_was_finished(shared_place: Place) -> None:
    with writer(shared_place, "a", 100_000) as process:
        say(process)
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(100)]
        process.kill()
        told += process.stdout.read().splitlines()
    finished = sum(line.strip().isdigit() for line in told)
    async with open_store(shared_place.settings) as store:
        items: Any = await store.items(shared_place.key(kind="run"))
        assert 100 <= finished <= len(items) <= finished + 2
        assert [each["number"] for each in items] == list(range(len(items)))
        await store.append(shared_place.key(kind="run"), "goes on", ttl=TTL)


async def test_a_wait_notices_what_another_store_writes(shared_place: Place) -> None:
    with anyio.fail_after(10):
        async with shared_place.open() as store, shared_place.open() as other:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.wait, shared_place.key(), 0)
                await until(lambda: waiting(store) == 1)
                await other.append(shared_place.key(), 1, ttl=TTL)
