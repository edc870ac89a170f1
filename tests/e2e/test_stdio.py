"""The real program over real stdio: protocol alone on stdout, both eras, and a clean end."""

import signal
import sys
import time
from pathlib import Path

import anyio
import pytest

from tests.conftest import SandboxProgram
from tests.e2e.programs import (
    COMMAND,
    ENVELOPE,
    HANDSHAKE,
    environment,
    open_program,
    stdio_program,
)
from tests.e2e.talking import ENDS, ask_halfway, call, end, reaching
from tests.upstream import Canned, events, stalled_stream, text_chunk


async def test_a_discovery_may_precede_the_handshake() -> None:
    async with stdio_program() as program:
        for request_id in (1, 2):
            await program.send("server/discover", {"_meta": ENVELOPE}, request_id=request_id)
            discovered = (await program.answer_to(request_id))["result"]
            assert "2026-07-28" in discovered["supportedVersions"]
            assert discovered["resultType"] == "complete"
            assert "tools" in discovered["capabilities"]
        await program.send("initialize", HANDSHAKE, request_id=3)
        assert (await program.answer_to(3))["result"]["protocolVersion"] == "2025-11-25"
        await program.send("notifications/initialized", {})
        await program.send("tools/list", {}, request_id=4)
        assert len((await program.answer_to(4))["result"]["tools"]) == 5


async def test_a_discovery_may_precede_requests_of_its_own_era() -> None:
    async with stdio_program() as program:
        await program.send("server/discover", {"_meta": ENVELOPE}, request_id=1)
        await program.answer_to(1)
        await program.send("tools/list", {"_meta": ENVELOPE}, request_id=2)
        assert len((await program.answer_to(2))["result"]["tools"]) == 5
        await program.send("server/discover", {"_meta": ENVELOPE}, request_id=3)
        assert "result" in await program.answer_to(3)
        await program.send("initialize", HANDSHAKE, request_id=4)
        assert (await program.answer_to(4))["error"]["code"] == -32022


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -32601),
        ({"_meta": {**ENVELOPE, "io.modelcontextprotocol/protocolVersion": "1999-01-01"}}, -32022),
        ({"_meta": {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": 5}}, -32602),
    ],
)
async def test_a_faulty_discovery_is_refused_and_decides_nothing(
    params: dict[str, object], code: int
) -> None:
    async with stdio_program() as program:
        await program.send("server/discover", params, request_id=1)
        assert (await program.answer_to(1))["error"]["code"] == code
        await program.send("initialize", HANDSHAKE, request_id=2)
        assert "result" in await program.answer_to(2)


async def test_nothing_but_protocol_stands_on_stdout(sandbox: SandboxProgram) -> None:
    async with stdio_program(**sandbox.environment, AMBER_LANGUAGE="???") as program:
        await program.handshake()
        assert (await call(program, "ask_amber"))["isError"]
        await program.close_stdin()
        assert await program.rest() == b""
        assert await program.process.wait() == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_though_stdin_is_open(how: signal.Signals) -> None:
    async with stdio_program() as program:
        await program.handshake()
        await end(program, how)


@pytest.mark.parametrize("how", ENDS)
async def test_a_call_in_flight_does_not_hold_up_the_end(
    how: signal.Signals | None, upstream: Canned
) -> None:
    async with upstream(lambda u: stalled_stream(u, text_chunk("Half"))) as canned:
        async with stdio_program(**reaching(canned)) as program:
            await program.handshake()
            await ask_halfway(program)
            await end(program, how)
        with anyio.fail_after(5):
            await canned.closed.wait()


async def test_regular_files_serve_as_stdin_and_stdout(tmp_path: Path) -> None:
    request = '{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}\n'
    (tmp_path / "in").write_text(request)
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        with anyio.fail_after(20):
            await anyio.run_process(COMMAND, stdin=stdin, stdout=stdout, env=environment())
    assert '"id":1' in (tmp_path / "out").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
async def test_a_person_at_a_terminal_is_told_what_it_is_and_can_leave() -> None:
    import os
    import pty

    controller, terminal = pty.openpty()
    try:
        process = await anyio.open_process(
            COMMAND, stdin=terminal, stdout=terminal, env=environment()
        )
        async with process:
            assert process.stderr is not None
            with anyio.fail_after(20):
                told = (await process.stderr.receive()).decode()
                assert "amber-mcp --help" in told
                deadline = time.monotonic() + 10
                while process.returncode is None and time.monotonic() < deadline:
                    process.send_signal(signal.SIGINT)
                    with anyio.move_on_after(0.5):
                        await process.wait()
            assert process.returncode in (0, 130)
    finally:
        os.close(controller)
        os.close(terminal)


async def test_half_a_character_from_amber_reaches_the_client_as_a_whole_answer(
    upstream: Canned,
) -> None:
    stream = events(text_chunk("Smile \ud83d"), text_chunk("\ude00 or \ud83d!", "stop"))
    async with upstream(stream) as canned:
        async with stdio_program(**reaching(canned)) as program:
            await program.handshake()
            result = await call(program, "ask_amber", question="Why?")
    assert result["structuredContent"]["answer"] == "Smile \U0001f600 or \ufffd!"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_during_the_start_of_the_sandbox_ends_it_too(number: signal.Signals) -> None:
    for delay in (0.5, 0.7, 0.9):
        async with open_program(COMMAND, env=environment(AMBER_BASE_URL="sandbox")) as process:
            with anyio.move_on_after(delay):
                await process.wait()
            process.send_signal(number)
            with anyio.move_on_after(5):
                await process.wait()
            ended = process.returncode is not None
            if not ended:
                process.kill()
            assert ended
