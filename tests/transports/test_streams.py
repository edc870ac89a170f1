"""What becomes of messages where they cannot be read or written any more."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest, JSONRPCResponse

if sys.platform == "win32":
    pytest.skip("descriptors that never block", allow_module_level=True)

import pty

from amber_mcp.transports.backpressure import Backpressure
from amber_mcp.transports.lines import LineReader, LineWriter
from amber_mcp.transports.streams import MessageReader, MessageWriter

LIMIT = 100_000
ANSWER = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))


@pytest.fixture
def full() -> Iterator[int]:
    """A pipe that has no room."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        yield writing
    os.close(reading)
    os.close(writing)


@asynccontextmanager
async def connected(stdin: int, stdout: int) -> AsyncIterator[tuple[MessageReader, MessageWriter]]:
    backpressure = Backpressure(LIMIT)
    async with LineReader(stdin, LIMIT) as reader, LineWriter(stdout, reader) as writer:
        with anyio.fail_after(5):
            yield MessageReader(reader, writer, backpressure), MessageWriter(writer, backpressure)


async def test_requests_of_a_client_that_has_gone_are_not_read(full: int) -> None:
    stdin, client = os.pipe()
    os.write(
        client, b'{"jsonrpc":"2.0","id":1,"method":"a"}\n{"jsonrpc":"2.0","id":2,"method":"b"}\n'
    )
    os.close(client)
    async with connected(stdin, full) as (messages, replies):
        assert isinstance((await messages.receive()).message, JSONRPCRequest)
        with pytest.raises(anyio.BrokenResourceError):
            await replies.send(ANSWER)
        with pytest.raises(anyio.EndOfStream):
            await messages.receive()
    os.close(stdin)


async def test_after_the_last_line_no_answer_waits_for_room(full: int) -> None:
    """At a terminal, input may end while the terminal stays."""
    controller, terminal = pty.openpty()
    os.write(controller, b"\x04")
    async with connected(terminal, full) as (messages, replies):
        with pytest.raises(anyio.EndOfStream):
            await messages.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await replies.send(ANSWER)
    os.close(controller)
    os.close(terminal)


async def test_many_lines_that_are_no_messages_keep_nobody_from_their_turn(full: int) -> None:
    stdin, client = os.pipe()
    os.write(client, b"\n" * 1000 + b'{"method":"unfit"}\n' * 1000)
    os.close(client)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with connected(stdin, full) as (messages, _):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(others)
            with pytest.raises(anyio.EndOfStream):
                await messages.receive()
            tasks.cancel_scope.cancel()
    assert turns > 1000
    os.close(stdin)
