"""The real program, started as a host starts it, and talked to line by line."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.planted import Watch, WatchedProcess

COMMAND = (sys.executable, "-m", "amber_mcp")
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "tests", "version": "1"},
}

PING = 1_000_000_007


def peak_memory(pid: int) -> int:
    """The most bytes that a process has had in memory (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def environment(*, measured: bool = False, **variables: str) -> dict[str, str]:
    """This process's environment, which holds no settings, and `variables`.

    Args:
        measured: whether coverage is measured in the program, which takes twice as long to start.
    """
    inherited = dict(os.environ)
    if not measured:
        inherited.pop("COVERAGE_PROCESS_CONFIG", None)
    return {**inherited, **variables}


@asynccontextmanager
async def open_program(
    command: Sequence[str] = COMMAND, *, shows_keys: bool = False, **more: Any
) -> AsyncIterator[WatchedProcess]:
    """Start a program, which does not outlive the block; no key may stand in what it writes."""
    async with await anyio.open_process(command, **more) as process:
        watched = WatchedProcess(process, shows_keys=shows_keys)
        try:
            yield watched
            if watched.stderr is not None and process.returncode is not None:
                told = await watched.stderr.rest()
                assert b"never awaited" not in told
                assert b"gave up: transport write blocked" not in told
        finally:
            if process.returncode is None:
                process.kill()


async def run_program(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `amber-mcp` to its end; no key may stand in what it wrote."""
    with anyio.fail_after(60):
        done = await anyio.run_process([*COMMAND, *arguments], check=False, **more)
    Watch("stdout")(done.stdout)
    Watch("stderr")(done.stderr)
    return done


@dataclass
class StdioProgram:
    """A running stdio server and the lines that it wrote."""

    process: WatchedProcess
    _stdout: BufferedByteReceiveStream

    async def send(
        self, method: str, params: Mapping[str, Any], *, request_id: int | None = None
    ) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if request_id is not None:
            message["id"] = request_id
        await self.send_line(json.dumps(message).encode())

    async def send_line(self, line: bytes) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(line + b"\n")

    async def receive(self) -> dict[str, Any]:
        """The next line on stdout, which has to be a JSON-RPC message."""
        message = json.loads(await self._stdout.receive_until(b"\n", 100_000_000))
        assert message["jsonrpc"] == "2.0"
        return message

    async def answer_to(self, request_id: int) -> dict[str, Any]:
        """The response to a request; notifications before it are passed over."""
        while (message := await self.receive()).get("id") != request_id:
            pass
        return message

    async def handshake(self) -> None:
        await self.send("initialize", HANDSHAKE, request_id=0)
        await self.answer_to(0)
        await self.send("notifications/initialized", {})

    async def rest(self) -> bytes:
        """What stands on stdout until its end."""
        content = b""
        try:
            while True:
                content += await self._stdout.receive()
        except anyio.EndOfStream:
            return content

    async def around(self, line: bytes) -> list[dict[str, Any]]:
        """What a line is answered with; the request behind it has to be answered, too."""
        await self.send_line(line)
        await self.send("ping", {}, request_id=PING)
        messages = [await self.receive()]
        while messages[-1].get("id") != PING:
            messages.append(await self.receive())
        assert messages[-1]["result"] == {}
        return messages[:-1]

    async def errors(self) -> str:
        """What stands on stderr, at the end of the program."""
        assert self.process.stderr is not None
        return b"".join([chunk async for chunk in self.process.stderr]).decode()

    def peak_memory(self) -> int:
        """The most bytes that the program has had in memory."""
        return peak_memory(self.process.pid)

    async def close_stdin(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    def interrupt(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def kill(self) -> None:
        """End it at once, without a chance to tidy up."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def started_program(*, within: float = 60, **variables: str) -> AsyncIterator[StdioProgram]:
    """Start `amber-mcp`, for tests that end it in a way of their own, within so many seconds."""
    async with open_program(COMMAND, env=environment(measured=True, **variables)) as process:
        assert process.stdout is not None
        with anyio.fail_after(within):
            yield StdioProgram(process, BufferedByteReceiveStream(process.stdout))


@asynccontextmanager
async def stdio_program(*, within: float = 60, **variables: str) -> AsyncIterator[StdioProgram]:
    """Start `amber-mcp`, and check that the end of stdin ends it cleanly."""
    async with started_program(within=within, **variables) as program:
        yield program
        await program.close_stdin()
        assert await program.process.wait() == 0


@asynccontextmanager
async def http_program(
    *arguments: str, within: float = 60, ends_within: float = 60, **variables: str
) -> AsyncIterator[str]:
    """Start `amber-mcp serve --http` on a free port, and check that SIGTERM ends it cleanly."""
    command = [*COMMAND, "serve", "--http", "--port", "0", *arguments]
    async with open_program(command, env=environment(measured=True, **variables)) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        errors = BufferedByteReceiveStream(process.stderr)
        with anyio.fail_after(within):
            line = (await errors.receive_until(b"\n", 10_000)).decode()
            assert line.startswith("Serving MCP on http://"), line
            yield line.split()[-1]
            process.terminate()
            with anyio.fail_after(ends_within):
                assert await process.wait() == 0
            assert [chunk async for chunk in process.stdout] == []
