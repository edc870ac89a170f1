"""More than can be answered at once: nothing is lost, and no more is held than has to be."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from starlette.responses import Response

from amber_mcp.transports.backpressure import MOST_REQUESTS
from tests.conftest import SandboxProgram
from tests.e2e.programs import (
    COMMAND,
    ENVELOPE,
    HANDSHAKE,
    environment,
    peak_memory,
    stdio_program,
)
from tests.e2e.talking import ENDS, reaching
from tests.upstream import Canned, Upstream, stalled_stream, text_chunk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")

MIB = 1024**2
FAR_TOO_MANY = 20_000
"""So many requests are never held: each is answered with about 15 KiB."""


def request(number: int | str, method: str, **params: Any) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"


def list_tools(number: int) -> bytes:
    return request(number, "tools/list")


def ask(number: int) -> bytes:
    """With progress, so that something is said before there is an answer."""
    call = {"name": "ask_amber", "arguments": {"question": "Why?"}}
    return request(number, "tools/call", **call, _meta={"progressToken": number})


@dataclass
class Host:
    """A client that reads and writes when it is told to, and not otherwise."""

    process: anyio.abc.Process
    stdin: int
    stdout: int

    async def write(self, data: bytes) -> None:
        while data:
            await anyio.wait_writable(self.stdin)
            data = data[os.write(self.stdin, data) :]

    async def write_while_taken(self, line: Callable[[int], bytes]) -> tuple[int, bytes]:
        """Write lines until none is taken: how many were, and what of the next one was not."""
        for number in range(FAR_TOO_MANY):
            rest = line(number)
            while rest:
                with anyio.move_on_after(0.4) as patience:
                    await anyio.wait_writable(self.stdin)
                if patience.cancelled_caught:
                    return number, rest
                try:
                    rest = rest[os.write(self.stdin, rest) :]
                except BlockingIOError:  # A pipe takes a short line as a whole, or not at all.
                    await anyio.lowlevel.checkpoint()
        raise AssertionError("requests are taken without end, though nobody reads the answers")

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        buffer = b""
        while True:
            await anyio.wait_readable(self.stdout)
            if not (chunk := os.read(self.stdout, MIB)):
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)

    async def handshake(self, opening: Mapping[str, Any] = HANDSHAKE) -> None:
        await self.write(request("handshake", "initialize", **opening))
        await self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        async for message in self.messages():
            assert message["id"] == "handshake"
            return

    async def end(self, how: signal.Signals | None = None, within: float = 3) -> None:
        """End the program by a signal or by hanging up; it has to leave cleanly and soon."""
        if how:
            self.process.send_signal(how)
        else:
            os.close(self.stdin)
            self.stdin = -1
        with anyio.fail_after(within):
            assert await self.process.wait() == 0


@asynccontextmanager
async def host(**variables: str) -> AsyncIterator[Host]:
    (theirs_in, stdin), (stdout, theirs_out) = os.pipe(), os.pipe()
    os.set_blocking(stdin, False)
    os.set_blocking(stdout, False)
    async with await anyio.open_process(
        COMMAND,
        env=environment(**variables),
        stdin=theirs_in,
        stdout=theirs_out,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        host = Host(process, stdin, stdout)
        try:
            with anyio.fail_after(60):
                yield host
        finally:
            if process.returncode is None:
                process.kill()
            os.close(stdout)
            if host.stdin >= 0:
                os.close(stdin)


async def test_a_host_that_does_not_read_is_not_read_from_either() -> None:
    async with host() as program:
        await program.handshake()
        before = peak_memory(program.process.pid) if sys.platform == "linux" else 0
        taken, rest = await program.write_while_taken(list_tools)
        answered: Counter[int] = Counter()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(program.write, rest)
            async for message in program.messages():
                assert "tools" in message["result"]
                answered[message["id"]] += 1
                if len(answered) == taken + 1:
                    break
        assert answered == Counter(range(taken + 1))
        if sys.platform == "linux":
            assert peak_memory(program.process.pid) - before < 100 * MIB
        await program.end(within=30)


@pytest.mark.parametrize("how", ENDS)
async def test_it_ends_though_nobody_reads(how: signal.Signals | None, upstream: Canned) -> None:
    """It has calls in flight, and its host has never read what it wrote."""
    asked = anyio.Event()

    def stalled(running: Upstream) -> Response:
        asked.set()
        return stalled_stream(running, text_chunk("Half"))

    async with upstream(stalled) as canned:
        async with host(**reaching(canned)) as program:
            await program.handshake()
            for number in range(20):
                await program.write(ask(FAR_TOO_MANY + number))
            await asked.wait()
            await program.write_while_taken(list_tools)
            await program.end(how)
            with anyio.fail_after(5):
                await canned.closed.wait()


@pytest.mark.parametrize(
    ("method", "params"),
    [("initialize", HANDSHAKE), ("server/discover", {"_meta": ENVELOPE}), ("no/such", {}), (5, {})],
)
async def test_whatever_is_asked_the_end_behind_it_is_noticed(
    method: Any, params: Mapping[str, Any]
) -> None:
    """Some requests are answered before the next line is read, and what is none is, too."""
    async with host() as program:
        await program.write_while_taken(lambda number: request(number, method, **params))
        await anyio.wait_readable(program.stdout)  # It may only be starting.
        await program.end()


async def test_the_end_behind_more_calls_than_may_be_in_flight_is_noticed(upstream: Canned) -> None:
    async with upstream(stalled_stream) as canned:
        async with host(**reaching(canned)) as program:
            await program.handshake()
            await program.write_while_taken(ask)
            await program.end()


async def test_cancelled_calls_leave_room_for_others(upstream: Canned) -> None:
    async with upstream(stalled_stream) as canned:
        async with stdio_program(**reaching(canned)) as program:
            await program.handshake()
            for number in range(MOST_REQUESTS + 10):
                await program.send_line(ask(number).strip())
                await program.send("notifications/cancelled", {"requestId": number})
            for message in await program.around(b""):
                assert message["method"] == "notifications/progress"


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
async def test_a_thousand_requests_in_flight_are_each_answered_once(
    era: str, sandbox: SandboxProgram
) -> None:
    meta: dict[str, Any] = {} if era == "2025-11-25" else {"_meta": ENVELOPE}
    ping = "ping" if era == "2025-11-25" else "server/discover"
    question = {"question": "How many vacation days do I get?"}
    asking = ("tools/call", {"name": "ask_amber", "arguments": question})
    others = [("tools/list", {}), (ping, {}), ("tools/call", {"name": "no_such_tool"})]
    kinds = itertools.cycle([asking, *others, *others, *others, *others])
    asked = {number: next(kinds) for number in range(1, 1001)}
    async with stdio_program(**sandbox.environment) as program:
        if era == "2025-11-25":
            await program.handshake()

        async def write() -> None:
            for number, (method, params) in asked.items():
                await program.send(method, {**params, **meta}, request_id=number)

        answers: dict[int, dict[str, Any]] = {}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            while len(answers) < len(asked):
                message = await program.receive()
                assert message["id"] not in answers
                answers[message["id"]] = message
        assert answers.keys() == asked.keys()
        for number, (method, params) in asked.items():
            if method == "tools/list":
                assert len(answers[number]["result"]["tools"]) == 5
            elif params.get("name") == "ask_amber":
                assert "30" in answers[number]["result"]["structuredContent"]["answer"]
            elif params:
                assert answers[number]["error"]["code"] == -32602
            else:
                assert "result" in answers[number]
