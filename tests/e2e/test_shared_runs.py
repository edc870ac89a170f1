"""Runs of agents and real processes: two servers on one home, and servers that are killed."""

import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anyio
import httpx2
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.programs import COMMAND, environment, open_program
from tests.e2e.talking import reaching
from tests.e2e.test_python_clients import ERAS
from tests.planted import WatchedProcess
from tests.storage.places import Place, redis_server, shared_place
from tests.upstream import OrderedStream, Upstream, completion, running_upstream

__all__ = ["redis_server", "shared_place"]


@pytest.fixture
def task() -> dict[str, str]:
    """A task that no other test gives: they share a Redis server."""
    return {"agent": "hr", "task": f"Go. {uuid4()}"}


@dataclass
class Server:
    """A server over HTTP and a client of it."""

    process: WatchedProcess
    url: str
    client: Client

    async def run_agent(self, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool("run_agent", arguments)
        assert isinstance(result.structured_content, dict), result
        return result.structured_content


@asynccontextmanager
async def client_of(url: str, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@asynccontextmanager
async def server(settings: Mapping[str, str], mode: str = "auto") -> AsyncIterator[Server]:
    command = [*COMMAND, "serve", "--http", "--port", "0"]
    async with open_program(command, env=environment(**settings)) as process:
        assert process.stderr is not None
        line = await BufferedByteReceiveStream(process.stderr).receive_until(b"\n", 10_000)
        url = line.decode().split()[-1]
        async with client_of(url, mode) as client:
            yield Server(process, url, client)


@asynccontextmanager
async def ordered(*answers: str) -> AsyncIterator[tuple[OrderedStream, Upstream]]:
    """An upstream whose first answer is a stream that comes when the test says so."""
    stream = OrderedStream()
    with anyio.fail_after(55):
        async with running_upstream(stream, *map(completion, answers)) as upstream:
            yield stream, upstream


@contextmanager
def suppress_group(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except* kind:
        pass


def settings_of(upstream: Upstream, place: Place, limit: str = "1") -> dict[str, str]:
    agents = "hr=9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"
    return reaching(upstream, place, AMBER_AGENTS=agents, AMBER_CALL_TIMEOUT=limit)


async def has(server: Server, run_id: str, text: str) -> dict[str, Any]:
    """Wait until a run has this text."""
    while (run := await server.run_agent(run_id=run_id))["answer"] != text:
        assert run["status"] == "running"
    return run


@pytest.mark.parametrize("mode", ERAS)
async def test_a_run_is_read_and_waited_for_through_another_server(
    shared_place: Place, task: dict[str, str], mode: str
) -> None:
    async with (
        ordered("After it.") as (stream, upstream),
        server(settings_of(upstream, shared_place), mode) as one,
        server(settings_of(upstream, shared_place), mode) as other,
    ):
        stream.send("One ")
        begun = await one.run_agent(**task)
        run = await has(other, begun["run_id"], "One ")
        assert run["status"] == "running"
        assert (await other.run_agent(**task))["run_id"] == begun["run_id"]
        stream.end("two")
        run = await other.run_agent(run_id=begun["run_id"])
        assert (run["status"], run["answer"]) == ("completed", "One two")
        more = {"task": "More.", "conversation_id": run["conversation_id"]}
        assert (await other.run_agent(**more))["answer"] == "After it."
        assert b"One two" in upstream.seen[1].body
    assert len(upstream.seen) == 2


async def test_a_run_is_stopped_through_another_server(
    shared_place: Place, task: dict[str, str]
) -> None:
    async with (
        ordered() as (stream, upstream),
        server(settings_of(upstream, shared_place)) as one,
        server(settings_of(upstream, shared_place)) as other,
    ):
        stream.send("One ")
        begun = await one.run_agent(**task)
        await has(other, begun["run_id"], "One ")
        stopped = await other.run_agent(run_id=begun["run_id"], stop=True)
        while stopped["status"] == "running":
            stopped = await other.run_agent(run_id=begun["run_id"])
        await upstream.closed.wait()
        assert (stopped["status"], stopped["answer"]) == ("stopped", "One ")
        assert (await one.run_agent(run_id=begun["run_id"]))["status"] == "stopped"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_run_whose_server_ends_or_is_killed_is_lost_with_its_text(
    shared_place: Place, task: dict[str, str], how: signal.Signals
) -> None:
    async with ordered() as (stream, upstream):
        settings = settings_of(upstream, shared_place)
        async with server(settings) as other:
            # The client of a server that was killed may say so at its end.
            with suppress_group(httpx2.HTTPError):
                async with server(settings) as one:
                    stream.send("Half")
                    begun = await one.run_agent(**task)
                    await has(other, begun["run_id"], "Half")
                    one.process.send_signal(how)
                    assert await one.process.wait() == (0 if how == signal.SIGTERM else -how)
            with anyio.fail_after(15):
                run = await has(other, begun["run_id"], "Half")
                while run["status"] == "running":
                    run = await other.run_agent(run_id=begun["run_id"])
            assert (run["status"], run["answer"]) == ("lost", "Half")
            told = await other.client.call_tool("run_agent", {"run_id": begun["run_id"]})
            assert "look what was done before you begin the task anew" in str(told.content)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_run_outlives_the_connection_that_began_it(task: dict[str, str], mode: str) -> None:
    memory = Place("memory", {"AMBER_STATE": "memory"})
    async with ordered() as (stream, upstream):
        async with server(settings_of(upstream, memory, "2"), mode) as one:
            with anyio.CancelScope() as leaving:
                async with client_of(one.url, mode) as client:

                    async def leave(*_: object) -> None:
                        leaving.cancel()

                    stream.send("One ")
                    await client.call_tool("run_agent", task, progress_callback=leave)
            begun = await one.run_agent(**task)
            assert (begun["status"], begun["answer"]) == ("running", "One ")
            stream.end("two")
            run = await one.run_agent(run_id=begun["run_id"])
    assert (run["status"], run["answer"]) == ("completed", "One two")
    assert len(upstream.seen) == 1
