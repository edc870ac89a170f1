"""The end of the program waits for nobody."""

import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from amber_mcp.process import run
from tests.e2e.programs import HANDSHAKE, environment, open_program
from tests.planted import KEY

SILENT_NAME_SERVER = """
import socket, sys, threading
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
from amber_mcp.__main__ import main
sys.argv = ["amber-mcp"]
sys.exit(main())
"""


def test_what_main_returns_or_raises_comes_back() -> None:
    async def three() -> int:
        return await anyio.to_thread.run_sync(lambda: 3)

    async def fails() -> None:
        await anyio.getaddrinfo("a name that is none", None)

    # A thread of its own: the tests' event loop lives in this one.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(run, three).result(20) == 3
        with pytest.raises(OSError):  # noqa: PT011  # whichever the system has for it
            thread.submit(run, fails).result(20)


@pytest.mark.parametrize("end", [signal.SIGTERM, None], ids=["SIGTERM", "EOF"])
async def test_a_name_server_that_is_silent_does_not_hold_up_the_end(
    end: signal.Signals | None,
) -> None:
    given = environment(
        AMBER_BASE_URL="https://acme.example",
        AMBER_API_KEY=KEY,
        AMBER_CONNECT_TIMEOUT="0.2",
        AMBER_RETRIES="0",
    )
    messages = [
        {"id": 0, "method": "initialize", "params": HANDSHAKE},
        {"method": "notifications/initialized"},
        {"id": 1, "method": "tools/call", "params": {"name": "list_models", "arguments": {}}},
    ]
    with anyio.fail_after(20):
        async with open_program([sys.executable, "-c", SILENT_NAME_SERVER], env=given) as process:
            assert process.stdout is not None
            for message in messages:
                await process.stdin.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            told = b""
            while b"upstream_unreachable" not in told:
                told += await process.stdout.receive()
            if end:
                process.send_signal(end)
            else:
                await process.stdin.aclose()
            with anyio.fail_after(3):
                assert await process.wait() == 0
