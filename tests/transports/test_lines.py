"""Lines on real pipes and sockets: whole ones, in turn, up to a limit, and to the end."""

import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio
import pytest

if sys.platform == "win32":
    pytest.skip("descriptors that never block", allow_module_level=True)

from amber_mcp.transports.lines import LineReader, LineWriter
from amber_mcp.transports.messages import UnreadableLineError

LIMIT = 100_000


@dataclass
class Ends:
    """Of two pipes, or of two connections: ours, and the client's."""

    reader: LineReader
    writer: LineWriter
    writing: int
    reading: int

    async def write(self, data: bytes) -> None:
        await anyio.to_thread.run_sync(os.write, self.writing, data)

    def read(self) -> bytes:
        return os.read(self.reading, 1_000_000)

    def fill(self) -> int:
        """Leave no room for the writer: how many bytes it took."""
        filled = 0
        try:
            while True:
                filled += os.write(self.writer._descriptor, b"x" * 4096)
        except BlockingIOError:
            return filled


@pytest.fixture(params=["pipes", "sockets"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    if request.param == "pipes":
        (ours_in, writing), (reading, ours_out) = os.pipe(), os.pipe()
    else:
        writing, ours_in = (one.detach() for one in socket.socketpair())
        reading, ours_out = (one.detach() for one in socket.socketpair())
    os.set_blocking(ours_out, False)
    async with LineReader(ours_in, LIMIT) as reader, LineWriter(ours_out, reader) as writer:
        ends = Ends(reader, writer, writing, reading)
        yield ends
    for descriptor in (ours_in, ours_out, ends.writing, ends.reading):
        if descriptor >= 0:
            os.close(descriptor)


async def test_lines_come_one_by_one_and_the_last_one_needs_no_end(ends: Ends) -> None:
    with anyio.fail_after(5):
        await ends.write(b"one\n\ntwo\r\nth")
        assert [bytes(await ends.reader.line()) for _ in range(3)] == [b"one", b"", b"two\r"]
        await ends.write(b"ree")
        os.close(ends.writing)
        ends.writing = -1
        assert await ends.reader.line() == b"three"
        for _ in range(2):
            with pytest.raises(anyio.EndOfStream):
                await ends.reader.line()


@pytest.mark.parametrize("size", [LIMIT + 1, 5 * LIMIT])
@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize(
    ("head", "tail"), [(b'{"id":7,"a":"', b'"}'), (b'{"method":"x","a":"', b'","id":7}')]
)
async def test_of_a_line_over_the_limit_both_ends_are_looked_at(
    size: int, end: bytes, head: bytes, tail: bytes, ends: Ends
) -> None:
    async def write() -> None:
        await ends.write(head + b"." * (size - len(head + tail)) + tail + end)
        if end:
            await ends.write(b"next\n")
        os.close(ends.writing)
        ends.writing = -1

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            with pytest.raises(UnreadableLineError, match=f"more than {LIMIT} bytes") as refused:
                await ends.reader.line()
            if end:
                assert await ends.reader.line() == b"next"
            with pytest.raises(anyio.EndOfStream):
                await ends.reader.line()
    assert refused.value.refusal is not None
    assert refused.value.refusal.id == 7


async def test_a_line_at_the_limit_is_read(ends: Ends) -> None:
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ends.write, b"." * LIMIT + b"\n")
            assert len(await ends.reader.line()) == LIMIT


async def test_the_end_behind_unread_lines_is_noticed(ends: Ends) -> None:
    with anyio.fail_after(5):
        await ends.write(b"one\n")
        await ends.reader.unless_hung_up(anyio.lowlevel.checkpoint)
        os.close(ends.writing)
        ends.writing = -1
        with pytest.raises(anyio.EndOfStream):
            await ends.reader.unless_hung_up(anyio.sleep_forever)
        assert await ends.reader.line() == b"one"


async def test_a_line_that_is_cancelled_halfway_still_goes_out_whole(ends: Ends) -> None:
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ends.writer.send, lambda: b"a" * 2_000_000)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ends.writer.send, lambda: b"b")
            received = b""
            while not received.endswith(b"b\n"):
                received += await anyio.to_thread.run_sync(ends.read)
    assert received == b"a" * 2_000_000 + b"\nb\n"


async def test_lines_that_wait_are_not_made_before_their_turn(ends: Ends) -> None:
    made: list[bytes] = []

    def line(text: bytes) -> bytes:
        made.append(text)
        return text

    ends.fill()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for text in (b"a", b"b", b"c"):
                tasks.start_soon(ends.writer.send, lambda text=text: line(text))
            await anyio.wait_all_tasks_blocked()
            assert made == [b"a"]
            received = b""
            while not received.endswith(b"c\n"):
                received += await anyio.to_thread.run_sync(ends.read)
    assert received.strip(b"x") == b"a\nb\nc\n"


@pytest.mark.parametrize("gone", ["writing", "reading"])
async def test_whoever_waits_to_write_learns_that_the_client_has_gone(
    gone: str, ends: Ends
) -> None:
    ends.fill()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def send() -> None:
                with pytest.raises(anyio.BrokenResourceError):
                    await ends.writer.send(lambda: b"unheard")

            tasks.start_soon(send)
            tasks.start_soon(send)
            await anyio.wait_all_tasks_blocked()
            os.close(getattr(ends, gone))
            setattr(ends, gone, -1)
    assert ends.writer.broken


async def test_in_the_end_nothing_waits_for_room(ends: Ends) -> None:
    ends.writer.end()
    with anyio.fail_after(5):
        await ends.writer.send(lambda: b"fits")
        filled = ends.fill()
        with pytest.raises(anyio.BrokenResourceError):
            await ends.writer.send(lambda: b"does not")
        received = b""
        while len(received) < filled + len(b"fits\n"):
            received += ends.read()
        assert received.strip(b"x") == b"fits\n"
        await ends.writer.__aexit__()
        assert ends.read() == b"does not\n"


async def test_one_socket_serves_both_ways() -> None:
    """As sshd and socat give to a program."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with anyio.fail_after(5), ours, theirs:
        async with LineReader(ours.fileno(), LIMIT) as reader:
            async with LineWriter(ours.fileno(), reader) as writer:
                for line in (b"one", b"two"):
                    theirs.sendall(line + b"\n")
                    assert await reader.line() == line
                    await writer.send(line.upper)
                    assert theirs.recv(100) == line.upper() + b"\n"
